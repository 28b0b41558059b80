from __future__ import annotations

import http.client
from collections.abc import Mapping

import pytest

from regard.domain.reporting import RequestRecord
from regard.edge.observer import NullObserver
from regard.wire.cross_origin import CrossOrigin

from .conftest import Serve
from .loopback import JSON, TOYS, Server, sign

PAGE = "https://app.example.com"
ASKED = "authorization,content-type,x-amz-date,x-amz-target"
EXPOSED = "x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date"
TARGET = {"X-Amz-Target": "RekognitionService.ListCollections", "Content-Type": JSON}


def preflight(server: Server, origin: str = PAGE, asked: str = ASKED) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    server.clients.callback(connection.close)
    about = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": asked}
    connection.request("OPTIONS", "/", headers={"Origin": origin, **about})
    answer = connection.getresponse()
    assert answer.read() == b""
    return answer


def cors(headers: Mapping[str, str]) -> dict[str, str]:
    start = "access-control-"
    return {
        name.lower().removeprefix(start): value for name, value in headers.items() if name.lower().startswith(start)
    }


def test_a_browser_is_told_that_any_page_may_call(toys: Server) -> None:
    answer = preflight(toys)
    assert answer.status == 200
    assert cors(answer.headers) == {
        "allow-origin": "*",
        "allow-methods": "POST",
        "allow-headers": ASKED,
        "expose-headers": EXPOSED,
        "max-age": "172800",
    }


@pytest.mark.parametrize("body", [b"{}", b'{"MaxResults": -1}', b"{"])
def test_answers_and_errors_may_be_read_by_the_page(toys: Server, body: bytes) -> None:
    answer = toys.send(body, sign(toys.url, body, TARGET) | {"Origin": PAGE})
    assert answer.status == (200 if body == b"{}" else 400)
    assert cors(answer.headers) == {"allow-origin": "*", "expose-headers": EXPOSED}


def test_an_error_before_the_signature_may_be_read_too(toys: Server) -> None:
    answer = toys.send(b"{}", TARGET | {"Origin": PAGE})
    assert (answer.status, cors(answer.headers)["allow-origin"]) == (400, "*")


def test_a_program_is_told_nothing_of_origins(toys: Server) -> None:
    assert cors(toys.post(b"{}", "ListCollections").headers) == {}


def test_only_the_origins_that_are_set_may_call(serve: Serve) -> None:
    server = serve(TOYS, cross_origin=CrossOrigin((PAGE, "http://localhost:3000")))
    for origin in (PAGE, "http://localhost:3000"):
        answer = preflight(server, origin)
        assert (cors(answer.headers)["allow-origin"], answer.headers["Vary"]) == (origin, "Origin")
    for other in ("https://app.example.com.evil.example", "http://app.example.com", "null", PAGE + ":444"):
        answer = preflight(server, other)
        assert (cors(answer.headers), answer.headers["Vary"]) == ({}, "Origin")
        sent = server.send(b"{}", sign(server.url, b"{}", TARGET) | {"Origin": other})
        assert (sent.status, cors(sent.headers)) == (200, {})


def test_no_origin_may_call_where_none_is_set(serve: Serve) -> None:
    server = serve(TOYS, cross_origin=CrossOrigin(()))
    assert cors(preflight(server).headers) == {}


def test_no_preflight_takes_a_place_or_is_recorded(serve: Serve) -> None:
    class Told(NullObserver):
        def __init__(self) -> None:
            self.records: list[RequestRecord] = []

        def answered(self, record: RequestRecord) -> None:
            self.records.append(record)

    told = Told()
    server = serve(TOYS, observer=told)
    assert preflight(server).status == 200
    server.client().list_collections()
    assert [record.operation for record in told.records] == ["ListCollections"]
