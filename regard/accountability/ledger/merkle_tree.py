"""The tree of a ledger (RFC 6962): its root, proofs that an entry is in it, and that it continues an earlier one.

Hashes come from tiles (C2SP tlog-tiles), each of which has 256 neighbours of one level, every eighth level of the tree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache, reduce
from typing import Protocol

from regard.accountability.ledger.ledger_verification import (
    TILE,
    LedgerFault,
    node_hash,
    split,
    tile_width,
    tree_root,
)

HASH_BYTES = 32
#: Levels of the tree from one row of tiles to the next.
_TILE_HEIGHT = 8


class Tiles(Protocol):
    """Where the hashes of tiles are kept."""

    def tile(self, level: int, number: int, width: int, /) -> bytes:
        """The first `width` hashes of a tile, one after another. Raises LedgerFault if they are not there."""
        ...


class MerkleTree:
    """The tree above the first `size` entries; it reads each tile that it needs once.

    `edge` has what the method of that name gives, if it is known: then no tile is read for the tree's right edge. It is
    believed.
    """

    def __init__(self, tiles: Tiles, size: int, edge: Sequence[bytes] = ()) -> None:
        self.size = size
        self._tiles = tiles
        self._tile = lru_cache(maxsize=None)(self._read)
        self._known = dict(zip(_edge_nodes(size), edge, strict=True)) if edge else {}

    def root(self) -> bytes:
        return self._range(0, self.size) if self.size else tree_root([])

    def edge(self) -> list[bytes]:
        """The hashes of the full subtrees that it consists of, the largest first: one for each bit of its size."""
        return [self._node(level, index) for level, index in _edge_nodes(self.size)]

    def inclusion(self, index: int) -> list[bytes]:
        """The proof that entry `index` is in the tree, from the leaf's sibling up (RFC 6962, 2.1.1)."""
        if not 0 <= index < self.size:
            raise LedgerFault(f"There is no entry {index} in a ledger of {self.size}.")
        proof, start, end = [], 0, self.size
        while end - start > 1:
            middle = start + split(end - start)
            if index < middle:
                proof.append(self._range(middle, end))
                end = middle
            else:
                proof.append(self._range(start, middle))
                start = middle
        return proof[::-1]

    def consistency(self, old: int) -> list[bytes]:
        """The proof that the tree continues the one of its first `old` entries (RFC 6962, 2.1.2)."""
        if not 0 <= old <= self.size:
            raise LedgerFault(f"A ledger of {self.size} entries is no continuation of one of {old}.")
        if old in (0, self.size):
            return []
        proof, start, end, whole = [], 0, self.size, True
        while old < end:
            middle = start + split(end - start)
            if old <= middle:
                proof.append(self._range(middle, end))
                end = middle
            else:
                proof.append(self._range(start, middle))
                start, whole = middle, False
        return ([] if whole else [self._range(start, end)]) + proof[::-1]

    def _range(self, start: int, end: int) -> bytes:
        """The hash above these leaves, where `start` is a multiple of the first part's size, as it is in proofs."""
        size = end - start
        if size & (size - 1) == 0:
            level = size.bit_length() - 1
            return self._node(level, start >> level)
        middle = start + split(size)
        return node_hash(self._range(start, middle), self._range(middle, end))

    def _node(self, level: int, index: int) -> bytes:
        """The root of the full subtree of 2^level leaves that is number `index` of its level."""
        known = self._known.get((level, index))
        if known is not None:
            return known
        of_tile, height = divmod(level, _TILE_HEIGHT)
        number, place = divmod(index, TILE >> height)
        return self._tile(of_tile, number)[height][place]

    def _read(self, level: int, number: int) -> list[list[bytes]]:
        """The hashes of a tile, and row by row those above them that are complete."""
        width = tile_width(self.size, level, number)
        found = self._tiles.tile(level, number, width)
        if len(found) != width * HASH_BYTES:
            raise LedgerFault(f"Tile {number} of level {level} is damaged: the ledger's tables were changed.")
        rows = [[found[start : start + HASH_BYTES] for start in range(0, len(found), HASH_BYTES)]]
        for _ in range(_TILE_HEIGHT - 1):
            below = rows[-1]
            rows.append([node_hash(a, b) for a, b in zip(below[::2], below[1::2], strict=False)])
        return rows


def root_of_edge(edge: Sequence[bytes]) -> bytes:
    """The root of a tree with these hashes along its edge, of which there is one at least."""
    return reduce(lambda right, left: node_hash(left, right), reversed(edge))


def _edge_nodes(size: int) -> list[tuple[int, int]]:
    """Of each full subtree that a tree of `size` consists of, the level and its number on it."""
    levels = [level for level in range(size.bit_length() - 1, -1, -1) if size >> level & 1]
    return [(level, (size >> level) - 1) for level in levels]


def check_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Return if the first `old` entries of a ledger of `new` are those that `old_root` is of. Raises LedgerFault."""
    if not 0 <= old <= new:
        raise LedgerFault(f"A ledger of {new} entries is no continuation of one of {old}.")
    hashes = iter(proof)
    try:
        found = (old_root, new_root) if old == 0 else _roots(old, new, old_root, hashes)
    except StopIteration:
        raise LedgerFault("The proof is too short.") from None
    if found != (old_root, new_root) or next(hashes, None) is not None:
        raise LedgerFault("The two ledgers have different entries.")


def _roots(old: int, new: int, known: bytes | None, hashes: Iterator[bytes]) -> tuple[bytes, bytes]:
    """The roots of the first `old` and of all `new` leaves of a subtree. `known` is the former, if that is known."""
    if old == new:
        same = known or next(hashes)
        return same, same
    left = split(new)
    if old <= left:
        first, second = _roots(old, left, known, hashes)
        return first, node_hash(second, next(hashes))
    first, second = _roots(old - left, new - left, None, hashes)
    common = next(hashes)
    return node_hash(common, first), node_hash(common, second)
