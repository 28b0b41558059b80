"""More calls than the server is meant to take: each key's rates, a full server, and what clients make of it."""

from __future__ import annotations

import http.client
import json
import random
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from live_server import without_models

from regard.vision.session import cores

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: RekognitionService.ListCollections\r\nContent-Length: 9\r\n\r\n"
#: A seed of the clients' random waits: no two in a row are so short that three tries, the default, would be used up.
LUCK = 180767


@pytest.fixture
def limited(tmp_path: Path) -> Any:
    """A server that lets each key list collections five times a second."""
    rates = tmp_path / "rates.toml"
    rates.write_text("ListCollections = 5\n")
    with without_models(tmp_path, server={"rates": str(rates)}) as live:
        yield live


def list_often(client: Any) -> None:
    for _ in range(100):
        client.list_collections()


def with_another_key(live: Any) -> Any:
    key, secret = live.engine.access_keys.create("another")
    return live.client(aws_access_key_id=key, aws_secret_access_key=secret)


def test_a_client_that_does_not_retry_is_told_of_the_rate(limited: Any) -> None:
    client = limited.client()
    with pytest.raises(client.exceptions.ProvisionedThroughputExceededException) as caught:
        list_often(client)
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert response["Error"]["Message"].startswith("Provisioned Rate exceeded. ListCollections is limited to 5 ")
    assert with_another_key(limited).list_collections()["CollectionIds"] == []
    with pytest.raises(client.exceptions.ResourceNotFoundException):  # another operation
        client.describe_collection(CollectionId="none")


@pytest.mark.parametrize("mode", [None, "legacy", "adaptive"])
@pytest.mark.slow
def test_who_retries_as_sdks_do_by_default_gets_every_answer(limited: Any, mode: str | None) -> None:
    random.seed(LUCK)
    client = limited.client(config=Config(retries={"mode": mode} if mode else None))
    start = time.monotonic()
    retried = [client.list_collections()["ResponseMetadata"]["RetryAttempts"] for _ in range(10)]
    assert sum(retried) > 0
    assert time.monotonic() - start > 0.5  # five at once, five more at five a second, less what it took to ask


def test_a_request_whose_signature_is_wrong_costs_the_key_nothing(limited: Any) -> None:
    stranger = limited.client(aws_secret_access_key="wrong")
    for _ in range(20):
        with pytest.raises(stranger.exceptions.ClientError, match="InvalidSignatureException"):
            stranger.list_collections()
    assert limited.client().list_collections()["CollectionIds"] == []


def test_awss_own_rates_are_a_word(tmp_path: Path) -> None:
    with without_models(tmp_path, server={"rates": "aws"}) as live:
        client = live.client()
        with pytest.raises(client.exceptions.ProvisionedThroughputExceededException, match="limited to 5 requests"):
            list_often(client)


def test_strangers_who_say_they_will_send_a_body_take_no_place(tmp_path: Path) -> None:
    with without_models(tmp_path, server={"queue": 1}) as live, ExitStack() as inside:
        for _ in range(2 * cores() + 20):
            connection = inside.enter_context(socket.create_connection(("127.0.0.1", live.port)))
            connection.sendall(HEAD)
        client = live.client()
        assert [answer(client) for _ in range(20)] == [""] * 20
        assert live.get("/health/live") == (200, {"status": "live"})


def test_a_full_server_says_so_and_takes_requests_again_when_there_is_room(tmp_path: Path) -> None:
    with without_models(tmp_path, server={"queue": 0}) as live:
        with ThreadPoolExecutor(32) as pool:
            until, codes = time.monotonic() + 60, set[str]()
            while "ThrottlingException" not in codes:
                assert time.monotonic() < until
                codes |= set(pool.map(answer, [live.client() for _ in range(32)]))
        assert codes == {"", "ThrottlingException"}
        assert answer(live.client()) == ""


def answer(client: Any) -> str:
    """The error code of a call, empty where it has none."""
    try:
        client.list_collections()
    except client.exceptions.ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def test_a_request_larger_than_is_ever_read_is_refused_as_such_and_not_to_be_retried(tmp_path: Path) -> None:
    with without_models(tmp_path, server={"queue": 0}) as live:
        with closing(socket.create_connection(("127.0.0.1", live.port), timeout=5)) as connection:
            connection.sendall(HEAD.replace(b"Length: 9", b"Length: 1000000000000"))
            response = http.client.HTTPResponse(connection)
            response.begin()
            code = json.loads(response.read())["Code"]
        assert (response.status, code) == (413, "RequestEntityTooLargeException")
