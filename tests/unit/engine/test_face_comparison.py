from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from people import astronaut, crowd, encoded, head, image, nobody
from toy_gallery import House

from regard.domain.authority import Action
from regard.domain.images import ObjectName
from regard.engine.analysis.face_comparison import FaceComparison
from regard.engine.analysis.probes import NoFace
from regard.errors import InvalidImageFormat


@pytest.fixture
def comparison(house: House) -> FaceComparison:
    return FaceComparison(house.probes, house.matcher.models.default)


def blurred(side: int) -> np.ndarray:
    """The same head, less like itself."""
    return np.asarray(PIL.Image.fromarray(head(20)).resize((side, side)))


def test_a_targets_faces_come_in_the_order_of_their_likeness(house: House, comparison: FaceComparison) -> None:
    target = image(np.concatenate([blurred(200), np.pad(head(160), ((0, 40), (0, 40), (0, 0)))], axis=1))
    found = comparison.compare(house.may(Action.COMPARE), image(astronaut()), target)
    assert len(found.source.faces) == 1
    assert len(found.target.faces) == len(found.similarities) == 2
    assert found.target.faces.box(0).left > 0.4  # the smaller face is the more like
    assert found.similarities[0] > found.similarities[1]
    assert found.similarities[0] > 99
    cosines = found.target.embeddings @ found.source.embeddings[0]
    np.testing.assert_allclose(found.similarities, comparison.calibration.similarity(cosines), atol=1e-3)


def test_a_targets_faces_are_described(house: House, comparison: FaceComparison) -> None:
    found = comparison.compare(house.may(Action.COMPARE), image(astronaut()), image(astronaut()))
    assert found.target.faces.pose is not None
    assert found.target.faces.quality is not None


def test_of_the_source_only_the_largest_face_is_compared(house: House, comparison: FaceComparison) -> None:
    found = comparison.compare(house.may(Action.COMPARE), image(crowd(1, 3, 160)), image(astronaut()))
    assert (len(found.source.faces), len(found.similarities)) == (1, 1)


def test_both_pictures_must_have_a_face_that_passes_the_quality_filter(
    house: House, comparison: FaceComparison
) -> None:
    grant, portrait, small = house.may(Action.COMPARE), image(astronaut()), image(crowd(2, 2, 48))
    assert len(comparison.compare(grant, portrait, small).similarities) == 4
    for source, target, level, without in (
        (image(nobody()), portrait, "NONE", "source"),
        (portrait, image(nobody()), "NONE", "target"),
        (portrait, small, "HIGH", "target"),
        (small, portrait, "HIGH", "source"),
    ):
        with pytest.raises(NoFace) as told:
            comparison.compare(grant, source, target, level)
        assert told.value.image is (source if without == "source" else target)


def test_a_picture_to_compare_may_be_sent_along_or_stored(
    house: House, comparison: FaceComparison, buckets: Path
) -> None:
    grant, sent = house.may(Action.COMPARE), encoded(nobody(90, 120), "PNG")
    (buckets / "photos").mkdir()
    (buckets / "photos" / "a.png").write_bytes(sent)
    with comparison.reading(grant, ObjectName(bucket="photos", name="a.png"), sent) as pictures:
        stored, inline = (each.load().image for each in pictures)
    assert (stored.pixels == inline.pixels).all()
    with pytest.raises(InvalidImageFormat), comparison.reading(grant, sent, b"text"):
        pass


def test_no_door_opens_to_a_grant_for_another_act(house: House, comparison: FaceComparison) -> None:
    black = image(nobody())
    house.opens_only_to(Action.COMPARE, None, lambda grant: comparison.reading(grant, encoded(nobody())))
    house.opens_only_to(Action.COMPARE, None, lambda grant: comparison.compare(grant, black, black))
