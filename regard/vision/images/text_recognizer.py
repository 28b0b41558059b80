"""What a line of text says: characters, each with its probability and its place."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from itertools import pairwise

import numpy as np

from regard.domain.arrays import ByteArray, FloatArray
from regard.errors import ModelUnavailable
from regard.vision.cards import Input
from regard.vision.preprocess import Preprocess
from regard.vision.session import OnnxSession

#: The height of the lines that it reads, in pixels.
LINE_PIXELS = 48
#: Lines are at least so wide, and read in parts of at most so much, each of which takes RUN_BYTES.
LEAST_WIDTH, MOST_WIDTH = 32, 2048
RUN_BYTES = 64 << 20
_WIDTH_STEP = 8
#: A longer line is cut within its last so many pixels; letters on both sides of a cut that are so far apart are of two
#: words.
_CUT_PIXELS, _WORD_PIXELS = 160, 28


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """The characters of a line, spaces among them; of each its probability, and its middle in pixels of the line."""

    characters: tuple[str, ...]
    probabilities: FloatArray
    places: FloatArray

    @property
    def letters(self) -> FloatArray:
        """The probabilities of all but spaces."""
        return self.probabilities[[each != " " for each in self.characters]]

    @property
    def confidence(self) -> float:
        """Their mean, 0..1; 0 without any."""
        return float(self.letters.mean()) if len(self.letters) else 0.0

    @property
    def evidence(self) -> float:
        """How much speaks for this reading: many letters, each more likely right than wrong."""
        return float(np.maximum(self.letters - 0.5, 0).sum())


class TextRecognizer:
    """Reads lines (CRNN with CTC, Shi et al. 2015). The model carries its alphabet. Safe from many threads."""

    def __init__(self, session: OnnxSession, model_input: Input) -> None:
        """Raises ModelUnavailable if the model has no alphabet."""
        alphabet = session.metadata.get("character")
        if not alphabet:
            raise ModelUnavailable(f"{session.name} carries no alphabet, its metadata `character`")
        self._session = session
        self._preprocess = Preprocess(model_input)
        #: Number 0 is the blank between two of the same.
        self._alphabet = ("", *alphabet.split("\n"), " ")

    def read(self, line: ByteArray) -> Reading:
        """What a picture of one line, LINE_PIXELS high, says."""
        ends = [*_cuts(line), line.shape[1]]
        parts = [self._read(line[:, start:end], start) for start, end in pairwise([0, *ends])]
        return reduce(_joined, parts)

    def _read(self, line: ByteArray, start: int) -> Reading:
        width = line.shape[1]
        if width < LEAST_WIDTH:
            line = np.pad(line, ((0, 0), (0, LEAST_WIDTH - width), (0, 0)), mode="edge")
        steps = self._session.run(self._preprocess(line[None]))[0][0]
        best, probabilities = steps.argmax(axis=1), steps.max(axis=1)
        spoken = (best != 0) & np.concatenate([[True], best[1:] != best[:-1]])
        spoken &= best < len(self._alphabet)
        at = np.flatnonzero(spoken)
        return Reading(
            characters=tuple(self._alphabet[number] for number in best[at]),
            probabilities=np.asarray(probabilities[at], np.float32),
            places=np.asarray(start + (at + 0.5) * line.shape[1] / len(steps), np.float32),
        )


def _cuts(line: ByteArray) -> list[int]:
    """Where a line too long for one run is cut: each time at the most even column of the last that could be."""
    cuts, start = list[int](), 0
    while line.shape[1] - start > MOST_WIDTH:
        first = start + MOST_WIDTH - _CUT_PIXELS
        evenness = line[:, first : start + MOST_WIDTH].astype(np.float32).std(axis=0).sum(axis=1)
        start = first + int(evenness.argmin())
        cuts.append(start)
    return cuts


def _joined(before: Reading, after: Reading) -> Reading:
    """Two parts of a line as one; with a space if they are as far apart as words."""
    apart = len(before.places) and len(after.places) and after.places[0] - before.places[-1] > _WORD_PIXELS
    space = [(before.places[-1] + after.places[0]) / 2] if apart else []
    return Reading(
        characters=(*before.characters, *(" " for _ in space), *after.characters),
        probabilities=np.concatenate([before.probabilities, np.ones(len(space), np.float32), after.probabilities]),
        places=np.concatenate([before.places, np.array(space, np.float32), after.places]),
    )


def width_of(width: float, height: float) -> int:
    """How wide a line of these sides is once it is LINE_PIXELS high."""
    wide = LINE_PIXELS * width / max(height, 1e-6)
    return max(LEAST_WIDTH, int(np.ceil(wide / _WIDTH_STEP)) * _WIDTH_STEP)
