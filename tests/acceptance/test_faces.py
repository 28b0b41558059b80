from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import PIL.Image
import pytest
from people import astronaut, crowd, encoded, head, nobody

Refused = Callable[..., tuple[str, str]]
Bucket = Callable[[str, bytes], dict[str, Any]]

USUAL = {"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"}
UNKNOWN_FACE = "00000000-1111-2222-3333-444444444444"


def left(face: dict[str, Any]) -> float:
    return float(face["BoundingBox"]["Left"])


# -- DetectFaces -----------------------------------------------------------------------------------------------------


def test_a_face_has_the_default_attributes_unless_more_are_asked_for(client: Any, portrait: bytes) -> None:
    for asked in ({}, {"Attributes": ["DEFAULT"]}, {"Attributes": []}):
        answer = client.detect_faces(Image={"Bytes": portrait}, **asked)
        (face,) = answer["FaceDetails"]
        assert set(face) == USUAL
        assert len(face["Landmarks"]) == 5
        assert "OrientationCorrection" not in answer
    assert face["BoundingBox"] == pytest.approx({"Left": 0.35, "Top": 0.11, "Width": 0.17, "Height": 0.23}, abs=0.02)
    assert 90 < face["Confidence"] <= 100


def test_all_attributes_of_a_smiling_woman(client: Any, portrait: bytes) -> None:
    (face,) = client.detect_faces(Image={"Bytes": portrait}, Attributes=["ALL"])["FaceDetails"]
    told = {"AgeRange", "Emotions", "EyeDirection", "EyesOpen", "FaceOccluded", "Gender", "MouthOpen", "Smile"}
    assert set(face) == USUAL | told
    assert face["AgeRange"]["Low"] < 30 < face["AgeRange"]["High"]
    assert face["Gender"]["Value"] == "Female"
    assert face["Smile"]["Value"] is face["EyesOpen"]["Value"] is True
    assert face["Emotions"][0]["Type"] == "HAPPY"
    assert sum(emotion["Confidence"] for emotion in face["Emotions"]) == pytest.approx(100, abs=0.01)
    assert len({mark["Type"] for mark in face["Landmarks"]}) == len(face["Landmarks"]) == 30
    box = face["BoundingBox"]
    for mark in face["Landmarks"]:
        assert box["Left"] - 0.05 < mark["X"] < box["Left"] + box["Width"] + 0.05
        assert box["Top"] - 0.05 < mark["Y"] < box["Top"] + box["Height"] + 0.05


def test_attributes_are_given_one_by_one(client: Any, portrait: bytes) -> None:
    (face,) = client.detect_faces(Image={"Bytes": portrait}, Attributes=["GENDER", "BEARD", "SMILE"])["FaceDetails"]
    assert set(face) == USUAL | {"Gender", "Smile"}


def test_an_unknown_attribute_is_refused(client: Any, refused: Refused, portrait: bytes) -> None:
    code, message = refused(client.detect_faces, Image={"Bytes": portrait}, Attributes=["ALL", "HAIR"])
    assert code == "ValidationException"
    assert "'HAIR' at 'attributes.2.member' failed to satisfy constraint" in message


def test_no_face_is_an_empty_list(client: Any) -> None:
    assert client.detect_faces(Image={"Bytes": encoded(nobody())}, Attributes=["ALL"])["FaceDetails"] == []


@pytest.mark.slow
def test_of_a_hundred_and_fifty_faces_a_hundred_are_returned_largest_first(client: Any) -> None:
    faces = client.detect_faces(Image={"Bytes": encoded(crowd(10, 15), quality=95)})["FaceDetails"]
    assert len(faces) == 100
    areas = [face["BoundingBox"]["Width"] * face["BoundingBox"]["Height"] for face in faces]
    assert (np.diff(areas) <= 1e-7).all()


def test_a_picture_turned_by_its_exif_is_answered_upright(client: Any) -> None:
    """Orientation 6: to be turned clockwise for viewing. The boxes are those of the upright frame."""
    upright = PIL.Image.fromarray(astronaut()[:, :400])
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    turned = encoded(upright.transpose(PIL.Image.Transpose.ROTATE_90), quality=95, exif=exif)
    (face,) = client.detect_faces(Image={"Bytes": turned})["FaceDetails"]
    (expected,) = client.detect_faces(Image={"Bytes": encoded(upright, quality=95)})["FaceDetails"]
    assert face["BoundingBox"] == pytest.approx(expected["BoundingBox"], abs=0.01)


# -- IndexFaces ------------------------------------------------------------------------------------------------------


def test_an_indexed_face_is_there_with_all_that_was_said_of_it(client: Any, collection: str, portrait: bytes) -> None:
    answer = client.index_faces(
        CollectionId=collection,
        Image={"Bytes": portrait},
        ExternalImageId="crew:eileen_1.jpg",
        DetectionAttributes=["ALL"],
        MaxFaces=5,
        QualityFilter="HIGH",
    )
    (record,) = answer["FaceRecords"]
    assert answer["UnindexedFaces"] == []
    assert answer["FaceModelVersion"] == client.describe_collection(CollectionId=collection)["FaceModelVersion"]
    assert record["Face"]["ExternalImageId"] == "crew:eileen_1.jpg"
    assert record["FaceDetail"]["Smile"]["Value"] is True
    assert record["FaceDetail"]["BoundingBox"] == record["Face"]["BoundingBox"]
    listed = client.list_faces(CollectionId=collection)
    assert listed["Faces"] == [record["Face"]]
    assert listed["FaceModelVersion"] == answer["FaceModelVersion"]
    assert "NextToken" not in listed
    assert client.describe_collection(CollectionId=collection)["FaceCount"] == 1


def test_the_same_image_is_stored_once_and_has_the_same_ids_in_every_collection(
    client: Any, collection: str, bucket: Bucket, portrait: bytes
) -> None:
    first = client.index_faces(CollectionId=collection, Image={"Bytes": portrait})["FaceRecords"]
    again = client.index_faces(CollectionId=collection, Image=bucket("deep/er/a.jpg", portrait))["FaceRecords"]
    assert [each["Face"] for each in again] == [each["Face"] for each in first]
    assert client.describe_collection(CollectionId=collection)["FaceCount"] == 1
    client.create_collection(CollectionId="elsewhere")
    there = client.index_faces(CollectionId="elsewhere", Image={"Bytes": portrait})["FaceRecords"]
    assert there[0]["Face"] == first[0]["Face"]
    client.delete_collection(CollectionId="elsewhere")
    named = client.index_faces(CollectionId=collection, Image={"Bytes": portrait}, ExternalImageId="eileen")
    assert named["FaceRecords"][0]["Face"]["FaceId"] != first[0]["Face"]["FaceId"]
    assert named["FaceRecords"][0]["Face"]["ImageId"] == first[0]["Face"]["ImageId"]
    assert client.describe_collection(CollectionId=collection)["FaceCount"] == 2


def test_more_faces_than_asked_for_are_told_why_they_are_not_indexed(client: Any, collection: str) -> None:
    canvas = np.concatenate([crowd(1, 4, 160), np.pad(crowd(1, 4, 64), ((48, 48), (0, 384), (0, 0)))])
    picture = {"Bytes": encoded(canvas, quality=95)}
    answer = client.index_faces(CollectionId=collection, Image=picture, MaxFaces=3, QualityFilter="HIGH")
    assert len(answer["FaceRecords"]) == 3
    reasons = sorted(tuple(face["Reasons"]) for face in answer["UnindexedFaces"])
    assert len(reasons) == 5
    assert reasons.count(("EXCEEDS_MAX_FACES",)) == 1
    assert all("SMALL_BOUNDING_BOX" in each for each in reasons if each != ("EXCEEDS_MAX_FACES",))
    assert set(answer["UnindexedFaces"][0]["FaceDetail"]) == USUAL
    assert len(client.list_faces(CollectionId=collection)["Faces"]) == 3
    everything = client.index_faces(CollectionId=collection, Image=picture, QualityFilter="NONE")
    assert (len(everything["FaceRecords"]), everything["UnindexedFaces"]) == (8, [])


@pytest.mark.slow
def test_a_crowd_is_indexed_up_to_a_hundred_even_if_more_are_asked_for(client: Any, collection: str) -> None:
    answer = client.index_faces(CollectionId=collection, Image={"Bytes": encoded(crowd(10, 15))}, MaxFaces=100_000)
    assert len(answer["FaceRecords"]) == 100
    pages = client.get_paginator("list_faces").paginate(CollectionId=collection, PaginationConfig={"PageSize": 33})
    sizes, ids = zip(*((len(page["Faces"]), [face["FaceId"] for face in page["Faces"]]) for page in pages), strict=True)
    assert sizes == (33, 33, 33, 1)
    listed = [face_id for page in ids for face_id in page]
    assert sorted(listed) == sorted(record["Face"]["FaceId"] for record in answer["FaceRecords"])


def test_an_image_without_a_face_is_indexed_as_nothing(client: Any, collection: str) -> None:
    answer = client.index_faces(CollectionId=collection, Image={"Bytes": encoded(nobody())})
    assert (answer["FaceRecords"], answer["UnindexedFaces"]) == ([], [])


@pytest.mark.parametrize(
    "wrong",
    [
        {"ExternalImageId": ""},
        {"ExternalImageId": "x" * 256},
        {"ExternalImageId": "with space"},
        {"MaxFaces": 0},
        {"QualityFilter": "BEST"},
        {"DetectionAttributes": ["SHOES"]},
        {"CollectionId": "a b"},
        {"Image": {}},
    ],
)
def test_wrong_parameters_store_nothing(
    client: Any, refused: Refused, collection: str, portrait: bytes, wrong: dict[str, Any]
) -> None:
    right = {"CollectionId": collection, "Image": {"Bytes": portrait}}
    expected = "InvalidParameterException" if wrong == {"Image": {}} else "ValidationException"
    assert refused(client.index_faces, **(right | wrong))[0] == expected
    assert client.describe_collection(CollectionId=collection)["FaceCount"] == 0


# -- ListFaces and DeleteFaces ---------------------------------------------------------------------------------------


def test_faces_are_listed_by_name_and_deleted_one_by_one(client: Any, refused: Refused, collection: str) -> None:
    picture = {"Bytes": encoded(crowd(2, 3, 100))}
    records = client.index_faces(CollectionId=collection, Image=picture)["FaceRecords"]
    ids = [record["Face"]["FaceId"] for record in records]
    listed = client.list_faces(CollectionId=collection, FaceIds=[ids[4], UNKNOWN_FACE, ids[1]])["Faces"]
    assert {face["FaceId"] for face in listed} == {ids[1], ids[4]}
    answer = client.delete_faces(CollectionId=collection, FaceIds=[ids[0], UNKNOWN_FACE, ids[0], ids[5]])
    assert answer["DeletedFaces"] == [ids[0], ids[5]]
    assert answer["UnsuccessfulFaceDeletions"] == [{"FaceId": UNKNOWN_FACE, "Reasons": ["FACE_NOT_FOUND"]}]
    left_over = {face["FaceId"] for face in client.list_faces(CollectionId=collection)["Faces"]}
    assert left_over == set(ids[1:5])
    again = client.delete_faces(CollectionId=collection, FaceIds=[ids[0]])
    assert (again["DeletedFaces"], len(again["UnsuccessfulFaceDeletions"])) == ([], 1)
    for wrong in ([], ["nonsense"], [UNKNOWN_FACE] * 4097):
        assert refused(client.delete_faces, CollectionId=collection, FaceIds=wrong)[0] == "ValidationException"
        assert refused(client.list_faces, CollectionId=collection, FaceIds=wrong)[0] == "ValidationException"
    assert len(client.delete_faces(CollectionId=collection, FaceIds=[UNKNOWN_FACE] * 4096)["DeletedFaces"]) == 0


def test_a_page_of_faces_starts_where_the_last_ended_whatever_was_deleted(
    client: Any, refused: Refused, collection: str
) -> None:
    picture = {"Bytes": encoded(crowd(2, 3, 100))}
    client.index_faces(CollectionId=collection, Image=picture)
    everyone = [face["FaceId"] for face in client.list_faces(CollectionId=collection, MaxResults=0)["Faces"]]
    first = client.list_faces(CollectionId=collection, MaxResults=2)
    client.delete_faces(CollectionId=collection, FaceIds=everyone[1:3])
    second = client.list_faces(CollectionId=collection, NextToken=first["NextToken"])
    assert [face["FaceId"] for face in second["Faces"]] == everyone[3:]
    client.create_collection(CollectionId="other")
    for name, token in (("other", first["NextToken"]), (collection, "nonsense")):
        refusal = refused(client.list_faces, CollectionId=name, NextToken=token)
        assert refusal == ("InvalidPaginationTokenException", "Invalid Pagination Token")
    client.delete_collection(CollectionId="other")
    assert refused(client.list_faces, CollectionId=collection, MaxResults=4097)[0] == "ValidationException"
    assert refused(client.list_faces, CollectionId=collection, UserId="u")[0] == "ResourceNotFoundException"


# -- SearchFaces and SearchFacesByImage ------------------------------------------------------------------------------


def test_a_face_finds_its_like_and_never_itself(client: Any, refused: Refused, collection: str) -> None:
    picture = {"Bytes": encoded(crowd(2, 2, 100), quality=95)}
    records = client.index_faces(CollectionId=collection, Image=picture, ExternalImageId="crew")["FaceRecords"]
    ids = [record["Face"]["FaceId"] for record in records]
    answer = client.search_faces(CollectionId=collection, FaceId=ids[0])
    assert answer["SearchedFaceId"] == ids[0]
    assert {match["Face"]["FaceId"] for match in answer["FaceMatches"]} == set(ids[1:])
    similarities = [match["Similarity"] for match in answer["FaceMatches"]]
    assert similarities == sorted(similarities, reverse=True)
    assert min(similarities) > 99
    assert answer["FaceMatches"][0]["Face"]["ExternalImageId"] == "crew"
    few = client.search_faces(CollectionId=collection, FaceId=ids[0], MaxFaces=2, FaceMatchThreshold=0)
    assert len(few["FaceMatches"]) == 2
    code, message = refused(client.search_faces, CollectionId=collection, FaceId=UNKNOWN_FACE)
    assert (code, message) == ("InvalidParameterException", "faceId was not found in the collection.")
    for wrong in ({"FaceId": "x"}, {"MaxFaces": 0}, {"MaxFaces": 4097}, {"FaceMatchThreshold": 100.1}):
        arguments = {"CollectionId": collection, "FaceId": ids[0]} | wrong
        assert refused(client.search_faces, **arguments)[0] == "ValidationException"


def test_a_face_has_the_same_confidence_wherever_it_is_told(client: Any, collection: str, portrait: bytes) -> None:
    picture = {"Bytes": portrait}
    (detail,) = client.detect_faces(Image=picture)["FaceDetails"]
    (record,) = client.index_faces(CollectionId=collection, Image=picture)["FaceRecords"]
    (listed,) = client.list_faces(CollectionId=collection)["Faces"]
    searched = client.search_faces_by_image(CollectionId=collection, Image=picture)
    compared = client.compare_faces(SourceImage=picture, TargetImage=picture)
    told = [
        detail["Confidence"],
        record["Face"]["Confidence"],
        record["FaceDetail"]["Confidence"],
        listed["Confidence"],
        searched["SearchedFaceConfidence"],
        searched["FaceMatches"][0]["Face"]["Confidence"],
        compared["SourceImageFace"]["Confidence"],
        compared["FaceMatches"][0]["Face"]["Confidence"],
    ]
    assert told == pytest.approx([told[0]] * len(told))
    assert told[0] > 99


@pytest.mark.parametrize("degrees", [90, 135, 180, 270])
@pytest.mark.slow
def test_a_turned_portrait_is_recognised(client: Any, collection: str, degrees: int) -> None:
    client.index_faces(CollectionId=collection, Image={"Bytes": encoded(astronaut())}, ExternalImageId="eileen")
    turned = encoded(PIL.Image.fromarray(astronaut()).rotate(degrees, expand=True), quality=95)
    answer = client.search_faces_by_image(CollectionId=collection, Image={"Bytes": turned}, QualityFilter="MEDIUM")
    (match,) = answer["FaceMatches"]
    assert match["Similarity"] > 99
    assert answer["SearchedFaceConfidence"] > 99
    (face,) = client.detect_faces(Image={"Bytes": turned})["FaceDetails"]
    assert abs((face["Pose"]["Roll"] + degrees + 180) % 360 - 180) < 20


def test_the_largest_face_of_an_image_is_searched_for(client: Any, refused: Refused, collection: str) -> None:
    stored = client.index_faces(CollectionId=collection, Image={"Bytes": encoded(head(200))}, ExternalImageId="eileen")
    canvas = np.concatenate([np.pad(head(100), ((50, 50), (0, 0), (0, 0))), head(200)], axis=1)
    answer = client.search_faces_by_image(
        CollectionId=collection, Image={"Bytes": encoded(canvas, quality=95)}, QualityFilter="LOW", MaxFaces=1
    )
    assert answer["SearchedFaceBoundingBox"]["Left"] > 1 / 3
    assert 50 < answer["SearchedFaceConfidence"] <= 100
    (match,) = answer["FaceMatches"]
    assert match["Face"] == stored["FaceRecords"][0]["Face"]
    assert match["Similarity"] > 99
    code, message = refused(client.search_faces_by_image, CollectionId=collection, Image={"Bytes": encoded(nobody())})
    assert (code, message) == (
        "InvalidParameterException",
        "There are no faces in the image. Should be at least 1.",
    )
    for wrong in ({"MaxFaces": 0}, {"FaceMatchThreshold": -1}, {"QualityFilter": "auto"}):
        arguments = {"CollectionId": collection, "Image": {"Bytes": encoded(canvas)}} | wrong
        assert refused(client.search_faces_by_image, **arguments)[0] == "ValidationException"


def test_the_filter_applies_to_the_face_that_is_searched_for(client: Any, refused: Refused, collection: str) -> None:
    small = {"Bytes": encoded(crowd(2, 2, 48))}
    assert client.search_faces_by_image(CollectionId=collection, Image=small)["FaceMatches"] == []
    refusal = refused(client.search_faces_by_image, CollectionId=collection, Image=small, QualityFilter="HIGH")
    assert refusal == ("InvalidParameterException", "There are no faces in the image. Should be at least 1.")


# -- CompareFaces ----------------------------------------------------------------------------------------------------


def test_the_sources_face_is_compared_with_every_face_of_the_target(client: Any, portrait: bytes) -> None:
    target = {"Bytes": encoded(crowd(1, 3, 120), quality=95)}
    answer = client.compare_faces(SourceImage={"Bytes": portrait}, TargetImage=target)
    assert answer["SourceImageFace"]["BoundingBox"] == pytest.approx(
        {"Left": 0.35, "Top": 0.11, "Width": 0.17, "Height": 0.23}, abs=0.02
    )
    assert answer["UnmatchedFaces"] == []
    similarities = [match["Similarity"] for match in answer["FaceMatches"]]
    assert len(similarities) == 3
    assert similarities == sorted(similarities, reverse=True)
    assert sorted(round(left(match["Face"]) * 3 - 0.3) for match in answer["FaceMatches"]) == [0, 1, 2]
    assert set(answer["FaceMatches"][0]["Face"]) == USUAL
    strict = client.compare_faces(SourceImage={"Bytes": portrait}, TargetImage=target, SimilarityThreshold=100)
    assert (len(strict["FaceMatches"]), len(strict["UnmatchedFaces"])) == (0, 3)
    same = client.compare_faces(
        SourceImage={"Bytes": portrait}, TargetImage={"Bytes": portrait}, SimilarityThreshold=100, QualityFilter="AUTO"
    )
    assert same["FaceMatches"][0]["Similarity"] == pytest.approx(100, abs=1e-3)


def test_without_a_face_on_either_side_there_is_nothing_to_compare(
    client: Any, refused: Refused, portrait: bytes
) -> None:
    face, empty = {"Bytes": portrait}, {"Bytes": encoded(nobody())}
    for source, target in ((empty, face), (face, empty), (empty, empty)):
        assert refused(client.compare_faces, SourceImage=source, TargetImage=target) == (
            "InvalidParameterException",
            "Request has invalid parameters",
        )
    for wrong in ({"SimilarityThreshold": 101}, {"QualityFilter": "X"}):
        arguments = {"SourceImage": face, "TargetImage": face} | wrong
        assert refused(client.compare_faces, **arguments)[0] == "ValidationException"


# -- S3Object --------------------------------------------------------------------------------------------------------


def test_images_come_from_buckets_as_well(client: Any, bucket: Bucket, portrait: bytes) -> None:
    place = bucket("2024/eileen é.jpg", portrait)
    from_bucket = client.detect_faces(Image=place)["FaceDetails"]
    assert from_bucket == client.detect_faces(Image={"Bytes": portrait})["FaceDetails"]
    assert client.compare_faces(SourceImage=place, TargetImage={"Bytes": portrait})["FaceMatches"]


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ({"Bucket": "photos", "Name": "missing.jpg"}, "InvalidS3ObjectException"),
        ({"Bucket": "nowhere", "Name": "a.jpg"}, "InvalidS3ObjectException"),
        ({"Bucket": "photos", "Name": "../../seal.key"}, "InvalidS3ObjectException"),
        ({"Bucket": "photos", "Name": "/etc/passwd"}, "InvalidS3ObjectException"),
        ({"Bucket": "photos", "Name": "a.jpg", "Version": "3"}, "InvalidS3ObjectException"),
        ({"Bucket": "photos"}, "InvalidS3ObjectException"),
        ({"Bucket": "..", "Name": "seal.key"}, "ValidationException"),
        ({"Bucket": "a/b", "Name": "a.jpg"}, "ValidationException"),
        ({"Bucket": "photos", "Name": "x" * 1025}, "ValidationException"),
    ],
)
def test_an_object_that_is_not_there_is_refused(
    client: Any, refused: Refused, bucket: Bucket, portrait: bytes, place: dict[str, str], code: str
) -> None:
    bucket("a.jpg", portrait)
    assert refused(client.detect_faces, Image={"S3Object": place})[0] == code
