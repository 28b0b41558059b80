"""Checkpoints: how many entries the ledger has and the root above them, signed; each a continuation of the last."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from regard.accountability.ledger.ledger_verification import (
    TILE,
    Checkpoint,
    LedgerFault,
    leaf_hash,
    split_note,
    tree_root,
)
from regard.accountability.ledger.merkle_tree import HASH_BYTES, MerkleTree
from regard.accountability.ledger.signed_notes import NoteSigner, shown
from regard.files import make_folder, replace_file
from regard.store.database import accompanied
from regard.store.ledger_rows import FullTile, LedgerReader, LedgerRows, StoredCheckpoint

log = logging.getLogger(__name__)

#: Tiles made in one transaction, while nobody else can write: some 20 ms.
_TILES_AT_ONCE = 64


class StoredTiles:
    """The hashes above the entries: from the tiles that were made, else computed from what is below."""

    def __init__(self, rows: LedgerReader) -> None:
        self._rows = rows

    def tile(self, level: int, number: int, width: int) -> bytes:
        """The first `width` hashes of a tile. Raises LedgerFault if entries are missing."""
        made = self._rows.tile(level, number)
        if made is not None:
            return made[: width * HASH_BYTES]
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
    return tree_root([tile[start : start + HASH_BYTES] for start in range(0, len(tile), HASH_BYTES)])


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
        with accompanied(None):
            while self._extend():
                pass
            with self._rows.database.write():
                size = self._rows.head().size
                last = self._rows.last_checkpoint()
                self._check(size, last)
                if last is None or last.size != size or (given_out and not last.given_out):
                    note = last.note if last is not None and last.size == size else self._sign(self._rows, size)
                    last = StoredCheckpoint(size=size, note=note, given_out=given_out)
                    self._rows.put_checkpoint(last)
        self._keep_copy(last.note)
        return last

    def of(self, moment: LedgerReader) -> StoredCheckpoint:
        """A checkpoint of the entries of a moment, to give out; `keep` it once the moment's transaction has ended."""
        size = moment.head().size
        return StoredCheckpoint(size=size, note=self._sign(moment, size), given_out=True)

    def keep(self, checkpoint: StoredCheckpoint) -> None:
        """Keep one that was given out, or that witnesses have cosigned."""
        with accompanied(None):
            self._rows.put_checkpoint(checkpoint)

    def tree(self, size: int) -> MerkleTree:
        """The tree above the first `size` entries."""
        return MerkleTree(StoredTiles(self._rows), size)

    def _sign(self, rows: LedgerReader, size: int) -> str:
        root = MerkleTree(StoredTiles(rows), size).root()
        return self._signer.sign(Checkpoint(self.origin, size, root), int(self._clock()))

    def _check(self, size: int, last: StoredCheckpoint | None) -> None:
        """Raises LedgerFault unless the entries continue those of the last checkpoint, and of the copy's."""
        said = {f"{self._copy} says": self._copied(), "its last checkpoint says": last.note if last else ""}
        for who, note in said.items():
            signed = self._parsed(note) if note else None
            if signed is None or signed.origin != self.origin:  # the copy may be of a database that was here before
                continue
            if signed.size > size:
                raise LedgerFault(
                    f"The ledger was cut, or the database set back to an earlier day: it has {size} entries, and {who} "
                    f"there were {signed.size}. Restore a later backup of the database."
                )
            if self.tree(signed.size).root() != signed.root:
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

    def _extend(self) -> bool:
        """Make tiles that have become full; whether there may be more."""
        with self._rows.database.write():
            tiles, size, level = StoredTiles(self._rows), self._rows.head().size, 0
            while (full := size >> (8 * (level + 1))) > 0:
                made = self._rows.tiles_made(level)
                numbers = range(made, min(full, made + _TILES_AT_ONCE))
                new = [(number, tiles.tile(level, number, TILE)) for number in numbers]
                if new:
                    self._rows.add_tiles(
                        [FullTile(level=level, number=at, hashes=hashes, root=root_of(hashes)) for at, hashes in new]
                    )
                if made + len(new) < full:
                    return True
                level += 1
        return False
