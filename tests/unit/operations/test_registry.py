from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from regard.domain.callers import Principal
from regard.errors import IdempotentParameterMismatch
from regard.operations import registry
from regard.operations.idempotency import Idempotency
from regard.operations.services import Services
from regard.store import database
from regard.store.idempotency_rows import IdempotencyRows
from regard.wire.schema import load

ISSUED = {
    "AssociateFaces",
    "CompareFaces",
    "CreateCollection",
    "CreateUser",
    "DeleteCollection",
    "DeleteFaces",
    "DeleteUser",
    "DescribeCollection",
    "DetectFaces",
    "DisassociateFaces",
    "IndexFaces",
    "ListCollections",
    "ListFaces",
    "ListTagsForResource",
    "ListUsers",
    "SearchFaces",
    "SearchFacesByImage",
    "SearchUsers",
    "SearchUsersByImage",
    "TagResource",
    "UntagResource",
}
CALLER = Principal(access_key_id="k", name="ada")


def test_every_operation_is_one_of_the_service_models() -> None:
    assert set(registry.OPERATIONS) == ISSUED
    assert set(load().operations) >= ISSUED


def test_an_operation_is_the_function_of_its_name() -> None:
    for name, operation in registry.OPERATIONS.items():
        assert operation.__name__.replace("_", "") == name.lower()


def test_those_that_take_a_token_are_quick_and_may_refuse_it() -> None:
    """They run in a transaction that keeps every other writer waiting, so none of them may run a model."""
    operations = load().operations
    with_token = {name for name in registry.OPERATIONS if "ClientRequestToken" in operations[name].input.members}
    assert with_token == {"AssociateFaces", "CreateUser", "DeleteUser", "DisassociateFaces"}
    for name in with_token:
        assert IdempotentParameterMismatch.code in operations[name].errors


def test_a_handler_hands_its_services_and_the_request_on_and_performs_a_token_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls = []

    def echo(services: Services, request: Mapping[str, Any]) -> dict[str, Any]:
        calls.append((services, request))
        return {"calls": len(calls)}

    opened = database.open(f"sqlite:///{tmp_path / 'regard.db'}")
    idempotency = Idempotency(IdempotencyRows(opened), lambda: datetime.now(UTC))
    services = cast(Services, SimpleNamespace(idempotency=idempotency))
    monkeypatch.setitem(registry.OPERATIONS, "CreateUser", echo)
    handle = registry.handlers(services)
    assert set(handle) == ISSUED
    request = {"UserId": "ada", "ClientRequestToken": "t"}
    assert handle["CreateUser"](CALLER, {"UserId": "ada"}) == {"calls": 1}
    assert handle["CreateUser"](CALLER, request) == handle["CreateUser"](CALLER, request) == {"calls": 2}
    assert calls == [(services, {"UserId": "ada"}), (services, request)]
    opened.close()
