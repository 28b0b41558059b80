"""Positions: how far an index that several servers share has followed SQL. SQL keeps them, for it cannot be ahead."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import Connection, delete, insert

from regard.store.tables.index_state import index_positions


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """The index of this `identity` has every vector up to `key`, less every removal up to `journal`.

    `moment` is when that was so, by its own clock.
    """

    identity: str
    journal: int
    key: int
    moment: int = 0


def write(connection: Connection, index_name: str, track: str, position: Position) -> None:
    """Replace the one there is."""
    table = index_positions
    connection.execute(delete(table).where(table.c.index_name == index_name, table.c.track == track))
    connection.execute(insert(table).values(index_name=index_name, track=track, **asdict(position)))


class RestoreGuard:
    """How far SQL was when this home last saw it, in a small file: a database that has less was restored since."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def is_beyond(self, journal: int, highest: Sequence[int]) -> bool:
        seen = self._read()
        return any(before > now for before, now in zip(seen, (journal, *highest), strict=False))

    def note(self, journal: int, highest: Sequence[int]) -> None:
        seen = [journal, *highest]
        if self._file and self._read() != seen:
            draft = self._file.with_suffix(".draft")
            draft.touch(mode=0o600)
            draft.write_text(json.dumps(seen), encoding="utf-8")
            draft.replace(self._file)

    def _read(self) -> list[int]:
        try:
            return [int(each) for each in json.loads(self._file.read_text(encoding="utf-8"))] if self._file else []
        except (OSError, ValueError, TypeError):
            return []
