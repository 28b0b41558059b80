from __future__ import annotations

from typing import Any

import pytest
from live_server import Live
from people import encoded, nobody

from .drivers import Driver


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """Every number, word and truth in an answer, by its path."""
    match value:
        case dict():
            items = value.items()
        case list():
            items = enumerate(value)
        case _:
            return {path: value}
    return {name: leaf for key, each in items for name, leaf in flat(each, f"{path}.{key}").items()}


@pytest.mark.parametrize("attributes", [{}, {"Attributes": ["ALL"]}], ids=["default", "all"])
def test_every_client_reads_the_same_face(
    driver: Driver, reference: Any, portrait: bytes, attributes: dict[str, list[str]]
) -> None:
    found = driver.call("DetectFaces", Image={"Bytes": portrait}, **attributes)["FaceDetails"]
    expected = reference.detect_faces(Image={"Bytes": portrait}, **attributes)["FaceDetails"]
    assert len(found) == 1
    assert ("Smile" in found[0]) is bool(attributes)
    assert flat(found) == pytest.approx(flat(expected), abs=1e-4)


def test_every_client_reads_the_same_labels_and_colours(driver: Driver, reference: Any, portrait: bytes) -> None:
    asked: dict[str, Any] = {
        "Image": {"Bytes": portrait},
        "MinConfidence": 60.5,
        "Features": ["GENERAL_LABELS", "IMAGE_PROPERTIES"],
        "Settings": {
            "GeneralLabels": {"LabelCategoryInclusionFilters": ["Person Description"]},
            "ImageProperties": {"MaxDominantColors": 3},
        },
    }
    found, expected = driver.call("DetectLabels", **asked), reference.detect_labels(**asked)
    assert {label["Name"] for label in found["Labels"]} == {"Person", "Head", "Face"}
    for member in ("Labels", "ImageProperties", "LabelModelVersion"):
        assert flat(found[member]) == pytest.approx(flat(expected[member]), abs=1e-4)


def test_an_image_comes_from_a_bucket_whatever_its_name(driver: Driver, live: Live, portrait: bytes) -> None:
    place = live.put("2024/été 写真.jpg", portrait)
    (face,) = driver.call("DetectFaces", Image=place)["FaceDetails"]
    assert face["BoundingBox"] == pytest.approx({"Left": 0.35, "Top": 0.11, "Width": 0.17, "Height": 0.23}, abs=0.02)
    lost = {"S3Object": {"Bucket": "photos", "Name": "2024/nowhere.jpg"}}
    assert driver.refused("DetectFaces", Image=lost).code == "InvalidS3ObjectException"


def test_a_file_that_is_no_image_is_refused(driver: Driver) -> None:
    fault = driver.refused("DetectFaces", Image={"Bytes": b"Dear sir, enclosed please find my photograph.\n"})
    assert fault.code == "InvalidImageFormatException"
    assert "found text" in fault.message


def test_a_picture_without_a_face_cannot_be_compared(driver: Driver, portrait: bytes) -> None:
    images = {"SourceImage": {"Bytes": encoded(nobody())}, "TargetImage": {"Bytes": portrait}}
    assert driver.refused("CompareFaces", **images).code == "InvalidParameterException"
