from __future__ import annotations

import numpy as np
import pytest

from regard.domain.arrays import FloatArray
from regard.domain.faces import LANDMARK_TYPES
from regard.vision.cards import Input
from regard.vision.faces import face_mesh, measured_shares
from regard.vision.faces.face_attributes import CropModel
from regard.vision.faces.face_mesh import Mesh
from regard.vision.faces.measured_shares import share

INPUT = Input(width=192, height=192, channels="RGB", mean=(0, 0, 0), std=(255, 255, 255))
BOXES = np.array([[100, 100, 164, 228]], np.float32)
EYES = np.array([[[110, 150], [150, 150], [130, 170], [115, 200], [145, 200]]], np.float32)


class OneFace:
    """Sees the same face in every crop, however it is turned, at these places of its outputs."""

    name = "one-face"
    outputs = (
        *("output_left_eye", "output_right_iris", "output_mesh_identity", "output_left_iris", "conv_faceflag"),
        *("output_lips", "output_right_eye"),
    )

    def __init__(self, **moved: tuple[float, float]) -> None:
        left_eye, right_eye, lips = np.zeros((71, 2)), np.zeros((71, 2)), np.zeros((80, 2))
        left_eye[[0, 8, 12, 4]] = [[50, 80], [80, 80], [65, 75], [65, 85]]
        right_eye[[8, 0, 12, 4]] = [[111, 80], [141, 80], [126, 75], [126, 85]]
        lips[[0, 10, 15, 5, 20, 30, 35, 25]] = [
            *([70.5, 130], [120.5, 130], [95.5, 120], [95.5, 140]),
            *([75.5, 130], [115.5, 130], [95.5, 128], [95.5, 132]),
        ]
        places = {
            "output_left_eye": left_eye,
            "output_right_eye": right_eye,
            "output_lips": lips,
            "output_left_iris": np.tile([65.0, 80 - 0.054 * 30], (5, 1)),
            "output_right_iris": np.tile([126.0, 80 - 0.054 * 30], (5, 1)),
            "output_mesh_identity": np.zeros((468, 3)),
        }
        for name, shift in moved.items():
            places[name] = places[name] + np.array(shift)
        self._places = places | {"conv_faceflag": np.array([20.0])}

    def run(self, batch: FloatArray) -> list[FloatArray]:
        rows = [self._places[name].ravel()[None].repeat(len(batch), 0) for name in self.outputs]
        return [row.astype(np.float32) for row in rows]


def mesh(**moved: tuple[float, float]) -> Mesh:
    pixels = np.zeros((400, 300, 3), np.uint8)
    return face_mesh.read(CropModel(OneFace(**moved), INPUT), pixels, BOXES, EYES)


def test_eyes_that_are_where_they_look_ahead_look_nowhere_else() -> None:
    np.testing.assert_allclose(mesh().eye_direction(), [[0, 0, 0]], atol=1e-3)


def test_pupils_to_one_side_give_an_angle_and_those_that_stay_there_in_the_mirror_no_direction() -> None:
    """Six pixels of thirty are half an eyeball's radius, and its sine is a half: 30 degrees, in the other sense too."""
    both = {"output_left_iris": (6, 0), "output_right_iris": (6, 0)}
    yaw, pitch, apart = mesh(**both).eye_direction()[0]
    assert (yaw, pitch, apart) == pytest.approx((0, 0, 60), abs=0.01)
    up = {"output_left_iris": (0, -6), "output_right_iris": (0, -6)}
    assert mesh(**up).eye_direction()[0] == pytest.approx((0, 30, 0), abs=0.01)


def test_gaps_and_widths_are_ratios() -> None:
    assert mesh().mouth_gap() == pytest.approx([0.1])
    assert mesh().eye_gap() == pytest.approx([1 / 3])
    assert mesh().mouth_width() == pytest.approx([50 / 61])


def test_the_thirty_landmarks_are_the_five_the_68_and_the_mesh_in_the_picture() -> None:
    outline = np.arange(136, dtype=np.float32).reshape(1, 68, 2)
    found = dict(zip(LANDMARK_TYPES, mesh().landmarks30(EYES, outline)[0].tolist(), strict=True))
    assert [found[name] for name in LANDMARK_TYPES[:5]] == EYES[0].tolist()
    assert found["chinBottom"] == outline[0, 8].tolist()
    assert found["leftEyeBrowUp"] == outline[0, 19].tolist()
    # The crop is 192 pixels about (132, 164), of 1.5 times the box's height: one of its pixels is one of the picture.
    assert found["leftPupil"] == pytest.approx([132 + 65 - 96, 164 + 80 - 1.62 - 96], abs=0.01)
    assert found["rightEyeRight"] == pytest.approx([132 + 141 - 96, 164 + 80 - 96], abs=0.01)
    assert found["mouthDown"] == pytest.approx([132 + 95.5 - 96, 164 + 140 - 96], abs=0.01)


def test_a_turned_face_is_levelled_and_its_points_are_turned_back() -> None:
    tilted = EYES.copy()
    tilted[0, 1] = [110, 190]  # the line through the eyes points down
    pixels = np.zeros((400, 300, 3), np.uint8)
    turned = face_mesh.read(CropModel(OneFace(), INPUT), pixels, BOXES, tilted)
    found = dict(zip(LANDMARK_TYPES, turned.landmarks30(tilted, np.zeros((1, 68, 2), np.float32))[0], strict=True))
    left, right = found["leftEyeLeft"], found["rightEyeRight"]
    assert right - left == pytest.approx([0, 91], abs=0.01)


def test_a_face_is_covered_the_more_the_surer_the_mask_and_the_less_the_mesh_sees_a_face() -> None:
    ahead = mesh()
    bare, masked = (ahead.covered(np.array([p], np.float32))[0] for p in (0.01, 0.99))
    assert bare == pytest.approx(np.log(1 / 99) - 20, abs=1e-3)
    assert masked == pytest.approx(np.log(99) - 20, abs=1e-3)
    assert np.isfinite(ahead.covered(np.array([0], np.float32))).all()
    assert np.isfinite(ahead.covered(np.array([1], np.float32))).all()


@pytest.mark.parametrize("name", ["MOUTH_OPEN", "SMILE", "EYES_OPEN", "OCCLUDED"])
def test_a_share_never_falls_as_the_reading_rises_and_never_reaches_certainty(name: str) -> None:
    table = getattr(measured_shares, name)
    shares = share(table, np.linspace(table[0][0] - 1, table[-1][0] + 1, 500).astype(np.float32))
    assert (np.diff(shares) >= 0).all()
    assert 0 < shares[0] < 0.5 < shares[-1] < 1
    middle, worth = table[3]
    assert share(table, np.array([middle], np.float32))[0] == pytest.approx(worth)
