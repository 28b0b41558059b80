"""The exhaustive scan of 4-bit product codes: fast enough that nothing needs to be left out. The only import of faiss.

Product quantisation is Jégou et al. 2011; scanning its 4-bit codes by look-ups in registers is André et al. 2017
("Accelerated nearest neighbor search with Quick ADC"), in faiss `IndexPQFastScan`.
"""

from __future__ import annotations

from functools import cached_property

import faiss
import numpy as np

from regard.domain import ByteArray, FloatArray, HalfArray, IntArray

#: Codes lie in blocks of so many rows; several scanners' codes one after the other are a scanner's again.
BLOCK = 32
_BITS = 4
#: What a group of the code chooses from.
CHOICES = 1 << _BITS
#: Rows that are encoded at once: a bound on the memory it takes beside the result. Whole blocks.
_AT_ONCE = 1 << 15


class Coder:
    """Turns vectors of K = M·W dimensions into M choices of 4 bits, packed as the scan reads them."""

    def __init__(self, centroids: FloatArray) -> None:
        """`centroids` is M×16×W: M groups of W dimensions, M even, 16 choices for each."""
        self.groups, _, width = centroids.shape
        self.width = self.groups * width
        self._centroids = np.ascontiguousarray(centroids, np.float32).ravel()
        self._quantizer = faiss.ProductQuantizer(self.width, self.groups, _BITS)
        faiss.copy_array_to_vector(self._centroids, self._quantizer.centroids)

    def empty(self) -> faiss.IndexPQFastScan:
        index = faiss.IndexPQFastScan(self.width, self.groups, _BITS, faiss.METRIC_INNER_PRODUCT)
        faiss.copy_array_to_vector(self._centroids, index.pq.centroids)
        index.is_trained = True
        return index

    def encode(self, vectors: FloatArray | HalfArray) -> tuple[ByteArray, FloatArray]:
        """The packed codes of N×K rows, filled up to whole blocks, and for each row how it is coded, N×2: what its code
        stands for is `along` times the row plus a part at right angles to it that is `apart` times as long as it."""
        starts = range(0, max(1, len(vectors)), _AT_ONCE)
        parts = [self._encoded(np.ascontiguousarray(vectors[start:][:_AT_ONCE], np.float32)) for start in starts]
        return np.concatenate([codes for codes, _ in parts]), np.concatenate([fits for _, fits in parts])

    def _encoded(self, vectors: FloatArray) -> tuple[ByteArray, FloatArray]:
        codes = self._quantizer.compute_codes(vectors)
        coded, energy = self._quantizer.decode(codes), np.einsum("nk,nk->n", vectors, vectors)
        something = energy > 0
        energy[~something] = 1
        along = np.einsum("nk,nk->n", coded, vectors) / energy
        apart = np.sqrt(np.maximum(np.einsum("nk,nk->n", coded, coded) / energy - along**2, 0))
        along[~something], apart[~something] = 1, 0
        padded = np.zeros((-(-len(codes) // BLOCK) * BLOCK, codes.shape[1]), np.uint8)
        padded[: len(codes)] = codes
        choices = np.stack([padded & 15, padded >> 4], axis=-1).reshape(-1, BLOCK * self.groups)
        laid = choices[:, self._layout]
        return (laid[:, 0::2] | laid[:, 1::2] << 4).ravel(), np.stack([along, apart], axis=1)

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


class Scanner:
    """Packed codes in memory, N rows. Safe to search from many threads at once."""

    def __init__(self, coder: Coder, codes: ByteArray) -> None:
        """Takes a copy of `codes`, as `Coder.encode` packs them."""
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

    def search(self, probes: FloatArray, depth: int) -> tuple[FloatArray, IntArray]:
        """For each of P×K probes the `depth` rows of highest score, best first: scores and rows, P×depth.

        A score estimates the inner product. Raises ValueError for more rows than there are.
        """
        if depth > len(self):
            raise ValueError(f"{depth} of {len(self)} rows")
        faiss.omp_set_num_threads(1)  # faiss spreads probes over threads, never rows: who calls spreads the rows
        scores, rows = self._index.search(np.ascontiguousarray(probes, np.float32), depth)
        return scores, rows

    def scores(self, probes: FloatArray) -> FloatArray:
        """For each of P×K probes the score of every row: P×N."""
        scores, rows = self.search(probes, len(self))
        by_row = np.empty_like(scores)
        np.put_along_axis(by_row, rows, scores, axis=1)
        return by_row


def trained(vectors: FloatArray, groups: int) -> FloatArray:
    """The M×16×W centroids that `vectors` (N×(M·W)) settle into, by k-means in each group; always the same."""
    faiss.omp_set_num_threads(1)
    quantizer = faiss.ProductQuantizer(vectors.shape[1], groups, _BITS)
    quantizer.train(np.ascontiguousarray(vectors, np.float32))
    return np.array(faiss.vector_to_array(quantizer.centroids)).reshape(groups, CHOICES, -1)
