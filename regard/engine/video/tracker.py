"""Following things from look to look in one shot: by where they are and how they move, never by what they look like.

In two stages, as ByteTrack does (Zhang et al. 2022): boxes that are sure find their tracks first, and may begin new
ones; doubtful ones may only continue what is left.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from regard.domain.arrays import BoolArray, FloatArray, IntArray

#: How long a track that is not seen is kept, in milliseconds.
KEEP_MS: Final = 2000
#: A box of this confidence, 0 to 100, is sure.
_SURE: Final = 50.0
#: A thing moves between two looks by up to so many of its widths, and does not grow or shrink by more than this.
_MOST_WIDTHS, _LEAST_SIZE = 1.2, 0.6
#: What a distance is worth against an overlap of 1, and the least that the two are worth together.
_NEARNESS, _LEAST = 0.3, 0.03


@dataclass(slots=True, eq=False)
class Track:
    """One thing; `box` is its left, top, right and bottom in ratios when it was last seen, `speed` how they move in a
    millisecond."""

    index: int
    box: FloatArray
    seen_ms: int
    begun_ms: int
    begun_box: FloatArray
    shot: int = 0
    speed: FloatArray = field(default_factory=lambda: np.zeros(4, np.float32))

    def expected(self, at: int) -> FloatArray:
        return np.asarray(self.box + self.speed * (at - self.seen_ms), np.float32)

    def move(self, box: FloatArray, at: int) -> None:
        speed = (box - self.box) / max(1, at - self.seen_ms)
        self.speed = np.asarray((self.speed + speed) / 2, np.float32)
        self.box, self.seen_ms = box, at


class Tracker:
    """Numbers tracks from 0 as they begin."""

    def __init__(self) -> None:
        self._tracks: list[Track] = []
        self._shot = 0
        self._next = 0

    def update(self, boxes: FloatArray, scores: FloatArray, at: int) -> list[Track | None]:
        """The track of each of N boxes (left, top, width, height in ratios) at that time; None for one that is too
        doubtful to begin a track. `scores` are 0 to 100."""
        corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
        self._tracks = [track for track in self._tracks if at - track.seen_ms <= KEEP_MS]
        found: list[Track | None] = [None] * len(boxes)
        sure = scores >= _SURE
        self._continue(corners, sure, at, found)
        for row in np.flatnonzero(sure).tolist():
            if found[row] is None:
                found[row] = self._begin(corners[row], at)
        self._continue(corners, ~sure, at, found)
        return found

    def enter(self, shot: int) -> None:
        """What is seen from now on is in the shot of this number, and continues only tracks of the same."""
        self._shot = shot

    def _continue(self, corners: FloatArray, these: BoolArray, at: int, found: list[Track | None]) -> None:
        taken = {id(track) for track in found if track is not None}
        free = [track for track in self._tracks if track.shot == self._shot and id(track) not in taken]
        rows = np.flatnonzero(these)
        if not free or not len(rows):
            return
        expected = np.stack([track.expected(at) for track in free])
        for track, row in _pairs(likeness(expected, corners[rows])):
            free[track].move(corners[rows[row]], at)
            found[int(rows[row])] = free[track]

    def _begin(self, box: FloatArray, at: int) -> Track:
        track = Track(index=self._next, box=box, seen_ms=at, begun_ms=at, begun_box=box, shot=self._shot)
        self._next += 1
        self._tracks.append(track)
        return track


def likeness(expected: FloatArray, seen: FloatArray) -> FloatArray:
    """M×N: how well N boxes continue M tracks, both as corners; 0 for those that cannot."""
    low = np.maximum(expected[:, None, :2], seen[None, :, :2])
    high = np.minimum(expected[:, None, 2:], seen[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    sides, others = expected[:, 2:] - expected[:, :2], seen[:, 2:] - seen[:, :2]
    areas = np.clip(sides, 0, None).prod(axis=1)[:, None] + np.clip(others, 0, None).prod(axis=1)[None]
    overlap = shared / np.maximum(areas - shared, 1e-9)
    middles = (expected[:, :2] + expected[:, 2:])[:, None] / 2 - (seen[:, :2] + seen[:, 2:])[None] / 2
    # In widths of the track and in its heights: a ratio of the picture's width is not one of its height.
    distance = np.linalg.norm(middles / np.maximum(sides, 1e-6)[:, None], axis=2)
    sizes = np.sqrt(np.maximum(others, 1e-9).prod(axis=1)[None] / np.maximum(sides, 1e-6).prod(axis=1)[:, None])
    near = (distance < _MOST_WIDTHS) & (np.minimum(sizes, 1 / sizes) > _LEAST_SIZE)
    return np.asarray(np.where(near, overlap + _NEARNESS * (_MOST_WIDTHS - distance), 0), np.float32)


def _pairs(worth: FloatArray) -> list[tuple[int, int]]:
    """Row and column of the best, then of the best of what is left, and so on."""
    found = []
    left = worth.copy()
    while left.size and left.max() > _LEAST:
        row, column = (int(each) for each in np.unravel_index(int(left.argmax()), left.shape))
        found.append((row, column))
        left[row], left[:, column] = 0, 0
    return found


def continued(ended: FloatArray, begun: FloatArray) -> list[tuple[int, int]]:
    """Which of M tracks, by their last boxes, go on as which of N that begin where they ended: pairs of rows."""
    if not len(ended) or not len(begun):
        return []
    return _pairs(likeness(ended, begun))


def rows_of(tracks: list[Track | None]) -> IntArray:
    """The rows that have a track."""
    return np.array([row for row, track in enumerate(tracks) if track is not None], np.int64)
