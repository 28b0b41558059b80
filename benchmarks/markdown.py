"""Tables as `docs/performance.md` has them."""

from __future__ import annotations

from collections.abc import Sequence


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print it; numbers stand on the right, which is every column but the first."""
    lines = [columns, ["---", *["--:"] * (len(columns) - 1)], *rows]
    print(title, "", *("| " + " | ".join(line) + " |" for line in lines), "", sep="\n", flush=True)


def bullet(text: str) -> None:
    print(f"- {text}\n", flush=True)
