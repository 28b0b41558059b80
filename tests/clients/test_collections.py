from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from .drivers import Driver


def test_a_collection_is_created_described_listed_and_deleted(driver: Driver) -> None:
    name = f"life-{uuid4()}"
    made = driver.call("CreateCollection", CollectionId=name, Tags={"team": "Zoë Ωμέγα", "empty": ""})
    assert made["StatusCode"] == 200
    assert made["CollectionArn"] == f"arn:aws:rekognition:us-east-1:000000000000:collection/{name}"
    described = driver.call("DescribeCollection", CollectionId=name)
    assert described["CollectionARN"] == made["CollectionArn"]
    assert described["FaceModelVersion"] == made["FaceModelVersion"]
    assert described["FaceCount"] == described["UserCount"] == 0
    assert name in driver.call("ListCollections")["CollectionIds"]
    assert driver.call("DeleteCollection", CollectionId=name)["StatusCode"] == 200
    assert driver.refused("DescribeCollection", CollectionId=name).code == "ResourceNotFoundException"


def test_the_time_of_creation_is_a_time(driver: Driver, collection: str) -> None:
    created = driver.call("DescribeCollection", CollectionId=collection)["CreationTimestamp"]
    assert isinstance(created, datetime)
    assert abs((datetime.now(UTC) - created).total_seconds()) < 60


def test_a_name_is_taken_once(driver: Driver, collection: str) -> None:
    fault = driver.refused("CreateCollection", CollectionId=collection)
    assert fault.code == "ResourceAlreadyExistsException"
    assert fault.message == f"The collection id: {collection} already exists."


def test_an_unknown_collection_is_not_found(driver: Driver) -> None:
    fault = driver.refused("ListFaces", CollectionId="nobodys")
    assert fault.code == "ResourceNotFoundException"
    assert "nobodys" in fault.message


@pytest.fixture(scope="module")
def tagged(reference: Any) -> Iterator[str]:
    """A collection's ARN; it has a tag."""
    yield reference.create_collection(CollectionId="tagged", Tags={"team": "red"})["CollectionArn"]
    reference.delete_collection(CollectionId="tagged")


def test_tags_are_added_listed_and_removed_in_any_script(driver: Driver, tagged: str) -> None:
    driver.call("TagResource", ResourceArn=tagged, Tags={"città": "Łódź 東京", "empty": ""})
    tags = driver.call("ListTagsForResource", ResourceArn=tagged)["Tags"]
    assert tags == {"team": "red", "città": "Łódź 東京", "empty": ""}
    driver.call("UntagResource", ResourceArn=tagged, TagKeys=["città", "empty"])
    assert driver.call("ListTagsForResource", ResourceArn=tagged)["Tags"] == {"team": "red"}
