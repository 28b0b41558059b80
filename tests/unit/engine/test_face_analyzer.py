from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from people import astronaut, crowd, encoded, head, image, loaded, nobody

from regard.domain.faces import Detail, Faces
from regard.engine.analysis.face_analyzer import MOST_FACES, FaceAnalyzer, quality
from regard.engine.analysis.image_loader import load
from regard.vision.cards import catalogue
from regard.vision.models import FaceModels
from regard.vision.zoo import Zoo

#: The columns of Faces that each detail fills.
COLUMNS = {
    Detail.EMBEDDING: {"embeddings", "utility"},
    Detail.QUALITY: {"quality"},
    Detail.POSE: {"pose"},
    Detail.LANDMARKS68: {"landmarks68"},
    Detail.AGE: {"age_range"},
    Detail.GENDER: {"female"},
    Detail.EMOTIONS: {"emotions"},
    Detail.SMILE: {"smile"},
    Detail.EYES_OPEN: {"eyes_open"},
    Detail.MOUTH_OPEN: {"mouth_open"},
    Detail.LANDMARKS30: {"landmarks30"},
    Detail.EYE_DIRECTION: {"eye_direction"},
    Detail.OCCLUDED: {"occluded"},
    Detail.GLASSES: set(),  # only where a model for it is installed
}
ALWAYS = {"boxes", "scores", "confidences", "landmarks5"}


def filled(faces: Faces) -> set[str]:
    return {column.name for column in fields(faces) if getattr(faces, column.name) is not None}


@pytest.mark.parametrize("detail", COLUMNS, ids=lambda detail: detail.name)
@pytest.mark.slow
def test_only_what_is_asked_for_is_said(analyzer: FaceAnalyzer, detail: Detail) -> None:
    (faces,) = analyzer.faces([image(astronaut())], detail)
    assert filled(faces) == ALWAYS | COLUMNS[detail]


def test_without_detail_a_face_is_a_box_a_score_and_five_points(analyzer: FaceAnalyzer) -> None:
    (faces,) = analyzer.faces([image(astronaut())], Detail.NONE)
    assert filled(faces) == ALWAYS
    assert len(faces) == 1


@pytest.mark.slow
def test_a_crowd_is_cut_at_a_hundred_and_each_is_described(analyzer: FaceAnalyzer) -> None:
    everyone = analyzer.faces([image(crowd(10, 15))], ~Detail.NONE)[0]
    assert len(everyone) == MOST_FACES == 100
    assert {column.name for column in fields(Faces)} - filled(everyone) == {"eyeglasses", "sunglasses"}
    for column in filled(everyone):
        values = getattr(everyone, column)
        assert len(values) == 100
        assert np.isfinite(values).all()
    areas = np.prod(everyone.boxes[:, 2:], axis=1)
    assert (np.diff(areas) <= 1e-7).all()
    assert everyone.embeddings is not None
    assert (everyone.embeddings @ everyone.embeddings[0]).min() > 0.8
    (few,) = analyzer.faces([image(crowd(10, 15))], Detail.NONE, limit=7)
    np.testing.assert_array_equal(few.boxes, everyone.boxes[:7])


class Tally:
    """A meter that adds up faces."""

    def __init__(self) -> None:
        self.counts: list[int] = []

    def model_ran(self, model: str, seconds: float) -> None:
        raise AssertionError("the analyzer does not run models itself")

    def faces_found(self, count: int) -> None:
        self.counts.append(count)


def test_a_meter_is_told_once_a_call_of_the_faces_it_deals_with(models: Path) -> None:
    tally = Tally()
    analyzer = FaceAnalyzer(loaded(models), tally)
    pictures = [image(nobody()), image(crowd(2, 3, 100)), image(astronaut())]
    (_, crew, _) = analyzer.faces(pictures, Detail.QUALITY)
    analyzer.embedded(pictures[1:2], [crew])
    analyzer.faces(pictures[1:2], Detail.NONE, limit=2)
    analyzer.faces(pictures[:1], Detail.NONE)
    assert tally.counts == [7, 2, 0]


@pytest.mark.slow
def test_pictures_together_are_described_as_alone(analyzer: FaceAnalyzer) -> None:
    pictures = [image(nobody()), image(astronaut()), image(crowd(3, 4)), image(nobody(100, 900))]
    together = analyzer.faces(pictures, ~Detail.NONE)
    assert [len(faces) for faces in together] == [0, 1, 12, 0]
    for one, faces in zip(pictures, together, strict=True):
        (alone,) = analyzer.faces([one], ~Detail.NONE)
        np.testing.assert_allclose(faces.boxes, alone.boxes, atol=1e-6)
        assert faces.embeddings is not None
        assert alone.embeddings is not None
        if len(faces):
            assert (faces.embeddings * alone.embeddings).sum(axis=1).min() > 0.9999
    assert analyzer.faces([], ~Detail.NONE) == []


def test_an_empty_picture_has_embeddings_of_no_rows(analyzer: FaceAnalyzer) -> None:
    (faces,) = analyzer.faces([image(nobody())], ~Detail.NONE)
    assert len(faces) == 0
    assert faces.embeddings is not None
    assert faces.embeddings.shape == (0, 512)


@pytest.mark.parametrize("side", [100, 200, 1000, 2500])
@pytest.mark.slow
def test_a_face_is_itself_at_every_size(analyzer: FaceAnalyzer, side: int) -> None:
    (reference,) = analyzer.faces([image(astronaut())], Detail.EMBEDDING)
    scaled = np.asarray(PIL.Image.fromarray(astronaut()).resize((side, side), PIL.Image.Resampling.LANCZOS))
    (faces,) = analyzer.faces([image(scaled)], Detail.EMBEDDING)
    assert len(faces) == 1
    assert faces.embeddings is not None
    assert reference.embeddings is not None
    np.testing.assert_allclose(faces.boxes, reference.boxes, atol=0.03)
    assert faces.embeddings[0] @ reference.embeddings[0] > (0.6 if side == 100 else 0.9)


def test_a_face_that_fills_the_frame_is_found(analyzer: FaceAnalyzer) -> None:
    large = np.asarray(PIL.Image.fromarray(head(200)[40:170, 50:165]).resize((1600, 1800)))
    (faces,) = analyzer.faces([image(large)], Detail.NONE)
    assert len(faces) >= 1
    assert np.prod(faces.boxes[0, 2:]) > 0.4


def test_a_scaled_decode_gives_the_same_ratios(analyzer: FaceAnalyzer) -> None:
    """A JPEG of 4000 pixels is decoded at half its size."""
    big = PIL.Image.fromarray(astronaut()).resize((4000, 4000))
    read = load(encoded(big)).image
    assert read.pixels.shape[0] < read.height == 4000
    (small,) = analyzer.faces([read], Detail.EMBEDDING | Detail.QUALITY)
    (reference,) = analyzer.faces([image(astronaut())], Detail.EMBEDDING)
    assert small.embeddings is not None
    assert reference.embeddings is not None
    np.testing.assert_allclose(small.boxes, reference.boxes, atol=0.02)
    assert small.embeddings[0] @ reference.embeddings[0] > 0.9


def test_the_same_picture_has_the_same_numbers_every_time(analyzer: FaceAnalyzer) -> None:
    first, second = (analyzer.faces([image(astronaut())], ~Detail.NONE)[0] for _ in range(2))
    for column in fields(Faces):
        np.testing.assert_array_equal(getattr(first, column.name), getattr(second, column.name))


def test_quality_is_brightness_and_sharpness_between_0_and_100() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (112, 112, 1), np.uint8).repeat(3, axis=-1)
    blurred = np.asarray(PIL.Image.fromarray(noise).resize((14, 14)).resize((112, 112)))
    flat, white = np.full((112, 112, 3), 51, np.uint8), np.full((112, 112, 3), 255, np.uint8)
    found = quality(np.stack([noise, blurred, flat, white]))
    assert found.shape == (4, 2)
    assert found[0, 1] == 100
    assert 0 < found[1, 1] < 60
    assert found[2].tolist() == [pytest.approx(20), 0]
    assert found[3].tolist() == [pytest.approx(100), 0]


class Runs:
    """A meter that counts what models are run."""

    def __init__(self) -> None:
        self.models: list[str] = []

    def model_ran(self, model: str, seconds: float) -> None:
        self.models.append(model)

    def faces_found(self, count: int) -> None:
        pass


@pytest.mark.parametrize(
    ("card", "detail", "runs"),
    [
        ("sface", Detail.EMBEDDING, 1),
        ("sface", Detail.EMBEDDING | Detail.LANDMARKS68, 1),
        ("fr-feature", Detail.EMBEDDING, 0),
    ],
)
def test_the_contour_is_found_once_and_only_for_an_embedder_that_is_aligned_by_it(
    models: Path, card: str, detail: Detail, runs: int
) -> None:
    meter = Runs()
    found = FaceModels(Zoo(models, None, catalogue()), detector="centerface", embedder=card, meter=meter)
    (faces,) = FaceAnalyzer(found).faces([image(astronaut())], detail)
    assert meter.models.count("fr-landmark") == runs
    assert filled(faces) == ALWAYS.union(*(COLUMNS[each] for each in detail))
