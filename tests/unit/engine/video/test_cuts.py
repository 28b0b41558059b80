from __future__ import annotations

import cv2
import numpy as np
import pytest
from scenes import HEIGHT as DOWN
from scenes import WIDTH as ACROSS
from scenes import black, faded, lit, shot

from regard.engine.video.cuts import HEIGHT, LOOKAHEAD, WIDTH, CutDetector


def thumbnail(frame: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.cvtColor(cv2.resize(frame, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2YUV))


def cuts(frames: list[np.ndarray]) -> list[int]:
    detector = CutDetector()
    found = [detector.add(thumbnail(frame)) for frame in frames]
    told = [cut.frame for cut in found if cut]
    assert all(at - cut.frame == LOOKAHEAD for at, cut in enumerate(found) if cut)
    return [*told, *(cut.frame for cut in detector.end())]


def test_a_cut_is_told_to_the_frame() -> None:
    assert cuts([*shot(1, 30), *shot(2, 21), *shot(3, 40)]) == [30, 51]


@pytest.mark.parametrize(
    "turned", [(slice(None), slice(None, None, -1)), (slice(None, None, -1),)], ids=["over", "down"]
)
@pytest.mark.parametrize("speed", [0, 3])
def test_so_is_one_to_another_picture_of_the_very_same_colours(turned: tuple[slice, ...], speed: int) -> None:
    frames = shot(1, 50, lambda number: (min(2 * ACROSS, ACROSS + speed * number), DOWN))
    assert cuts([*frames[:25], *(np.ascontiguousarray(frame[turned]) for frame in frames[25:])]) == [25]


@pytest.mark.parametrize("length", [5, 6, 8])
def test_so_are_short_shots(length: int) -> None:
    assert cuts([*shot(1, 20), *shot(2, length), *shot(3, 20)]) == [20, 20 + length]


def test_a_cut_near_the_beginning_and_near_the_end_is_told() -> None:
    assert cuts([*shot(1, 4), *shot(2, 30), *shot(3, 3)]) == [4, 34]


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_flash_is_no_cut(length: int) -> None:
    frames = shot(1, 40)
    frames[20 : 20 + length] = [lit(frame, 120) for frame in frames[20 : 20 + length]]
    assert cuts(frames) == []


def test_a_light_that_goes_on_is_no_cut() -> None:
    frames = shot(1, 40)
    assert cuts([*frames[:20], *(lit(frame, 45) for frame in frames[20:])]) == []


@pytest.mark.parametrize("speed", [3, 12])
def test_a_camera_that_pans_makes_no_cut(speed: int) -> None:
    assert cuts(shot(1, 30, lambda number: (min(2 * ACROSS, speed * number), DOWN))) == []


def test_a_camera_that_shakes_or_jerks_makes_no_cut() -> None:
    rng = np.random.default_rng(5)
    places = (np.array([ACROSS, DOWN]) + rng.normal(0, 5, (40, 2))).tolist()
    assert cuts(shot(1, 40, lambda number: places[number])) == []
    assert cuts(shot(1, 40, lambda number: (ACROSS + 30 * (number >= 20), DOWN))) == []


@pytest.mark.parametrize("leap", [(30, 0), (-45, 10), (25, 20), (0, -25)], ids=str)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nor_does_one_that_jerks_any_way(seed: int, leap: tuple[int, int]) -> None:
    across, down = leap
    assert cuts(shot(seed, 40, lambda n: (ACROSS + across * (n >= 20), DOWN + down * (n >= 20)))) == []


def test_a_cut_between_moving_cameras_is_told() -> None:
    first, second = (shot(seed, 25, lambda number: (8 * number, DOWN)) for seed in (1, 2))
    assert cuts([*first, *second]) == [25]


def test_a_fade_is_no_cut_and_what_comes_at_once_out_of_black_is_one() -> None:
    first, second = shot(1, 40), shot(2, 40)
    slow = [*first[:25], *faded(first[25:], out=True), *black(3), *faded(second[:15], out=False), *second[15:]]
    assert cuts(slow) == []
    assert cuts([*first[:25], *faded(first[25:], out=True), *black(8), *second]) == [48]


def test_a_dissolve_is_no_cut() -> None:
    first, second = shot(1, 40), shot(2, 40)
    mixed = [
        (one * (1 - part) + two * part).astype(np.uint8)
        for one, two, part in zip(first[20:], second[:20], np.linspace(0.05, 0.95, 20), strict=True)
    ]
    assert cuts([*first[:20], *mixed, *second[20:]]) == []
