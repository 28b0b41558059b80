from __future__ import annotations

from typing import Any

import pytest
from botocore.loaders import create_loader

from regard.domain.faces import QualityLevel
from regard.domain.identifiers import COLLECTION_ID, EXTERNAL_IMAGE_ID, USER_ID, UUID_PATTERN, Identifier


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
    assert COLLECTION_ID.made_from(text) == text


@pytest.mark.parametrize("text", ["", "a b", "a:b", "é", "a\n", "x" * 256])
def test_any_other_is_not(text: str) -> None:
    assert not COLLECTION_ID.allows(text)


def test_what_a_file_is_called_becomes_an_id() -> None:
    assert EXTERNAL_IMAGE_ID.made_from("Zoë & Max:1.jpg") == "Zo____Max:1.jpg"
    assert EXTERNAL_IMAGE_ID.made_from("y" * 300) == "y" * 255
    assert EXTERNAL_IMAGE_ID.made_from("") is None
