from __future__ import annotations

import numpy as np
import pytest

from regard.domain.arrays import FloatArray
from regard.vision.cards import Input, ModelCard, Source
from regard.vision.faces.calibration import Calibration
from regard.vision.faces.face_embedder import FaceEmbedder, align, unit
from regard.vision.geometry import ARCFACE_LANDMARKS5

CALIBRATION = Calibration(((-0.3, 1.0), (0.4, 1e-4)))


class LeftAndRight:
    """A session whose vectors are the means of the left half, the right half, and the third channel."""

    outputs = ("fc1",)

    def run(self, batch: FloatArray) -> list[FloatArray]:
        halves = [batch[..., :56].mean(axis=(1, 2, 3)), batch[..., 56:].mean(axis=(1, 2, 3))]
        return [np.stack([*halves, batch[:, 2].mean(axis=(1, 2))], axis=1)]


def card(*, mirror: bool = False, channels: str = "RGB") -> ModelCard:
    return ModelCard(
        name="toy",
        task="face-embedder",
        family="arcface",
        file="toy.onnx",
        sha256="0123456789abcdef" * 4,
        size=1,
        licence="MIT",
        provenance="made up",
        pack="own",
        sources=(Source(file="/toy.onnx"),),
        input=Input(width=112, height=112, channels=channels, mean=(10, 10, 10), std=(2, 2, 2)),
        mirror=mirror,
        dimension=3,
        calibration=CALIBRATION,
    )


def crops(*sides: tuple[int, int]) -> np.ndarray:
    """Grey crops by the values of their left and right halves."""
    result = np.empty((len(sides), 112, 112, 3), np.uint8)
    for crop, (left, right) in zip(result, sides, strict=True):
        crop[:, :56], crop[:, 56:] = left, right
    return result


def test_vectors_are_units_of_the_normalised_crops() -> None:
    embedder = FaceEmbedder(LeftAndRight(), card(), CALIBRATION)
    vectors = embedder.embed(crops((12, 10), (10, 14), (250, 250)))
    np.testing.assert_allclose(vectors[0], np.array([1, 0, 0.5]) / np.sqrt(1.25), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert vectors.dtype == np.float32


def test_a_mirror_card_gives_a_face_and_its_mirror_image_the_same_vector() -> None:
    faces = crops((30, 10), (10, 30))
    plain = FaceEmbedder(LeftAndRight(), card(), CALIBRATION).embed(faces)
    assert plain[0] @ plain[1] < 0.9
    both = FaceEmbedder(LeftAndRight(), card(mirror=True), CALIBRATION).embed(faces)
    np.testing.assert_allclose(both[0], both[1], atol=1e-6)
    np.testing.assert_allclose(both[0], unit(plain.sum(axis=0, keepdims=True))[0], atol=1e-6)


def test_a_bgr_card_is_fed_blue_first() -> None:
    colour = np.zeros((1, 112, 112, 3), np.uint8)
    colour[..., 0], colour[..., 1:] = 110, 10
    assert FaceEmbedder(LeftAndRight(), card(channels="BGR"), CALIBRATION).embed(colour)[0, 2] > 0.5
    assert FaceEmbedder(LeftAndRight(), card(), CALIBRATION).embed(colour)[0, 2] == 0


def test_no_crops_give_no_vectors_of_the_right_width() -> None:
    assert FaceEmbedder(LeftAndRight(), card(), CALIBRATION).embed(crops()).shape == (0, 3)


def test_a_vector_of_zeros_stays_finite() -> None:
    assert np.isfinite(FaceEmbedder(LeftAndRight(), card(), CALIBRATION).embed(crops((10, 10)))).all()


def test_the_version_names_the_card_and_its_bytes() -> None:
    assert FaceEmbedder(LeftAndRight(), card(), CALIBRATION).version == "toy-01234567"


@pytest.mark.parametrize(("degrees", "scale"), [(0, 1.0), (35, 0.8), (-80, 1.5)])
def test_alignment_undoes_turn_scale_and_shift(degrees: float, scale: float) -> None:
    a, b = scale * np.cos(np.radians(degrees)), scale * np.sin(np.radians(degrees))
    points = ((ARCFACE_LANDMARKS5 - 56) @ np.array([[a, b], [-b, a]]) + 150).astype(np.float32)
    picture = np.zeros((300, 300, 3), np.uint8)
    for x, y in points.round().astype(int):
        picture[y - 2 : y + 3, x - 2 : x + 3] = 255
    (crop,) = align(picture, points[None])
    assert crop.shape == (112, 112, 3)
    for x, y in ARCFACE_LANDMARKS5.round().astype(int):
        assert crop[y, x].min() > 128
    assert crop.mean() < 40


def test_no_points_give_no_crops() -> None:
    assert align(np.zeros((100, 100, 3), np.uint8), np.empty((0, 5, 2), np.float32)).shape == (0, 112, 112, 3)
