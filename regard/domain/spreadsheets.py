"""Cells of a CSV file that somebody opens with a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterable

#: What a spreadsheet would calculate instead of showing (OWASP, "CSV Injection").
_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def harmless(cells: Iterable[object]) -> list[object]:
    """The cells of a row, none of them a formula, whatever a file, a collection or a case is called: an apostrophe
    before it makes it text."""
    return [f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULAS) else cell for cell in cells]
