"""A second HTTP door beside the AWS endpoint: both share one queue, one set of rates and one record."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import anyio
import pytest
from botocore.exceptions import ClientError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from regard.domain.callers import Principal
from regard.domain.reporting import RequestRecord
from regard.domain.results import Result
from regard.edge.body import Body, BodyLimits
from regard.edge.exchange import Exchange
from regard.edge.rates import Rate, RateLimiter
from regard.edge.request_pipeline import RequestPipeline
from regard.edge.turns import Lane, Turns
from regard.errors import RegardError
from regard.wire.schema import Schema

from .loopback import KEY, Server, running, speaking
from .test_endpoint_limits import Scribe, until

ADA = Principal(access_key_id=KEY, name="ada")
LIMITS = BodyLimits(most_bytes=1000, seconds=5)


class Latch:
    """Holds the requests of both doors until it is opened, and notes the most that were inside at once."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.inside = 0
        self.most = 0
        self._lock = threading.Lock()

    def work(self) -> None:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.open.wait(10)
        with self._lock:
            self.inside -= 1

    def list_collections(self, principal: Principal, given: Mapping[str, Any], request_id: str) -> Result:
        self.work()
        return Result(members={"CollectionIds": []})


def native(pipeline: RequestPipeline, latch: Latch) -> Route:
    """`POST /v1/echo`: all that a second door has to write by itself."""

    async def post(request: Request) -> Response:
        exchange = Exchange(service="native", operation="ListCollections", principal=ADA)
        body = Body(request.stream(), headers=dict(request.headers.raw))
        with pipeline.recorded(exchange):
            try:
                async with pipeline.receive(exchange, body, LIMITS) as content:
                    pass
                await pipeline.perform(exchange, ADA, lane=Lane.STORE, gone=anyio.sleep_forever, work=latch.work)
                exchange.end(200, None, len(content))
            except RegardError as error:
                content = error.code.encode()
                exchange.end(error.status, error.code, len(content))
            return Response(content, exchange.status)

    return Route("/v1/echo", post, methods=["POST"])


def echo(server: Server, content: bytes = b"abc") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("POST", "/v1/echo", content)
    response = connection.getresponse()
    try:
        return response.status, response.read()
    finally:
        connection.close()


def listed(server: Server) -> str:
    """The code that boto3 sees; empty for an answer."""
    try:
        server.client().list_collections()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


@contextmanager
def both(schema: Schema, latch: Latch, **shared: Any) -> Iterator[Server]:
    pipeline = RequestPipeline(**shared)
    aws = speaking(schema, {"ListCollections": latch.list_collections})
    with running(aws, pipeline=pipeline, beside=[native(pipeline, latch)]) as server:
        try:
            yield server
        finally:
            latch.open.set()


THROTTLED = "ThrottlingException"
CALLS: dict[str, Callable[[Server], object]] = {"aws": listed, "native": echo}
ANSWERS = {"aws": "", "native": (200, b"abc")}


@pytest.mark.parametrize("first", ["aws", "native"])
def test_a_server_that_one_door_has_filled_turns_the_other_away(schema: Schema, first: str) -> None:
    latch, scribe = Latch(), Scribe()
    turns = Turns(dict.fromkeys(Lane, 1), places=1)
    with both(schema, latch, turns=turns, observer=scribe) as server, ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(CALLS[first], server) for _ in range(2)]
        until(lambda: latch.inside == 1 and turns.waiting == 1)
        if first == "aws":
            assert echo(server) == (400, THROTTLED.encode())
        else:
            assert listed(server) == THROTTLED
        latch.open.set()
        assert [call.result(timeout=10) for call in calls] == [ANSWERS[first]] * 2
        assert (listed(server), echo(server)) == ("", (200, b"abc"))
        until(lambda: len(scribe.records) == 5)
    held, turned_away = ("rekognition", "native") if first == "aws" else ("native", "rekognition")
    assert [(record.service, record.code) for record in scribe.records] == [
        (turned_away, THROTTLED),
        (held, None),
        (held, None),
        ("rekognition", None),
        ("native", None),
    ]


def test_no_more_requests_of_both_doors_run_at_once_than_there_are_threads(schema: Schema) -> None:
    latch, scribe = Latch(), Scribe()
    with both(schema, latch, turns=Turns.of(3), observer=scribe) as server, ThreadPoolExecutor(6) as pool:
        calls = [pool.submit(call, server) for call in (listed, echo) * 3]
        until(lambda: scribe.waits and scribe.waits[-1] == 4)
        assert latch.inside == 2
        latch.open.set()
        assert [call.result(timeout=10) for call in calls] == ["", (200, b"abc")] * 3
    assert latch.most == 2


def test_a_key_has_one_rate_at_both_doors(schema: Schema) -> None:
    latch = Latch()
    latch.open.set()
    rates = RateLimiter({"ListCollections": Rate(rate=1e-4, burst=2)})
    with both(schema, latch, turns=Turns.of(2), rates=rates) as server:
        assert (listed(server), echo(server)) == ("", (200, b"abc"))
        assert listed(server) == "ProvisionedThroughputExceededException"
        assert echo(server) == (400, b"ProvisionedThroughputExceededException")


def test_both_doors_are_recorded_in_one_form(schema: Schema) -> None:
    latch, scribe = Latch(), Scribe()
    latch.open.set()
    with both(schema, latch, turns=Turns.of(3), observer=scribe) as server:
        assert listed(server) == ""
        assert echo(server, b"x" * 1001)[0] == 413
        until(lambda: len(scribe.records) == 2)
    aws, other = scribe.records
    assert isinstance(aws, RequestRecord)
    assert (aws.service, aws.operation, aws.status, aws.principal) == ("rekognition", "ListCollections", 200, ADA)
    assert (other.service, other.operation, other.status, other.principal) == ("native", "ListCollections", 413, ADA)
    assert aws.request_id != other.request_id
