"""The exhaustive scan of 4-bit product codes: fast enough that nothing needs to be left out. The only import of faiss.

Product quantisation is Jégou et al. 2011; scanning its 4-bit codes by look-ups in registers is André et al. 2017
("Accelerated nearest neighbor search with Quick ADC"), in faiss `IndexPQFastScan`.
"""

from __future__ import annotations

from functools import cached_property

import faiss
import numpy as np

from regard.domain.arrays import ByteArray, FloatArray, HalfArray, IntArray

#: Rows in a block of codes; the codes of several scans, one after the other, are those of one scan again.
BLOCK = 32
_BITS = 4
#: What a group of the code chooses from.
CHOICES = 1 << _BITS
#: faiss' `qbs` by the number of probes that go over the codes together: a digit for each few whose tables are looked up
#: at once. These were measured to be the quickest; what faiss chooses by itself takes up to a half longer.
_PROBE_GROUPS = (0x0, 0x1, 0x2, 0x12, 0x31, 0x14, 0x42, 0x43, 0x44)


class Coder:
    """Turns vectors of K = M·W dimensions into M choices of 4 bits and two more, packed as the scan reads them.

    The two say how well the others fit: their centroids are levels, which a probe weighs as it likes.
    """

    def __init__(self, centroids: FloatArray, levels: FloatArray) -> None:
        """`centroids` is M×16×W: M groups of W dimensions, M even, 16 choices for each. `levels` is 2×16."""
        chosen, _, each = centroids.shape
        self.width, self.groups = chosen * each, chosen + len(levels)
        self._quantizer = faiss.ProductQuantizer(self.width, chosen, _BITS)
        faiss.copy_array_to_vector(np.ascontiguousarray(centroids, np.float32).ravel(), self._quantizer.centroids)
        padded = np.pad(levels[:, :, None], ((0, 0), (0, 0), (0, each - 1)))
        self._scanned = np.concatenate([centroids, padded]).astype(np.float32)

    def empty(self) -> faiss.IndexPQFastScan:
        index = faiss.IndexPQFastScan(self._scanned[:, 0].size, self.groups, _BITS, faiss.METRIC_INNER_PRODUCT)
        faiss.copy_array_to_vector(self._scanned.ravel(), index.pq.centroids)
        index.is_trained = True
        return index

    def choose(self, vectors: FloatArray | HalfArray) -> tuple[ByteArray, FloatArray]:
        """The choices for N×K rows, N×M/2 bytes, and for each row how they fit, N×2: what they stand for is the
        gain times the row, plus a part at right angles to it that is the residual times as long as the row."""
        vectors = np.ascontiguousarray(vectors, np.float32)
        choices = self._quantizer.compute_codes(vectors)
        coded, energy = self.stands_for(choices), np.einsum("nk,nk->n", vectors, vectors)
        something = energy > 0
        energy[~something] = 1
        gain = np.einsum("nk,nk->n", coded, vectors) / energy
        residual = np.sqrt(np.maximum(np.einsum("nk,nk->n", coded, coded) / energy - gain**2, 0))
        gain[~something], residual[~something] = 1, 0
        return choices, np.stack([gain, residual], axis=1)

    def stands_for(self, choices: ByteArray) -> FloatArray:
        """The N×K that N×M/2 choices are."""
        return np.asarray(self._quantizer.decode(choices), np.float32)

    def pack(self, choices: ByteArray, error_codes: ByteArray) -> ByteArray:
        """Choices, and for each of N rows the error code, a byte with its two levels, the first in the lower half;
        filled up to whole blocks."""
        padded = np.zeros((-(-len(choices) // BLOCK) * BLOCK, self.groups // 2), np.uint8)
        padded[: len(choices), :-1], padded[: len(choices), -1] = choices, error_codes
        halves = np.stack([padded & 15, padded >> 4], axis=-1).reshape(-1, BLOCK * self.groups)
        laid = halves[:, self._layout]
        packed: ByteArray = (laid[:, 0::2] | laid[:, 1::2] << 4).ravel()
        return packed

    def probes(self, probes: FloatArray, weights: FloatArray) -> FloatArray:
        """P×K with P×2 weights of the levels, as the scan takes them."""
        padded = np.zeros((len(probes), self._scanned[:, 0].size), np.float32)
        padded[:, : self.width], padded[:, self.width :: self._scanned.shape[2]] = probes, weights
        return padded

    def blank(self, codes: ByteArray, rows: IntArray) -> None:
        """Write over these rows in packed `codes`."""
        blocks = codes.reshape(-1, BLOCK * self.groups // 2)
        for row in np.unique(rows % BLOCK).tolist():
            places = self._places[row]
            kept = np.where(places & 1, 0x0F, 0xF0).astype(np.uint8)
            blocks[np.ix_(np.unique(rows[rows % BLOCK == row] // BLOCK), places >> 1)] &= kept

    @cached_property
    def _layout(self) -> IntArray:
        """For each half-byte of a block, which choice (row · M + group) it holds: faiss's own order, asked of it."""
        packer, block = self.empty().get_CodePacker(), BLOCK * self.groups // 2
        order = np.empty(BLOCK * self.groups, np.int64)
        for choice in range(BLOCK * self.groups):
            flat, laid = np.zeros(self.groups // 2, np.uint8), np.zeros(block, np.uint8)
            row, group = divmod(choice, self.groups)
            flat[group // 2] = 15 << _BITS * (group % 2)
            packer.pack_1(flat, row, laid[None])
            order[np.flatnonzero(np.stack([laid & 15, laid >> 4], axis=-1).ravel())] = choice
        return order

    @cached_property
    def _places(self) -> IntArray:
        """For each row of a block the half-bytes it lies in: 32×M."""
        return np.argsort(self._layout).reshape(BLOCK, self.groups)


class FastScan:
    """Packed codes in memory, N rows. Safe to search from many threads at once."""

    def __init__(self, coder: Coder, codes: ByteArray) -> None:
        """Takes a copy of `codes`, as `Coder.pack` makes them."""
        self._coder = coder
        self._index = coder.empty()
        self._index.codes.resize(codes.size)
        self.codes[:] = codes
        self._index.ntotal = self._index.ntotal2 = codes.size * 2 // coder.groups

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def codes(self) -> ByteArray:
        """In place."""
        codes = self._index.codes
        view: ByteArray = faiss.rev_swig_ptr(codes.get(), codes.size())
        return view

    def search(self, probes: FloatArray, weights: FloatArray, depth: int) -> tuple[FloatArray, IntArray]:
        """For each of P×K probes the `depth` rows of highest score, best first: scores and rows, P×depth.

        A score estimates the inner product, plus P×2 `weights` times the row's levels. Raises ValueError for more rows
        than there are.
        """
        if depth > len(self):
            raise ValueError(f"{depth} of {len(self)} rows")
        faiss.omp_set_num_threads(1)  # faiss spreads probes over threads, never rows: the caller spreads the rows
        padded, most = self._coder.probes(probes, weights), len(_PROBE_GROUPS) - 1
        found = [self._search(padded[start : start + most], depth) for start in range(0, len(padded), most)]
        return np.concatenate([scores for scores, _ in found]), np.concatenate([rows for _, rows in found])

    def _search(self, probes: FloatArray, depth: int) -> tuple[FloatArray, IntArray]:
        # Where another thread says otherwise before this is read, faiss divides the probes as it does by itself.
        self._index.qbs = _PROBE_GROUPS[len(probes)]
        scores, rows = self._index.search(probes, depth)
        return scores, rows

    def scores(self, probes: FloatArray, weights: FloatArray) -> FloatArray:
        """For each of P×K probes the score of every row: P×N."""
        scores, rows = self.search(probes, weights, len(self))
        by_row = np.empty_like(scores)
        np.put_along_axis(by_row, rows, scores, axis=1)
        return by_row


def trained(vectors: FloatArray, groups: int) -> FloatArray:
    """The M×16×W centroids that `vectors` (N×(M·W)) settle into, by k-means in each group; always the same."""
    faiss.omp_set_num_threads(1)
    quantizer = faiss.ProductQuantizer(vectors.shape[1], groups, _BITS)
    quantizer.train(np.ascontiguousarray(vectors, np.float32))
    return np.array(faiss.vector_to_array(quantizer.centroids)).reshape(groups, CHOICES, -1)
