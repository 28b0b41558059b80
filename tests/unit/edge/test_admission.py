from __future__ import annotations

from contextlib import ExitStack

import pytest

from regard.edge.admission import LONGEST_BODY_BYTES, Admission
from regard.errors import SettingsError, Throttling


def test_those_beyond_the_running_wait_and_leaving_makes_room() -> None:
    admission = Admission(running=2, waiting=1, most_bytes=10**9)
    assert admission.waiting == 0
    with ExitStack() as inside:
        for waiting in (0, 0, 1):
            inside.enter_context(admission.enter(10))
            assert admission.waiting == waiting
        with pytest.raises(Throttling, match="Slow down"):
            inside.enter_context(admission.enter(10))
        assert admission.waiting == 1
    assert admission.waiting == 0
    with admission.enter(10):
        pass


def test_bodies_that_are_too_heavy_together_are_turned_away_and_light_ones_are_not() -> None:
    admission = Admission(running=2, waiting=100, most_bytes=1000)
    with admission.enter(600):
        with pytest.raises(Throttling), admission.enter(401):
            pass
        with admission.enter(400), admission.enter(0):
            pass
    with admission.enter(1000):
        pass


@pytest.mark.parametrize("size", [None, LONGEST_BODY_BYTES, 10**12])
def test_a_body_of_unknown_or_absurd_length_counts_as_the_longest_that_is_read(size: int | None) -> None:
    admission = Admission(running=2, waiting=100, most_bytes=LONGEST_BODY_BYTES)
    with admission.enter(size), pytest.raises(Throttling), admission.enter(1):
        pass
    with admission.enter(1), pytest.raises(Throttling), admission.enter(size):
        pass


def test_a_request_that_fails_inside_leaves_its_place() -> None:
    admission = Admission(running=1, waiting=0, most_bytes=100)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), admission.enter(100):
            raise ZeroDivisionError


def test_no_place_to_wait_is_a_choice_and_less_than_none_a_mistake() -> None:
    with Admission(running=1, waiting=0, most_bytes=100).enter(1):
        pass
    with pytest.raises(SettingsError, match=r"queue is -1; .* must be 0 or more"):
        Admission(running=1, waiting=-1, most_bytes=100)


def test_without_limits_nothing_is_turned_away() -> None:
    admission = Admission.unlimited()
    with ExitStack() as inside:
        for _ in range(1000):
            inside.enter_context(admission.enter(10**12))
        assert admission.waiting == 0
