from __future__ import annotations

import base64
import http.client
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from botocore.exceptions import ClientError

from regard.domain.callers import Principal
from regard.domain.results import Result
from regard.edge.turns import Turns
from regard.errors import ImageTooLarge, ResourceNotFound
from regard.wire.schema import Schema
from regard.wire.service import Handler

from .conftest import Serve
from .loopback import JSON, KEY, TOYS, Server, running, sign, signed_head, speaking

HEAD = "POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: RekognitionService.ListCollections\r\nContent-Length: {}\r\n\r\n"


def refused(call: Any, **arguments: Any) -> tuple[str, str]:
    """The code and the message a boto3 client sees."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def answer(response: http.client.HTTPResponse) -> tuple[int, str]:
    """Status and error code of a raw response, whose form is checked on the way."""
    body = json.loads(response.read())
    assert response.headers["Content-Type"] == JSON
    assert str(UUID(response.headers["x-amzn-RequestId"])) == body["Logref"]
    assert body["Code"] == body["__type"]
    return response.status, body["Code"]


def test_boto3_calls_an_operation_and_reads_its_result(toys: Server) -> None:
    image = os.urandom(100_000)
    response = toys.client().detect_faces(Image={"Bytes": image}, Attributes=["ALL"])
    assert response["FaceDetails"] == [{"BoundingBox": {"Width": 100_000.0, "Height": 256.0}, "Confidence": 99.5}]
    metadata = response["ResponseMetadata"]
    assert metadata["HTTPStatusCode"] == 200
    assert UUID(metadata["RequestId"]).version == 4
    assert metadata["HTTPHeaders"]["content-type"] == JSON
    assert "date" in metadata["HTTPHeaders"]


def test_the_handler_is_told_the_caller(toys: Server) -> None:
    client = toys.client()
    assert client.create_collection(CollectionId="c", Tags={"k": "é"})["CollectionArn"] == "ada:c:{'k': 'é'}"
    temporary = toys.client(key="ASIATEMPORARY", token="the-token")
    assert temporary.create_collection(CollectionId="c")["CollectionArn"] == "grace:c:None"


def test_the_handler_is_told_the_id_that_the_client_is_told(serve: Serve) -> None:
    told: list[str] = []

    def note(principal: Principal, given: Mapping[str, Any], request_id: str) -> Result:
        told.append(request_id)
        return Result(members={"CollectionIds": []})

    response = serve({"ListCollections": note}).client().list_collections()
    assert told == [response["ResponseMetadata"]["RequestId"]]


def test_headers_of_a_result_reach_the_client_beside_its_members(schema: Schema, sts: Schema) -> None:
    headers = {"x-regard-gallery-size": "1000000", "x-regard-expected-false": "0.01"}
    search: dict[str, Handler] = {"SearchFaces": lambda *_: Result(members={"FaceMatches": []}, headers=headers)}
    caller: dict[str, Handler] = {"GetCallerIdentity": lambda *_: Result(members={"UserId": "u"}, headers=headers)}
    with running(speaking(schema, search), speaking(sts, caller)) as server:
        found = server.client().search_faces(CollectionId="c", FaceId="11111111-2222-3333-4444-555555555555")
        called = server.client(service="sts").get_caller_identity()
    assert (found["FaceMatches"], called["UserId"]) == ([], "u")
    for response in (found, called):
        metadata = response["ResponseMetadata"]
        assert {name: metadata["HTTPHeaders"][name] for name in headers} == headers
        assert metadata["HTTPHeaders"]["x-amzn-requestid"] == metadata["RequestId"]


def test_a_header_that_http_cannot_carry_is_the_servers_own_fault(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = {"ListCollections": lambda *_: Result(members={"CollectionIds": []}, headers={"x-name": "\u2603"})}
    assert refused(serve(wrong).client().list_collections)[0] == "InternalServerError"
    assert "UnicodeEncodeError" in caplog.text


def test_timestamps_arrive_as_moments(serve: Serve) -> None:
    noon = datetime(2024, 1, 1, 12, 0, 0, 250_000, tzinfo=UTC)
    server = serve({"DescribeCollection": lambda *_: Result(members={"CreationTimestamp": noon, "FaceCount": 3})})
    response = server.client().describe_collection(CollectionId="c")
    assert (response["CreationTimestamp"], response["FaceCount"]) == (noon, 3)


def test_each_fault_of_a_signature_has_awss_own_code(toys: Server) -> None:
    assert refused(toys.client(key="AKIDOTHER").list_collections)[0] == "UnrecognizedClientException"
    assert refused(toys.client(secret="wrong").list_collections)[0] == "InvalidSignatureException"
    code, message = refused(toys.client(region="us-west-2").list_collections)
    assert (code, "scoped to a valid region" in message) == ("InvalidSignatureException", True)
    headers = {"X-Amz-Target": "RekognitionService.ListCollections", "Content-Type": JSON}
    assert answer(toys.send(b"{}", headers)) == (400, "MissingAuthenticationTokenException")
    assert answer(toys.send(b"{}", headers | {"Authorization": "Bearer x"})) == (400, "IncompleteSignatureException")
    signature = sign(toys.url, b'{"MaxResults":1}', headers)
    assert answer(toys.send(b'{"MaxResults":2}', signature)) == (400, "InvalidSignatureException")


@pytest.mark.parametrize(("minutes", "wording"), [(10, "Signature expired: "), (-10, "Signature not yet current: ")])
def test_a_clock_ten_minutes_off_is_refused(serve: Serve, minutes: int, wording: str) -> None:
    server = serve(TOYS)
    server.now = datetime.now(UTC) + timedelta(minutes=minutes)
    code, message = refused(server.client().list_collections)
    assert code == "InvalidSignatureException"
    assert message.startswith(wording)


def test_invalid_input_is_refused_with_every_fault(toys: Server) -> None:
    code, message = refused(toys.client().create_collection, CollectionId="a b", Tags={"aws:x": "y"})
    assert code == "ValidationException"
    assert message.startswith("2 validation errors detected: Value 'a b' at 'collectionId' failed")
    assert refused(toys.client().list_collections, MaxResults=-1)[0] == "ValidationException"


def test_an_image_that_is_too_large_has_its_own_error(serve: Serve) -> None:
    server = serve(TOYS, oversize={"ImageBlob": ImageTooLarge})
    code, message = refused(server.client().detect_faces, Image={"Bytes": bytes(5_242_881)})
    assert (code, message) == ("ImageTooLargeException", "Image size is too large")
    response = server.client().detect_faces(Image={"Bytes": bytes(5_242_880)})
    assert response["FaceDetails"][0]["BoundingBox"]["Width"] == 5_242_880


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"MaxResults": "three"}', b'{"MaxResults": NaN}'])
def test_malformed_json_is_refused(toys: Server, body: bytes) -> None:
    assert answer(toys.post(body, "ListCollections")) == (400, "SerializationException")


def test_deep_json_does_no_harm(toys: Server) -> None:
    deep = b'{"NextToken":' + b"[" * 500_000 + b"]" * 500_000 + b"}"
    assert answer(toys.post(deep, "ListCollections")) == (400, "SerializationException")
    assert answer(toys.post(deep * 10, "DetectFaces")) == (400, "SerializationException")


def test_only_an_operation_that_takes_an_image_may_have_a_long_body(toys: Server) -> None:
    long = b'{"MaxResults": 1' + b" " * 2_000_000 + b"}"
    assert answer(toys.post(long, "ListCollections")) == (413, "RequestEntityTooLargeException")
    assert answer(toys.post(long, "DetectFaces")) == (400, "ValidationException")
    assert toys.client().list_collections()["CollectionIds"] == ["c0", "c1", "c2"]


@pytest.mark.parametrize(
    "target", ["RekognitionService.Paint", "RekognitionService", "DynamoDB_20120810.ListCollections", "", "."]
)
def test_an_unknown_target_is_refused_before_the_caller_is_asked_for(toys: Server, target: str) -> None:
    assert answer(toys.send(b"{}", {"X-Amz-Target": target})) == (400, "UnknownOperationException")
    assert answer(toys.send(b"{}", {})) == (400, "UnknownOperationException")


def test_an_operation_without_a_handler_says_so_and_is_not_retried(toys: Server) -> None:
    client = toys.client()
    code, message = refused(client.list_stream_processors)
    assert (code, message) == ("AccessDeniedException", "This server does not provide ListStreamProcessors yet.")
    with pytest.raises(client.exceptions.AccessDeniedException) as caught:
        client.list_stream_processors()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_any_json_content_type_is_read_and_others_are_not(toys: Server) -> None:
    for accepted in ("application/x-amz-json-1.0", "application/json; charset=utf-8", "APPLICATION/JSON"):
        assert toys.post(b"{}", "ListCollections", Content_Type=accepted).status == 200
    assert answer(toys.post(b"{}", "ListCollections", Content_Type="application/cbor"))[1] == "SerializationException"


def test_only_post_is_routed(toys: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", toys.port)
    connection.request("GET", "/")
    assert connection.getresponse().status == 405
    connection.close()


def test_an_operations_own_error_keeps_its_code_and_message(serve: Serve) -> None:
    def missing(principal: Principal, given: Mapping[str, Any], request_id: str) -> Result:
        raise ResourceNotFound(f"The collection id: {given['CollectionId']} does not exist")

    client = serve({"DeleteCollection": missing}).client()
    with pytest.raises(client.exceptions.ResourceNotFoundException, match="The collection id: c does not exist"):
        client.delete_collection(CollectionId="c")


def test_a_failure_inside_says_nothing_to_the_caller_and_all_to_the_log(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(principal: Principal, given: Mapping[str, Any], request_id: str) -> Result:
        raise ValueError("the reactor is on fire")

    server = serve(TOYS | {"DetectFaces": fail})
    image = base64.b64encode(b"secret picture").decode()
    with caplog.at_level(logging.ERROR, "regard"):
        response = server.post(json.dumps({"Image": {"Bytes": image}}).encode())
        request_id = response.headers["x-amzn-RequestId"]
        body = response.read()
    assert response.status == 500
    assert json.loads(body)["Code"] == "InternalServerError"
    assert b"reactor" not in body
    assert request_id in caplog.text
    assert "the reactor is on fire" in caplog.text
    assert image not in caplog.text
    assert "secret picture" not in caplog.text
    assert server.client().list_collections()["CollectionIds"]


def test_strict_output_refuses_a_result_that_does_not_fit(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    handlers = {"ListCollections": lambda *_: Result(members={"Collections": ["c"]})}
    assert refused(serve(handlers).client().list_collections)[0] == "InternalServerError"
    assert "ListCollectionsResponse has no member Collections" in caplog.text
    assert "Collections" not in serve(handlers, strict_output=False).client().list_collections()


def test_a_declared_length_beyond_the_limit_is_refused_before_a_byte_is_sent(serve: Serve) -> None:
    server = serve(TOYS, body_limit=1000)
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(HEAD.format(10**12).encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")
    assert answer(server.post(b" " * 1001, "ListCollections")) == (413, "RequestEntityTooLargeException")
    assert answer(server.post(b" " * 1000, "ListCollections")) == (400, "SerializationException")


def test_a_body_of_undeclared_length_is_read_up_to_the_limit(serve: Serve) -> None:
    server = serve(TOYS, body_limit=1000)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    headers = sign(server.url, b"", {"X-Amz-Target": "RekognitionService.ListCollections", "Content-Type": JSON})
    del headers["Content-Length"]
    chunks = iter([b" " * 600] * 5)
    connection.request("POST", "/", chunks, headers | {"Transfer-Encoding": "chunked"}, encode_chunked=True)
    assert answer(connection.getresponse()) == (413, "RequestEntityTooLargeException")
    connection.close()


def test_boto3_is_told_of_a_body_beyond_the_limit(serve: Serve) -> None:
    client = serve(TOYS, body_limit=1_000_000).client()
    assert refused(client.detect_faces, Image={"Bytes": bytes(5_000_000)})[0] == "RequestEntityTooLargeException"


def test_a_client_that_goes_away_half_way_disturbs_nobody(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    server = serve(TOYS)
    head = HEAD.format(100).encode() + b"{"
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(head)
    assert server.client().list_collections()["CollectionIds"]
    assert caplog.text == ""


def test_sixteen_clients_at_once_each_get_their_own_answer(toys: Server) -> None:
    def ask(number: int) -> None:
        client = toys.client()
        for size in range(1, 11):
            image = bytes([number]) * (number * 1000 + size)
            box = client.detect_faces(Image={"Bytes": image})["FaceDetails"][0]["BoundingBox"]
            assert box == {"Width": number * 1000 + size, "Height": 1}

    with ThreadPoolExecutor(16) as pool:
        for done in [pool.submit(ask, number) for number in range(16)]:
            done.result()


def test_no_more_operations_of_one_key_run_at_once_than_all_threads_but_one(serve: Serve) -> None:
    running, most, lock = 0, 0, threading.Lock()

    def work(principal: Principal, given: Mapping[str, Any], request_id: str) -> Result:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.03)
        with lock:
            running -= 1
        return Result(members={"CollectionIds": []})

    server = serve({"ListCollections": work}, turns=Turns.of(3))
    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(lambda _: server.post(b"{}", "ListCollections").status, range(8)))
    assert responses == [200] * 8
    assert most == 2


def test_a_handler_for_no_operation_is_a_mistake_found_at_the_start(schema: Schema) -> None:
    with pytest.raises(ValueError, match="not operations of the service model: Paint"):
        speaking(schema, {"Paint": lambda *_: Result(members={})})


def test_the_key_of_the_examples_is_the_one_the_server_knows(toys: Server) -> None:
    assert toys.client(key=KEY).list_collections(MaxResults=1)["CollectionIds"] == ["c0"]


def test_the_body_of_a_stranger_is_not_waited_for_at_all(serve: Serve) -> None:
    server = serve(TOYS, body_seconds=60)
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as silent:
        silent.sendall(HEAD.format(1000).encode() + b"{")
        response = http.client.HTTPResponse(silent)
        response.begin()
        assert answer(response) == (400, "MissingAuthenticationTokenException")


def test_a_body_that_does_not_come_is_not_waited_for(serve: Serve) -> None:
    server = serve(TOYS, body_seconds=0.2)
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as silent:
        silent.sendall(signed_head(server, 1000) + b"{")
        response = http.client.HTTPResponse(silent)
        response.begin()
        assert answer(response) == (400, "RequestTimeoutException")
