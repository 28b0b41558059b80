from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, nullcontext

import pytest

from regard.domain.callers import Principal
from regard.domain.reporting import RequestRecord
from regard.edge.admission import Admission
from regard.edge.body import Body, BodyLimits
from regard.edge.exchange import Exchange
from regard.edge.request_pipeline import RequestPipeline
from regard.errors import RequestTooLarge, Throttling


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


def body(*sent: bytes, headers: dict[bytes, bytes] | None = None) -> Body:
    limits = BodyLimits(most_bytes=10, seconds=5)
    return Body(chunks(*sent), headers=headers or {}, http_version="1.1", limits=limits)


def test_the_work_has_the_whole_body_and_its_result_comes_back() -> None:
    scribe, exchange = Scribe(), Exchange(service="native")
    pipeline = RequestPipeline(threads=1, observer=scribe)
    assert asyncio.run(pipeline.perform(exchange, body(b"ab", b"c"), bytes.upper)) == b"ABC"
    assert exchange.received == 3
    assert 0 < exchange.waited < 5
    assert scribe.waits == [1, 0]


def test_the_place_is_held_while_the_work_is_done_and_not_after() -> None:
    admission = Admission(running=0, waiting=1, most_bytes=10**9)
    pipeline = RequestPipeline(threads=1, admission=admission)

    def work(_: bytes) -> float:
        return admission.waiting

    assert asyncio.run(pipeline.perform(Exchange(service="native"), body(b"a"), work)) == 1
    assert admission.waiting == 0


def test_a_full_server_reads_nothing_and_works_on_nothing() -> None:
    pipeline = RequestPipeline(threads=1, admission=Admission(running=0, waiting=0, most_bytes=10**9))
    exchange, worked = Exchange(service="native"), []
    with pytest.raises(Throttling):
        asyncio.run(pipeline.perform(exchange, body(b"a"), worked.append))
    assert (exchange.received, worked) == (0, [])


def test_what_was_received_of_a_body_that_is_refused_is_noted_and_its_place_is_free() -> None:
    admission = Admission(running=1, waiting=0, most_bytes=10**9)
    pipeline, exchange = RequestPipeline(threads=1, admission=admission), Exchange(service="native")
    with pytest.raises(RequestTooLarge):
        asyncio.run(pipeline.perform(exchange, body(b"01234567", b"89ab"), bytes.upper))
    assert exchange.received == 12
    with admission.enter(1):
        pass


def test_a_request_is_recorded_once_however_it_ends() -> None:
    scribe = Scribe()
    pipeline = RequestPipeline(threads=1, observer=scribe)
    good, bad = Exchange(service="native", request_id="good"), Exchange(service="native", request_id="bad")
    with pipeline.recorded(good):
        good.end(200, None, 5)
        assert scribe.records == []
    with pytest.raises(ZeroDivisionError), pipeline.recorded(bad):
        raise ZeroDivisionError
    assert [(record.request_id, record.status) for record in scribe.records] == [("good", 200), ("bad", 500)]


def test_without_limits_of_its_own_a_pipeline_turns_nothing_away() -> None:
    pipeline = RequestPipeline(threads=1)
    for _ in range(1000):
        pipeline.rates.check(Principal(access_key_id="k", name="ada"), "DetectFaces")
    with pipeline.admission.enter(10**15), pipeline.admission.enter(None):
        pass
