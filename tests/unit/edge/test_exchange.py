from __future__ import annotations

import time
from uuid import UUID

from regard.domain.callers import Principal
from regard.edge.exchange import Exchange

ADA = Principal(access_key_id="AKIAADA", name="ada")


def test_every_exchange_has_an_id_of_its_own() -> None:
    first, second = Exchange(service="rekognition"), Exchange(service="rekognition")
    assert UUID(first.request_id).version == 4
    assert first.request_id != second.request_id


def test_what_was_noted_is_in_the_record_and_the_time_since_the_beginning() -> None:
    exchange = Exchange(service="rekognition", request_id="r")
    exchange.operation, exchange.principal, exchange.waited, exchange.received = "DetectFaces", ADA, 0.01, 7
    time.sleep(0.05)
    exchange.end(413, "RequestEntityTooLargeException", 99)
    record = exchange.record()
    assert (record.service, record.request_id, record.operation, record.principal) == (
        "rekognition",
        "r",
        "DetectFaces",
        ADA,
    )
    assert (record.status, record.code) == (413, "RequestEntityTooLargeException")
    assert (record.waited, record.received, record.sent) == (0.01, 7, 99)
    assert 0.04 < record.seconds < 5


def test_one_that_nothing_ended_is_the_servers_own_fault() -> None:
    record = Exchange(service="sts").record()
    assert (record.status, record.code, record.operation, record.principal) == (500, "InternalServerError", "", None)


def test_one_whose_client_left_is_recorded_as_that() -> None:
    exchange = Exchange(service="sts")
    exchange.abandon()
    assert (exchange.record().status, exchange.record().code) == (400, "ClientDisconnect")
