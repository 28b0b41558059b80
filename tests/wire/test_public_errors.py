"""What a client reads of a fault: never a path, a host, or what a database said."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from regard.domain.callers import Principal
from regard.errors import InternalServerError, ModelUnavailable, RegardError, SettingsError
from regard.wire.query_protocol import QueryProtocol
from regard.wire.schema import Schema
from regard.wire.service import Result

from .conftest import Serve

SECRET = "/var/lib/regard/seal.key at db.example.org"
#: What those who built the server let clients know of it.
TOLD = "The disk is full; nothing was stored."
FAULTS = [
    (SettingsError(SECRET), "Try your call again"),
    (ModelUnavailable(SECRET), "Try your call again"),
    (InternalServerError(SECRET), "Try your call again"),
    (InternalServerError(), "Try your call again"),
    (InternalServerError(f"{TOLD} {SECRET}", public=TOLD), TOLD),
]


@pytest.mark.parametrize(("fault", "told"), FAULTS, ids=lambda value: getattr(value, "code", ""))
def test_a_fault_of_the_server_tells_the_log_all_and_the_client_what_is_public(
    serve: Serve, fault: RegardError, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(principal: Principal, given: Mapping[str, Any], request_id: str) -> Result:
        raise fault

    with caplog.at_level(logging.ERROR, "regard"), pytest.raises(ClientError) as caught:
        serve({"ListCollections": fail}).client().list_collections()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert told in caught.value.response["Error"]["Message"]
    assert SECRET not in str(caught.value.response)
    assert fault.message in caplog.text


@pytest.mark.parametrize(("fault", "told"), FAULTS, ids=lambda value: getattr(value, "code", ""))
def test_so_it_is_in_forms_too(sts: Schema, fault: RegardError, told: str) -> None:
    _, content = QueryProtocol(sts).encode_error(fault, "r1")
    assert told.encode() in content
    assert SECRET.encode() not in content
