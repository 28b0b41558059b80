"""DetectProtectiveEquipment, asked by boto3 of a running server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from people import astronaut, encoded, nobody
from PIL import ImageDraw

Refused = Callable[..., tuple[str, str]]
SUMMARY = {"MinConfidence": 60, "RequiredEquipmentTypes": ["FACE_COVER"]}


@pytest.fixture(scope="session")
def masked(client: Any, portrait: bytes) -> bytes:
    """The astronaut with a mask drawn over nose and mouth, by the points of her face."""
    (face,) = client.detect_faces(Image={"Bytes": portrait}, Attributes=["ALL"])["FaceDetails"]
    picture = PIL.Image.fromarray(astronaut())
    point = {mark["Type"]: (mark["X"] * picture.width, mark["Y"] * picture.height) for mark in face["Landmarks"]}
    draw = ImageDraw.Draw(picture)
    left, right = point["upperJawlineLeft"], point["upperJawlineRight"]
    bridge = point["nose"][0], (point["nose"][1] + point["eyeLeft"][1]) / 2
    outline = [left, bridge, right, point["midJawlineRight"], point["chinBottom"], point["midJawlineLeft"]]
    draw.polygon(outline, fill=(120, 170, 210))
    for step in (-8, 0, 8):
        y = point["mouthDown"][1] - 10 + step
        draw.line([(point["midJawlineLeft"][0] + 4, y), (point["midJawlineRight"][0] - 4, y)], fill=(95, 140, 175))
    return encoded(picture, quality=92)


def test_a_mask_is_found_on_the_face_of_the_person_who_wears_it(client: Any, masked: bytes) -> None:
    answer = client.detect_protective_equipment(Image={"Bytes": masked}, SummarizationAttributes=SUMMARY)
    (person,) = answer["Persons"]
    (part,) = person["BodyParts"]
    assert part["Name"] == "FACE"
    (worn,) = part["EquipmentDetections"]
    assert worn["Type"] == "FACE_COVER"
    assert worn["CoversBodyPart"]["Value"] is True
    assert worn["Confidence"] > 60
    box, body = worn["BoundingBox"], person["BoundingBox"]
    assert body["Top"] < 0.2 < box["Top"] + box["Height"] < 0.4
    assert answer["Summary"]["PersonsWithRequiredEquipment"] == [person["Id"]]
    assert answer["ProtectiveEquipmentModelVersion"]


def test_each_of_six_people_who_overlap_has_a_face_of_their_own_and_who_is_cut_in_half_has_none(
    client: Any, shared_data: Path
) -> None:
    content = (shared_data / "images" / "selfie-many-people.jpg").read_bytes()
    persons = client.detect_protective_equipment(Image={"Bytes": content})["Persons"]
    *whole, half = [[part["Name"] for part in person["BodyParts"]] for person in persons]
    assert (whole, half) == ([["FACE"]] * 6, [])
    assert persons[-1]["BoundingBox"]["Left"] == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(
    ("cloth", "corner"),
    [
        ([(215, 185), (262, 170), (318, 185), (312, 235), (290, 262), (245, 262), (220, 235)], (149, 80)),
        ([(352, 210), (410, 190), (480, 205), (470, 270), (440, 297), (390, 295), (360, 262)], (254, 75)),
        ([(95, 360), (160, 340), (208, 360), (205, 410), (180, 447), (130, 447), (100, 410)], (3, 238)),
    ],
    ids=["behind", "beside", "in front"],
)
@pytest.mark.slow
def test_among_people_who_overlap_a_mask_is_its_wearers(
    client: Any, shared_data: Path, cloth: list[tuple[int, int]], corner: tuple[int, int]
) -> None:
    with PIL.Image.open(shared_data / "images" / "selfie-many-people.jpg") as opened:
        picture = opened.convert("RGB")
    ImageDraw.Draw(picture).polygon(cloth, fill=(150, 190, 220))
    persons = client.detect_protective_equipment(Image={"Bytes": encoded(picture, "PNG")})["Persons"]
    worn = [(one["BoundingBox"], part["EquipmentDetections"]) for one in persons for part in one["BodyParts"]]
    (body,) = [box for box, masks in worn if masks]
    found = body["Left"] * picture.width, body["Top"] * picture.height
    assert found == pytest.approx(corner, abs=25)


def test_a_bare_face_has_none_and_lacks_it(client: Any, portrait: bytes) -> None:
    answer = client.detect_protective_equipment(Image={"Bytes": portrait}, SummarizationAttributes=SUMMARY)
    (person,) = answer["Persons"]
    (part,) = person["BodyParts"]
    assert part["EquipmentDetections"] == []
    assert answer["Summary"] == {
        "PersonsWithRequiredEquipment": [],
        "PersonsWithoutRequiredEquipment": [person["Id"]],
        "PersonsIndeterminate": [],
    }


def test_of_helmets_and_gloves_nothing_is_known(client: Any, portrait: bytes) -> None:
    asked = {"MinConfidence": 60, "RequiredEquipmentTypes": ["HEAD_COVER", "HAND_COVER"]}
    answer = client.detect_protective_equipment(Image={"Bytes": portrait}, SummarizationAttributes=asked)
    assert answer["Summary"]["PersonsIndeterminate"] == [answer["Persons"][0]["Id"]]


def test_without_people_there_are_none_and_without_a_question_no_summary(client: Any) -> None:
    answer = client.detect_protective_equipment(Image={"Bytes": encoded(nobody())})
    assert answer["Persons"] == []
    assert "Summary" not in answer


def test_the_least_side_is_less_than_of_other_operations(client: Any, refused: Refused) -> None:
    least, less = (encoded(astronaut()[:side, :200]) for side in (64, 63))
    assert client.detect_protective_equipment(Image={"Bytes": least})["ProtectiveEquipmentModelVersion"]
    code, message = refused(client.detect_protective_equipment, Image={"Bytes": less})
    assert code == "InvalidParameterException"
    assert "at least 64" in message
    assert "at least 80" in refused(client.detect_labels, Image={"Bytes": least})[1]


def test_a_summary_must_say_of_what(client: Any, refused: Refused, portrait: bytes) -> None:
    for asked in ({"MinConfidence": 60}, {"RequiredEquipmentTypes": ["FACE_COVER"]}, SUMMARY | {"MinConfidence": 101}):
        code, _ = refused(client.detect_protective_equipment, Image={"Bytes": portrait}, SummarizationAttributes=asked)
        assert code in ("ValidationException", "InvalidParameterException")
    wrong = {"MinConfidence": 60, "RequiredEquipmentTypes": ["SHOES"]}
    assert refused(client.detect_protective_equipment, Image={"Bytes": portrait}, SummarizationAttributes=wrong)
