"""The data home: its owner's alone."""

from __future__ import annotations

import logging
import stat
from collections.abc import Iterator
from pathlib import Path

from regard.files import make_folder

log = logging.getLogger(__name__)

#: What Regard keeps in a home. Whatever else may lie there is not its own to change.
_FILES = ("regard.db*", "seal.key", ".seal.key.*", "regard.toml", "models.toml")
_FOLDERS = ("index", "ledger", "models", "witness")
_BUCKETS = "buckets"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def keep_private(home: Path) -> None:
    """Make the home if need be, and take from everyone else what they may do in it, as far as it is this user's.

    Folders become 0700 and files 0600. Links are not followed. Pictures in buckets are left as they are: their folders
    let nobody else come to them.
    """
    make_folder(home)
    mended = sum(_close(path) for path in _kept(home))
    if mended:
        log.info("%s: others could read %d files and folders. Now only you can.", home, mended)


def _kept(home: Path) -> Iterator[Path]:
    yield home
    for pattern in _FILES:
        yield from home.glob(pattern)
    for name in _FOLDERS:
        yield home / name
        yield from _inside(home / name)
    yield home / _BUCKETS
    yield from (path for path in (home / _BUCKETS).glob("*") if not path.is_file())


def _inside(folder: Path) -> Iterator[Path]:
    if folder.is_symlink():
        return
    for path in folder.glob("*"):
        yield path
        if path.is_dir():
            yield from _inside(path)


def _close(path: Path) -> bool:
    """Whether there was something to take away."""
    try:
        mode = path.lstat().st_mode
        if not mode & _OTHERS or not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
            return False
        path.chmod(stat.S_IMODE(mode) & ~_OTHERS)
    except OSError:  # another's, or gone in the meantime
        return False
    return True
