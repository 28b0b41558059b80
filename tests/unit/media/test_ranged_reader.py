"""An object read in pieces, with few requests and little memory."""

from __future__ import annotations

import io

import pytest

from regard.media.ranged_reader import FIRST_BYTES, MOST_BYTES, RangedReader

SIZE = 40 * FIRST_BYTES + 17


class Far:
    """An object that says what was fetched of it."""

    def __init__(self) -> None:
        self.fetched: list[tuple[int, int]] = []

    def __call__(self, start: int, stop: int) -> bytes:
        self.fetched.append((start, stop))
        return bytes(stop - start)


def test_reading_straight_on_takes_larger_and_larger_pieces_up_to_a_limit() -> None:
    far = Far()
    reader = RangedReader(far, SIZE)
    while reader.read(100_000):
        pass
    sizes = [stop - start for start, stop in far.fetched]
    assert sizes[:3] == [2 * FIRST_BYTES, MOST_BYTES, MOST_BYTES]
    assert sum(sizes) == SIZE
    assert max(sizes) == MOST_BYTES


def test_a_jump_takes_a_small_piece_and_what_lies_apart_is_not_fetched_again() -> None:
    far = Far()
    reader = RangedReader(far, SIZE)
    for _ in range(10):
        for place in (10, 5 * MOST_BYTES, SIZE - 5):
            reader.seek(place)
            reader.read(4)
    assert len(far.fetched) == 3
    assert all(stop - start <= FIRST_BYTES for start, stop in far.fetched[1:])


def test_it_behaves_as_a_file_at_its_end() -> None:
    reader = RangedReader(Far(), 10)
    assert (reader.readable(), reader.seekable(), reader.tell()) == (True, True, 0)
    assert reader.seek(0, io.SEEK_END) == 10
    assert reader.read() == b""
    assert reader.seek(5, io.SEEK_CUR) == 15
    assert reader.read(1) == b""
    with pytest.raises(ValueError, match="no position"):
        reader.seek(-1)


def test_it_is_ended_once_when_it_is_closed() -> None:
    ends: list[int] = []
    with RangedReader(Far(), 10, lambda: ends.append(1)) as reader:
        reader.read()
    reader.close()
    assert ends == [1]


def test_an_object_that_is_shorter_than_it_said_is_noticed() -> None:
    reader = RangedReader(lambda start, stop: b"abc"[start:stop], 10)
    with pytest.raises(EOFError, match="ends at 3 of 10"):
        reader.read()
