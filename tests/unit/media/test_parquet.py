from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from regard.media.parquet import ahead


def test_pieces_are_made_in_a_thread_of_their_own_before_they_are_asked_for() -> None:
    fifth = threading.Event()
    makers: set[int] = set()

    def pieces() -> Iterator[int]:
        for number in range(6):
            makers.add(threading.get_ident())
            if number == 4:
                fifth.set()
            yield number

    coming = ahead(pieces(), 3)
    assert next(coming) == 0
    assert not fifth.is_set()  # 1 to 3 are on their way, 4 waits until 1 is asked for
    assert next(coming) == 1
    assert fifth.wait(10)
    assert list(coming) == [2, 3, 4, 5]
    assert threading.get_ident() not in makers


def test_who_stops_asking_stops_the_making() -> None:
    made: list[int] = []
    may_go_on = threading.Event()

    def pieces() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number
            may_go_on.wait(10)

    coming = ahead(pieces(), 50)
    assert next(coming) == 0
    threading.Timer(0.05, may_go_on.set).start()
    coming.close()
    assert len(made) < 50


def test_what_fails_while_it_is_made_ahead_fails_where_it_is_asked_for() -> None:
    def pieces() -> Iterator[int]:
        yield 0
        raise ValueError("row 2")

    coming = ahead(pieces(), 4)
    assert next(coming) == 0
    with pytest.raises(ValueError, match="row 2"):
        next(coming)
