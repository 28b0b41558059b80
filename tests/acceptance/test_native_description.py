"""The description of the native API: what programs and the console are generated from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from live_server import without_models
from test_native_api import ask

from regard.accountability.permissions import PERMISSIONS


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with without_models(tmp_path_factory.mktemp("described")) as live:
        return ask(live, "GET", "/v1/openapi.json").said


def test_the_description_names_every_route_and_asks_for_the_token(described: Any) -> None:
    assert {f"{method.upper()} /v1{path}" for path, found in described["paths"].items() for method in found} == set(
        PERMISSIONS.routes
    )
    assert described["servers"] == [{"url": "/v1"}]
    assert "security" not in described["paths"]["/sign-in"]["post"]
    assert described["paths"]["/me"]["get"]["security"] == [{"HTTPBearer": []}]


def test_every_shape_of_the_description_has_a_name_of_its_own_and_every_answer_a_type(described: Any) -> None:
    schemas = described["components"]["schemas"]
    assert [name for name in schemas if "__" in name] == []
    answers = [
        each for found in described["paths"].values() for one in found.values() for each in one["responses"].items()
    ]
    contents = [content for _, answer in answers for content in answer.get("content", {}).values()]
    assert contents
    assert [each for each in contents if not each.get("schema")] == []
    assert {"detail", "code", "request_id"} <= set(schemas["Problem"]["required"])
    # What is not known is sent as null: a type that says a member is always there is true.
    optional = {
        name: set(each["properties"]) - set(each.get("required", ()))
        for name, each in schemas.items()
        if "properties" in each
    }
    assert {name for name, left in optional.items() if left and name.endswith(("Shown", "File"))} == set()


def _whole_numbers(schema: Any, schemas: Any) -> Iterator[Any]:
    """The integers that somebody may send as what the schema describes."""
    if isinstance(schema, list):
        for each in schema:
            yield from _whole_numbers(each, schemas)
    elif isinstance(schema, dict):
        if "$ref" in schema:
            yield from _whole_numbers(schemas[schema["$ref"].rpartition("/")[2]], schemas)
        if schema.get("type") == "integer":
            yield schema
        for each in schema.values():
            yield from _whole_numbers(each, schemas)


def test_no_whole_number_is_larger_than_a_database_holds(described: Any) -> None:
    schemas = described["components"]["schemas"]
    taken = [
        (f"{method} {path}", each)
        for path, methods in described["paths"].items()
        for method, one in methods.items()
        for each in _whole_numbers([one.get("parameters", []), one.get("requestBody", {})], schemas)
    ]
    assert len(taken) > 20
    assert {name for name, each in taken if not each.get("maximum", 10**22) < 2**63} == set()
