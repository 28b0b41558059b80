from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.wire.canonical_request import canonical_path, canonical_query, folded


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        (b"/", "/"),
        (b"", "/"),
        (b"//", "/"),
        (b"/a//b/./c/../d/", "/a/b/d/"),
        (b"/../..", "/"),
        (b"/a%20b/~c-d_e.f", "/a%2520b/~c-d_e.f"),
        (b"/\xc3\xa9", "/%C3%A9"),
    ],
)
def test_a_path_is_normalised_and_encoded_once_more(path: bytes, canonical: str) -> None:
    assert canonical_path(path) == canonical


@pytest.mark.parametrize(
    ("query", "canonical"),
    [
        (b"", ""),
        (b"b=2&a=1", "a=1&b=2"),
        (b"a=2&a=1&a=", "a=&a=1&a=2"),
        (b"flag", "flag="),
        (b"&a=1&&", "a=1"),
        (b"a=b=c", "a=b%3Dc"),
        (b"a=%2f+%7E", "a=%2F%20~"),
    ],
)
def test_a_query_is_sorted_and_encoded_in_one_way(query: bytes, canonical: str) -> None:
    assert canonical_query(query) == canonical


def test_headers_are_folded_and_repeated_ones_joined() -> None:
    assert folded([(b"X-A", b"  one   two\t "), (b"b", b""), (b"x-a", b"three")]) == {
        b"x-a": b"one two,three",
        b"b": b"",
    }


@given(st.binary(max_size=40))
def test_any_bytes_have_a_canonical_form(text: bytes) -> None:
    assert canonical_path(text).isascii()
    assert canonical_query(text).isascii()
