from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from shared_servers import MODEL, NOW, Server, Shared

from regard.domain.galleries import Collection
from regard.sync import shared_sync


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Shared:
    monkeypatch.setattr(shared_sync, "_RETRY_SECONDS", 0.0)
    return Shared()


@pytest.fixture
def servers(url: str, shared: Shared) -> Iterator[list[Server]]:
    made = [Server(url, shared) for _ in range(2)]
    yield made
    for server in made:
        server.database.close()


@pytest.fixture
def one(servers: list[Server]) -> Server:
    return servers[0]


@pytest.fixture
def two(servers: list[Server]) -> Server:
    return servers[1]


@pytest.fixture
def staff(one: Server) -> Collection:
    """A collection that lives in the shared index."""
    return one.collections.create("staff", MODEL, {}, NOW)


@pytest.fixture
def enrol(make_new: Any, make_units: Any) -> Any:
    def made(server: Server, collection: Collection, count: int = 1, seed: int = 0) -> list[Any]:
        faces = server.faces.add(collection.key, make_new(count), make_units(count, seed=seed), MODEL, NOW)
        server.follower.follow(collection)
        return faces

    return made
