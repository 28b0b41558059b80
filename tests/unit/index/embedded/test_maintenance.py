from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

import pytest

from regard.index.embedded.maintenance import Maintenance


@pytest.fixture
def maintenance() -> Iterator[Maintenance]:
    maintenance = Maintenance()
    yield maintenance
    maintenance.close()


@pytest.fixture
def threads(maintenance: Maintenance) -> Callable[[], int]:
    """How many threads of housekeepers there are, beside those that there were."""

    def alive() -> int:
        return sum(thread.name.startswith("maintenance") for thread in threading.enumerate())

    before = alive()
    return lambda: alive() - before


class Diary:
    """Chores that write down when they are done; the first one waits for a word."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.begun, self.go = threading.Event(), threading.Event()

    def wait(self) -> bool:
        self.begun.set()
        assert self.go.wait(60)
        return False

    def once(self) -> bool:
        self.done.append("once")
        return False

    def thrice(self) -> bool:
        self.done.append("thrice")
        return self.done.count("thrice") % 3 > 0

    def fail(self) -> bool:
        raise ZeroDivisionError("a task that cannot be done")


def test_nobody_is_there_before_there_is_something_to_do(maintenance, threads):
    assert threads() == 0
    assert maintenance.quiet(0)


def test_who_has_more_to_do_comes_again_after_the_others(maintenance, threads):
    diary = Diary()
    maintenance.ask(diary.wait)
    assert diary.begun.wait(60)
    for _ in range(2):  # asked for twice before it begins, done once
        maintenance.ask(diary.thrice)
        maintenance.ask(diary.once)
    assert not maintenance.quiet(0)
    diary.go.set()
    assert maintenance.quiet(60)
    assert diary.done == ["thrice", "once", "thrice", "thrice"]
    assert threads() == 1


def test_what_is_asked_for_while_it_is_done_is_done_again(maintenance):
    diary = Diary()
    maintenance.ask(diary.wait)
    assert diary.begun.wait(60)
    diary.begun.clear()
    maintenance.ask(diary.wait)
    diary.go.set()
    assert maintenance.quiet(60)
    assert diary.begun.is_set()


def test_a_chore_that_fails_is_said_and_the_others_are_done(maintenance, caplog):
    diary = Diary()
    with caplog.at_level(logging.ERROR):
        maintenance.ask(diary.fail)
        maintenance.ask(diary.once)
        assert maintenance.quiet(60)
    assert "a task that cannot be done" in caplog.text
    assert diary.done == ["once"]


def test_who_waits_is_asked_after_each_piece_of_work(maintenance):
    diary = Diary()
    maintenance.ask(diary.thrice)
    assert maintenance.wait_for(lambda: "thrice" in diary.done, 60)
    assert not maintenance.wait_for(lambda: False, 0)


def test_closed_it_ends_what_it_does_and_begins_nothing(maintenance, threads):
    diary = Diary()
    maintenance.ask(diary.wait)
    maintenance.ask(diary.once)
    assert diary.begun.wait(60)
    closing = threading.Thread(target=maintenance.close)
    closing.start()
    assert maintenance.wait_for(lambda: False, 60)  # nobody waits for one that is closed
    assert closing.is_alive()
    diary.go.set()
    closing.join(60)
    maintenance.ask(diary.once)
    assert maintenance.quiet(60)
    assert diary.done == []
    assert threads() == 0
