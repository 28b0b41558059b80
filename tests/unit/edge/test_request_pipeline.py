from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest

from regard.domain.callers import Principal
from regard.domain.reporting import RequestRecord
from regard.edge.body import Body, BodyLimits
from regard.edge.exchange import Exchange
from regard.edge.rates import DEFAULT, Rate, RateLimiter
from regard.edge.request_pipeline import RequestPipeline
from regard.edge.turns import Lane, Turns
from regard.errors import ProvisionedThroughputExceeded, RequestTooLarge, ServiceUnavailable, Throttling


class Scribe:
    """Writes down all it is told."""

    def __init__(self) -> None:
        self.records: list[RequestRecord] = []
        self.waits: list[int] = []

    def waiting(self, requests: int) -> None:
        self.waits.append(requests)

    def performing(self, operation: str, request_id: str) -> AbstractContextManager[object]:
        return nullcontext()

    def answered(self, record: RequestRecord) -> None:
        self.records.append(record)


async def chunks(*sent: bytes) -> AsyncIterator[bytes]:
    for chunk in sent:
        yield chunk


ADA = Principal(access_key_id="k", name="ada")
LIMITS = BodyLimits(most_bytes=10, seconds=5)


async def stays() -> None:
    await asyncio.sleep(60)


async def through(pipeline: RequestPipeline, exchange: Exchange, *sent: bytes, work: Callable[[bytes], Any]) -> Any:
    """What a door does: receive, find out who it is, work on it."""
    body = Body(chunks(*sent), headers={})
    async with pipeline.receive(exchange, body, LIMITS) as content:
        principal = await pipeline.aside(lambda: ADA)
    return await pipeline.perform(exchange, principal, lane=Lane.STORE, gone=stays, work=lambda: work(content))


def test_the_work_has_the_whole_body_and_its_result_comes_back() -> None:
    scribe, exchange = Scribe(), Exchange(service="native")
    pipeline = RequestPipeline(turns=Turns.of(1), observer=scribe)
    assert asyncio.run(through(pipeline, exchange, b"ab", b"c", work=bytes.upper)) == b"ABC"
    assert exchange.received == 3
    assert exchange.principal == ADA
    assert 0 < exchange.waited < 5
    assert scribe.waits[-1] == 0


def test_a_body_is_counted_until_its_sender_is_known_and_its_turn_after_that() -> None:
    pipeline = RequestPipeline(turns=Turns.of(1))

    def held(_: bytes) -> int:
        return pipeline.arrivals.held

    async def receive() -> int:
        body = Body(chunks(b"abc"), headers={})
        async with pipeline.receive(Exchange(service="native"), body, LIMITS):
            return pipeline.arrivals.held

    assert asyncio.run(receive()) == 3
    assert asyncio.run(through(pipeline, Exchange(service="native"), b"a", work=held)) == 0


def test_a_full_server_works_on_nothing() -> None:
    pipeline = RequestPipeline(turns=Turns(dict.fromkeys(Lane, 0), places=0))
    worked: list[bytes] = []
    with pytest.raises(Throttling):
        asyncio.run(through(pipeline, Exchange(service="native"), b"a", work=worked.append))
    assert worked == []


def test_a_rate_is_asked_before_a_place_is_taken() -> None:
    rates = RateLimiter({DEFAULT: Rate(rate=1e-4, burst=1)})
    pipeline = RequestPipeline(turns=Turns(dict.fromkeys(Lane, 0), places=0), rates=rates)
    for error in (Throttling, ProvisionedThroughputExceeded):
        with pytest.raises(error):
            asyncio.run(through(pipeline, Exchange(service="native", operation="DetectFaces"), work=bytes.upper))


def test_what_was_received_of_a_body_that_is_refused_is_noted_and_no_longer_held() -> None:
    pipeline, exchange = RequestPipeline(turns=Turns.of(1)), Exchange(service="native")
    with pytest.raises(RequestTooLarge):
        asyncio.run(through(pipeline, exchange, b"01234567", b"89ab", work=bytes.upper))
    assert exchange.received == 12
    assert pipeline.arrivals.held == 0


def test_at_the_end_nothing_is_received_and_nothing_begun() -> None:
    pipeline = RequestPipeline(turns=Turns.of(1))
    pipeline.end()
    with pytest.raises(ServiceUnavailable):
        asyncio.run(through(pipeline, Exchange(service="native"), b"a", work=bytes.upper))


def test_a_request_is_recorded_once_however_it_ends() -> None:
    scribe = Scribe()
    pipeline = RequestPipeline(turns=Turns.of(1), observer=scribe)
    good, bad = Exchange(service="native", request_id="good"), Exchange(service="native", request_id="bad")
    with pipeline.recorded(good):
        good.end(200, None, 5)
        assert scribe.records == []
    with pytest.raises(ZeroDivisionError), pipeline.recorded(bad):
        raise ZeroDivisionError
    assert [(record.request_id, record.status) for record in scribe.records] == [("good", 200), ("bad", 500)]
