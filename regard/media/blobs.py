"""Objects by bucket and name: what an `S3Object` refers to."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Protocol

from regard.errors import ImageTooLarge, InvalidS3Object


class BlobStore(Protocol):
    """Where objects are read from."""

    def read(self, bucket: str, name: str, version: str | None, *, limit: int) -> bytes:
        """The object's bytes.

        Raises InvalidS3Object if there is no such object or it cannot be read, and ImageTooLarge, without reading it,
        if it has more than `limit` bytes.
        """
        ...


def too_large(size: int, limit: int) -> ImageTooLarge:
    """The error for an object of `size` bytes."""
    return ImageTooLarge(f"{ImageTooLarge.__doc__}: {size} bytes; at most {limit} are read.")


class FolderStore:
    """A folder per bucket under `root`; an object's name is its path in there, and it has no versions.

    A bucket may be a link to a folder elsewhere; inside a bucket a link must stay inside it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, bucket: str, name: str, version: str | None, *, limit: int) -> bytes:
        if version is not None:
            raise InvalidS3Object
        try:
            return _read(self._find(bucket, name), limit)
        except (OSError, ValueError, RuntimeError) as error:
            # ValueError: a name no file system can hold; RuntimeError: links in a circle, before Python 3.13.
            raise InvalidS3Object from error

    def has(self, bucket: str) -> bool:
        """Whether a folder is there for `bucket`."""
        return _is_step(bucket) and (self._root / bucket).is_dir()

    def _find(self, bucket: str, name: str) -> Path:
        steps = [bucket, *name.split("/")]
        if not all(_is_step(step) for step in steps):
            raise InvalidS3Object
        home = (self._root / bucket).resolve(strict=True)
        path = home.joinpath(*steps[1:]).resolve(strict=True)
        if not path.is_relative_to(home):
            raise InvalidS3Object
        return path


def _is_step(name: str) -> bool:
    """Whether `name` leads into a folder: one step, and not back."""
    return "/" not in name and name not in ("", ".", "..")


def _read(path: Path, limit: int) -> bytes:
    # Opened before it is looked at, so that it cannot change in between.
    with open(path, "rb", opener=_open_at_once) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise InvalidS3Object
        if status.st_size > limit:
            raise too_large(status.st_size, limit)
        return file.read(limit)


def _open_at_once(path: str, flags: int) -> int:
    """A pipe without a writer must not make the caller wait, nor a link that was put there since lead it astray."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW)
