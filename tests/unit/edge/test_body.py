from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from regard.edge.arrivals import Arrivals
from regard.edge.body import Body, BodyLimits
from regard.errors import RequestTimeout, RequestTooLarge


class Chunks:
    """A client's chunks, and how many of them have been taken; it falls silent after them if it is `slow`."""

    def __init__(self, *chunks: bytes, slow: bool = False) -> None:
        self.chunks = chunks
        self.taken = 0
        self.slow = slow

    async def stream(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            self.taken += 1
            yield chunk
        if self.slow:
            await asyncio.sleep(60)


def body(chunks: Chunks, **headers: bytes) -> Body:
    named = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    return Body(chunks.stream(), headers=named)


def read(body: Body, **limits: float) -> bytes:
    async def arrive() -> bytes:
        with Arrivals().arrive() as arrival:
            return await body.read(arrival, BodyLimits(most_bytes=10, **{"seconds": 5, **limits}))

    return asyncio.run(arrive())


@pytest.mark.parametrize("length", [{}, {"content_length": b"10"}])
def test_chunks_are_put_together_up_to_the_limit(length: dict[str, bytes]) -> None:
    whole = body(Chunks(b"01234", b"", b"56789"), **length)
    assert read(whole) == b"0123456789"
    assert whole.received == 10


@pytest.mark.parametrize(("length", "declared"), [(b"7", 7), (b"0", 0), (b"", None), (b"-1", None), (b"1e3", None)])
def test_a_length_is_declared_only_by_digits(length: bytes, declared: int | None) -> None:
    assert body(Chunks(), content_length=length).declared == declared


def test_a_declared_length_beyond_the_limit_is_refused_before_a_chunk_is_taken() -> None:
    chunks = Chunks(b"0")
    with pytest.raises(RequestTooLarge):
        read(body(chunks, content_length=b"11"))
    assert chunks.taken == 0


def test_an_undeclared_length_is_refused_at_the_chunk_that_exceeds_the_limit() -> None:
    chunks = Chunks(*[b"0123"] * 100)
    longer = body(chunks)
    with pytest.raises(RequestTooLarge):
        read(longer)
    assert (chunks.taken, longer.received) == (3, 12)


def test_a_body_that_does_not_arrive_in_time_is_refused_and_what_came_is_counted() -> None:
    slow = body(Chunks(b"012", slow=True))
    with pytest.raises(RequestTimeout):
        read(slow, seconds=0.05)
    assert slow.received == 3


def test_a_body_that_does_not_move_is_refused_long_before_its_time_is_over() -> None:
    slow = body(Chunks(b"0", b"1", slow=True))
    start = time.monotonic()
    with pytest.raises(RequestTimeout):
        read(slow, seconds=60, patience=0.05, rate=1000)
    assert time.monotonic() - start < 5


def test_a_body_that_moves_fast_enough_is_given_more_time_than_one_that_does_not_move() -> None:
    class Drip(Chunks):
        async def stream(self) -> AsyncIterator[bytes]:
            for chunk in self.chunks:
                await asyncio.sleep(0.03)
                yield chunk

    drip = body(Drip(*[b"0"] * 8))
    assert read(drip, patience=0.1, rate=10) == b"0" * 8
