"""What each core card says of one fixed picture. A change here changes what users have stored: know why first."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from people import astronaut, image

from regard.domain.faces import EMOTIONS, LANDMARK_TYPES, Detail, Faces
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.media.image_decoder import decode
from regard.vision import graph
from regard.vision.cards import catalogue
from regard.vision.models import ATTRIBUTE_CARDS, FaceModels
from regard.vision.preprocess import Preprocess
from regard.vision.session import OnnxSession
from regard.vision.zoo import Zoo

#: The 68 points that end or crown something, with where they lie on the portrait.
LANDMARKS68 = {
    0: (0.3525, 0.1910),
    8: (0.4347, 0.3498),
    16: (0.5294, 0.1967),
    30: (0.4393, 0.2481),
    36: (0.3846, 0.1956),
    39: (0.4170, 0.2023),
    45: (0.4963, 0.2009),
    48: (0.3972, 0.2747),
    54: (0.4788, 0.2781),
    57: (0.4369, 0.3045),
}


def test_every_core_card_has_its_golden_output_here() -> None:
    core = {name for name, card in catalogue().items() if card.pack == "faces"}
    assert core == {"centerface", "fr-feature", "sface", *ATTRIBUTE_CARDS}


@pytest.mark.parametrize("name", [*(name for name, card in catalogue().items() if card.pack == "faces"), "ppocr-det"])
def test_weights_next_to_nothing_are_left_out_and_no_answer_changes(
    name: str, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = catalogue()[name]
    preprocess = Preprocess(card.input)
    side = preprocess.side or 160
    pictures = preprocess(np.random.default_rng(0).integers(0, 256, (2, side, side, 3), np.uint8))
    treated = OnnxSession(card.files_in(models), free_sides=not preprocess.side).run(pictures)
    monkeypatch.setattr(graph, "NEGLIGIBLE_WEIGHT", 0.0)
    untreated = OnnxSession(card.files_in(models), free_sides=not preprocess.side).run(pictures)
    for ours, theirs in zip(treated, untreated, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-30)


def test_centerface_finds_the_one_face(portrait: Faces) -> None:
    assert len(portrait) == 1
    np.testing.assert_allclose(portrait.boxes[0], [0.3546, 0.1137, 0.1726, 0.2336], atol=0.003)
    assert portrait.scores[0] == pytest.approx(0.929, abs=0.01)
    points = [(0.3968, 0.1986), (0.4824, 0.2041), (0.4361, 0.2443), (0.3972, 0.2780), (0.4714, 0.2821)]
    np.testing.assert_allclose(portrait.landmarks5[0], points, atol=0.003)


def test_fr_feature_embeds_it(portrait: Faces) -> None:
    assert portrait.embeddings is not None
    assert portrait.embeddings.shape == (1, 512)
    first = [0.0424, 0.0611, -0.0415, 0.0003, -0.0414, -0.0176, 0.0383, -0.0154]
    np.testing.assert_allclose(portrait.embeddings[0, :8], first, atol=0.005)
    assert np.linalg.norm(portrait.embeddings[0]) == pytest.approx(1, abs=1e-5)


def test_sface_embeds_it(models: Path) -> None:
    analyzer = FaceAnalyzer(FaceModels(Zoo(models, None, catalogue()), detector="centerface", embedder="sface"))
    (found,) = analyzer.faces([image(astronaut())], Detail.EMBEDDING)
    assert found.embeddings is not None
    assert found.embeddings.shape == (1, 128)
    first = [-0.0167, -0.1323, 0.1019, 0.1465, 0.0195, 0.0371, 0.0912, 0.0514]
    np.testing.assert_allclose(found.embeddings[0, :8], first, atol=0.005)
    assert np.linalg.norm(found.embeddings[0]) == pytest.approx(1, abs=1e-5)


def test_fr_landmark_draws_its_outline(portrait: Faces) -> None:
    assert portrait.landmarks68 is not None
    np.testing.assert_allclose(portrait.landmarks68[0, list(LANDMARKS68)], list(LANDMARKS68.values()), atol=0.005)


def test_fr_pose_and_the_eyes_give_its_angles(portrait: Faces) -> None:
    assert portrait.pose is not None
    np.testing.assert_allclose(portrait.pose[0], [0.2, -12.4, 3.7], atol=1.0)


def test_faceres_tells_age_and_gender(portrait: Faces) -> None:
    """Eileen Collins was 36 when the portrait was taken."""
    assert portrait.age_range is not None
    assert portrait.female is not None
    np.testing.assert_allclose(portrait.age_range[0], [25.8, 49.6], atol=1.5)
    assert portrait.female[0] > 0.95


def test_the_emotion_model_sees_a_smile(portrait: Faces) -> None:
    assert portrait.emotions is not None
    assert EMOTIONS[int(portrait.emotions[0].argmax())] == "happy"
    assert portrait.emotions[0, EMOTIONS.index("happy")] > 0.8
    assert portrait.emotions[0].sum() == pytest.approx(1, abs=1e-5)


def test_quality_is_measured(portrait: Faces) -> None:
    assert portrait.quality is not None
    np.testing.assert_allclose(portrait.quality[0], [60.8, 100], atol=1.0)


def test_the_face_mesh_sees_the_pupils_between_the_corners_of_the_eyes(portrait: Faces) -> None:
    assert portrait.landmarks30 is not None
    point = dict(zip(LANDMARK_TYPES, portrait.landmarks30[0], strict=True))
    width = portrait.boxes[0, 2]
    for side, eye in (("left", "eyeLeft"), ("right", "eyeRight")):
        left, right, pupil = (point[f"{side}{part}"] for part in ("EyeLeft", "EyeRight", "Pupil"))
        assert left[0] < pupil[0] < right[0]
        assert point[f"{side}EyeUp"][1] < pupil[1] < point[f"{side}EyeDown"][1]
        assert np.linalg.norm(pupil - point[eye]) < 0.06 * width


def test_the_mesh_and_the_mask_tell_open_eyes_a_smile_and_a_bare_face_that_looks_ahead(portrait: Faces) -> None:
    told = {name: getattr(portrait, name)[0] for name in ("eyes_open", "smile", "mouth_open", "occluded")}
    assert told["eyes_open"] > 0.95
    assert told["smile"] > 0.9
    assert told["mouth_open"] > 0.8
    assert told["occluded"] < 0.1
    assert portrait.eye_direction is not None
    assert np.abs(portrait.eye_direction[0, :2]).max() < 15


# -- the same face, turned about -------------------------------------------------------------------------------------


def test_the_mirror_image_has_the_mirrored_face(portrait: Faces, mirrored: Faces) -> None:
    left, top, width, height = portrait.boxes[0]
    np.testing.assert_allclose(mirrored.boxes[0], [1 - left - width, top, width, height], atol=0.01)
    flipped = (portrait.landmarks5[0] * [-1, 1] + [1, 0])[[1, 0, 2, 4, 3]]
    np.testing.assert_allclose(mirrored.landmarks5[0], flipped, atol=0.015)


def test_the_mirror_image_is_the_same_person_in_the_same_mood(portrait: Faces, mirrored: Faces) -> None:
    assert portrait.embeddings is not None
    assert mirrored.embeddings is not None
    assert portrait.embeddings[0] @ mirrored.embeddings[0] > 0.95
    for column in ("female", "eyes_open", "mouth_open", "smile", "occluded"):
        assert getattr(portrait, column)[0] == pytest.approx(getattr(mirrored, column)[0], abs=0.25)
    assert portrait.age_range is not None
    np.testing.assert_allclose(portrait.age_range, mirrored.age_range, atol=9)


def test_in_the_mirror_the_eyes_look_the_other_way_and_every_landmark_changes_sides(
    portrait: Faces, mirrored: Faces
) -> None:
    assert portrait.landmarks30 is not None
    assert mirrored.landmarks30 is not None
    assert portrait.eye_direction is not None
    assert mirrored.eye_direction is not None
    np.testing.assert_allclose(mirrored.eye_direction[0, :2] * [-1, 1], portrait.eye_direction[0, :2], atol=3)
    there = dict(zip(LANDMARK_TYPES, mirrored.landmarks30[0] * [-1, 1] + [1, 0], strict=True))
    swap = {"left": "right", "right": "left", "Left": "Right", "Right": "Left"}
    for name, point in zip(LANDMARK_TYPES, portrait.landmarks30[0], strict=True):
        other = re.sub("[Ll]eft|[Rr]ight", lambda side: swap[side[0]], name)
        assert np.linalg.norm(there[other] - point) < 0.01, name


def test_in_the_mirror_yaw_and_roll_change_sign_and_pitch_does_not(portrait: Faces, mirrored: Faces) -> None:
    assert portrait.pose is not None
    assert mirrored.pose is not None
    np.testing.assert_allclose(mirrored.pose[0] * [-1, 1, -1], portrait.pose[0], atol=4)


@pytest.mark.parametrize("degrees", [-25, 25])
def test_tilting_the_picture_tilts_the_face_and_nothing_else(
    analyzer: FaceAnalyzer, portrait: Faces, degrees: int
) -> None:
    """Clockwise is a positive roll, and Pillow turns counter-clockwise."""
    tilted = PIL.Image.fromarray(astronaut()).rotate(-degrees, PIL.Image.Resampling.BILINEAR, center=(225, 115))
    (faces,) = analyzer.faces([image(np.asarray(tilted))], Detail.POSE | Detail.EMBEDDING)
    assert len(faces) == 1
    assert faces.pose is not None
    assert faces.embeddings is not None
    assert portrait.pose is not None
    assert portrait.embeddings is not None
    np.testing.assert_allclose(faces.pose[0] - portrait.pose[0], [0, 0, degrees], atol=6)
    assert faces.embeddings[0] @ portrait.embeddings[0] > 0.95


@pytest.mark.slow
def test_yaw_is_positive_when_the_nose_turns_right(analyzer: FaceAnalyzer, shared_data: Path) -> None:
    """Of people who look aside, the nose lies off the middle of the eyes on the side that yaw says."""
    files = islice(sorted(shared_data.glob("lfw-dev/*/*_0001.jpg")), 0, 400, 5)
    found = analyzer.faces([decode(file.read_bytes()) for file in files], Detail.POSE, limit=1)
    turned = [faces for faces in found if faces.pose is not None and abs(faces.pose[0, 0]) > 20]
    assert len(turned) >= 8
    sides = [float(faces.landmarks5[0, 2, 0] - faces.landmarks5[0, :2, 0].mean()) for faces in turned]
    yaws = [float(faces.pose[0, 0]) for faces in turned if faces.pose is not None]
    assert np.mean(np.sign(sides) == np.sign(yaws)) > 0.9
