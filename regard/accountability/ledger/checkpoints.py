"""Checkpoints: how many entries the ledger has and the root above them, signed; each a continuation of the last."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from regard.accountability.ledger.ledger_verification import (
    TILE,
    Checkpoint,
    LedgerFault,
    leaf_hash,
    split_note,
    tree_root,
)
from regard.accountability.ledger.merkle_tree import HASH_BYTES, MerkleTree, root_of_edge
from regard.accountability.ledger.signed_notes import NoteSigner, shown
from regard.files import make_folder, replace_file
from regard.store.database import accompanied
from regard.store.ledger_rows import FullTile, LedgerReader, LedgerRows, StoredCheckpoint

log = logging.getLogger(__name__)

#: Tiles of a level that are made at once: some 20 ms.
_TILES_AT_ONCE = 64


class StoredTiles:
    """The hashes above the entries: from the tiles that were made, else computed from what is below."""

    def __init__(self, rows: LedgerReader) -> None:
        self._rows = rows
        #: Tiles at the end, which are not stored.
        self._computed: dict[tuple[int, int], bytes] = {}

    def tile(self, level: int, number: int, width: int) -> bytes:
        """The first `width` hashes of a tile. Raises LedgerFault if entries are missing."""
        found = self._computed.get((level, number), b"")
        if len(found) < width * HASH_BYTES:
            made = self._rows.tile(level, number)
            if made is not None:
                return made[: width * HASH_BYTES]
            found = self._computed[level, number] = self._hashes(level, number, width)
        return found[: width * HASH_BYTES]

    def _hashes(self, level: int, number: int, width: int) -> bytes:
        first = number * TILE
        if level == 0:
            hashes = [leaf_hash(leaf) for leaf in self._rows.leaves(first, width)]
        else:
            hashes = self._rows.roots(level - 1, first, width)
            hashes += [self._root(level - 1, below) for below in range(first + len(hashes), first + width)]
        if len(hashes) != width:
            raise LedgerFault(
                f"Entries are missing after entry {first + len(hashes)}: the ledger's tables were changed."
            )
        return b"".join(hashes)

    def _root(self, level: int, number: int) -> bytes:
        return root_of(self.tile(level, number, TILE))


def root_of(tile: bytes) -> bytes:
    """The hash above the hashes of a tile."""
    return tree_root(hashes_in(tile))


def hashes_in(joined: bytes) -> list[bytes]:
    """Hashes that stand one after another."""
    return [joined[start : start + HASH_BYTES] for start in range(0, len(joined), HASH_BYTES)]


class LedgerCheckpoints:
    """Signs checkpoints. `copy` is a file outside of the database with the last one: where the database is set back to
    an earlier day, it tells."""

    def __init__(
        self, rows: LedgerRows, signer: NoteSigner, copy: Path, clock: Callable[[], float] = time.time
    ) -> None:
        self._rows = rows
        self._signer = signer
        self._copy = copy
        self._clock = clock

    @property
    def begun(self) -> bool:
        """Whether there was ever an entry."""
        return self._rows.head().size > 0 or self._copy.exists()

    @property
    def origin(self) -> str:
        return self._signer.keys[0].name

    @property
    def keys(self) -> list[str]:
        """The public keys to verify with, as C2SP writes them."""
        return [shown(key) for key in self._signer.keys]

    def make(self, *, given_out: bool = False) -> StoredCheckpoint:
        """A checkpoint of all entries there are. One that is `given_out` is kept for good.

        Raises LedgerFault, and signs nothing, if the entries are not those that were signed before.
        """
        copied = self._copied()  # read first, or another process could sign, and copy, more than there is here
        with accompanied(None):
            while True:
                with self._rows.snapshot() as moment:  # in no writer's way: entries that are there do not change
                    tiles = StoredTiles(moment)
                    full, more = _full_tiles(moment, tiles)
                    made = None if more else self._continued(moment, tiles, copied, given_out=given_out)
                self._rows.settle(full, made)
                if made is not None:
                    break
        self._keep_copy(made.note)
        return made

    def _continued(self, moment: LedgerReader, tiles: StoredTiles, copied: str, *, given_out: bool) -> StoredCheckpoint:
        """The checkpoint of a moment: the last one, if it is of as many entries."""
        size, last = moment.head().size, moment.last_checkpoint()
        self._check(tiles, size, self._sayings(copied, last))
        if last is None or last.size != size:
            return self._signed(tiles, size, given_out=given_out)
        return replace(last, given_out=last.given_out or given_out)

    def check(self) -> None:
        """Raises LedgerFault unless the entries continue those that were signed last, as the database has it and as the
        copy outside of it does."""
        copied = self._copied()  # read first, as in `make`
        with self._rows.snapshot() as moment:
            self._check(StoredTiles(moment), moment.head().size, self._sayings(copied, moment.last_checkpoint()))

    def of(self, moment: LedgerReader) -> StoredCheckpoint:
        """A checkpoint of the entries of a moment, to give out; `keep` it once the moment's transaction has ended."""
        return self._signed(StoredTiles(moment), moment.head().size, given_out=True)

    def keep(self, checkpoint: StoredCheckpoint) -> None:
        """Keep one that was given out, or that witnesses have cosigned."""
        with accompanied(None):
            self._rows.put_checkpoint(checkpoint)

    def tree(self, size: int) -> MerkleTree:
        """The tree above the first `size` entries, for proofs: with what a checkpoint of that size says of its edge."""
        signed = self._rows.checkpoint(size)
        return MerkleTree(StoredTiles(self._rows), size, () if signed is None else _edge_of(signed))

    def _signed(self, tiles: StoredTiles, size: int, *, given_out: bool) -> StoredCheckpoint:
        tree = MerkleTree(tiles, size)
        note = self._signer.sign(Checkpoint(self.origin, size, tree.root()), int(self._clock()))
        return StoredCheckpoint(size=size, note=note, given_out=given_out, edge=b"".join(tree.edge()))

    def _sayings(self, copied: str, last: StoredCheckpoint | None) -> Mapping[str, str]:
        """The notes of what was signed last, each with who says so."""
        return {copied: f"{self._copy} says", last.note if last else "": "its last checkpoint says"}

    def _check(self, tiles: StoredTiles, size: int, said: Mapping[str, str]) -> None:
        """Raises LedgerFault unless the entries continue those of each note, of which is `said` who says so."""
        for note, who in said.items():
            signed = self._parsed(note) if note else None
            if signed is None or signed.origin != self.origin:  # the copy may be of a database that was here before
                continue
            if signed.size > size:
                raise LedgerFault(
                    f"The ledger was cut, or the database set back to an earlier day: it has {size} entries, and {who} "
                    f"there were {signed.size}. Restore a later backup of the database."
                )
            if MerkleTree(tiles, signed.size).root() != signed.root:
                raise LedgerFault(
                    f"The ledger was changed: its first {signed.size} entries are not those that {who} there were. "
                    "Restore a backup of the database."
                )

    def _parsed(self, note: str) -> Checkpoint:
        try:
            return Checkpoint.parse(split_note(note)[0])
        except LedgerFault as fault:
            raise LedgerFault(
                f"The last checkpoint is damaged, in {self._copy} or in the database. Restore a backup; or move "
                "that file away, if nobody can have changed the ledger."
            ) from fault

    def _copied(self) -> str:
        try:
            return self._copy.read_bytes().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def _keep_copy(self, note: str) -> None:
        make_folder(self._copy.parent)
        if self._copied() != note:
            with replace_file(self._copy, durable=False) as stream:  # an older one does too
                stream.write(note.encode())


def _edge_of(signed: StoredCheckpoint) -> list[bytes]:
    """The hashes along the edge of a checkpoint's tree; none where they do not lead to the root that it is of."""
    edge = hashes_in(signed.edge or b"")
    try:
        whole = bool(edge) and root_of_edge(edge) == Checkpoint.parse(split_note(signed.note)[0]).root
    except LedgerFault:
        return []
    return edge if whole and len(edge) == signed.size.bit_count() else []


def _full_tiles(moment: LedgerReader, tiles: StoredTiles) -> tuple[list[FullTile], bool]:
    """Tiles that have become full and are not stored yet, and whether there are more."""
    size, level, full = moment.head().size, 0, list[FullTile]()
    while (count := size >> (8 * (level + 1))) > 0:
        made = moment.tiles_made(level)
        for number in range(made, min(count, made + _TILES_AT_ONCE)):
            hashes = tiles.tile(level, number, TILE)
            full.append(FullTile(level=level, number=number, hashes=hashes, root=root_of(hashes)))
        if made + _TILES_AT_ONCE < count:
            return full, True
        level += 1
    return full, False
