"""Every client's own paginator, over more than one page holds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
from people import crowd, encoded

from .cli_driver import Cli
from .drivers import Driver

SIZE = 2


def paged(driver: Driver, operation: str, member: str, **parameters: Any) -> list[Any]:
    """The members of all pages, no page larger than SIZE."""
    pages = driver.pages(operation, SIZE, **parameters)
    members = [page[member] for page in pages]
    if not driver.joins_pages:
        assert len(pages) > 1
        assert max(map(len, members)) == SIZE
    return list(chain.from_iterable(members))


@pytest.fixture(scope="module")
def gallery(reference: Any) -> Iterator[str]:
    """A collection of five faces."""
    reference.create_collection(CollectionId="pages")
    reference.index_faces(CollectionId="pages", Image={"Bytes": encoded(crowd(1, 5, 96))}, QualityFilter="NONE")
    yield "pages"
    reference.delete_collection(CollectionId="pages")


@pytest.fixture(scope="module")
def names(reference: Any) -> Iterator[set[str]]:
    """Five collections."""
    names = {f"page-{letter}" for letter in "abcde"}
    for name in names:
        reference.create_collection(CollectionId=name)
    yield names
    for name in names:
        reference.delete_collection(CollectionId=name)


@pytest.fixture(scope="module")
def people(reference: Any, gallery: str) -> set[str]:
    """Five users of the gallery."""
    names = {f"user-{letter}" for letter in "abcde"}
    for name in names:
        reference.create_user(CollectionId=gallery, UserId=name)
    return names


def test_every_collection_is_listed_once(driver: Driver, names: set[str]) -> None:
    listed = paged(driver, "ListCollections", "CollectionIds")
    assert sorted(name for name in listed if name in names) == sorted(names)
    assert len(listed) == len(set(listed))


def test_every_face_is_listed_once(driver: Driver, gallery: str) -> None:
    listed = [face["FaceId"] for face in paged(driver, "ListFaces", "Faces", CollectionId=gallery)]
    assert len(listed) == len(set(listed)) == 5


def test_every_user_is_listed_once(driver: Driver, gallery: str, people: set[str]) -> None:
    listed = [user["UserId"] for user in paged(driver, "ListUsers", "Users", CollectionId=gallery)]
    assert sorted(listed) == sorted(people)


@pytest.mark.slow
def test_the_cli_goes_on_where_it_was_told_to_stop(cli: Cli, gallery: str) -> None:
    where = ("--collection-id", gallery, "--page-size", "2")
    first = cli.run("ListFaces", *where, "--max-items", "3")
    rest = cli.run("ListFaces", *where, "--starting-token", first["NextToken"])
    ids = [[face["FaceId"] for face in answer["Faces"]] for answer in (first, rest)]
    assert [len(each) for each in ids] == [3, 2]
    assert len(set(chain.from_iterable(ids))) == 5
    assert "NextToken" not in rest


@pytest.mark.slow
def test_the_cli_takes_a_request_from_a_file(cli: Cli, gallery: str) -> None:
    file = cli.folder / "request.json"
    file.write_text('{"CollectionId": "pages", "MaxResults": 2}', encoding="utf-8")
    answer = cli.run("ListFaces", "--cli-input-json", f"file://{file}", "--no-paginate")
    assert len(answer["Faces"]) == 2
    assert answer["NextToken"]


def test_a_token_that_nobody_gave_is_refused(driver: Driver, gallery: str) -> None:
    fault = driver.refused("ListFaces", CollectionId=gallery, NextToken="nonsense")
    assert fault.code == "InvalidPaginationTokenException"
