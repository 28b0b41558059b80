from __future__ import annotations

import itertools

import numpy as np
import pytest
from scenes import HEIGHT as DOWN
from scenes import WIDTH as ACROSS
from scenes import black, faded, lit, shot
from test_cuts import thumbnail

from regard.engine.video.shot_starts import ShotStarts

STEP = 40


def shots(frames: list[np.ndarray]) -> list[int]:
    """The number of the shot that each frame is in."""
    found = ShotStarts()
    for number, frame in enumerate(frames):
        found.add(thumbnail(frame), number * STEP)
    found.end()
    return [found.shot(number * STEP) for number in range(len(frames))]


def starts(frames: list[np.ndarray]) -> list[int]:
    """The frames with which shots begin."""
    numbers = shots(frames)
    return [at for at in range(1, len(numbers)) if numbers[at] != numbers[at - 1]]


def test_a_shot_begins_with_a_cut_and_with_what_comes_out_of_black() -> None:
    first, second = shot(1, 40), shot(2, 40)
    assert starts([*first, *second]) == [40]
    slow = [*first[:25], *faded(first[25:], out=True), *black(4), *faded(second[:15], out=False), *second[15:]]
    (begun,) = starts(slow)
    assert 44 < begun < 50


@pytest.mark.parametrize("length", [1, 3])
@pytest.mark.parametrize("levels", [120, 255])
def test_a_flash_begins_none_whether_or_not_it_leaves_anything_to_be_seen(levels: int, length: int) -> None:
    frames = shot(1, 40)
    frames[20 : 20 + length] = [lit(frame, levels) for frame in frames[20 : 20 + length]]
    assert starts(frames) == []


@pytest.mark.parametrize("speed", [3, 12, 20])
def test_a_camera_that_pans_begins_none(speed: int) -> None:
    assert starts(shot(1, 18, lambda number: (min(2 * ACROSS, speed * number), DOWN))) == []


def test_somebody_who_passes_the_camera_begins_none() -> None:
    frames = shot(1, 60)
    for number, edge in zip(itertools.count(15), range(30, 2 * ACROSS, 30), strict=False):
        frames[number] = frames[number].copy()
        frames[number][:, max(0, edge - ACROSS) : edge] = (35, 30, 60)
    assert starts(frames) == []


def test_what_is_known_of_a_frame_is_known_a_few_frames_later() -> None:
    found = ShotStarts()
    for number, frame in enumerate([*shot(1, 10), *shot(2, 10)]):
        found.add(thumbnail(frame), number * STEP)
        assert (found.found == [10 * STEP]) == (found.settled >= 10 * STEP)
    assert [found.shot(at * STEP) for at in (9, 10)] == [0, 1]


@pytest.mark.parametrize("length", [4, 9, 20])
def test_a_picture_that_comes_back_is_the_shot_it_was(length: int) -> None:
    frames = shot(1, 60)
    for between in (shot(2, length), black(length), [lit(each, 255) for each in frames[:length]]):
        found = shots([*frames[:30], *between, *frames[30:]])
        assert {*found[:30], *found[30 + length :]} == {0}
    assert set(shots([*frames[:30], *shot(2, length), *shot(3, 30)])) == {0, 1, 2}
    assert shots([*frames[:30], *shot(2, 60), *frames[30:]])[-1] == 2  # away for longer than two seconds
