"""A process that neither searches nor writes follows SQL all the same."""

from __future__ import annotations

import threading

from regard.errors import InternalServerError
from regard.sync.follower import Follower


def test_it_catches_up_again_and_again_and_not_after_it_was_left() -> None:
    times, enough = [], threading.Event()

    def catch_up() -> None:
        times.append(1)
        if len(times) == 3:
            enough.set()
            raise InternalServerError("the index is away")
        if len(times) > 5:
            done.set()

    done = threading.Event()
    with Follower(catch_up, 0.01):
        assert enough.wait(10)
        assert done.wait(10)  # also after a fault
    count = len(times)
    assert not threading.Event().wait(0.1)
    assert len(times) == count


def test_one_that_waits_long_is_left_at_once() -> None:
    with Follower(lambda: None, 3600):
        pass
