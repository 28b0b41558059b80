"""Where the words of a line begin and end: by the spaces that were read, and the gaps in the ink that are there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from regard.domain.arrays import BoolArray, ByteArray, FloatArray
from regard.vision.images.text_recognizer import LINE_PIXELS, Reading

#: A column or row has ink if its strongest edge is at least this part of the line's.
_INK_PART = 0.3
#: No more than this part of a line's height is taken off above and below.
_MOST_MARGIN = 0.3
#: Letters less likely right, at an end of a line whose others are right, are of something else if they take so many
#: times as much room as those do, and more than a line is high: a line is as long as what is written in it.
_DOUBTFUL, _TOO_MUCH = 0.6, 2.0
#: How many sure letters say how far apart letters stand.
_LEAST_SURE = 3
#: Words of a line reach as high and as low as all that stands within so many pixels beside them.
_AROUND = 144


@dataclass(frozen=True, slots=True, kw_only=True)
class WordPlace:
    """A word of a line: its text, its letters' mean probability, and where it begins and ends in pixels of the line."""

    text: str
    confidence: float
    left: float
    right: float


class Ink:
    """Where a line has ink, as far as edges tell."""

    def __init__(self, line: ByteArray) -> None:
        grey = line.astype(np.float32).mean(axis=2)
        across, down = np.abs(np.diff(grey, axis=1)), np.abs(np.diff(grey, axis=0))
        edges = np.maximum(np.pad(across, ((0, 0), (0, 1))), np.pad(down, ((0, 1), (0, 0))))
        edges[:, -1] = edges[-1] = 0
        least = _INK_PART * np.percentile(edges.max(axis=0), 90)
        self._inked = edges > max(least, 1.0)
        #: For each column whether it has some.
        self.columns: BoolArray = self._inked.any(axis=0)

    def rows(self, left: float, right: float) -> tuple[float, float]:
        """Where the first row with ink begins and the last one ends, about that part of the line: a long line may lie a
        little aslant in its picture."""
        height = len(self._inked)
        part = self._inked[:, max(0, int(left) - _AROUND) : int(right) + _AROUND]
        rows = np.flatnonzero(part.sum(axis=1) >= 2)
        if not len(rows):
            return 0.0, float(height)
        return float(min(rows[0], _MOST_MARGIN * height)), float(max(rows[-1] + 1, (1 - _MOST_MARGIN) * height))


def words_of(reading: Reading, columns: BoolArray) -> list[WordPlace]:
    """The words of a reading. `columns` tells of each column of the line whether it has ink."""
    groups = list(_groups(reading))
    places = [reading.places[group] for group in groups]
    cuts = [0.0, *(_cut(columns, one[-1], other[0]) for one, other in pairwise(places)), float(len(columns))]
    return [
        WordPlace(
            text="".join(reading.characters[each] for each in group),
            confidence=float(reading.probabilities[group].mean()),
            left=_edge(columns, places[row], cuts[row]),
            right=_edge(columns, places[row], cuts[row + 1]),
        )
        for row, group in enumerate(groups)
    ]


def written_part(reading: Reading, width: int) -> tuple[float, float] | None:
    """From where to where something is written in a line so many pixels wide; None where all of it is. A detector that
    takes what is beside a word for a part of it, eyes or bricks, makes the line too long."""
    letters = np.array([not each.isspace() for each in reading.characters], bool)
    probabilities, places = reading.probabilities[letters], reading.places[letters]
    sure = np.flatnonzero(probabilities >= _DOUBTFUL)
    if len(sure) < _LEAST_SURE:
        return None
    first, last = float(places[sure[0]]), float(places[sure[-1]])
    apart = (last - first) / (len(sure) - 1)
    before, after = int(sure[0]), len(places) - 1 - int(sure[-1])
    left = _beyond(first - apart, before, apart)
    right = width - _beyond(width - last - apart, after, apart)
    return (left, right) if left > 0 or right < width else None


def _beyond(room: float, letters: int, apart: float) -> float:
    """How much to take off an end where that many doubtful letters have so much room; 0 if it may be theirs."""
    return room if letters and room > max(_TOO_MUCH * apart * letters, LINE_PIXELS) else 0.0


def _groups(reading: Reading) -> Iterator[list[int]]:
    """The numbers of the characters of each word."""
    group: list[int] = []
    for number, character in enumerate(reading.characters):
        if not character.isspace():
            group.append(number)
        elif group:
            yield group
            group = []
    if group:
        yield group


def _cut(columns: BoolArray, before: float, after: float) -> float:
    """The middle of the widest gap between two letters; the middle between them if there is none."""
    start, stop = int(before), max(int(np.ceil(after)), int(before) + 1)
    inked = np.flatnonzero(np.concatenate([[True], columns[start:stop], [True]]))
    widths = np.diff(inked)
    widest = int(widths.argmax())
    if widths[widest] <= 1:
        return (before + after) / 2
    return start - 1 + float(inked[widest] + inked[widest + 1] + 1) / 2


def _edge(columns: BoolArray, places: FloatArray, cut: float) -> float:
    """Where the ink of a word ends on the side of `cut`, looking from there."""
    first, last = float(places[0]), float(places[-1])
    if cut <= first:
        inked = np.flatnonzero(columns[int(cut) : int(first) + 1])
        return int(cut) + float(inked[0]) if len(inked) else cut
    inked = np.flatnonzero(columns[int(last) : int(np.ceil(cut))])
    return int(last) + float(inked[-1] + 1) if len(inked) else cut
