"""The ledger's door for readers: entries in their order, and the proofs that a browser verifies them with."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from regard.accountability.gate import Grant
from regard.accountability.ledger.checkpoints import LedgerCheckpoints
from regard.accountability.ledger.ledger_access import faults_told
from regard.accountability.ledger.merkle_tree import MerkleTree
from regard.domain.authority import Action
from regard.errors import InvalidParameter
from regard.store.ledger_rows import LedgerRows, StoredEntry

#: Entries of a page, 1 kB or so each.
MOST_ENTRIES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadEntry:
    """An entry as it is kept, and what it says; `said` is None where the body was erased."""

    entry: StoredEntry
    said: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPage:
    """Some entries, of `size` in all."""

    size: int
    entries: Sequence[ReadEntry]


class LedgerReading:
    """Reads what was recorded. Raises InternalServerError where the ledger was changed or cut."""

    def __init__(self, rows: LedgerRows, opening: Callable[[], LedgerCheckpoints]) -> None:
        """`opening` derives the keys, which is to be done only when they are asked for."""
        self._rows = rows
        self._opening = opening

    @cached_property
    def _checkpoints(self) -> LedgerCheckpoints:
        return self._opening()

    def page(self, grant: Grant, start: int | None, count: int) -> EntryPage:
        """Up to `count` entries from position `start` on, the last ones if that is None."""
        grant.require_all(Action.READ)
        count = min(count, MOST_ENTRIES)
        with self._rows.snapshot() as moment:
            size = moment.head().size
            first = max(size - count, 0) if start is None else min(start, size)
            found = moment.entries(first, count)
        return EntryPage(size=size, entries=[ReadEntry(entry=each, said=_said(each)) for each in found])

    def inclusion(self, grant: Grant, position: int, size: int) -> list[bytes]:
        """The proof that an entry is among the first `size`, from the leaf's sibling up (RFC 6962, 2.1.1). Raises
        InvalidParameter if it is not."""
        tree = self._tree(grant, size)
        if not 0 <= position < size:
            raise InvalidParameter(f"Entry {position} is not among the first {size}; the first entry is 0.")
        with faults_told():
            return tree.inclusion(position)

    def consistency(self, grant: Grant, first: int, second: int) -> list[bytes]:
        """The proof that the first `second` entries continue the first `first` (RFC 6962, 2.1.2)."""
        tree = self._tree(grant, second)
        if not 0 <= first <= second:
            raise InvalidParameter(f"{second} entries are no continuation of {first}; give the smaller number first.")
        with faults_told():
            return tree.consistency(first)

    def _tree(self, grant: Grant, size: int) -> MerkleTree:
        grant.require_all(Action.READ)
        there = self._rows.head().size
        if not 0 <= size <= there:
            raise InvalidParameter(f"The ledger has {there} entries, not {size}.")
        return self._checkpoints.tree(size)


def _said(entry: StoredEntry) -> Mapping[str, Any] | None:
    return None if entry.body is None else json.loads(entry.body)
