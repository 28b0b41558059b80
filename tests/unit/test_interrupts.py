"""Ctrl-C ends long work between two of its steps, and at once when it is pressed again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from regard.commands.interrupts import between_steps


@pytest.fixture(autouse=True)
def pressed() -> Iterator[None]:
    """As a terminal leaves it, whatever started the tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def work(steps: list[int], presses: int) -> None:
    """Three steps; Ctrl-C is pressed in the second."""
    with between_steps() as stop_here:
        for step in range(3):
            for _ in range(presses if step == 1 else 0):
                ctrl_c()
            steps.append(step)
            stop_here()


def test_what_is_under_way_is_brought_to_its_end() -> None:
    steps: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        work(steps, presses=1)
    assert steps == [0, 1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_pressed_again_it_stops_at_once() -> None:
    steps: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        work(steps, presses=2)
    assert steps == [0]


def test_without_it_nothing_is_stopped() -> None:
    steps: list[int] = []
    work(steps, presses=0)
    assert steps == [0, 1, 2]
