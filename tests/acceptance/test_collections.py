from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from people import crowd, encoded

Refused = Callable[..., tuple[str, str]]


def test_a_collection_lives_from_create_to_delete(client: Any, refused: Refused) -> None:
    made = client.create_collection(CollectionId="life", Tags={"team": "red", "empty": ""})
    assert made["StatusCode"] == 200
    assert made["CollectionArn"] == "arn:aws:rekognition:us-east-1:000000000000:collection/life"
    described = client.describe_collection(CollectionId="life")
    assert described["FaceCount"] == described["UserCount"] == 0
    assert described["FaceModelVersion"] == made["FaceModelVersion"]
    assert described["CollectionARN"] == made["CollectionArn"]
    assert abs((datetime.now(UTC) - described["CreationTimestamp"]).total_seconds()) < 60
    assert "life" in client.list_collections()["CollectionIds"]
    assert client.delete_collection(CollectionId="life")["StatusCode"] == 200
    assert "life" not in client.list_collections()["CollectionIds"]
    for gone in (client.describe_collection, client.delete_collection):
        code, message = refused(gone, CollectionId="life")
        assert (code, message) == ("ResourceNotFoundException", "The collection id: life does not exist.")


@pytest.mark.parametrize("name", ["a", "Z" * 255, "-", "..", "a_B.c-9"])
def test_names_at_the_limits_are_taken(client: Any, name: str) -> None:
    client.create_collection(CollectionId=name)
    assert name in client.list_collections()["CollectionIds"]
    client.delete_collection(CollectionId=name)


@pytest.mark.parametrize("name", ["", "a" * 256, "a b", "é", "a/b", "a:b", "a\n", "'; drop table faces"])
def test_names_beyond_the_limits_are_refused(client: Any, refused: Refused, name: str) -> None:
    for operation in (client.create_collection, client.describe_collection, client.delete_collection):
        code, message = refused(operation, CollectionId=name)
        assert code == "ValidationException"
        assert "at 'collectionId' failed to satisfy constraint" in message


def test_names_differ_by_case_and_are_taken_once(client: Any, refused: Refused) -> None:
    client.create_collection(CollectionId="case")
    client.create_collection(CollectionId="CASE")
    assert refused(client.create_collection, CollectionId="case") == (
        "ResourceAlreadyExistsException",
        "The collection id: case already exists.",
    )
    client.delete_collection(CollectionId="case")
    assert "CASE" in client.list_collections()["CollectionIds"]
    client.delete_collection(CollectionId="CASE")


def test_of_many_clients_that_create_the_same_collection_one_succeeds(live: Any) -> None:
    clients = [live.client() for _ in range(8)]

    def create(each: Any) -> str:
        try:
            return str(each.create_collection(CollectionId="race")["StatusCode"])
        except ClientError as error:
            return str(error.response["Error"]["Code"])

    with ThreadPoolExecutor(8) as pool:
        outcomes = sorted(pool.map(create, clients))
    assert outcomes == ["200"] + ["ResourceAlreadyExistsException"] * 7
    clients[0].delete_collection(CollectionId="race")


def test_collections_come_in_pages_through_botocores_paginator(client: Any, refused: Refused) -> None:
    names = [f"page-{number:03}" for number in range(7)] + ["page-" + letter * 250 for letter in "xyz"]
    for name in names:
        client.create_collection(CollectionId=name)
    pages = list(client.get_paginator("list_collections").paginate(PaginationConfig={"PageSize": 3}))
    listed = [name for page in pages for name in page["CollectionIds"]]
    assert [name for name in listed if name.startswith("page-")] == names
    assert len(listed) == len(set(listed))
    assert max(len(page["CollectionIds"]) for page in pages) == 3
    assert all(len(page["FaceModelVersions"]) == len(page["CollectionIds"]) for page in pages)
    # A page's last collection may be deleted before the next page is asked for.
    first = client.list_collections(MaxResults=len(listed) - 2)
    client.delete_collection(CollectionId=first["CollectionIds"][-1])
    rest = client.list_collections(NextToken=first["NextToken"])
    assert rest["CollectionIds"] == listed[-2:]
    assert "NextToken" not in rest
    assert client.list_collections(MaxResults=0)["CollectionIds"] == client.list_collections()["CollectionIds"]
    assert client.list_collections(NextToken="") | {"ResponseMetadata": 0} == client.list_collections() | {
        "ResponseMetadata": 0
    }
    for token in ("nonsense", " ", first["NextToken"][:-1], "z" * 255):
        assert refused(client.list_collections, NextToken=token)[0] == "InvalidPaginationTokenException"
    for wrong in ({"MaxResults": 4097}, {"MaxResults": -1}, {"NextToken": "z" * 256}):
        assert refused(client.list_collections, **wrong)[0] == "ValidationException"
    for name in set(names) - {first["CollectionIds"][-1]}:
        client.delete_collection(CollectionId=name)


@pytest.mark.slow
def test_deleting_a_collection_while_it_is_indexed_into_leaves_nothing_behind(live: Any) -> None:
    name, pictures = "doomed", [encoded(crowd(2, 2, 60 + side)) for side in range(6)]
    live.client().create_collection(CollectionId=name)
    codes: list[str] = []

    def index(picture: bytes) -> None:
        client = live.client()
        with suppress(client.exceptions.ResourceNotFoundException):
            for _ in range(3):
                found = client.index_faces(CollectionId=name, Image={"Bytes": picture})
                codes.append(str(len(found["FaceRecords"])))

    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(index, picture) for picture in pictures]
        while len(codes) < 3 and not all(done.done() for done in waiting):
            time.sleep(0.005)
        live.client().delete_collection(CollectionId=name)
        for done in waiting:
            done.result()  # whatever else went wrong is raised here
    assert set(codes) == {"4"}
    client = live.client()
    assert live.engine.index_sync.agreement() == []
    client.create_collection(CollectionId=name)
    assert client.describe_collection(CollectionId=name)["FaceCount"] == 0
    assert client.search_faces_by_image(CollectionId=name, Image={"Bytes": pictures[0]})["FaceMatches"] == []
    client.delete_collection(CollectionId=name)
    assert live.get("/health/live")[0] == 200
