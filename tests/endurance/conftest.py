from __future__ import annotations

from dataclasses import dataclass

import pytest

from regard.index.embedded.sealing import SEAL_ROWS


@dataclass(frozen=True)
class Plan:
    """So many faces, so many kills, and whether the start-up times are told and held to a bound."""

    faces: int
    kills: int
    timed: bool


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faces", type=int, metavar="N", help="begin with N faces; tell, and judge, the start-up times")
    parser.addoption("--kills", type=int, metavar="N", help="kill the server N times")


@pytest.fixture(scope="session")
def plan(pytestconfig: pytest.Config) -> Plan:
    """A segment to delete from while faces are added beside it, and two kills; the command line may say more."""
    faces, kills = (pytestconfig.getoption(name, default=None) for name in ("faces", "kills"))
    return Plan(faces=faces or SEAL_ROWS, kills=kills or 2, timed=faces is not None)
