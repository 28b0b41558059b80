"""What is read ahead: in order, no more than there is memory for, and over as soon as nobody wants it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from threading import Event

import pytest

from regard.engine.video.read_ahead import read_ahead

PATIENCE = 30.0


class Reading:
    """Numbers up to `end`, each of which waits until it `may` be made; `made` are those that were."""

    def __init__(self, end: int, *, fails_at: int | None = None) -> None:
        self.made: list[int] = []
        self.threads: set[int] = set()
        self.turn = threading.Condition()
        self._end = end
        self._fails_at = fails_at

    def __iter__(self) -> Iterator[int]:
        for number in range(self._end):
            self.threads.add(threading.get_ident())
            if number == self._fails_at:
                raise OSError("the store is gone")
            with self.turn:
                self.made.append(number)
                self.turn.notify_all()
            yield number

    def wait_for(self, count: int) -> None:
        with self.turn:
            assert self.turn.wait_for(lambda: len(self.made) >= count, PATIENCE)


def readers() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("read ahead")]


def test_all_comes_in_its_order_and_no_thread_is_left() -> None:
    reading = Reading(50)
    assert list(read_ahead(iter(reading), 4)) == list(range(50))
    assert threading.get_ident() not in reading.threads
    assert readers() == []


def test_the_next_are_made_while_one_is_used_and_no_more_than_were_said() -> None:
    reading = Reading(50)
    with closing(read_ahead(iter(reading), 3)) as ahead:
        assert next(ahead) == 0
        reading.wait_for(4)  # without anybody asking for them
        assert next(ahead) == 1
        reading.wait_for(5)
    assert reading.made == [0, 1, 2, 3, 4]
    assert readers() == []


def test_what_reading_raises_comes_after_all_that_came_before() -> None:
    ahead = read_ahead(iter(Reading(50, fails_at=5)), 3)
    assert [next(ahead) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(OSError, match="the store is gone"):
        next(ahead)
    assert readers() == []


def test_whoever_stops_waits_for_no_more_than_what_is_under_way() -> None:
    begun, free = Event(), Event()

    def slow() -> Iterator[int]:
        yield 0
        begun.set()
        assert free.wait(PATIENCE)
        yield 1
        raise AssertionError("it was to be made no more")

    ahead = read_ahead(slow(), 8)
    assert next(ahead) == 0
    assert begun.wait(PATIENCE)
    threading.Timer(0.05, free.set).start()
    ahead.close()
    assert readers() == []
