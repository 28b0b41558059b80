from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from regard.domain import Principal
from regard.operations import registry
from regard.operations.services import Services
from regard.wire.schema import load

ISSUED = {
    "CompareFaces",
    "CreateCollection",
    "DeleteCollection",
    "DeleteFaces",
    "DescribeCollection",
    "DetectFaces",
    "IndexFaces",
    "ListCollections",
    "ListFaces",
    "SearchFaces",
    "SearchFacesByImage",
}


def test_every_operation_is_one_of_the_service_models() -> None:
    assert set(registry.OPERATIONS) == ISSUED
    assert set(load().operations) >= ISSUED


def test_an_operation_is_the_function_of_its_name() -> None:
    for name, operation in registry.OPERATIONS.items():
        assert operation.__name__.replace("_", "") == name.lower()


def test_a_handler_hands_its_services_and_the_request_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def echo(services: Services, request: Mapping[str, Any]) -> dict[str, Any]:
        return {"services": services, **request}

    monkeypatch.setitem(registry.OPERATIONS, "DetectFaces", echo)
    services = cast(Services, object())
    handle = registry.handlers(services)
    assert set(handle) == ISSUED
    caller = Principal(access_key_id="k", name="ada")
    assert handle["DetectFaces"](caller, {"Image": 1}) == {"services": services, "Image": 1}
