from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from regard.engine.video.tracker import KEEP_MS, Tracker, continued

STEP = 200
Path = Callable[[int], tuple[float, float]]


def followed(
    paths: list[Path], looks: int, size: float = 0.1, scores: Callable[[int, int], float] = lambda *_: 90.0
) -> list[list[int | None]]:
    """The index of each thing's track at each look; a thing is not seen where its path is outside the picture."""
    tracker, found = Tracker(), [[] for _ in paths]
    for look in range(looks):
        places = [path(look) for path in paths]
        seen = [number for number, (x, y) in enumerate(places) if 0 <= x <= 1 and 0 <= y <= 1]
        boxes = np.array([[*places[number], size, size] for number in seen], np.float32).reshape(-1, 4)
        tracks = tracker.update(boxes, np.array([scores(number, look) for number in seen], np.float32), look * STEP)
        told = {number: track.index if track else None for number, track in zip(seen, tracks, strict=True)}
        for number in range(len(paths)):
            found[number].append(told.get(number))
    return found


def test_one_who_moves_keeps_an_index() -> None:
    assert followed([lambda look: (0.04 * look, 0.3)], 20) == [[0] * 20]


def test_one_who_moves_by_a_width_between_looks_keeps_it() -> None:
    assert followed([lambda look: (0.1 * look, 0.3)], 10) == [[0] * 10]


def test_two_who_pass_each_other_keep_theirs() -> None:
    found = followed([lambda look: (0.05 * look, 0.3), lambda look: (0.9 - 0.05 * look, 0.36)], 19)
    assert found == [[0] * 19, [1] * 19]


def test_one_who_is_hidden_for_a_second_keeps_it_and_one_who_is_away_longer_does_not() -> None:
    def hidden(looks: int) -> list[int | None]:
        (found,) = followed([lambda look: (2.0, 0) if 5 <= look < 5 + looks else (0.3, 0.3)], 30)
        return [index for index in found if index is not None]

    assert set(hidden(5)) == {0}
    assert set(hidden(KEEP_MS // STEP + 1)) == {0, 1}


def test_one_who_appears_far_from_where_another_was_is_another() -> None:
    (found,) = followed([lambda look: (0.1, 0.1) if look < 5 else (0.7, 0.7)], 10)
    assert found == [0] * 5 + [1] * 5


def test_a_doubtful_box_continues_a_track_and_begins_none() -> None:
    (found,) = followed([lambda _: (0.3, 0.3)], 6, scores=lambda _, look: 90.0 if look in (2, 5) else 20.0)
    assert found == [None, None, 0, 0, 0, 0]


def test_nothing_seen_is_nothing_followed() -> None:
    assert followed([lambda _: (2.0, 2.0)], 3) == [[None] * 3]


@pytest.mark.parametrize("shift", [0.0, 0.05])
def test_a_track_goes_on_where_another_ended(shift: float) -> None:
    ended = np.array([[0.1, 0.1, 0.2, 0.2], [0.6, 0.1, 0.7, 0.2]], np.float32)
    begun = np.array([[0.6 + shift, 0.1, 0.7 + shift, 0.2], [0.3, 0.8, 0.4, 0.9]], np.float32)
    assert continued(ended, begun) == [(1, 0)]
    assert continued(ended[:0], begun) == []


def test_who_is_where_another_was_before_a_cut_is_another_and_who_was_there_in_the_same_shot_is_not() -> None:
    tracker, box, sure = Tracker(), np.array([[0.3, 0.3, 0.1, 0.1]], np.float32), np.array([90.0], np.float32)
    found = []
    for look, shot in enumerate([0, 0, 1, 1, 0, 2]):
        tracker.enter(shot)
        found += tracker.update(box, sure, look * STEP)
    assert [track and track.index for track in found] == [0, 0, 1, 1, 0, 2]
