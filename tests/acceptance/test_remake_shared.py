"""A collection that two servers share, in Milvus or in each server's own index, is remade while they run."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from test_milvus import agrees, cluster, found
from test_postgres import COLLECTION, Cluster, index, picture

from regard.vision.cards import catalogue

__all__ = ["cluster"]  # the fixture: two servers whose collections begin in Milvus

pytestmark = pytest.mark.slow
OTHER = {"fr-feature": "sface", "sface": "fr-feature"}


@pytest.mark.parametrize("place", ["milvus", "embedded"])
def test_both_servers_search_the_new_one_at_once(cluster: Cluster, place: str, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in (1, 2):
        (folder / f"{number}.jpg").write_bytes(picture(number))
    with cluster.serving() as servers, ExitStack() as closing:
        one, two = (cluster.client(server) for server in servers)
        for client in (one, two):
            closing.callback(client.close)
        version = one.create_collection(CollectionId=COLLECTION)["FaceModelVersion"]
        (model,) = (name for name in OTHER if catalogue()[name].version == version)
        first, *others = [*index(one, 1), *index(two, 2)]
        one.create_user(CollectionId=COLLECTION, UserId="ada")
        one.associate_faces(CollectionId=COLLECTION, UserId="ada", FaceIds=[first], UserMatchThreshold=0)
        if place == "embedded":
            said = cluster.said("collections", "move", COLLECTION, "--to", place, home=cluster.homes[0])
            assert f"{COLLECTION} is in embedded now" in said
        words = ["collections", "remake", COLLECTION, "--pictures", str(folder), "--model", OTHER[model]]
        said = cluster.said(*words, home=cluster.homes[1])
        new = catalogue()[OTHER[model]].version
        assert f"{COLLECTION} is of the face model {new} now, and holds {1 + len(others)} faces." in said, said
        for client in (one, two):
            check(client, new, first, set(others))
        listed = cluster.said("collections", "list", "--json", home=cluster.homes[1])
        assert f'"Index": "{place}"' in listed
        agrees(cluster)
        later = index(one, 3)
        assert set(later) <= found(two, first)


def check(client: Any, version: str, first: str, others: set[str]) -> None:
    assert client.describe_collection(CollectionId=COLLECTION)["FaceModelVersion"] == version
    assert found(client, first) == others
    users = client.search_users(CollectionId=COLLECTION, FaceId=first, UserMatchThreshold=90)
    assert [each["User"]["UserId"] for each in users["UserMatches"]] == ["ada"]
    by_image = client.search_faces_by_image(CollectionId=COLLECTION, Image={"Bytes": picture(1)}, FaceMatchThreshold=99)
    assert by_image["FaceMatches"]
