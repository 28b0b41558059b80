from __future__ import annotations

import base64
import tracemalloc
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.errors import ImageTooLarge, InvalidParameter, RegardError, Serialization
from regard.wire.schema import Schema, Shape, load
from regard.wire.serialize import encode_error
from regard.wire.validate import validate

MODEL = load()
ITEM = Shape(name="Item", type="string", min=1)


def structure(required: tuple[str, ...] = (), **members: Shape) -> Shape:
    return Shape(name="Given", type="structure", members=MappingProxyType(members), required=required)


def shape(type_: str, **kw: Any) -> Shape:
    return Shape(name="Thing", type=type_, **kw)


def faults(model: Shape, value: Any) -> str:
    with pytest.raises(InvalidParameter) as caught:
        validate(model, value)
    return caught.value.message


def mistype(model: Shape, value: Any) -> str:
    with pytest.raises(Serialization) as caught:
        validate(model, value)
    return caught.value.message


def test_valid_input_comes_out_parsed(schema: Schema) -> None:
    image = base64.b64encode(b"\xff\xd8picture").decode()
    given_ = {"Image": {"Bytes": image}, "Attributes": ["ALL"]}
    assert validate(schema.operations["DetectFaces"].input, given_) == {
        "Image": {"Bytes": b"\xff\xd8picture"},
        "Attributes": ["ALL"],
    }


def test_unknown_members_are_ignored_and_null_ones_absent(schema: Schema) -> None:
    given_ = {"MaxResults": 5, "NextToken": None, "Colour": {"deep": ["red"]}}
    assert validate(schema.operations["ListCollections"].input, given_) == {"MaxResults": 5}


def test_every_fault_is_reported_at_once_with_its_path(schema: Schema) -> None:
    message = faults(schema.operations["CreateCollection"].input, {"CollectionId": "a b" * 100, "Tags": {"aws:x": ""}})
    assert message.startswith("3 validation errors detected: ")
    assert (
        "at 'collectionId' failed to satisfy constraint: Member must have length less than or equal to 255" in message
    )
    assert (
        r"at 'collectionId' failed to satisfy constraint: Member must satisfy regular expression pattern: " in message
    )
    assert "Value 'aws:x' at 'tags.key' failed" in message


def test_a_missing_required_member_is_named_with_its_place(schema: Schema) -> None:
    image: dict[str, Any] = {"Image": {}}
    assert (
        faults(schema.operations["CompareFaces"].input, {"SourceImage": None})
        == "2 validation errors detected: Value null at 'sourceImage' failed to satisfy constraint: Member must not be "
        "null; Value null at 'targetImage' failed to satisfy constraint: Member must not be null"
    )
    assert validate(schema.operations["DetectFaces"].input, image) == image


def test_a_single_fault_is_told_in_the_singular_with_a_shortened_value() -> None:
    message = faults(structure(A=shape("string", max=100)), {"A": "x" * 5000})
    assert message == (
        f"1 validation error detected: Value '{'x' * 64}…' at 'a' failed to satisfy constraint: "
        "Member must have length less than or equal to 100"
    )


@pytest.mark.parametrize(
    ("model", "value", "constraint"),
    [
        (shape("string", min=3), "ab", "Member must have length greater than or equal to 3"),
        (shape("string", enum=("RED", "BLUE")), "red", "Member must satisfy enum value set: [RED, BLUE]"),
        (shape("integer", min=1), 0, "Member must have value greater than or equal to 1"),
        (shape("integer", max=9), 10, "Member must have value less than or equal to 9"),
        (shape("float", max=100), 100.5, "Member must have value less than or equal to 100"),
        (shape("list", element=ITEM, min=1), [], "Member must have length greater than or equal to 1"),
        (shape("list", element=ITEM, max=1), ["a", "b"], "Member must have length less than or equal to 1"),
        (shape("list", element=ITEM), [""], "Member must have length greater than or equal to 1"),
        (shape("list", element=ITEM), [None], "Member must not be null"),
        (shape("map", key=ITEM, element=ITEM, max=1), {"a": "b", "c": "d"}, "Member must have length less than"),
        (shape("map", key=ITEM, element=ITEM), {"": "b"}, "Member must have length greater than or equal to 1"),
        (shape("map", key=ITEM, element=ITEM), {"a": None}, "Member must not be null"),
        (shape("blob", min=1), "", "Member must have length greater than or equal to 1"),
        (shape("blob", max=3), "AAAAAA==", "Member must have length less than or equal to 3"),
        (structure(("B",), B=ITEM), {}, "Value null at 'a.b' failed to satisfy constraint: Member must not be null"),
    ],
)
def test_each_constraint_is_held(model: Shape, value: Any, constraint: str) -> None:
    assert constraint in faults(structure(A=model), {"A": value})


def test_bounds_themselves_are_allowed() -> None:
    model = structure(A=shape("integer", min=1, max=3), B=shape("string", min=1, max=3), C=shape("blob", min=1, max=3))
    assert validate(model, {"A": 1, "B": "abc", "C": "AAAA"}) == {"A": 1, "B": "abc", "C": b"\0\0\0"}


def test_a_union_wants_exactly_one_member() -> None:
    union = Shape(name="Either", type="structure", members={"A": ITEM, "B": ITEM}, union=True)
    assert validate(union, {"A": "x", "B": None}) == {"A": "x"}
    for wrong in ({}, {"A": "x", "B": "y"}):
        assert "Exactly one member must be set: [A, B]" in faults(structure(U=union), {"U": wrong})


@pytest.mark.parametrize(
    ("model", "value", "wanted"),
    [
        (shape("string"), 1, "must be a string, not a number"),
        (shape("integer"), True, "must be a whole number of 32 bits, not a boolean"),
        (shape("integer"), 1.5, "must be a whole number"),
        (shape("integer"), "1", "must be a whole number of 32 bits, not a string"),
        (shape("integer"), 2**31, "must be a whole number of 32 bits"),
        (shape("long"), 2**63, "must be a whole number of 64 bits"),
        (shape("float"), False, "must be a finite number"),
        (shape("float"), float("nan"), "must be a finite number"),
        (shape("double"), float("inf"), "must be a finite number"),
        (shape("float"), 10**400, "must be a finite number"),
        (shape("boolean"), "false", "must be true or false, not a string"),
        (shape("timestamp"), 1e300, "must be seconds since 1970"),
        (shape("list", element=ITEM), {}, "must be a list, not an object"),
        (shape("list", element=ITEM), [[]], "Value at 'a.1.member' must be a string, not a list"),
        (shape("map", key=ITEM, element=ITEM), [], "must be an object, not a list"),
        (structure(B=ITEM), "x", "must be an object"),
        (shape("blob"), 7, "must be base64 text"),
        (shape("blob"), "no base64!", "is not valid base64"),
        (shape("blob"), "AAAAA", "is not valid base64"),
        (shape("string"), "\ud800", "is not valid Unicode"),
    ],
)
def test_a_value_of_the_wrong_type_is_a_serialization_error_that_names_the_path(
    model: Shape, value: Any, wanted: str
) -> None:
    message = mistype(structure(A=model), {"A": value})
    assert "'a" in message
    assert wanted in message


def test_numbers_and_moments_are_parsed() -> None:
    model = structure(A=shape("float"), B=shape("long"), C=shape("timestamp"), D=shape("boolean"))
    parsed = validate(model, {"A": 3, "B": 5.0, "C": 1704067200, "D": False})
    assert parsed == {"A": 3.0, "B": 5, "C": datetime(2024, 1, 1, tzinfo=UTC), "D": False}
    assert isinstance(parsed["B"], int)


def test_a_blob_is_never_repeated_to_the_caller() -> None:
    assert "c2VjcmV0" not in faults(structure(A=shape("blob", max=3)), {"A": "c2VjcmV0"})
    assert "c2VjcmV0" not in mistype(structure(A=shape("blob")), {"A": "c2VjcmV0!"})


def test_an_oversize_blob_raises_the_error_named_for_it_without_being_decoded() -> None:
    model = structure(A=Shape(name="Picture", type="blob", max=1000))
    text = "A" * 8_000_000
    tracemalloc.start()
    with pytest.raises(ImageTooLarge):
        validate(model, {"A": text}, {"Picture": ImageTooLarge})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_many_faults_are_counted_but_not_all_spelt_out() -> None:
    message = faults(structure(A=shape("list", element=ITEM)), {"A": [""] * 4000})
    assert message.startswith("4000 validation errors detected: ")
    assert message.endswith("; and 3980 more")
    assert len(message) < 4000


def test_a_long_text_cannot_make_a_pattern_run_for_minutes(schema: Schema) -> None:
    topic = schema.shapes["SNSTopicArn"]
    text = "arn:aws:sns:" + ":aaaaaaaaaaaa:" * 300_000 + "\n"
    assert "regular expression" in faults(structure(A=topic), {"A": text})


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["AAAA", "ALL", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def like(model: Shape) -> st.SearchStrategy[Any]:
    """Values near `model`: right in most places, wrong in some."""
    if model.type == "structure":
        near: st.SearchStrategy[Any] = st.fixed_dictionaries(
            {}, optional={n: like(m) for n, m in model.members.items()}
        )
    elif model.type == "list" and model.element is not None:
        near = st.lists(like(model.element), max_size=3)
    elif model.enum:
        near = st.sampled_from(model.enum)
    else:
        near = JSON_VALUES
    return near | JSON_VALUES


@settings(deadline=None, max_examples=150)
@given(st.data(), st.sampled_from(["DetectFaces", "CreateCollection", "IndexFaces", "CreateStreamProcessor"]))
@pytest.mark.slow
def test_any_json_value_is_either_parsed_or_refused_with_a_regard_error(data: st.DataObject, operation: str) -> None:
    model = MODEL.operations[operation].input
    value = data.draw(like(model))
    outcome = outcome_of(model, value)
    if isinstance(outcome, RegardError):
        assert outcome.status == 400
        assert outcome.code in encode_error(outcome, "id").decode()
    else:
        assert set(model.required) <= set(outcome)


def outcome_of(model: Shape, value: Any) -> dict[str, Any] | RegardError:
    try:
        parsed: dict[str, Any] = validate(model, value)
    except RegardError as error:
        return error
    return parsed
