from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from regard.errors import ResourceNotFound, ServiceQuotaExceeded
from regard.operations.services import Services
from regard.operations.tags import MOST_TAGS, list_tags_for_resource, tag_resource, untag_resource
from regard.store import database
from regard.store.collection_rows import CollectionRows

ARN = "arn:aws:rekognition:us-east-1:000000000000:collection/staff"


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """The collection `staff` with one tag, and another collection without any."""
    opened = database.open(f"sqlite:///{tmp_path / 'regard.db'}")
    rows = CollectionRows(opened)
    for name, tags in (("staff", {"site": "oslo"}), ("other", {})):
        rows.create(name, "m", tags, datetime.now(UTC))
    known = SimpleNamespace(gallery=rows, retag=rows.retag, collection_arn=ARN.replace("staff", "{}").format)
    yield cast(Services, known)
    opened.close()


def tags(services: Services, arn: str = ARN) -> dict[str, str]:
    return dict(list_tags_for_resource(services, {"ResourceArn": arn})["Tags"])


def test_new_tags_join_the_old_and_replace_those_of_their_name(services: Services) -> None:
    assert tag_resource(services, {"ResourceArn": ARN, "Tags": {"team": "red", "empty": ""}}) == {}
    assert tags(services) == {"site": "oslo", "team": "red", "empty": ""}
    tag_resource(services, {"ResourceArn": ARN, "Tags": {"site": "Ålesund"}})
    tag_resource(services, {"ResourceArn": ARN, "Tags": {}})
    assert tags(services) == {"site": "Ålesund", "team": "red", "empty": ""}
    assert tags(services, ARN.replace("staff", "other")) == {}


def test_tags_go_by_their_names_and_unknown_names_are_no_fault(services: Services) -> None:
    tag_resource(services, {"ResourceArn": ARN, "Tags": {"team": "red", "Team": "blue"}})
    assert untag_resource(services, {"ResourceArn": ARN, "TagKeys": ["team", "never"]}) == {}
    assert tags(services) == {"site": "oslo", "Team": "blue"}
    untag_resource(services, {"ResourceArn": ARN, "TagKeys": []})
    assert tags(services) == {"site": "oslo", "Team": "blue"}


def test_beyond_the_most_nothing_is_changed(services: Services) -> None:
    tag_resource(services, {"ResourceArn": ARN, "Tags": {f"k{number}": "" for number in range(MOST_TAGS - 1)}})
    full = tags(services)
    assert len(full) == MOST_TAGS == 200
    with pytest.raises(ServiceQuotaExceeded, match="at most 200 tags; this one would have 201"):
        tag_resource(services, {"ResourceArn": ARN, "Tags": {"k0": "changed", "one more": ""}})
    assert tags(services) == full
    tag_resource(services, {"ResourceArn": ARN, "Tags": {"k0": "changed"}})
    assert tags(services) == full | {"k0": "changed"}


@pytest.mark.parametrize("operation", [tag_resource, untag_resource, list_tags_for_resource])
@pytest.mark.parametrize("arn", [ARN.replace("staff", "nobody"), ARN.replace("us-east-1", "us-east-2")])
def test_what_is_not_there_cannot_be_tagged(services: Services, operation, arn: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ResourceNotFound):
        operation(services, {"ResourceArn": arn, "Tags": {"a": "b"}, "TagKeys": ["a"]})


def test_of_tags_set_at_the_same_time_none_is_lost(services: Services) -> None:
    def tag(number: int) -> None:
        tag_resource(services, {"ResourceArn": ARN, "Tags": {f"k{number}": str(number)}})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(tag, range(40)))
    assert tags(services) == {"site": "oslo"} | {f"k{number}": str(number) for number in range(40)}
