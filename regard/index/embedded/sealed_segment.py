"""Sealed rows of one gallery: codes in memory, vectors mapped; nothing is added, rows may go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from regard.domain.arrays import BoolArray, FloatArray, HalfArray, IntArray
from regard.domain.galleries import Hits
from regard.index.embedded import segment_file
from regard.index.embedded.codebook import Codebook
from regard.index.embedded.fast_scan import BLOCK, FastScan
from regard.index.embedded.segment_file import STEP_ROWS, Header, SegmentFile, Vectors
from regard.index.exact_search import TOMBSTONE, Best, compared, singles

#: The share of the rows that a scan looks at first until it knows better, and at most (but this many rows at least);
#: and how many times more where those did not go down to the floor. Looking at 8,192 of a million takes half as long
#: again as looking at 64.
_FIRST_SHARE, _MOST_SHARE, _LEAST_ROWS, _DEEPER = 1024, 32, 128, 4
#: By how much the next scan looks further than this one had to, and how soon it looks less far than those before.
_DEPTH_GROWTH, _DEPTH_DECAY = 1.1, 64
#: Rows, of all probes together, that a scan returns at once: 32 bytes each.
_SCANNED_ROWS = 1 << 20
#: Rows compared before the next are looked at again: what is found may leave less to compare.
_COMPARED_ROWS = 256
#: Below this cosine rows are scanned as if for it: a search that asks for less has a limit, and finds what is likest.
_LEAST_SCAN_COSINE = 0.4
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


class _Gathered:
    """Vectors of several segments one after the other, as `rows` of them all together, copied when they are asked
    for."""

    def __init__(self, parts: Sequence[SealedSegment], rows: IntArray) -> None:
        self._vectors = [part.file.vectors for part in parts]
        self._starts = np.cumsum([0, *(len(vectors) for vectors in self._vectors)])
        self._rows = rows

    def __getitem__(self, rows: slice) -> HalfArray:
        wanted = self._rows[rows]
        found = np.empty((len(wanted), self._vectors[0].shape[1]), np.float16)
        part_of = np.searchsorted(self._starts, wanted, "right") - 1
        for part in np.unique(part_of).tolist():
            here = part_of == part
            found[here] = self._vectors[part][wanted[here] - self._starts[part]]
        return found


class SealedSegment:
    """Scanned by code, every row; whatever may reach the threshold is then compared as it is.

    Safe to search from many threads, also while rows go.
    """

    def __init__(self, file: SegmentFile, codebook: Codebook, *, read: bool = True) -> None:
        """`read`: whether its vectors are known to be what was written."""
        self.file = file
        #: Blocks of rows, the first ones, whose vectors are still to be verified.
        self.unread = 0 if read else file.blocks
        self._codebook = codebook
        held = np.array(file.keys, np.int64)
        self._tombstones = held == TOMBSTONE
        # In order even where there are tombstones, so that a key is found by halving.
        self._keys = np.maximum.accumulate(np.maximum(held, file.header.first))
        self._scan = FastScan(codebook.coder, file.codes)
        self._coded = ~codebook.outliers(np.asarray(file.error_codes))
        self._depth = max(len(held) // _FIRST_SHARE, _LEAST_ROWS)
        self._outliers = np.flatnonzero(~self._coded)
        self._outlier_vectors = file.vectors[self._outliers].astype(np.float32)

    @classmethod
    def write(cls, folder: Path, sealed: Sealed, codebook: Codebook, keys: IntArray, vectors: Vectors) -> SealedSegment:
        """Seal N×K rows under ascending keys; none of them makes a segment that only stands for its sealings.

        Its file is a draft until it is published. Raises OSError, DamagedSegment.
        """
        rows = max(1, -(-len(keys) // BLOCK)) * BLOCK
        some = vectors if len(keys) else np.zeros((1, codebook.width), np.float16)
        steps = [codebook.encode(some[start : start + STEP_ROWS]) for start in range(0, rows, STEP_ROWS)]
        codes, error_codes = (np.concatenate(each) for each in zip(*steps, strict=True))
        error_codes = np.pad(error_codes[: len(keys)], (0, rows - len(keys)))
        header = Header(
            codebook=codebook.fingerprint,
            oldest=sealed.oldest,
            newest=sealed.newest,
            first=int(keys[0]) if len(keys) else sealed.last,
            last=sealed.last,
            rows=rows,
            groups=codebook.coder.groups,
            width=codebook.width,
        )
        filled = np.pad(keys, (0, rows - len(keys)), constant_values=TOMBSTONE)
        return cls(segment_file.write(_draft(folder, header), header, filled, (codes, error_codes), some), codebook)

    @classmethod
    def merged(cls, folder: Path, codebook: Codebook, parts: Sequence[SealedSegment]) -> SealedSegment:
        """A draft of several that were sealed one after the other, with their tombstones. Rows may go from them while
        it is made; those are to go from it before it is published. Raises OSError, DamagedSegment."""
        if any(left.highest >= right.first for left, right in pairwise(parts)):
            return cls.compacted(folder, codebook, parts)
        # Once and first: what goes from here on is whole under its key, or there is nothing of it.
        held, codes, error_codes = (
            np.concatenate([getattr(part.file, name) for part in parts]) for name in ("keys", "codes", "error_codes")
        )
        codebook.coder.blank(codes, np.flatnonzero(held == TOMBSTONE))
        error_codes[held == TOMBSTONE] = 0
        where = _covered(parts)
        header = replace(parts[0].file.header, newest=where.newest, last=where.last, rows=len(held))
        vectors = _Gathered(parts, np.arange(len(held)))
        return cls(segment_file.write(_draft(folder, header), header, held, (codes, error_codes), vectors), codebook)

    @classmethod
    def compacted(cls, folder: Path, codebook: Codebook, parts: Sequence[SealedSegment]) -> SealedSegment:
        """As `merged`, of one or more, without their tombstones and in the order of their keys."""
        held = np.concatenate([part.file.keys for part in parts])
        order = np.argsort(held, kind="stable")
        order = order[held[order] != TOMBSTONE]
        return cls.write(folder, _covered(parts), codebook, held[order], _Gathered(parts, order))

    def publish(self) -> SealedSegment:
        """Give the draft its name; `sync_folder` of its folder makes that last. Raises OSError."""
        self.file.publish(self.file.path.with_name(self.sealed.name))
        return self

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
        held: BoolArray = (self._keys[at] == keys) & ~self._tombstones[at]
        return held

    def __len__(self) -> int:
        """How many rows are in use."""
        return self.rows - int(np.count_nonzero(self._tombstones))

    @property
    def rows(self) -> int:
        """How many rows there are, the tombstones too."""
        return len(self._tombstones)

    @property
    def memory(self) -> int:
        """Bytes held in memory, beside what is mapped."""
        held = (self._scan.codes, self._keys, self._tombstones, self._coded, self._outlier_vectors)
        return sum(array.nbytes for array in held)

    def keys(self) -> IntArray:
        """Of the rows in use, ascending."""
        used: IntArray = self._keys[~self._tombstones]
        return used

    def live(self) -> tuple[IntArray, HalfArray]:
        """Keys, ascending, and vectors N×K of the rows in use."""
        rows = np.flatnonzero(~self._tombstones)
        return self._keys[rows], self.file.vectors[rows]

    def search(self, probes: FloatArray, limits: IntArray, thresholds: FloatArray) -> list[Hits]:
        """For each of P×K probes, up to its limit, keys of cosine >= its threshold, best first, ties by key.

        Where a scan would have to return a large part of the rows, all of them are compared instead.
        """
        found = [_NOTHING] * len(probes)
        bases = np.maximum(thresholds, np.float32(_LEAST_SCAN_COSINE))
        left, depth = np.arange(len(probes)), self._depth
        while len(left) and depth * _DEEPER <= self.rows:
            needed = np.zeros(len(left), np.int64)
            parts = min(len(left), -(-len(left) * depth // _SCANNED_ROWS))
            for batch in np.array_split(np.arange(len(left)), parts):
                these = left[batch]
                scores, rows = self._scan.search(probes[these], self._codebook.weights(bases[these]), depth)
                for line, at in enumerate(batch.tolist()):
                    number = int(left[at])
                    best = Best(probes[number], int(limits[number]), float(thresholds[number]))
                    needed[at] = self._weigh(best, probes[number], float(bases[number]), rows[line], scores[line])
                    found[number] = best.hits
            self._learn(int(needed.max()))
            # Where even the last score looked at may be enough, there may be more below it.
            left, depth = left[needed == depth], depth * _DEEPER
        if len(left):
            whole = compared(self.file.vectors, self.file.keys, probes[left], limits[left], thresholds[left])
            for number, hits in zip(left.tolist(), whole, strict=True):
                found[number] = hits
        return found

    def remove(self, keys: IntArray) -> int:
        """Forget these keys, in memory and in the file; how many there were."""
        gone = np.unique(self._places(keys)[self.holds(keys)])
        if len(gone):
            self._tombstones[gone] = True
            self._outlier_vectors[np.isin(self._outliers, gone)] = 0
            self._codebook.coder.blank(self._scan.codes, gone)
            self.file.forget(gone, self._codebook.coder.blank)
        return len(gone)

    def suspects(self, count: int) -> list[int]:
        """Of the last `count` unread blocks those that are damaged, or of which rows go just now."""
        return [block for block in range(max(0, self.unread - count), self.unread) if self.file.damaged(block)]

    def damaged(self, blocks: Sequence[int]) -> IntArray:
        """The keys in those of these blocks that are damaged, ascending. For when no row goes."""
        rows = [self.file.rows_of(block) for block in blocks if self.file.damaged(block)]
        keys = [self._keys[each][~self._tombstones[each]] for each in rows]
        return np.sort(np.concatenate([np.empty(0, np.int64), *keys]))

    def mend(self, blocks: Sequence[int]) -> None:
        """Forget what `damaged` says, and make those blocks whole again."""
        self.remove(self.damaged(blocks))
        for block in blocks:
            if self.file.damaged(block):
                self.file.mend(block)

    def _weigh(self, best: Best, probe: FloatArray, base: float, rows: IntArray, scores: FloatArray) -> int:
        """Compare the outliers, and those scanned, by their falling scores, that may reach what `best` asks.

        Returns how many of those scanned may.
        """
        self._compare(best, probe, self._outliers, self._outlier_vectors)
        done, size = 0, _COMPARED_ROWS
        while done < (far := self._far(best, base, scores)):
            # The better the worst of a full list is, the less is left to compare.
            chosen = rows[done : min(done + size, far)]
            chosen = chosen[self._coded.take(chosen)]
            # Not by [chosen], which takes four times as long.
            self._compare(best, probe, chosen, singles(self.file.vectors.take(chosen, axis=0)))
            done, size = done + size, size * _DEEPER
        return far

    def _far(self, best: Best, base: float, scores: FloatArray) -> int:
        """How many of falling scores are not below the least that may matter to `best`."""
        return int(np.searchsorted(-scores, -self._codebook.least_score(base, best.floor), "right"))

    def _learn(self, needed: int) -> None:
        """The next search will have to look about as far as this one."""
        most, less = max(self.rows // _MOST_SHARE, _LEAST_ROWS), self._depth - self._depth // _DEPTH_DECAY
        self._depth = min(max(int(_DEPTH_GROWTH * needed), less, _LEAST_ROWS), most)

    def _compare(self, best: Best, probe: FloatArray, rows: IntArray, vectors: FloatArray) -> None:
        scores = vectors @ probe
        near = best.near(scores)
        rows = rows[near]
        # After the vectors: one that goes now is found as it was, or not at all.
        keys = np.where(self._tombstones[rows], TOMBSTONE, self._keys[rows])
        best.offer(vectors[near], keys, scores[near])

    def _places(self, keys: IntArray) -> IntArray:
        """The first row whose key is not below each of these."""
        return np.asarray(np.minimum(np.searchsorted(self._keys, keys), self.rows - 1), np.int64)


def _covered(parts: Sequence[SealedSegment]) -> Sealed:
    return Sealed(oldest=parts[0].sealed.oldest, newest=parts[-1].sealed.newest, last=parts[-1].sealed.last)


def _draft(folder: Path, header: Header) -> Path:
    return folder / f"{header.oldest}-{header.newest}.draft"
