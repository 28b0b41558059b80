from __future__ import annotations

import json
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from regard.domain.results import SpelledList
from regard.errors import ResourceNotFound
from regard.wire.schema import Schema, Shape
from regard.wire.serialize import NonconformingOutput, check_output, encode_error, encode_result

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
TYPES = ("string", "boolean", "integer", "long", "float", "timestamp", "blob")
SCALARS = {name.title(): Shape(name=name, type=name) for name in TYPES}
EVERY = Shape(
    name="Every",
    type="structure",
    required=("String",),
    members=MappingProxyType(
        SCALARS
        | {
            "List": Shape(name="L", type="list", element=SCALARS["Float"]),
            "Map": Shape(name="M", type="map", key=SCALARS["String"], element=SCALARS["Integer"]),
            "Inner": Shape(name="I", type="structure", members=SCALARS),
            "Percent": Shape(name="P", type="float", min=0, max=100),
        }
    ),
)
FITTING: dict[str, Any] = {
    "String": "é",
    "Boolean": np.bool_(True),
    "Integer": np.int32(3),
    "Long": 4,
    "Float": np.float32(0.5),
    "Timestamp": NOON,
    "Blob": b"\xff\x00",
    "List": np.array([0.5, 0.25], np.float16),
    "Map": {"a": np.int64(1)},
    "Inner": {"String": "x", "Blob": None},
    "Percent": 100,
}


def test_a_result_becomes_the_json_of_its_shape() -> None:
    check_output(EVERY, FITTING)
    assert json.loads(encode_result(EVERY, FITTING)) == {
        "String": "é",
        "Boolean": True,
        "Integer": 3,
        "Long": 4,
        "Float": 0.5,
        "Timestamp": 1704110400.0,
        "Blob": "/wA=",
        "List": [0.5, 0.25],
        "Map": {"a": 1},
        "Inner": {"String": "x"},
        "Percent": 100.0,
    }


def test_absent_and_unknown_members_are_not_sent() -> None:
    assert encode_result(EVERY, {"String": "x", "Long": None, "Colour": "red", "Map": {"a": None}}) == (
        b'{"String":"x","Map":{}}'
    )


def test_what_was_spelled_before_is_sent_as_it_is() -> None:
    members = {"String": "x", "List": SpelledList([b"0.5", b"1"])}
    check_output(EVERY, members)
    assert encode_result(EVERY, members) == b'{"String":"x","List":[0.5,1]}'
    assert encode_result(EVERY, {"List": SpelledList([])}) == b'{"List":[]}'
    with pytest.raises(NonconformingOutput, match=r"Every.List\[1\] is str, not float"):
        check_output(EVERY, {"String": "x", "List": SpelledList([b"0.5", b'"1"'])})


@pytest.mark.parametrize(
    ("member", "value", "fault"),
    [
        ("Colour", "red", "Every has no member Colour"),
        ("Colour", None, "Every has no member Colour"),
        ("String", None, "Every.String is missing"),
        ("String", 5, "Every.String is int, not string"),
        ("Integer", 5.0, "Every.Integer is float, not integer"),
        ("Integer", True, "Every.Integer is bool, not integer"),
        ("Float", "1", "Every.Float is str, not float"),
        ("Float", np.float32("nan"), "Every.Float is not finite"),
        ("Timestamp", datetime(2024, 1, 1), "Every.Timestamp has no time zone"),
        ("Blob", "text", "Every.Blob is str, not blob"),
        ("List", [0.5, None], "Every.List[1] is NoneType, not float"),
        ("Map", {"a": "b"}, "Every.Map[a] is str, not integer"),
        ("Inner", {"Nose": 1}, "Every.Inner has no member Nose"),
        ("Percent", 100.1, "Every.Percent: Member must have value less than or equal to 100"),
    ],
)
def test_an_output_that_does_not_fit_is_named_with_its_place(member: str, value: Any, fault: str) -> None:
    with pytest.raises(NonconformingOutput, match=f"^{fault.replace('[', '.').replace(']', '.')}"):
        check_output(EVERY, FITTING | {member: value})


def test_every_misfit_is_told_at_once() -> None:
    with pytest.raises(NonconformingOutput) as caught:
        check_output(EVERY, {"Long": "x", "Colour": 1})
    assert str(caught.value).count(";") == 2


@pytest.mark.parametrize(
    ("member", "value"),
    [("Float", float("inf")), ("Integer", 2.7), ("String", 5), ("Timestamp", datetime(2024, 1, 1))],
)
def test_what_json_cannot_say_is_never_sent(member: str, value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        encode_result(EVERY, {member: value})


def test_real_output_shapes_are_checked(schema: Schema) -> None:
    output = schema.operations["ListCollections"].output
    check_output(output, {"CollectionIds": ["a"], "FaceModelVersions": ["1.0"]})
    with pytest.raises(NonconformingOutput, match=r"CollectionIds.0.: Member must satisfy regular expression"):
        check_output(output, {"CollectionIds": ["a b"]})


def test_an_error_has_the_body_rekognition_sends() -> None:
    assert json.loads(encode_error(ResourceNotFound("The collection id: x does not exist"), "an-id")) == {
        "__type": "ResourceNotFoundException",
        "Code": "ResourceNotFoundException",
        "Logref": "an-id",
        "Message": "The collection id: x does not exist",
    }
