"""What a folder holds: the photographs to index, and everything that is passed over, each with the reason."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from regard.engine.analysis.photo_batches import Skipped, unreadable
from regard.errors import InvalidParameter
from regard.media.picture_formats import READ_SUFFIXES, UNREAD

#: Folders that systems and programs keep beside photographs: thumbnails, what was deleted, what was synchronised.
SYSTEM_FOLDERS = (
    "@eadir", "@recycle", "@recently-snapshot", "@synoresource", "@tmp", "#recycle", "#snapshot", "lost+found",
    "$recycle.bin", "recycler", "system volume information", "__macosx", "network trash folder", "temporary items",
    "*.lrdata",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Photo:
    """A file found by the walk, with its size and time of change."""

    path: str
    size: int
    modified_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result for one file: how many faces were enrolled and the reasons for each face refused; or why the file was
    skipped."""

    path: str
    enrolled: int = 0
    refused: tuple[tuple[str, ...], ...] = ()
    skipped: Skipped | None = None

    @property
    def has_more(self) -> bool:
        """Whether the picture has faces beyond the most that were to be enrolled."""
        return any("EXCEEDS_MAX_FACES" in reasons for reasons in self.refused)

    def __str__(self) -> str:
        if self.skipped:
            return f"skipped: {self.skipped.detail}"
        if not self.enrolled and not self.refused:
            return "no face"
        return f"{self.enrolled} enrolled, {len(self.refused)} refused"


def walk(
    folder: Path, exclude: Sequence[str] = (), heed: Callable[[int], None] = lambda _: None
) -> tuple[list[Photo], list[Outcome]]:
    """The photographs below `folder`, known by their suffix, in path order; and what is passed over, with the reason.

    Passed over are SYSTEM_FOLDERS, what is hidden, links to folders, files that are no photographs, and what `exclude`
    names. Only hidden files that are no photographs are left out without a word. `heed` is told of each folder how many
    names are in it, and raises to end the walk. Raises InvalidParameter if `folder` is not a folder.
    """
    if not folder.is_dir():
        raise InvalidParameter(f"{folder} is not a folder.")
    top = str(folder.resolve())
    photos: list[Photo] = []
    passed_over: list[Outcome] = []
    excluded = _Excluded(top, exclude)

    def note(error: OSError) -> None:
        passed_over.append(Outcome(path=str(error.filename), skipped=unreadable(error)))

    for place, folders, files in os.walk(top, onerror=note):
        heed(len(folders) + len(files))
        stem = place.rstrip(os.sep) + os.sep
        entered = []
        for name in sorted(folders):
            if reason := _folder_reason(stem + name, name, excluded):
                passed_over.append(Outcome(path=stem + name, skipped=reason))
            else:
                entered.append(name)
        folders[:] = entered
        for name in sorted(files):
            looked = _look(stem + name, name, excluded)
            if isinstance(looked, Photo):
                photos.append(looked)
            elif looked:
                passed_over.append(Outcome(path=stem + name, skipped=looked))
    return photos, passed_over


class _Excluded:
    """Whether a file or folder is one that a person wants left out: its name, its path below the top, or its whole path
    matches a pattern. `*`, `?` and `[…]` are as in a shell, but `*` matches '/' too; '**/' in front means any folder.
    """

    def __init__(self, top: str, patterns: Sequence[str]) -> None:
        self._below = len(top.rstrip(os.sep)) + 1
        given = [pattern.removeprefix("./").rstrip("/") for pattern in patterns]
        self._patterns = tuple({*given, *(pattern.removeprefix("**/") for pattern in given)})

    def __call__(self, path: str, name: str) -> bool:
        ways = name, path[self._below :], path
        return any(fnmatchcase(way, each) for each in self._patterns for way in ways)


_EXCLUDED = Skipped(reason="excluded", detail="--exclude names it.")
_HIDDEN = Skipped(reason="hidden", detail="Its name begins with a dot.")
_SYSTEM = Skipped(reason="a system's folder", detail="Thumbnails, or what was deleted; it is not looked into.")
_LINK = Skipped(reason="a link to a folder", detail="Links to folders are not followed; index what it leads to.")
_NO_PICTURE = Skipped(reason="not a picture", detail="Its name does not end like a picture's.")
_NO_FILE = Skipped(reason="not a file", detail="It is a pipe, a socket or a device.")


def _folder_reason(path: str, name: str, excluded: _Excluded) -> Skipped | None:
    """Why a folder is not looked into; None if it is."""
    if excluded(path, name):
        return _EXCLUDED
    if any(fnmatchcase(name.lower(), each) for each in SYSTEM_FOLDERS):
        return _SYSTEM
    if name.startswith("."):
        return _HIDDEN
    return _LINK if os.path.islink(path) else None  # noqa: PTH114 - ten times as fast


def _look(path: str, name: str, excluded: _Excluded) -> Photo | Skipped | None:
    """A file as a photograph, or why it is none; None if nobody would miss it."""
    if excluded(path, name):
        return _EXCLUDED
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122 - ten times as fast
    if name.startswith("."):  # and "._a.jpg" is what a Mac keeps about a.jpg
        return _HIDDEN if suffix in READ_SUFFIXES and not name.startswith("._") else None
    if suffix not in READ_SUFFIXES:
        kind = UNREAD.get(suffix)
        return Skipped(reason=f"{kind} is not read", detail="Convert it to JPEG.") if kind else _NO_PICTURE
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError as error:
        return unreadable(error)
    return Photo(path, status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else _NO_FILE
