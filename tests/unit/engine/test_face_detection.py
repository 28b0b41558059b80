from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from people import astronaut, crowd, encoded, nobody
from toy_gallery import House

from regard.domain.authority import Action
from regard.domain.faces import Detail
from regard.domain.images import ObjectName
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.analysis.face_detection import FaceDetection
from regard.errors import InvalidImageFormat, InvalidS3Object


@pytest.fixture
def detection(house: House, analyzer: FaceAnalyzer) -> FaceDetection:
    return FaceDetection(house.loader, analyzer)


def test_the_faces_of_a_picture_come_largest_first_with_what_was_asked_for(
    house: House, detection: FaceDetection
) -> None:
    crew = np.concatenate([np.pad(crowd(1, 1, 100), ((0, 60), (0, 60), (0, 0))), crowd(1, 1, 160)], axis=1)
    found = detection.detect(house.may(Action.DETECT), encoded(crew, "PNG"), Detail.AGE)
    assert (found.image.width, found.image.height) == (320, 160)
    assert len(found.faces) == 2
    assert found.faces.box(0).width > found.faces.box(1).width
    assert found.faces.age_range is not None
    assert found.faces.pose is None
    assert found.faces.embeddings is None


def test_a_picture_without_a_face_is_an_answer_too(house: House, detection: FaceDetection) -> None:
    assert len(detection.detect(house.may(Action.DETECT), encoded(nobody()), Detail.NONE).faces) == 0


def test_a_picture_may_be_sent_along_or_stored(house: House, detection: FaceDetection, buckets: Path) -> None:
    grant, sent = house.may(Action.DETECT), encoded(astronaut(), "PNG")
    (buckets / "photos").mkdir()
    (buckets / "photos" / "a.png").write_bytes(sent)
    stored = detection.detect(grant, ObjectName(bucket="photos", name="a.png"), Detail.NONE)
    assert stored.faces.box(0) == detection.detect(grant, sent, Detail.NONE).faces.box(0)
    with pytest.raises(InvalidS3Object):
        detection.detect(grant, ObjectName(bucket="photos", name="b.png"), Detail.NONE)
    with pytest.raises(InvalidImageFormat):
        detection.detect(grant, b"text", Detail.NONE)


def test_the_door_opens_to_no_grant_for_another_act(house: House, detection: FaceDetection) -> None:
    picture = encoded(nobody())
    house.opens_only_to(Action.DETECT, None, lambda grant: detection.detect(grant, picture, Detail.NONE))
