from __future__ import annotations

from typing import Any

import pytest
from botocore.loaders import create_loader

from regard.domain.faces import QualityLevel
from regard.domain.identifiers import (
    COLLECTION_ID,
    EXTERNAL_IMAGE_ID,
    USER_ID,
    UUID_PATTERN,
    Identifier,
    name_of,
    spelled,
)


@pytest.fixture(scope="module")
def shapes() -> dict[str, dict[str, Any]]:
    """The service model's."""
    model = create_loader().load_service_model("rekognition", "service-2")
    shapes: dict[str, dict[str, Any]] = model["shapes"]
    return shapes


@pytest.mark.parametrize(
    ("shape", "identifier"),
    [("CollectionId", COLLECTION_ID), ("ExternalImageId", EXTERNAL_IMAGE_ID), ("UserId", USER_ID)],
)
def test_an_id_that_clients_choose_is_the_service_models(
    shapes: dict[str, dict[str, Any]], shape: str, identifier: Identifier
) -> None:
    model = shapes[shape]
    assert (model["pattern"], model["min"], model["max"]) == (f"[{identifier.characters}]+", 1, identifier.longest)


@pytest.mark.parametrize("shape", ["FaceId", "ImageId"])
def test_an_id_that_the_server_chooses_is_the_service_models(shapes: dict[str, dict[str, Any]], shape: str) -> None:
    assert shapes[shape]["pattern"] == UUID_PATTERN.pattern
    assert "max" not in shapes[shape]


def test_the_quality_levels_are_the_service_models(shapes: dict[str, dict[str, Any]]) -> None:
    assert shapes["QualityFilter"]["enum"] == list(QualityLevel)


@pytest.mark.parametrize("text", ["a", "Staff_2.0-b", "x" * 255])
def test_an_id_of_allowed_characters_and_length_is_allowed(text: str) -> None:
    assert COLLECTION_ID.allows(text)


@pytest.mark.parametrize("text", ["", "a b", "a:b", "é", "a\n", "x" * 256])
def test_any_other_is_not(text: str) -> None:
    assert not COLLECTION_ID.allows(text)


# -- names as ids ----------------------------------------------------------------------------------------------------

NAMES = [
    "ada", "Ann_Lee", "Ann Lee", "Ann  Lee", "Ann:Lee", "Ann::Lee", "Ann:20Lee", "a%20b", "a+b", "a/b", "1:3", ":FF",
    "Müller", "Möller", "Muller", "Ångström", "Łukasz", "Straße", "田中", "鈴木", "김민준", "이서연", "Дмитрий",
    "Nguyễn", "Дмитрии", "محمد", "👩\u200d🔬", "\udcff", ":-x", "x" * 255, "x" * 256, "x" * 257, "田" * 100,
    "田" * 99 + "中", "中" + "田" * 99,
]  # fmt: skip


def test_no_two_names_are_spelled_alike_and_every_id_is_allowed() -> None:
    ids = [spelled(name) for name in NAMES]
    assert len(set(ids)) == len(NAMES)
    assert [name for name in ids if not EXTERNAL_IMAGE_ID.allows(name)] == []


@pytest.mark.parametrize(
    ("name", "identifier"),
    [("Ada_L-1.jpg", "Ada_L-1.jpg"), ("Ann Lee", "Ann::Lee"), ("Müller", "Mu:CC:88ller"), ("1:3", "1:3A3"),
     ("田", ":E7:94:B0"), ("", "")],
)  # fmt: skip
def test_an_id_can_be_read_by_who_knows_the_name(name: str, identifier: str) -> None:
    assert spelled(name) == identifier


@pytest.mark.parametrize("name", [name for name in NAMES if len(spelled(name)) < 250 and name.isprintable()])
def test_an_id_leads_back_to_the_name(name: str) -> None:
    assert name_of(spelled(name)) == name


def test_a_name_is_the_same_however_its_accents_are_written() -> None:
    composed, apart = "Jos\u00e9 \ud55c", "Jose\u0301 \u1112\u1161\u11ab"
    assert spelled(composed) == spelled(apart)
    assert name_of(spelled(apart)) == composed


@pytest.mark.parametrize("identifier", ["m:1", "crm:1234", "a:CC", ":FF", "a:e9b", "n:0Ab", spelled("x" * 300), "a:41"])
def test_an_id_that_spells_no_name_is_shown_as_it_is(identifier: str) -> None:
    assert name_of(identifier) == identifier
