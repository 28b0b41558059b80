from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from regard.wire.schema import Schema, load

from .loopback import STS_TOYS, TOYS, Server, running, speaking

Serve = Callable[..., Server]


@pytest.fixture(scope="session")
def schema() -> Schema:
    return load()


@pytest.fixture
def serve(schema: Schema) -> Iterator[Serve]:
    """Start a server with these handlers and options; it stops when the test ends."""
    with ExitStack() as stack:
        yield lambda handlers, **options: stack.enter_context(running(speaking(schema, handlers), **options))


@pytest.fixture(scope="session")
def sts() -> Schema:
    return load("sts")


@pytest.fixture(scope="session")
def toys(schema: Schema, sts: Schema) -> Iterator[Server]:
    """The toy operations of both services, shared by all tests that only ask."""
    tokens = speaking(sts, STS_TOYS, body_limit=100_000, global_region="us-east-1")
    with running(speaking(schema, TOYS), tokens) as server:
        yield server
