from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from regard.domain.faces import EMOTIONS, Detail, Faces
from regard.domain.galleries import Face, Match
from regard.domain.images import Box, ObjectName
from regard.engine.analysis.quality_filter import DESCRIBED
from regard.errors import InvalidParameter, InvalidS3Object
from regard.operations.face_shapes import (
    ALL,
    ATTRIBUTES,
    CONTOUR_TYPES,
    POINT_TYPES,
    compared_face,
    enrolled_face,
    face_detail,
    face_match,
    image_reference,
    wanted,
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
        "landmarks68": np.arange(272, dtype=np.float32).reshape(2, 68, 2) / 272,
        "age_range": np.array([[22.4, 38.2], [0, 5.5]], np.float32),
        "female": np.array([0.75, 0.0], np.float32),
        "emotions": happy * 0.94 + 0.01 - happy * 0.01,
        "eyes_open": np.array([0.9, 0.2], np.float32),
        "mouth_gap": np.array([0.1, 0.6], np.float32),
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
    assert [mark["Type"] for mark in detail["Landmarks"]] == list(POINT_TYPES)
    assert [(mark["X"], mark["Y"]) for mark in detail["Landmarks"]][1] == pytest.approx((0.1, 0.15))
    assert detail["Pose"] == pytest.approx({"Yaw": 1, "Pitch": 2, "Roll": 3})
    assert detail["Quality"] == pytest.approx({"Brightness": 60, "Sharpness": 70})


def test_each_attribute_comes_when_it_is_named() -> None:
    members = {
        "AGE_RANGE": "AgeRange",
        "EMOTIONS": "Emotions",
        "EYES_OPEN": "EyesOpen",
        "GENDER": "Gender",
        "MOUTH_OPEN": "MouthOpen",
        "SMILE": "Smile",
    }
    assert set(members) == set(ATTRIBUTES)
    usual = set(face_detail(faces(), 0, None))
    for name, member in members.items():
        assert set(face_detail(faces(), 0, [name])) - usual == {member}
    assert set(face_detail(faces(), 0, ["ALL"])) - usual == set(members.values())


def test_what_the_models_cannot_give_is_absent() -> None:
    unknown = ["BEARD", "MUSTACHE", "EYEGLASSES", "SUNGLASSES", "FACE_OCCLUDED", "EYE_DIRECTION"]
    assert set(face_detail(faces(), 0, unknown)) == set(face_detail(faces(), 0, None))
    columns = ("age_range", "female", "emotions", "eyes_open", "mouth_gap", "landmarks68", "pose")
    bare = faces(**dict.fromkeys(columns))
    detail = face_detail(bare, 0, ["ALL"])
    assert {name for name, value in detail.items() if value is not None} == {
        "BoundingBox",
        "Confidence",
        "Landmarks",
        "Quality",
    }
    assert len(detail["Landmarks"]) == 5


@pytest.mark.parametrize(
    ("share", "told"),
    [
        (0.80, {"Value": "Female", "Confidence": pytest.approx(80)}),
        (0.74, None),
        (0.50, None),
        (0.26, None),
        (0.20, {"Value": "Male", "Confidence": pytest.approx(80)}),
    ],
)
def test_a_gender_is_left_out_where_it_cannot_be_told(share: float, told: dict[str, object] | None) -> None:
    shape = face_detail(faces(female=np.array([share, 0], np.float32)), 0, ["GENDER"])
    assert shape.get("Gender") == told


def test_values_read_as_a_person_would() -> None:
    first, second = (face_detail(faces(), row, ["ALL"]) for row in (0, 1))
    assert first["AgeRange"] == {"Low": 22, "High": 39}
    assert second["AgeRange"] == {"Low": 0, "High": 6}
    assert first["Gender"] == {"Value": "Female", "Confidence": pytest.approx(75)}
    assert second["Gender"] == {"Value": "Male", "Confidence": pytest.approx(100)}
    assert [first["Emotions"][0]["Type"], second["Emotions"][0]["Type"]] == ["HAPPY", "CALM"]
    confidences = [emotion["Confidence"] for emotion in first["Emotions"]]
    assert confidences == sorted(confidences, reverse=True)
    assert len({emotion["Type"] for emotion in first["Emotions"]}) == 7
    assert (first["Smile"]["Value"], second["Smile"]["Value"]) == (True, False)
    assert first["EyesOpen"] == {"Value": True, "Confidence": pytest.approx(90)}
    assert second["EyesOpen"] == {"Value": False, "Confidence": pytest.approx(80)}
    assert (first["MouthOpen"], second["MouthOpen"]) == ({"Value": False}, {"Value": True})
    assert second["Confidence"] == 100.0


def test_with_all_there_are_all_landmarks_but_the_pupils(schema: Schema) -> None:
    marks = face_detail(faces(), 0, ["ALL"])["Landmarks"]
    types = [mark["Type"] for mark in marks]
    assert len(types) == len(set(types)) == 28
    assert set(schema.shapes["LandmarkType"].enum) - set(types) == {"leftPupil", "rightPupil"}
    where = {mark["Type"]: (mark["X"], mark["Y"]) for mark in marks}
    landmarks68 = faces().landmarks68
    assert landmarks68 is not None
    assert where["chinBottom"] == pytest.approx(landmarks68[0, 8].tolist())
    assert where["leftEyeUp"] == pytest.approx(landmarks68[0, [37, 38]].mean(axis=0).tolist())
    assert set(CONTOUR_TYPES) <= set(types)


def test_only_what_is_asked_for_is_computed() -> None:
    assert wanted(None) == wanted(["DEFAULT"]) == DESCRIBED
    assert wanted(["AGE_RANGE"]) == DESCRIBED | Detail.AGE
    assert wanted(["SMILE"]) == DESCRIBED | Detail.EMOTIONS
    assert wanted(["ALL"]) == DESCRIBED | ALL
    assert wanted(["DEFAULT", "ALL"]) == DESCRIBED | ALL
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
