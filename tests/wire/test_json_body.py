from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from regard.errors import Serialization
from regard.wire import json_body


def parse(body: bytes) -> dict[str, Any]:
    return json_body.parse(body, most_values=100)


def test_an_object_is_read() -> None:
    assert parse('{"a": [1, 2.5, null, "é"]}'.encode()) == {"a": [1, 2.5, None, "é"]}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": "\\ud800"}',
        b'{"a": "\xff"}',
        b'{"a": 1} {"b": 2}',
        b'\xef\xbb\xbf{"a": 1}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"a":' * 200_000 + b"1" + b"}" * 200_000,
    ],
    ids=lambda body: body[:12].decode("latin-1"),
)
def test_anything_else_is_a_serialization_error(body: bytes) -> None:
    with pytest.raises(Serialization):
        parse(body)


def test_the_position_is_told_but_not_the_text() -> None:
    with pytest.raises(Serialization) as caught:
        parse(b'{"Bytes": "c2VjcmV0", }')
    assert "at character 20: trailing comma" in caught.value.message
    assert "c2VjcmV0" not in caught.value.message


def test_what_is_not_utf_8_is_said_in_the_callers_terms() -> None:
    with pytest.raises(Serialization) as caught:
        parse(b'{"a": "\xff"}')
    assert caught.value.message.endswith(" at character 0: not valid UTF-8: surrogates not allowed")


@pytest.mark.parametrize(
    "small",
    [b"[]", b"{}", b"1", b'""', b"null", b"[" * 500 + b"]" * 500, b'{"a":' * 500 + b"1" + b"}" * 500, b'"a":1'],
    ids=lambda small: small[:8].decode(),
)
def test_more_values_than_any_input_has_are_refused_before_they_are_made(small: bytes) -> None:
    opened, closed = (b"{", b"}") if small.startswith(b'"a"') else (b"[", b"]")
    body = b'{"a": ' + opened + b",".join([small] * (4_000_000 // (len(small) + 1))) + closed + b"}"
    tracemalloc.start()
    try:
        with pytest.raises(Serialization, match="more than 10100 values"):
            parse(body)
        assert tracemalloc.get_traced_memory()[1] < 10_000
    finally:
        tracemalloc.stop()


def test_a_long_text_is_one_value() -> None:
    assert parse(b'{"Bytes": "' + b"A" * 5_000_000 + b'"}')["Bytes"] == "A" * 5_000_000
