"""Whether any file of a home still holds what was erased."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

#: What Regard fetched, and what its operator put there: neither ever holds a vector.
_NOT_OURS = frozenset({"models", "buckets"})
#: Bytes read at once, and how many of the last are read again with the next: more than a vector has.
_PIECE, _OVERLAP = 1 << 24, 1 << 14


def remains(home: Path, kept: Sequence[bytes]) -> dict[str, int]:
    """By file, how many of these byte strings are in it."""
    found = {}
    for file in _files(home):
        if count := _count(file, kept):
            found[str(file.relative_to(home))] = count
    return found


def _files(home: Path) -> Iterator[Path]:
    for entry in sorted(home.iterdir()):
        if entry.name in _NOT_OURS or entry.is_symlink():
            continue
        yield from sorted(each for each in entry.rglob("*") if each.is_file()) if entry.is_dir() else (entry,)


def _count(file: Path, kept: Sequence[bytes]) -> int:
    there: set[int] = set()
    try:
        with file.open("rb") as stream:
            before = b""
            while piece := stream.read(_PIECE):
                content = before + piece
                there.update(number for number, each in enumerate(kept) if each in content)
                before = content[-_OVERLAP:]
    except FileNotFoundError:  # it has gone in the meantime
        return 0
    return len(there)
