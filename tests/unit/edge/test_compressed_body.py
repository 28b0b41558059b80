from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator

import pytest

from regard.edge.compressed_body import expanded
from regard.errors import Serialization

CONTENT = bytes(range(256)) * 2000


async def chunks(content: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def read(content: bytes, encoding: bytes | None = b"gzip", size: int = 1000) -> list[bytes]:
    headers = {} if encoding is None else {b"content-encoding": encoding}

    async def pieces() -> list[bytes]:
        return [piece async for piece in expanded(chunks(content, size), headers)]

    return asyncio.run(pieces())


@pytest.mark.parametrize("size", [1, 7, 1000, 10**6])
def test_a_body_is_expanded_however_it_is_cut(size: int) -> None:
    assert b"".join(read(gzip.compress(CONTENT), size=size)) == CONTENT


@pytest.mark.parametrize("encoding", [b"GZIP", b" gzip "])
def test_the_encoding_is_read_as_http_writes_it(encoding: bytes) -> None:
    assert b"".join(read(gzip.compress(CONTENT), encoding)) == CONTENT


@pytest.mark.parametrize("encoding", [None, b"", b"identity", b"br"])
def test_any_other_body_is_left_as_it_is(encoding: bytes | None) -> None:
    packed = gzip.compress(CONTENT)
    assert b"".join(read(packed, encoding)) == packed


def test_a_small_body_that_expands_to_a_huge_one_is_expanded_piece_by_piece() -> None:
    packed = gzip.compress(bytes(20_000_000))
    assert len(packed) < 20_000
    assert max(map(len, read(packed, size=len(packed)))) <= 64 * 1024


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{}",
        gzip.compress(CONTENT)[:-1],
        gzip.compress(CONTENT)[:20],
        gzip.compress(CONTENT) + b" ",
        gzip.compress(CONTENT)[:-8] + bytes(8),
    ],
)
def test_what_is_damaged_cut_off_or_too_long_is_no_body(damaged: bytes) -> None:
    with pytest.raises(Serialization):
        read(damaged)
