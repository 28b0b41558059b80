"""What turns a request away at the endpoint, and what is recorded of it: strangers, rates, turns and the observer."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from regard.domain.callers import Principal
from regard.domain.reporting import RequestRecord
from regard.domain.results import Result
from regard.edge.rates import DEFAULT, Rate, RateLimiter
from regard.edge.turns import Bid, Lane, Turns
from regard.wire.schema import Schema

from .conftest import Serve
from .loopback import JSON, KEY, STS_TOYS, TOYS, running, sign, signed_head, speaking

MEGABYTE = 1_000_000
ADA = Principal(access_key_id=KEY, name="ada")


class Scribe:
    """Writes down all it is told."""

    def __init__(self) -> None:
        self.records: list[RequestRecord] = []
        self.waits: list[int] = []
        self.performed: list[tuple[str, str, str]] = []

    def waiting(self, requests: int) -> None:
        self.waits.append(requests)

    @contextmanager
    def performing(self, operation: str, request_id: str) -> Iterator[None]:
        self.performed.append(("start", operation, request_id))
        yield
        self.performed.append(("end", operation, request_id))

    def answered(self, record: RequestRecord) -> None:
        self.records.append(record)


class Once(RateLimiter):
    """Lets every operation be called once, and notes who called it."""

    def __init__(self) -> None:
        super().__init__({DEFAULT: Rate(rate=1e-4, burst=1)})
        self.called: list[tuple[Principal, str]] = []

    def check(self, principal: Principal, operation: str) -> None:
        super().check(principal, operation)
        self.called.append((principal, operation))


class Narrow(Turns):
    """Lets as many requests be worked on as `admit` last said, and none wait."""

    def __init__(self, room: int = 0) -> None:
        super().__init__(dict.fromkeys(Lane, room), places=0)
        self.asked = 0

    def admit(self, room: int) -> None:
        for queue in self._queues.values():
            queue.free = room

    def check(self, bid: Bid) -> None:
        self.asked += 1
        super().check(bid)


def until(condition: Any) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def code(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


# -- rates -------------------------------------------------------------------------------------------------------


def test_a_rate_counts_by_principal_and_operation_and_only_callers_that_are_known(schema: Schema, sts: Schema) -> None:
    rates = Once()
    with running(speaking(schema, TOYS), speaking(sts, STS_TOYS), rates=rates) as server:
        client = server.client()
        assert code(server.client(secret="wrong").list_collections) == "InvalidSignatureException"
        assert rates.called == []
        assert client.list_collections()["CollectionIds"]
        assert code(client.list_collections) == "ProvisionedThroughputExceededException"
        tokens = server.client(service="sts")
        assert tokens.get_caller_identity()["UserId"]
        assert code(tokens.get_caller_identity) == "Throttling"
    assert rates.called == [(ADA, "ListCollections"), (ADA, "GetCallerIdentity")]


def test_a_rate_is_asked_before_the_input_is_read(serve: Serve) -> None:
    rates = Once()
    client = serve(TOYS, rates=rates).client()
    assert code(client.create_collection, CollectionId="a b") == "ValidationException"
    assert code(client.create_collection, CollectionId="a b") == "ProvisionedThroughputExceededException"


# -- the queue ---------------------------------------------------------------------------------------------------


def test_a_full_server_turns_away_a_megabyte_and_the_client_reads_why(serve: Serve) -> None:
    turns = Narrow()
    client = serve(TOYS, turns=turns).client()
    for _ in range(20):
        assert code(client.detect_faces, Image={"Bytes": bytes(MEGABYTE)}) == "ThrottlingException"
    turns.admit(1)
    assert client.detect_faces(Image={"Bytes": bytes(MEGABYTE)})["FaceDetails"]
    assert turns.waiting == 0


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_client_that_closes_the_connection_reads_why_it_was_turned_away(serve: Serve, version: str) -> None:
    server = serve(TOYS, turns=Narrow())
    body = b" " * 5 * MEGABYTE
    headers = sign(server.url, body, {"X-Amz-Target": "RekognitionService.DetectFaces", "Content-Type": JSON}) | {
        "Host": f"127.0.0.1:{server.port}",
        "Connection": "close",
        "Content-Length": str(len(body)),
    }
    head = f"POST / HTTP/{version}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            connection.sendall(head.encode() + body)
            answer = b"".join(iter(lambda held=connection: held.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"ThrottlingException" in answer


def test_a_client_that_is_turned_away_and_leaves_halfway_disturbs_nobody(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    scribe = Scribe()
    server = serve(TOYS, turns=Narrow(), observer=scribe)
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1000\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(head + b"X-Amz-Target: RekognitionService.ListCollections\r\n\r\n{")
        time.sleep(0.1)
    until(lambda: scribe.records)
    assert [record.code for record in scribe.records] == ["MissingAuthenticationTokenException"]
    assert caplog.text == ""


def test_a_client_that_sends_more_than_a_body_may_hold_is_not_read_for_ever(serve: Serve) -> None:
    server = serve(TOYS, turns=Narrow(), body_limit=100_000)
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1000000000000\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(head + b"X-Amz-Target: RekognitionService.ListCollections\r\n\r\n")
        with pytest.raises(OSError, match=r"reset|pipe"):
            connection.sendall(bytes(100 * MEGABYTE))


def test_sdks_try_again_by_themselves(serve: Serve) -> None:
    turns = Narrow()
    client = serve(TOYS, turns=turns).client(attempts=4)
    turned_away = threading.Thread(target=lambda: (until(lambda: turns.asked), turns.admit(1)))
    turned_away.start()
    assert client.list_collections()["ResponseMetadata"]["RetryAttempts"] > 0
    turned_away.join()


def test_a_request_holds_its_place_until_it_is_answered(serve: Serve) -> None:
    turns, go, begun = Narrow(room=1), threading.Event(), threading.Event()

    def wait(principal: Principal, given: Mapping[str, Any], request_id: str) -> Result:
        begun.set()
        go.wait(5)
        return Result(members={"CollectionIds": []})

    server = serve({"ListCollections": wait}, turns=turns)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(server.client().list_collections)
        begun.wait(5)
        assert code(server.client().list_collections) == "ThrottlingException"
        go.set()
        assert first.result()["CollectionIds"] == []
    assert server.client().list_collections()["CollectionIds"] == []


# -- the observer ------------------------------------------------------------------------------------------------


def test_the_observer_is_told_of_a_request_and_of_the_operation_in_it(serve: Serve) -> None:
    scribe = Scribe()
    response = serve(TOYS, observer=scribe).client().create_collection(CollectionId="c")
    request_id = response["ResponseMetadata"]["RequestId"]
    (record,) = scribe.records
    assert (record.request_id, record.service, record.operation) == (request_id, "rekognition", "CreateCollection")
    assert (record.principal, record.status, record.code) == (ADA, 200, None)
    assert record.received == len(b'{"CollectionId": "c"}')
    assert record.sent == int(response["ResponseMetadata"]["HTTPHeaders"]["content-length"])
    assert 0 < record.waited < record.seconds < 5
    assert scribe.performed == [("start", "CreateCollection", request_id), ("end", "CreateCollection", request_id)]
    assert scribe.waits[-1] == 0


def test_the_observer_is_told_of_every_end(schema: Schema, sts: Schema, caplog: pytest.LogCaptureFixture) -> None:
    scribe, turns = Scribe(), Narrow(room=1)
    handlers = TOYS | {"DeleteCollection": lambda *_: {}["nothing"]}
    services = (speaking(schema, handlers), speaking(sts, STS_TOYS))
    with running(*services, observer=scribe, turns=turns, rates=Once(), body_limit=5000) as server:
        client = server.client()
        code(client.list_stream_processors)
        code(server.client(secret="wrong").list_collections)
        code(client.create_collection, CollectionId="a b")
        code(client.create_collection, CollectionId="a b")
        code(client.delete_collection, CollectionId="c")
        code(client.detect_faces, Image={"Bytes": bytes(6000)})
        code(server.client(service="sts", key="other").get_caller_identity)
        server.send(b"{}", {}).read()
        turns.admit(0)
        code(client.list_collections)
        turns.admit(1)
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(signed_head(server, 9) + b"{")
            time.sleep(0.1)
        until(lambda: len(scribe.records) == 10)
    told = [(record.operation, record.code, record.status, record.principal) for record in scribe.records]
    assert told == [
        ("ListStreamProcessors", "AccessDeniedException", 400, None),
        ("ListCollections", "InvalidSignatureException", 400, None),
        ("CreateCollection", "ValidationException", 400, ADA),
        ("CreateCollection", "ProvisionedThroughputExceededException", 400, ADA),
        ("DeleteCollection", "InternalServerError", 500, ADA),
        ("DetectFaces", "RequestEntityTooLargeException", 413, None),
        ("GetCallerIdentity", "UnrecognizedClientException", 403, None),
        ("", "UnknownOperationException", 400, None),
        ("ListCollections", "ThrottlingException", 400, None),
        ("ListCollections", "ClientDisconnect", 400, None),
    ]
    assert [record.service for record in scribe.records].count("sts") == 1
    assert "KeyError" in caplog.text


def test_the_observer_is_told_how_many_wait_and_for_how_long(serve: Serve) -> None:
    scribe, go = Scribe(), threading.Event()

    def wait(principal: Principal, given: Mapping[str, Any], request_id: str) -> Result:
        go.wait(5)
        return Result(members={"CollectionIds": []})

    server = serve({"ListCollections": wait}, observer=scribe, turns=Turns.of(1))
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(lambda: json.load(server.post(b"{}", "ListCollections"))) for _ in range(4)]
        until(lambda: scribe.waits and scribe.waits[-1] == 3)
        time.sleep(0.1)
        go.set()
        assert [call.result() for call in calls] == [{"CollectionIds": []}] * 4
    assert scribe.waits[-1] == 0
    until(lambda: len(scribe.records) == 4)
    assert [record.waited > 0.09 for record in scribe.records] == [False, True, True, True]
