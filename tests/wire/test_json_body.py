from __future__ import annotations

import pytest

from regard.errors import Serialization
from regard.wire.json_body import parse


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
