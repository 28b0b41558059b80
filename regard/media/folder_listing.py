"""A folder's files by page, as S3 lists objects: in the order of their names, a folder's with a slash behind it."""

from __future__ import annotations

import heapq
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from regard.domain.buckets import ListedObject, ObjectPage


def page(home: Path, prefix: str, after: str, most: int) -> ObjectPage:
    """Up to `most` names below `home` that begin with `prefix`: those behind `after`, the end of the page before.

    Only the names of the one folder are read, and only the page's files looked at: a folder may hold very many. What
    is hidden and links that lead out of `home` are left out. Raises OSError if there is no such folder.
    """
    folder = prefix[: prefix.rfind("/") + 1]
    place = home.joinpath(folder).resolve(strict=True)
    if not place.is_relative_to(home):
        raise FileNotFoundError(folder)
    found = heapq.nsmallest(
        most + 1, (name for name in _names(place, folder) if name.startswith(prefix) and name > after)
    )
    shown = found[:most]
    objects = [each for name in shown if not name.endswith("/") and (each := _listed(home, name))]
    return ObjectPage(
        folders=[name for name in shown if name.endswith("/") and _inside(home, name)],
        objects=objects,
        next=shown[-1] if len(found) > most else None,
    )


def _names(place: Path, folder: str) -> Iterator[str]:
    with os.scandir(place) as entries:
        for entry in entries:
            if not entry.name.startswith(".") and _is_text(entry.name):
                yield f"{folder}{entry.name}/" if entry.is_dir() else f"{folder}{entry.name}"


def _is_text(name: str) -> bool:
    """Whether it can be told: names on a disk are bytes, and need not be UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _inside(home: Path, name: str) -> bool:
    return home.joinpath(name).resolve().is_relative_to(home)


def _listed(home: Path, name: str) -> ListedObject | None:
    """None for what is no file, has gone since, or is a link that leads elsewhere."""
    path = os.path.join(home, name)  # noqa: PTH118 - a page has many
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            if not Path(path).resolve(strict=True).is_relative_to(home):
                return None
            status = os.stat(path)  # noqa: PTH116 - as above
    except (OSError, RuntimeError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return ListedObject(name=name, size=status.st_size, changed_at=datetime.fromtimestamp(status.st_mtime, UTC))
