"""What the tests of the whole server share: a client of it, a collection in it, and what a refusal says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from live_server import Live, with_models, without_models
from people import astronaut, encoded


@pytest.fixture(scope="session")
def live(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The server of most tests, with every model loaded."""
    with with_models(models, tmp_path_factory.mktemp("home")) as result:
        yield result


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Live]:
    """A server that has no models."""
    with without_models(tmp_path) as result:
        yield result


@pytest.fixture(scope="session")
def client(live: Live) -> Any:
    return live.client()


@pytest.fixture
def collection(client: Any) -> Iterator[str]:
    """The name of an empty collection, which goes when the test ends."""
    name = f"c-{uuid4()}"
    client.create_collection(CollectionId=name)
    yield name
    with suppress(client.exceptions.ResourceNotFoundException):
        client.delete_collection(CollectionId=name)


@pytest.fixture(scope="session")
def portrait() -> bytes:
    """The astronaut as a JPEG."""
    return encoded(astronaut(), quality=92)


@pytest.fixture(scope="session")
def refused() -> Callable[..., tuple[str, str]]:
    """The code and message of the error that a call meets; the message says more than the code's name."""

    def call(operation: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
        with pytest.raises(ClientError) as caught:
            operation(**arguments)
        error = caught.value.response["Error"]
        assert len(error["Message"]) > 15
        return error["Code"], error["Message"]

    return call


@pytest.fixture
def bucket(live: Live) -> Callable[[str, bytes], dict[str, Any]]:
    """Put a file into the bucket `photos`; gives the Image that names it."""
    return live.put
