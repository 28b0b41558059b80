"""A server with rates: a client that is told to slow down tries again by itself, and its user never knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from live_server import Live, without_models

from .drivers import Driver

RATES = "ListCollections = { rate = 20, burst = 1 }\n"


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server, without models, on which collections may be listed once in 50 ms."""
    home = tmp_path_factory.mktemp("busy")
    rates = home / "rates.toml"
    rates.write_text(RATES, encoding="utf-8")
    with without_models(home, server={"rates": str(rates)}) as result:
        yield result


def throttled(live: Live) -> int:
    """How many calls the server turned away so far."""
    text = live.engine.metrics.exposition("")[0].decode()
    counts = re.findall(
        r'^regard_requests_total\{.*"ProvisionedThroughputExceededException".*\} (.+)$', text, re.MULTILINE
    )
    return sum(int(float(count)) for count in counts)


def called_in_a_crowd(driver: Driver, live: Live) -> bool:
    """Whether the driver's call was turned away at first.

    Until it is, or has its answer, somebody else with the same key takes every turn there is.
    """
    other, before, mine = live.client(), throttled(live), 0
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(driver.call, "ListCollections")
        while throttled(live) - before <= mine and not call.done():
            try:
                other.list_collections()
            except other.exceptions.ProvisionedThroughputExceededException:
                mine += 1
        assert call.result()["CollectionIds"] == []
    return throttled(live) - before > mine


def test_a_client_that_is_turned_away_tries_again_by_itself(driver: Driver, busy: Live) -> None:
    pointed = driver.pointed(url=busy.url, key=busy.key, secret=busy.secret)
    assert any(called_in_a_crowd(pointed, busy) for _ in range(10))
