from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from all_operations import Operations

from regard.errors import ResourceNotFound, ServiceQuotaExceeded
from regard.operations.tags import MOST_TAGS

ARN = "arn:aws:rekognition:us-east-1:000000000000:collection/staff"


@pytest.fixture(autouse=True)
def _collections(operations: Operations) -> None:
    """The collection `staff` with one tag, and another collection without any."""
    operations.ask("CreateCollection", {"CollectionId": "staff", "Tags": {"site": "oslo"}})
    operations.ask("CreateCollection", {"CollectionId": "other"})


def tag(operations: Operations, tags: dict[str, str]) -> None:
    assert operations.ask("TagResource", {"ResourceArn": ARN, "Tags": tags}).members == {}


def untag(operations: Operations, names: list[str]) -> None:
    assert operations.ask("UntagResource", {"ResourceArn": ARN, "TagKeys": names}).members == {}


def tags(operations: Operations, arn: str = ARN) -> dict[str, str]:
    return dict(operations.ask("ListTagsForResource", {"ResourceArn": arn}).members["Tags"])


def test_new_tags_join_the_old_and_replace_those_of_their_name(operations: Operations) -> None:
    tag(operations, {"team": "red", "empty": ""})
    assert tags(operations) == {"site": "oslo", "team": "red", "empty": ""}
    tag(operations, {"site": "Ålesund"})
    tag(operations, {})
    assert tags(operations) == {"site": "Ålesund", "team": "red", "empty": ""}
    assert tags(operations, ARN.replace("staff", "other")) == {}


def test_tags_go_by_their_names_and_unknown_names_are_no_fault(operations: Operations) -> None:
    tag(operations, {"team": "red", "Team": "blue"})
    untag(operations, ["team", "never"])
    assert tags(operations) == {"site": "oslo", "Team": "blue"}
    untag(operations, [])
    assert tags(operations) == {"site": "oslo", "Team": "blue"}


def test_beyond_the_most_nothing_is_changed(operations: Operations) -> None:
    tag(operations, {f"k{number}": "" for number in range(MOST_TAGS - 1)})
    full = tags(operations)
    assert len(full) == MOST_TAGS == 200
    with pytest.raises(ServiceQuotaExceeded, match="at most 200 tags; this one would have 201"):
        tag(operations, {"k0": "changed", "one more": ""})
    assert tags(operations) == full
    tag(operations, {"k0": "changed"})
    assert tags(operations) == full | {"k0": "changed"}


@pytest.mark.parametrize("operation", ["TagResource", "UntagResource", "ListTagsForResource"])
@pytest.mark.parametrize("arn", [ARN.replace("staff", "nobody"), ARN.replace("us-east-1", "us-east-2")])
def test_what_is_not_there_cannot_be_tagged(operations: Operations, operation: str, arn: str) -> None:
    with pytest.raises(ResourceNotFound):
        operations.ask(operation, {"ResourceArn": arn, "Tags": {"a": "b"}, "TagKeys": ["a"]})


def test_of_tags_set_at_the_same_time_none_is_lost(operations: Operations) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: tag(operations, {f"k{number}": str(number)}), range(40)))
    assert tags(operations) == {"site": "oslo"} | {f"k{number}": str(number) for number in range(40)}
