"""What the operator's own records say of the people in cases; nothing else tells a report anybody's sex or origin."""

from __future__ import annotations

from pathlib import Path

from regard.commands.id_table import Unreadable, rows_of, text_of
from regard.commands.terminal import readable
from regard.errors import InvalidParameter

_CASE = "case"


def read_demographics(table: Path) -> dict[str, dict[str, str]]:
    """By case id, each other column and its value. Raises InvalidParameter."""
    name = readable(table)
    try:
        content = table.read_bytes()
    except OSError as error:
        raise InvalidParameter(f"{name} cannot be read: {error.strerror}.") from error
    found: dict[str, dict[str, str]] = {}
    try:
        rows = rows_of(name, text_of(content))
        header = next(rows, None)
        columns = [] if header is None else [cell.strip().lower() for cell in header.cells]
        if columns.count(_CASE) != 1 or len(set(columns)) != len(columns) or len(columns) < 2:
            raise InvalidParameter(f"{name}, line 1: the first line must name the column case, and others each once.")
        for row in rows:
            if not any(row.cells):
                continue
            said = dict(zip(columns, (cell.strip() for cell in row.cells), strict=False))
            case = said.pop(_CASE, "")
            if len(row.cells) != len(columns) or not case or case in found:
                raise InvalidParameter(
                    f"{name}, line {row.line}: each line has {len(columns)} columns, and each case one line."
                )
            found[case] = said
    except Unreadable as error:
        raise InvalidParameter(f"{name}, {error}") from error
    return found
