"""Every operation of the model, built or not: what validation takes is what botocore's model describes, and no more."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regard.errors import ImageTooLarge, InvalidParameter, Serialization
from regard.wire import json_body
from regard.wire.schema import Shape
from regard.wire.validate import validate

from .caller import NOBODY, UNSEEN_ARN
from .conformity import SERVICE, misfits
from .strategies import SCHEMA, Seen, broken, valid

FEW = settings(max_examples=5, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))


def spelt(values: object) -> bytes:
    """The JSON of drawn values; an image is a few bytes, what an answer would have held is made up."""

    def made_up(each: object) -> str:
        if isinstance(each, Seen):
            return UNSEEN_ARN if each.member.lower().endswith("arn") else NOBODY
        return "AAAA"

    return json.dumps(values, default=made_up).encode()


#: More values than any generated input has.
_MOST_VALUES = 1_000_000


def said(shape: Shape, body: bytes) -> str | None:
    """What validation says against `body`."""
    try:
        validate(shape, json_body.parse(body, _MOST_VALUES), {"ImageBlob": ImageTooLarge})
    except (InvalidParameter, Serialization, ImageTooLarge) as error:
        return error.message
    return None


@pytest.mark.parametrize("operation", SCHEMA.operations)
def test_valid_input_is_taken(operation: str) -> None:
    shape = SCHEMA.operations[operation].input

    @FEW
    @given(valid(shape))
    def check(values: object) -> None:
        body = spelt(values)
        assert list(misfits(SERVICE.operation_model(operation).input_shape, json.loads(body), operation)) == []
        assert said(shape, body) is None

    check()


@pytest.mark.parametrize("operation", SCHEMA.operations)
def test_broken_input_is_refused_in_words(operation: str) -> None:
    shape = SCHEMA.operations[operation].input

    @FEW
    @given(st.data())
    def check(data: st.DataObject) -> None:
        request = data.draw(broken(operation))
        refusal = said(shape, spelt(request.values))
        assert refusal is None or len(refusal) > 15
        assert refusal or not request.refused

    check()
