"""One server, and the clients of it that every behaviour is tried with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from live_server import Live, with_models
from people import astronaut, encoded

from .boto3_driver import boto3_driver
from .cli_driver import Cli, cli_driver
from .drivers import Access, Driver
from .line_driver import aiobotocore_driver, javascript2_driver, javascript_driver

Photographs = dict[str, list[bytes]]
PEOPLE = ("Al_Pacino", "Amelie_Mauresmo")


@pytest.fixture(scope="session")
def live(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with with_models(models, tmp_path_factory.mktemp("home")) as result:
        yield result


#: Beside boto3: each takes an installation, and a process.
CLIENTS = ("aws-cli", "javascript", "javascript-2", "aiobotocore")


def access_to(live: Live) -> Access:
    return Access(url=live.url, key=live.key, secret=live.secret)


@pytest.fixture(
    scope="session",
    params=["boto3", *(pytest.param(name, marks=pytest.mark.slow) for name in CLIENTS)],
)
def driver(request: pytest.FixtureRequest, live: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """Each of the clients in turn."""
    folder = tmp_path_factory.mktemp("client")
    drivers: dict[str, Callable[[Access], AbstractContextManager[Driver]]] = {
        "boto3": boto3_driver,
        "aws-cli": partial(cli_driver, folder=folder),
        "javascript": partial(javascript_driver, folder=folder),
        "javascript-2": partial(javascript2_driver, folder=folder),
        "aiobotocore": partial(aiobotocore_driver, folder=folder),
    }
    with drivers[request.param](access_to(live)) as result:
        yield result


@pytest.fixture(scope="session")
def cli(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """The CLI alone, for what the others do not have."""
    with cli_driver(access_to(live), tmp_path_factory.mktemp("client")) as result:
        yield result


@pytest.fixture(scope="session")
def reference(live: Live) -> Any:
    """A boto3 client, for what a test needs besides what it tries."""
    return live.client()


@pytest.fixture
def collection(reference: Any) -> Iterator[str]:
    """The name of an empty collection, which goes when the test ends."""
    name = f"c-{uuid4()}"
    reference.create_collection(CollectionId=name)
    yield name
    with suppress(reference.exceptions.ResourceNotFoundException):
        reference.delete_collection(CollectionId=name)


@pytest.fixture(scope="session")
def portrait() -> bytes:
    """The astronaut as a JPEG."""
    return encoded(astronaut(), quality=92)


@pytest.fixture(scope="session")
def photographs(shared_data: Path) -> Photographs:
    """Two people, two photographs of each."""
    folders = {name: sorted((shared_data / "lfw-dev" / name).glob("*.jpg")) for name in PEOPLE}
    return {name: [file.read_bytes() for file in files[:2]] for name, files in folders.items()}
