"""DetectLabels, asked by boto3 of a running server."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from live_server import Live
from people import astronaut, encoded, nobody
from skimage import data

from regard.domain.arrays import ByteArray

Refused = Callable[..., tuple[str, str]]

#: Words that would say of somebody what they look like, and nobody asked.
UNSAID = {"Man", "Woman", "Girl", "Boy", "Child", "Baby", "Lady", "Male", "Female", "Adult", "Teen", "Astronaut"}


@pytest.fixture(scope="session")
def cat() -> bytes:
    return encoded(data.chelsea(), quality=92)


def named(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {label["Name"]: label for label in answer["Labels"]}


def names(items: list[dict[str, str]]) -> list[str]:
    return [item["Name"] for item in items]


def test_a_cat_is_a_cat_with_all_that_a_cat_is(client: Any, cat: bytes) -> None:
    answer = client.detect_labels(Image={"Bytes": cat})
    found = named(answer)
    assert {"Cat", "Pet", "Mammal", "Animal"} <= set(found)
    label = found["Cat"]
    assert label["Confidence"] > 80
    assert names(label["Parents"]) == ["Animal", "Mammal", "Pet"]
    assert names(label["Categories"]) == ["Animals and Pets"]
    (box,) = (one["BoundingBox"] for one in label["Instances"])
    assert min(box["Width"], box["Height"]) > 0.7
    assert "Dog" not in found
    assert set(label) == {"Name", "Confidence", "Instances", "Parents", "Aliases", "Categories"}
    assert "ImageProperties" not in answer
    assert answer["LabelModelVersion"]


def test_labels_come_most_certain_first_and_no_ancestor_is_less_certain(client: Any, cat: bytes) -> None:
    answer = client.detect_labels(Image={"Bytes": cat}, MinConfidence=20)
    order = [(-label["Confidence"], label["Name"]) for label in answer["Labels"]]
    assert order == sorted(order)
    found = named(answer)
    for label in answer["Labels"]:
        for parent in label["Parents"]:
            assert found[parent["Name"]]["Confidence"] >= label["Confidence"]


def test_somebody_is_a_person_with_a_face_and_nothing_more_is_said_of_her(client: Any, portrait: bytes) -> None:
    found = named(client.detect_labels(Image={"Bytes": portrait}, MinConfidence=10))
    assert found["Person"]["Confidence"] > 95
    assert names(found["Face"]["Parents"]) == ["Head", "Person"]
    assert not UNSAID & set(found)
    assert not {"Profession", "Religion"} & {names(label["Categories"])[0] for label in found.values()}
    (person,) = [one for one in found["Person"]["Instances"] if one["Confidence"] > 90]
    (face,) = found["Face"]["Instances"]
    body, head = person["BoundingBox"], face["BoundingBox"]
    assert body["Left"] < head["Left"] < head["Left"] + head["Width"] < body["Left"] + body["Width"]
    assert body["Top"] < head["Top"] + head["Height"] / 2 < body["Top"] + body["Height"] / 2


@pytest.mark.slow
def test_least_confidence_and_the_number_of_labels_are_kept_to(client: Any, cat: bytes) -> None:
    usual = client.detect_labels(Image={"Bytes": cat})["Labels"]
    assert min(label["Confidence"] for label in usual) >= 55
    assert client.detect_labels(Image={"Bytes": cat}, MinConfidence=55)["Labels"] == usual
    more = client.detect_labels(Image={"Bytes": cat}, MinConfidence=0)["Labels"]
    assert len(more) >= len(usual)
    assert all(label["Confidence"] >= 10 for label in more)
    for label in client.detect_labels(Image={"Bytes": cat}, MinConfidence=80)["Labels"]:
        assert all(one["Confidence"] >= 80 for one in [label, *label["Instances"]])
    assert client.detect_labels(Image={"Bytes": cat}, MaxLabels=2)["Labels"] == usual[:2]
    assert client.detect_labels(Image={"Bytes": cat}, MaxLabels=0)["Labels"] == []
    assert client.detect_labels(Image={"Bytes": cat}, MaxLabels=5000)["Labels"] == usual


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        ({"LabelInclusionFilters": ["Cat", "No Such Label"]}, {"Cat"}),
        ({"LabelExclusionFilters": ["Cat", "Animal"]}, {"Pet", "Mammal"}),
        ({"LabelCategoryInclusionFilters": ["Animals and Pets"]}, {"Cat", "Pet", "Mammal", "Animal"}),
        ({"LabelCategoryInclusionFilters": ["Vehicles and Automotive"]}, set()),
        ({"LabelCategoryExclusionFilters": ["Animals and Pets"]}, set()),
        (
            {"LabelCategoryInclusionFilters": ["Animals and Pets"], "LabelExclusionFilters": ["Pet"]},
            {"Cat", "Mammal", "Animal"},
        ),
        (
            {"LabelInclusionFilters": ["Cat"], "LabelCategoryInclusionFilters": ["Vehicles and Automotive"]},
            {"Cat"},
        ),
        ({"LabelInclusionFilters": ["Cat"], "LabelCategoryExclusionFilters": ["Animals and Pets"]}, set()),
    ],
)
@pytest.mark.slow
def test_labels_are_filtered_by_name_and_category(
    client: Any, cat: bytes, filters: dict[str, list[str]], kept: set[str]
) -> None:
    answer = client.detect_labels(Image={"Bytes": cat}, Settings={"GeneralLabels": filters})
    animals = {"Cat", "Pet", "Mammal", "Animal"}
    assert set(named(answer)) & animals == kept


def test_filters_come_before_the_number_of_labels(client: Any, cat: bytes) -> None:
    settings = {"GeneralLabels": {"LabelInclusionFilters": ["Cat"]}}
    answer = client.detect_labels(Image={"Bytes": cat}, MaxLabels=1, Settings=settings)
    assert set(named(answer)) == {"Cat"}


# -- image properties ------------------------------------------------------------------------------------------------


def test_properties_are_told_of_the_picture_its_foreground_and_its_background(client: Any, portrait: bytes) -> None:
    both = ["GENERAL_LABELS", "IMAGE_PROPERTIES"]
    answer = client.detect_labels(Image={"Bytes": portrait}, Features=both)
    told = answer["ImageProperties"]
    assert set(told) == {"Quality", "DominantColors", "Foreground", "Background"}
    assert set(told["Quality"]) == {"Brightness", "Sharpness", "Contrast"}
    for part in ("Foreground", "Background"):
        assert set(told[part]) == {"Quality", "DominantColors"}
        assert set(told[part]["Quality"]) == {"Brightness", "Sharpness"}
    assert all(0 <= value <= 100 for value in told["Quality"].values())
    for colours in (told["DominantColors"], told["Foreground"]["DominantColors"]):
        assert 1 <= len(colours) <= 10
        shares = [colour["PixelPercent"] for colour in colours]
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) <= 100.01
    colour = told["DominantColors"][0]
    assert colour["HexCode"] == "#{Red:02x}{Green:02x}{Blue:02x}".format(**colour)
    assert set(colour) == {"Red", "Green", "Blue", "HexCode", "CSSColor", "SimplifiedColor", "PixelPercent"}
    person = named(answer)["Person"]["Instances"][0]
    assert person["DominantColors"]
    plain = client.detect_labels(Image={"Bytes": portrait})
    assert "DominantColors" not in named(plain)["Person"]["Instances"][0]


def test_the_number_of_colours_is_kept_to_and_labels_are_left_out_unless_asked_for(client: Any, cat: bytes) -> None:
    settings = {"ImageProperties": {"MaxDominantColors": 2}}
    answer = client.detect_labels(Image={"Bytes": cat}, Features=["IMAGE_PROPERTIES"], Settings=settings)
    assert "Labels" not in answer
    assert len(answer["ImageProperties"]["DominantColors"]) == 2


def test_a_red_picture_is_red(client: Any) -> None:
    red = np.full((200, 300, 3), (255, 0, 0), np.uint8)
    answer = client.detect_labels(Image={"Bytes": encoded(red, "PNG")}, Features=["IMAGE_PROPERTIES"])
    (colour,) = answer["ImageProperties"]["DominantColors"]
    assert (colour["CSSColor"], colour["SimplifiedColor"], colour["HexCode"]) == ("red", "red", "#ff0000")
    assert colour["PixelPercent"] == pytest.approx(100)
    assert answer["ImageProperties"]["Quality"]["Contrast"] == 0


# -- objects of photographs ------------------------------------------------------------------------------------------

#: Objects plainly to be seen, in pixels: left, top, right, bottom.
PLAINLY: dict[str, list[tuple[str, tuple[int, int, int, int]]]] = {
    "dog.jpg": [("Bicycle", (118, 127, 568, 432)), ("Dog", (130, 218, 312, 542))],
    "person.jpg": [("Person", (190, 98, 276, 378)), ("Dog", (64, 264, 204, 346)), ("Horse", (400, 138, 604, 348))],
    "horses.jpg": [("Horse", (432, 208, 604, 347)), ("Horse", (2, 196, 312, 412))],
    "riders.jpg": [
        ("Horse", (206, 75, 428, 370)),
        ("Person", (270, 12, 352, 228)),
        ("Person", (427, 124, 451, 178)),
        ("Car", (0, 103, 132, 196)),
    ],
    "couple.jpg": [("Person", (780, 110, 2280, 1588)), ("Person", (40, 340, 1150, 1588))],
}


def share_in_common(box: dict[str, float], size: tuple[int, int], corners: tuple[int, int, int, int]) -> float:
    left, top = box["Left"] * size[0], box["Top"] * size[1]
    right, bottom = left + box["Width"] * size[0], top + box["Height"] * size[1]
    wide = max(0.0, min(right, corners[2]) - max(left, corners[0]))
    high = max(0.0, min(bottom, corners[3]) - max(top, corners[1]))
    areas = (right - left) * (bottom - top) + (corners[2] - corners[0]) * (corners[3] - corners[1])
    return wide * high / (areas - wide * high)


@pytest.mark.parametrize("file", PLAINLY)
@pytest.mark.slow
def test_every_object_plainly_there_is_found_in_its_place(client: Any, shared_data: Path, file: str) -> None:
    content = (shared_data / "images" / file).read_bytes()
    found = named(client.detect_labels(Image={"Bytes": content}))
    with PIL.Image.open(io.BytesIO(content)) as picture:
        size = picture.size
    for name, corners in PLAINLY[file]:
        best = max(share_in_common(one["BoundingBox"], size, corners) for one in found[name]["Instances"])
        assert best >= 0.5, (name, best)


# -- bad input -------------------------------------------------------------------------------------------------------


def wide_picture() -> ByteArray:
    return np.tile(astronaut()[::2, ::2], (1, 40, 1))[:, :10_000]


def crowded() -> ByteArray:
    """A hundred cats, each over a part of the next."""
    small = np.asarray(PIL.Image.fromarray(data.chelsea()).resize((160, 110)))
    picture = np.full((1200, 1600, 3), 200, np.uint8)
    for number in range(100):
        top, left = number // 10 * 110, number % 10 * 145
        picture[top : top + 110, left : left + 155] = small[:, :155]
    return picture


@pytest.mark.parametrize(
    "picture",
    [nobody(), np.full((80, 80, 3), 255, np.uint8), np.zeros((300, 400, 3), np.uint8), wide_picture(), crowded()],
    ids=["nothing", "one white", "one black", "10,000 pixels wide", "a hundred that overlap"],
)
def test_whatever_the_picture_the_answer_keeps_its_form(client: Any, picture: ByteArray) -> None:
    both = ["GENERAL_LABELS", "IMAGE_PROPERTIES"]
    answer = client.detect_labels(Image={"Bytes": encoded(picture, quality=85)}, Features=both, MinConfidence=10)
    for label in answer["Labels"]:
        assert len(label["Instances"]) <= 100
        for one in label["Instances"]:
            box = one["BoundingBox"]
            assert box["Left"] >= -0.05
            assert box["Top"] >= -0.05
            assert box["Left"] + box["Width"] <= 1.05
            assert box["Top"] + box["Height"] <= 1.05
    assert answer["ImageProperties"]["DominantColors"]


@pytest.mark.parametrize("colour", [(128, 128, 128), (90, 120, 150), (0, 120, 0), (255, 255, 255)], ids=str)
def test_one_colour_shows_nothing(client: Any, colour: tuple[int, int, int]) -> None:
    picture = encoded(np.full((400, 400, 3), colour, np.uint8))
    assert client.detect_labels(Image={"Bytes": picture}, MinConfidence=20)["Labels"] == []


@pytest.mark.parametrize("side", [300, 640, 1200])
@pytest.mark.slow
def test_noise_shows_nothing(client: Any, side: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3)).astype(np.uint8)
    for kind in ("PNG", "JPEG"):
        assert client.detect_labels(Image={"Bytes": encoded(noise, kind)}, MinConfidence=50)["Labels"] == []


def test_one_tie_is_told_once(client: Any, shared_data: Path) -> None:
    content = (shared_data / "images" / "couple.jpg").read_bytes()
    found = named(client.detect_labels(Image={"Bytes": content}, MinConfidence=20))
    assert len(found["Tie"]["Instances"]) == 1


def test_what_is_no_picture_or_not_all_of_one_is_refused(client: Any, refused: Refused, cat: bytes) -> None:
    for content in (cat[: len(cat) // 2], b"not a picture", b"GIF89a" + bytes(100)):
        assert refused(client.detect_labels, Image={"Bytes": content})[0] == "InvalidImageFormatException"
    small = encoded(nobody(79, 200))
    assert refused(client.detect_labels, Image={"Bytes": small})[0] == "InvalidParameterException"
    assert refused(client.detect_labels, Image={})[0] == "InvalidParameterException"
    lost = {"S3Object": {"Bucket": "photos", "Name": "lost.jpg"}}
    assert refused(client.detect_labels, Image=lost)[0] == "InvalidS3ObjectException"


@pytest.mark.parametrize(
    "more",
    [
        {"MinConfidence": 101},
        {"MinConfidence": -1},
        {"MaxLabels": -1},
        {"Features": ["COLOURS"]},
        {"Features": ["GENERAL_LABELS"] * 3},
        {"Settings": {"ImageProperties": {"MaxDominantColors": 21}}},
        {"Settings": {"GeneralLabels": {"LabelInclusionFilters": ["Cat"] * 101}}},
        {"Settings": {"GeneralLabels": {"LabelExclusionFilters": ["no {braces}"]}}},
    ],
)
def test_what_the_service_model_forbids_is_refused(
    client: Any, refused: Refused, cat: bytes, more: dict[str, Any]
) -> None:
    assert refused(client.detect_labels, Image={"Bytes": cat}, **more)[0] == "ValidationException"


def test_a_stored_picture_is_labelled_as_one_in_the_request(client: Any, live: Live, cat: bytes) -> None:
    stored = client.detect_labels(Image=live.put("cat.jpg", cat))
    assert stored["Labels"] == client.detect_labels(Image={"Bytes": cat})["Labels"]


def test_a_server_without_the_models_says_how_to_get_them(bare: Live, refused: Refused, cat: bytes) -> None:
    code, message = refused(bare.client().detect_labels, Image={"Bytes": cat})
    assert code == "ResourceNotReadyException"
    assert "`regard models pull images`" in message
