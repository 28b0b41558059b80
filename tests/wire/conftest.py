from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from regard.wire.schema import Schema, load

from .loopback import TOYS, Server, running

Serve = Callable[..., Server]


@pytest.fixture(scope="session")
def schema() -> Schema:
    return load()


@pytest.fixture
def serve(schema: Schema) -> Iterator[Serve]:
    """Start a server with these handlers and options; it stops when the test ends."""
    with ExitStack() as stack:
        yield lambda handlers, **options: stack.enter_context(running(handlers, schema, **options))


@pytest.fixture(scope="session")
def toys(schema: Schema) -> Iterator[Server]:
    """The three toy operations, shared by all tests that only ask."""
    with running(TOYS, schema) as server:
        yield server
