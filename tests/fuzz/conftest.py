from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from live_server import Live, with_models
from people import crowd, encoded, head, nobody

from .caller import Caller
from .strategies import Picture

PICTURES = {
    Picture.PORTRAIT: encoded(head(160)),
    Picture.COUPLE: encoded(crowd(1, 2, 128)),
    Picture.NOBODY: encoded(nobody(96, 128), "PNG"),
    Picture.ONE_PIXEL: encoded(nobody(1, 1), "PNG"),
    Picture.TRUNCATED: encoded(head(160))[:3000],
    Picture.GARBAGE: b"\xff\xd8\xff\xe0" + bytes(range(256)) * 4,
}


@dataclass(frozen=True)
class Plan:
    """How many requests at least, and from which seed."""

    requests: int
    seed: int
    told: bool


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fuzz-requests", type=int, metavar="N", help="send at least N requests, tell what came of them")
    parser.addoption("--fuzz-seed", type=int, metavar="S", help="the same requests as the run that named this seed")


@pytest.fixture(scope="session")
def plan(pytestconfig: pytest.Config) -> Plan:
    """The same few hundred every time, unless the command line asks for more; then others every time."""
    requests = pytestconfig.getoption("fuzz_requests", default=None)
    seed = pytestconfig.getoption("fuzz_seed", default=None)
    if requests is None:
        return Plan(400, seed or 0, told=False)
    return Plan(requests, secrets.randbits(32) if seed is None else seed, told=True)


@pytest.fixture(scope="session")
def live(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server of its own, which checks every result against its shape before it is sent."""
    with with_models(models, tmp_path_factory.mktemp("fuzz"), celebrities={"collection": "a"}) as result:
        yield result


@pytest.fixture
def caller(live: Live) -> Iterator[Caller]:
    for picture, content in PICTURES.items():
        live.put(f"{picture.name}.jpg", content)
    caller = Caller(live.port, live.key, live.secret, PICTURES)
    yield caller
    caller.close()
