from __future__ import annotations

from regard.media.frame_times import FrameTimes


def test_a_frame_is_shown_when_it_says() -> None:
    times = FrameTimes(25)
    assert [times.shown(said) for said in (0, 7, 33.4, 5000)] == [0, 7, 33, 5000]


def test_a_frame_that_does_not_say_is_shown_after_the_last() -> None:
    times = FrameTimes(30)
    assert [times.shown(said) for said in (None, None, None, 500, None)] == [0, 33, 66, 500, 533]


def test_times_that_begin_again_go_on() -> None:
    times = FrameTimes(25)
    assert [times.shown(said) for said in (0, 40, 80, 0, 40, 80, 2000)] == [0, 40, 80, 120, 160, 200, 2000]
