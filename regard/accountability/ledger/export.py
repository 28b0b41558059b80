"""Taking the ledger elsewhere: as a folder that `ledger_verification` and C2SP's tools read, and entry by entry as
receipts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from regard.accountability.ledger.checkpoints import LedgerCheckpoints, StoredTiles
from regard.accountability.ledger.entry import SALT_BYTES
from regard.accountability.ledger.ledger_verification import (
    PROOF_HEADER,
    TILE,
    Checkpoint,
    LedgerFault,
    leaf_hash,
    root_from_inclusion,
    split_note,
    tile_path,
    tile_width,
)
from regard.accountability.ledger.signed_notes import encoded
from regard.domain.reporting import Progress
from regard.files import make_folder, replace_file
from regard.store.ledger_rows import LedgerReader, LedgerRows, StoredCheckpoint, StoredEntry


class LedgerExport:
    """Writes exports and receipts."""

    def __init__(self, rows: LedgerRows, checkpoints: LedgerCheckpoints) -> None:
        self._rows = rows
        self._checkpoints = checkpoints

    def export(self, folder: Path, progress: Progress) -> StoredCheckpoint:
        """Write the ledger, as it is at this moment, into a folder, over an earlier export of it; the checkpoint last.

        Raises LedgerFault if the entries are not those that were signed, or one does not say what it said; OSError.
        """
        self._checkpoints.make()
        with self._rows.snapshot() as moment:
            checkpoint = self._checkpoints.of(moment)
            self._write_tiles(folder, moment, checkpoint.size, progress)
        self._checkpoints.keep(checkpoint)
        _write(folder / "checkpoint", checkpoint.note.encode())
        return checkpoint

    def receipt(self, position: int) -> str:
        """The proof that an entry is in the ledger, with what the entry says (C2SP tlog-proof).

        Of the checkpoints that there are, a cosigned one is preferred. Raises LedgerFault if there is no such entry,
        or its body was erased.
        """
        found = self._rows.entries(position, 1)
        if not found:
            raise LedgerFault(f"There is no entry {position} in the ledger.")
        (entry,) = found
        if entry.salt is None or entry.body is None:
            raise LedgerFault(f"The body of entry {position} was erased; receipts that were given before still hold.")
        _check_body(position, entry)
        checkpoint = self._cosigned(position) or self._checkpoints.make(given_out=True)
        proof = self._checkpoints.tree(checkpoint.size).inclusion(position)
        root = root_from_inclusion(leaf_hash(entry.leaf), position, checkpoint.size, proof)
        if root != Checkpoint.parse(split_note(checkpoint.note)[0]).root:
            raise LedgerFault(f"The ledger was changed: entry {position} is not what was signed.")
        extra = encoded(entry.salt.ljust(SALT_BYTES) + entry.body)
        lines = [PROOF_HEADER, f"extra {extra}", f"index {position}", *map(encoded, proof)]
        return "\n".join(lines) + f"\n\n{checkpoint.note}"

    def _cosigned(self, position: int) -> StoredCheckpoint | None:
        """The last checkpoint with this entry that somebody else has signed too."""
        own = len(self._checkpoints.keys)
        known = [each for each in self._rows.checkpoints() if each.size > position]
        return next((each for each in reversed(known) if each.note.count("\N{EM DASH} ") > own), None)

    def _write_tiles(self, folder: Path, moment: LedgerReader, size: int, progress: Progress) -> None:
        tiles = StoredTiles(moment)
        for number in range(-(-size // TILE)):
            width = tile_width(size, 0, number)
            entries = moment.entries(number * TILE, width)
            name = tile_path(number, width)
            _write(folder / "tile/entries" / name, b"".join(b"\0\x20" + each.leaf for each in entries))
            for position, each in enumerate(entries, number * TILE):
                _check_body(position, each)
            _write(folder / "bodies" / name, _lines(entries))
            progress("Writing entries", number * TILE + width, size)
        level = 0
        while size >> (8 * level):
            for number in range(-(-(size >> (8 * level)) // TILE)):
                width = tile_width(size, level, number)
                _write(folder / f"tile/{level}" / tile_path(number, width), tiles.tile(level, number, width))
            level += 1


def _check_body(position: int, entry: StoredEntry) -> None:
    """Raises LedgerFault if what the entry says was edited: what leaves is signed, and would seem to be ours."""
    if entry.salt is None or entry.body is None:
        return
    if hashlib.sha256(entry.salt + entry.body).digest() != entry.leaf:
        raise LedgerFault(
            f"The ledger was changed: entry {position} does not say what it said when it was written. Restore a backup "
            "of the database."
        )


def _lines(entries: Sequence[StoredEntry]) -> bytes:
    """A line for each body: its salt and itself, or "-"."""
    return b"".join(
        b"-\n" if each.salt is None or each.body is None else each.salt.hex().encode() + b" " + each.body + b"\n"
        for each in entries
    )


def _write(file: Path, content: bytes) -> None:
    make_folder(file.parent)
    with replace_file(file, durable=False) as stream:
        stream.write(content)
