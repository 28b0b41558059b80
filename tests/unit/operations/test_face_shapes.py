from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import reduce
from operator import or_

import numpy as np
import pytest

from regard.domain.faces import EMOTIONS, LANDMARK_TYPES, Detail, Faces
from regard.domain.galleries import Face, Match
from regard.domain.images import Box, ObjectName
from regard.engine.analysis.quality_filter import DESCRIBED
from regard.errors import InvalidParameter, InvalidS3Object
from regard.operations.attribute_shapes import ATTRIBUTES, wanted
from regard.operations.face_shapes import (
    compared_face,
    enrolled_face,
    face_detail,
    face_match,
    image_reference,
)
from regard.wire.schema import Schema, load
from regard.wire.serialize import check_output


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load()


def faces(**columns: object) -> Faces:
    """Two faces with every column; the second at the edge of every range."""
    happy = np.eye(7, dtype=np.float32)[[EMOTIONS.index("happy"), EMOTIONS.index("calm")]]
    known = {
        "boxes": np.array([[0.1, 0.2, 0.3, 0.4], [-0.05, -0.1, 1.2, 1.3]], np.float32),
        "scores": np.array([0.9, 1.0000001], np.float32),
        "landmarks5": np.arange(20, dtype=np.float32).reshape(2, 5, 2) / 20,
        "quality": np.array([[60, 70], [0, 100]], np.float32),
        "pose": np.array([[1, 2, 3], [-99, 99, -180]], np.float32),
        "landmarks30": np.arange(120, dtype=np.float32).reshape(2, 30, 2) / 120,
        "age_range": np.array([[22.4, 38.2], [0, 5.5]], np.float32),
        "female": np.array([0.8, 0.0], np.float32),
        "emotions": happy * 0.94 + 0.01 - happy * 0.01,
        "smile": np.array([0.9, 0.1], np.float32),
        "eyes_open": np.array([0.9, 0.2], np.float32),
        "mouth_open": np.array([0.25, 0.75], np.float32),
        "occluded": np.array([0.02, 0.97], np.float32),
        "eyeglasses": np.array([0.8, 0.0], np.float32),
        "sunglasses": np.array([0.3, 1.0], np.float32),
        "eye_direction": np.array([[-12, 3, 5], [90, -90, 40]], np.float32),
    }
    return Faces(**(known | columns))  # type: ignore[arg-type]


ENROLLED = Face(
    key=1,
    face_id="11111111-2222-3333-4444-555555555555",
    image_id="66666666-7777-8888-9999-000000000000",
    external_image_id="ada:1",
    box=Box(left=0.1, top=0.2, width=0.3, height=0.4),
    confidence=99.0,
    face_model="fr-feature-87aacdfe",
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)


@pytest.mark.parametrize("names", [None, ["DEFAULT"], ["ALL"], ["SMILE", "AGE_RANGE"], ["BEARD", "FACE_OCCLUDED"]])
@pytest.mark.parametrize("row", [0, 1])
def test_a_face_detail_fits_the_service_model(schema: Schema, names: list[str] | None, row: int) -> None:
    check_output(schema.shapes["FaceDetail"], face_detail(faces(), row, names))


def test_the_other_shapes_fit_the_service_model(schema: Schema) -> None:
    check_output(schema.shapes["ComparedFace"], compared_face(faces(), 1))
    check_output(schema.shapes["Face"], enrolled_face(ENROLLED))
    theirs = enrolled_face(replace(ENROLLED, user_id="ada:1"))
    check_output(schema.shapes["Face"], theirs)
    assert theirs["UserId"] == "ada:1"
    check_output(schema.shapes["FaceMatch"], face_match(Match(face=ENROLLED, cosine=0.9, similarity=99.5)))


def test_by_default_a_face_has_five_landmarks_pose_and_quality_and_no_more() -> None:
    detail = face_detail(faces(), 0, None)
    assert set(detail) == {"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"}
    assert detail["BoundingBox"] == pytest.approx({"Left": 0.1, "Top": 0.2, "Width": 0.3, "Height": 0.4})
    assert detail["Confidence"] == pytest.approx(90)
    assert [mark["Type"] for mark in detail["Landmarks"]] == list(LANDMARK_TYPES[:5])
    assert [(mark["X"], mark["Y"]) for mark in detail["Landmarks"]][1] == pytest.approx((0.1, 0.15))
    assert detail["Pose"] == pytest.approx({"Yaw": 1, "Pitch": 2, "Roll": 3})
    assert detail["Quality"] == pytest.approx({"Brightness": 60, "Sharpness": 70})


MEMBERS = {
    "AGE_RANGE": "AgeRange",
    "BEARD": "Beard",
    "EMOTIONS": "Emotions",
    "EYE_DIRECTION": "EyeDirection",
    "EYEGLASSES": "Eyeglasses",
    "EYES_OPEN": "EyesOpen",
    "FACE_OCCLUDED": "FaceOccluded",
    "GENDER": "Gender",
    "MOUTH_OPEN": "MouthOpen",
    "MUSTACHE": "Mustache",
    "SMILE": "Smile",
    "SUNGLASSES": "Sunglasses",
}
#: What no model at hand tells.
NEVER = {"BEARD", "MUSTACHE"}
USUAL = {"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"}
COIN = {"Value": False, "Confidence": 50.0}


def test_every_attribute_of_the_service_model_is_known(schema: Schema) -> None:
    assert set(schema.shapes["Attribute"].enum) - {"ALL", "DEFAULT"} == set(MEMBERS) == set(ATTRIBUTES)


@pytest.mark.parametrize("name", MEMBERS)
def test_each_attribute_comes_when_it_is_named_and_a_model_tells_it(name: str) -> None:
    told = set() if name in NEVER else {MEMBERS[name]}
    assert set(face_detail(faces(), 0, [name])) - USUAL == told
    assert set(face_detail(faces(), 0, ["DEFAULT", name])) - USUAL == told


def test_with_all_there_is_everything_that_the_models_tell() -> None:
    told = {member for name, member in MEMBERS.items() if name not in NEVER}
    assert set(face_detail(faces(), 0, ["ALL"])) == USUAL | told


BARE = dict.fromkeys(
    (
        *(
            "age_range",
            "female",
            "emotions",
            "smile",
            "eyes_open",
            "mouth_open",
            "occluded",
            "eyeglasses",
            "sunglasses",
        ),
        *("eyeglasses", "sunglasses", "eye_direction", "landmarks30", "pose"),
    )
)


def test_what_the_models_have_not_told_is_absent() -> None:
    detail = face_detail(faces(**BARE), 0, ["ALL"])
    assert set(detail) == USUAL - {"Pose"}
    assert len(detail["Landmarks"]) == 5


def test_where_it_is_set_what_no_model_tells_is_answered_as_a_coin_would(schema: Schema) -> None:
    for face in (faces(), faces(**BARE), faces(eyeglasses=None, sunglasses=None)):
        for row in (0, 1):
            said = face_detail(face, row, ["ALL"], untold=True)
            check_output(schema.shapes["FaceDetail"], said)
            told = face_detail(face, row, ["ALL"])
            assert said["Beard"] == said["Mustache"] == COIN
            assert {name: said[name] for name in told} == told
            assert all(said[name] == COIN for name in set(said) - set(told))
    assert face_detail(faces(), 0, ["BEARD"], untold=True)["Beard"] == COIN
    assert set(face_detail(faces(), 0, None, untold=True)) == USUAL


def test_confidence_is_the_share_of_faces_where_that_was_measured() -> None:
    measured = faces(confidences=np.array([99.5, 62], np.float32))
    assert [face_detail(measured, row, None)["Confidence"] for row in (0, 1)] == pytest.approx([99.5, 62])
    assert face_detail(faces(), 0, None)["Confidence"] == pytest.approx(90)


def test_values_read_as_a_person_would() -> None:
    first, second = (face_detail(faces(), row, ["ALL"]) for row in (0, 1))
    assert first["AgeRange"] == {"Low": 22, "High": 39}
    assert second["AgeRange"] == {"Low": 0, "High": 6}
    assert first["Gender"] == {"Value": "Female", "Confidence": pytest.approx(80)}
    assert second["Gender"] == {"Value": "Male", "Confidence": pytest.approx(100)}
    assert first["Smile"] == {"Value": True, "Confidence": pytest.approx(90)}
    assert second["Smile"] == {"Value": False, "Confidence": pytest.approx(90)}
    assert first["EyesOpen"] == {"Value": True, "Confidence": pytest.approx(90)}
    assert second["EyesOpen"] == {"Value": False, "Confidence": pytest.approx(80)}
    assert first["MouthOpen"] == {"Value": False, "Confidence": pytest.approx(75)}
    assert second["MouthOpen"] == {"Value": True, "Confidence": pytest.approx(75)}
    assert first["FaceOccluded"] == {"Value": False, "Confidence": pytest.approx(98)}
    assert second["FaceOccluded"] == {"Value": True, "Confidence": pytest.approx(97)}
    assert first["Eyeglasses"] == {"Value": True, "Confidence": pytest.approx(80)}
    assert second["Sunglasses"] == {"Value": True, "Confidence": pytest.approx(100)}
    assert second["Confidence"] == 100.0


@pytest.mark.parametrize(
    ("share", "told", "leaning"),
    [
        (0.80, {"Value": "Female", "Confidence": pytest.approx(80)}, None),
        (0.74, None, "Female"),
        (0.50, None, "Male"),
        (0.26, None, "Male"),
        (0.20, {"Value": "Male", "Confidence": pytest.approx(80)}, None),
    ],
)
def test_a_gender_is_left_out_where_it_cannot_be_told(
    share: float, told: dict[str, object] | None, leaning: str | None
) -> None:
    face = faces(female=np.array([share, 0], np.float32))
    assert face_detail(face, 0, ["GENDER"]).get("Gender") == told
    for names in (["GENDER"], ["ALL"]):
        filled = face_detail(face, 0, names, untold=True)["Gender"]
        assert filled == (told or {"Value": leaning, "Confidence": 50.0})


def test_all_eight_emotions_come_the_surest_first_and_of_confusion_nothing_is_claimed(schema: Schema) -> None:
    first, second = (face_detail(faces(), row, ["EMOTIONS"])["Emotions"] for row in (0, 1))
    assert [first[0]["Type"], second[0]["Type"]] == ["HAPPY", "CALM"]
    confidences = [emotion["Confidence"] for emotion in first]
    assert confidences == sorted(confidences, reverse=True)
    assert {emotion["Type"] for emotion in first} == set(schema.shapes["EmotionName"].enum) - {"UNKNOWN"}
    assert first[-1] == {"Type": "CONFUSED", "Confidence": 0.0}


def test_a_direction_of_the_eyes_is_never_sure_and_less_so_the_more_two_readings_differ() -> None:
    near, far = (face_detail(faces(), row, ["EYE_DIRECTION"])["EyeDirection"] for row in (0, 1))
    assert near == {"Yaw": -12, "Pitch": 3, "Confidence": pytest.approx(37.5)}
    assert far == {"Yaw": 90, "Pitch": -90, "Confidence": 0}
    alike = faces(eye_direction=np.zeros((2, 3), np.float32))
    assert face_detail(alike, 0, ["ALL"])["EyeDirection"]["Confidence"] == 50


def test_with_all_there_are_all_thirty_landmarks_and_otherwise_five(schema: Schema) -> None:
    marks = face_detail(faces(), 1, ["ALL"])["Landmarks"]
    assert [mark["Type"] for mark in marks] == list(LANDMARK_TYPES)
    assert set(LANDMARK_TYPES) == set(schema.shapes["LandmarkType"].enum)
    landmarks30 = faces().landmarks30
    assert landmarks30 is not None
    assert [(mark["X"], mark["Y"]) for mark in marks] == [tuple(point) for point in landmarks30[1].tolist()]
    assert len(face_detail(faces(), 1, ["SMILE", "EYE_DIRECTION"])["Landmarks"]) == 5


def test_only_what_is_asked_for_is_computed() -> None:
    assert wanted(None) == wanted(["DEFAULT"]) == DESCRIBED
    assert wanted(["AGE_RANGE"]) == DESCRIBED | Detail.AGE
    assert wanted(["SMILE"]) == DESCRIBED | Detail.SMILE
    assert wanted(["BEARD"]) == DESCRIBED
    assert wanted(["EYEGLASSES"]) == wanted(["SUNGLASSES"]) == DESCRIBED | Detail.GLASSES
    assert wanted(["ALL"]) == wanted(["DEFAULT", "ALL"])
    assert wanted(["ALL"]) == DESCRIBED | Detail.LANDMARKS30 | reduce(or_, map(wanted, ([name] for name in MEMBERS)))
    assert Detail.EMBEDDING not in wanted(["ALL"])


def test_an_enrolled_face_is_told_by_its_ids() -> None:
    assert enrolled_face(ENROLLED) == {
        "FaceId": ENROLLED.face_id,
        "ImageId": ENROLLED.image_id,
        "ExternalImageId": "ada:1",
        "BoundingBox": {"Left": 0.1, "Top": 0.2, "Width": 0.3, "Height": 0.4},
        "Confidence": 99.0,
        "UserId": None,
    }


def test_an_image_is_bytes_or_an_object_and_never_both() -> None:
    place = {"Bucket": "photos", "Name": "a/b.jpg"}
    assert image_reference({"Bytes": b"x"}) == b"x"
    assert image_reference({"S3Object": place}) == ObjectName(bucket="photos", name="a/b.jpg")
    assert image_reference({"S3Object": place | {"Version": "3"}}) == ObjectName(
        bucket="photos", name="a/b.jpg", version="3"
    )
    for wrong in ({}, {"Bytes": b"x", "S3Object": place}):
        with pytest.raises(InvalidParameter, match="either Bytes or S3Object"):
            image_reference(wrong)
    for wrong in ({}, {"Bucket": "photos"}, {"Name": "a"}):
        with pytest.raises(InvalidS3Object):
            image_reference({"S3Object": wrong})
