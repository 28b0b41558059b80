"""Sealed rows of one gallery: codes in memory, vectors mapped; nothing is added, rows may go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from regard.domain import FloatArray, HalfArray, Hits, IntArray
from regard.store import segment_file
from regard.store.codebook import Codebook
from regard.store.open_rows import Best, compared
from regard.store.scanner import BLOCK, Scanner
from regard.store.segment_file import DEAD, Header, SegmentFile

BoolArray = NDArray[np.bool_]

#: The share of the rows that a scan looks at first (but so many at least), and how many times more where those did not
#: go down to the floor. Looking at 4,096 of 500,000 takes twice the time of looking at one.
_SHARE, _LEAST, _DEEPER = 128, 512, 4
#: Rows, of all probes together, that a scan returns at once: 32 bytes each.
_AT_ONCE = 1 << 20
_NOTHING = Hits(keys=np.empty(0, np.int64), cosines=np.empty(0, np.float32))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """Where a segment stands in its gallery: which of the sealings it holds, and the key up to which none is missing in
    it and those before it."""

    oldest: int
    newest: int
    last: int

    @property
    def name(self) -> str:
        return f"{self.oldest}-{self.newest}.segment"


class Segment:
    """Scanned by code, every row; whatever may reach the threshold is then compared as it is.

    Safe to search from many threads, also while rows go.
    """

    def __init__(self, file: SegmentFile, codebook: Codebook) -> None:
        self.file = file
        self._codebook = codebook
        held = np.array(file.keys, np.int64)
        self._dead = held == DEAD
        # In order even where rows are dead, so that a key is found by halving.
        self._keys = np.maximum.accumulate(np.maximum(held, file.header.first))
        self._scanner = Scanner(codebook.coder, file.codes)
        self._odd = np.array(file.odd, np.int64)
        self._odd_vectors = file.vectors[self._odd].astype(np.float32)
        self._coded = np.ones(len(held), bool)
        self._coded[self._odd] = False

    @classmethod
    def write(
        cls, folder: Path, sealed: Sealed, codebook: Codebook, keys: IntArray, vectors: FloatArray | HalfArray
    ) -> Segment:
        """Seal N×K rows under ascending keys; none of them makes a segment that only stands for its sealings."""
        coder, rows = codebook.coder, max(1, -(-len(keys) // BLOCK)) * BLOCK
        kept = np.zeros((rows, codebook.width), np.float16)
        kept[: len(keys)] = vectors
        codes, misfits = coder.encode(kept)
        odd = np.flatnonzero(misfits[: len(keys)] > codebook.reach)
        header = Header(
            codebook=codebook.fingerprint,
            oldest=sealed.oldest,
            newest=sealed.newest,
            first=int(keys[0]) if len(keys) else sealed.last,
            last=sealed.last,
            rows=rows,
            odd=len(odd),
            groups=coder.groups,
            width=codebook.width,
        )
        filled = np.pad(keys, (0, rows - len(keys)), constant_values=DEAD)
        return cls(segment_file.write(folder / sealed.name, header, odd, filled, codes, kept), codebook)

    @classmethod
    def joined(cls, folder: Path, codebook: Codebook, parts: Sequence[Segment]) -> Segment:
        """One segment of several that were sealed one after the other."""
        sealed = Sealed(oldest=parts[0].sealed.oldest, newest=parts[-1].sealed.newest, last=parts[-1].sealed.last)
        if any(left.highest >= right.first for left, right in pairwise(parts)):
            keys, vectors = (np.concatenate(each) for each in zip(*(part.live() for part in parts), strict=True))
            order = np.argsort(keys)
            return cls.write(folder, sealed, codebook, keys[order], vectors[order])
        starts = np.cumsum([0, *(part.rows for part in parts)])
        odd = np.concatenate([part.file.odd + start for part, start in zip(parts, starts, strict=False)])
        header = replace(
            parts[0].file.header, newest=sealed.newest, last=sealed.last, rows=int(starts[-1]), odd=len(odd)
        )
        keys, codes, vectors = (
            np.concatenate([getattr(part.file, name) for part in parts]) for name in ("keys", "codes", "vectors")
        )
        return cls(segment_file.write(folder / sealed.name, header, odd, keys, codes, vectors), codebook)

    @property
    def sealed(self) -> Sealed:
        header = self.file.header
        return Sealed(oldest=header.oldest, newest=header.newest, last=header.last)

    @property
    def first(self) -> int:
        """No key here is below."""
        return self.file.header.first

    @property
    def highest(self) -> int:
        """No key here is above."""
        return int(self._keys[-1])

    def holds(self, keys: IntArray) -> BoolArray:
        """Which of these keys are in use here."""
        at = self._places(keys)
        held: BoolArray = (self._keys[at] == keys) & ~self._dead[at]
        return held

    def __len__(self) -> int:
        """How many rows are in use."""
        return self.rows - int(np.count_nonzero(self._dead))

    @property
    def rows(self) -> int:
        """How many rows there are, the dead ones too."""
        return len(self._dead)

    @property
    def memory(self) -> int:
        """Bytes held in memory, beside what is mapped."""
        held = (self._scanner.codes, self._keys, self._dead, self._coded, self._odd_vectors)
        return sum(array.nbytes for array in held)

    def keys(self) -> IntArray:
        """Of the rows in use, ascending."""
        used: IntArray = self._keys[~self._dead]
        return used

    def live(self) -> tuple[IntArray, HalfArray]:
        """Keys, ascending, and vectors N×K of the rows in use."""
        rows = np.flatnonzero(~self._dead)
        return self._keys[rows], self.file.vectors[rows]

    def search(self, probes: FloatArray, limits: IntArray, thresholds: FloatArray) -> list[Hits]:
        """For each of P×K probes, up to its limit, keys of cosine >= its threshold, best first, ties by key.

        Where a scan would have to return a large part of the rows, all of them are compared instead.
        """
        found = [_NOTHING] * len(probes)
        left, depth = np.arange(len(probes)), max(self.rows // _SHARE, _LEAST)
        while len(left) and depth * _DEEPER <= self.rows:
            deeper: list[int] = []
            for together in np.array_split(left, -(-len(left) * depth // _AT_ONCE)):
                scores, rows = self._scanner.search(probes[together], depth)
                for line, number in enumerate(together.tolist()):
                    best = Best(probes[number], int(limits[number]), float(thresholds[number]))
                    floor = self._weigh(best, probes[number], rows[line], scores[line])
                    found[number] = best.hits
                    # Where even the last score looked at is above the floor, there may be more below it.
                    deeper += [number] if scores[line, -1] >= floor else []
            left, depth = np.array(deeper, np.int64), depth * _DEEPER
        if len(left):
            whole = compared(self.file.vectors, self.file.keys, probes[left], limits[left], thresholds[left])
            for number, hits in zip(left.tolist(), whole, strict=True):
                found[number] = hits
        return found

    def remove(self, keys: IntArray) -> int:
        """Forget these keys, in memory and on disk; how many there were."""
        gone = np.unique(self._places(keys)[self.holds(keys)])
        if len(gone):
            self._dead[gone] = True
            self._odd_vectors[np.isin(self._odd, gone)] = 0
            self._codebook.coder.blank(self._scanner.codes, gone)
            self.file.forget(gone, self._codebook.coder.blank)
        return len(gone)

    def _weigh(self, best: Best, probe: FloatArray, rows: IntArray, scores: FloatArray) -> float:
        """Compare the odd rows, and those scanned, by their scores, best first, which may reach what `best` asks.

        Returns the least score that may.
        """
        self._compare(best, probe, self._odd, self._odd_vectors)
        start, size = 0, 64
        while start < len(rows) and scores[start] >= self._codebook.floor(best.floor):
            stop = start + int(np.count_nonzero(scores[start:][:size] >= self._codebook.floor(best.floor)))
            chosen = rows[start:stop]
            chosen = chosen[self._coded[chosen]]
            self._compare(best, probe, chosen, self.file.vectors[chosen].astype(np.float32))
            # The better the worst of a full list is, the less is left to compare.
            start, size = start + size, size * _DEEPER
        return self._codebook.floor(best.floor)

    def _compare(self, best: Best, probe: FloatArray, rows: IntArray, vectors: FloatArray) -> None:
        scores = vectors @ probe
        # After the vectors: one that goes now is found as it was, or not at all.
        keys = np.where(self._dead[rows], DEAD, self._keys[rows])
        best.offer(vectors, keys, scores)

    def _places(self, keys: IntArray) -> IntArray:
        """The first row whose key is not below each of these."""
        return np.asarray(np.minimum(np.searchsorted(self._keys, keys), self.rows - 1), np.int64)
