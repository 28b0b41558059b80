"""Objects by bucket and name: what an `S3Object` refers to."""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Protocol

from regard.domain.buckets import ObjectPage
from regard.domain.jobs import StoredObject
from regard.errors import ImageTooLarge, InvalidS3Object
from regard.files import SHARED, replace_file
from regard.media import folder_listing
from regard.media.ranged_reader import RangedReader


class BlobStore(Protocol):
    """Where objects are read from."""

    def read(self, bucket: str, name: str, version: str | None, *, limit: int) -> bytes:
        """The object's bytes.

        Raises InvalidS3Object if there is no such object or it cannot be read, and ImageTooLarge, without reading it,
        if it has more than `limit` bytes.
        """
        ...

    def head(self, bucket: str, name: str, version: str | None) -> StoredObject:
        """The object's size and ETag, without reading it. Raises InvalidS3Object as `read` does."""
        ...

    def open(self, stored: StoredObject) -> RangedReader:
        """That very object as a file that reads it piece by piece; close it.

        Raises InvalidS3Object as `read` does, and ObjectReplaced, then or while it is read, if it is not that object
        any more.
        """
        ...


class ObjectReplaced(InvalidS3Object):
    """The object was replaced or deleted after the job had begun. Start the job again."""


class BlobWriter(Protocol):
    """Where objects are written to, and found again by name."""

    def write(self, bucket: str, name: str, content: bytes) -> None:
        """Put an object into a bucket that is there, in place of one of that name; it is whole or not there.

        Raises InvalidS3Object if there is no such bucket or it cannot be written to.
        """
        ...


class BlobLister(Protocol):
    """Where it is looked up what there is."""

    def buckets(self) -> list[str]:
        """The names of the buckets, as far as they may be listed."""
        ...

    def page(self, bucket: str, prefix: str, after: str, most: int) -> ObjectPage:
        """Up to `most` objects and folders of a bucket, by name: those whose names begin with `prefix`, from where the
        page before said, or the first where `after` is empty. Raises InvalidS3Object if there is no such bucket."""
        ...


class Buckets(BlobStore, BlobWriter, BlobLister, Protocol):
    """All of it."""


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

    def head(self, bucket: str, name: str, version: str | None) -> StoredObject:
        with self._opened(bucket, name, version) as file:
            status = os.fstat(file.fileno())
            return StoredObject(bucket=bucket, name=name, etag=_etag(status), size=status.st_size)

    def open(self, stored: StoredObject) -> RangedReader:
        try:
            file = self._opened(stored.bucket, stored.name, stored.version)
        except InvalidS3Object as error:
            raise ObjectReplaced from error

        def fetch(start: int, stop: int) -> bytes:
            found = os.pread(file.fileno(), stop - start, start)
            if _etag(os.fstat(file.fileno())) != stored.etag:
                raise ObjectReplaced
            return found

        return checked(RangedReader(fetch, stored.size, file.close))

    def _opened(self, bucket: str, name: str, version: str | None) -> BinaryIO:
        if version is not None:
            raise InvalidS3Object
        try:
            file = open(self._find(bucket, name), "rb", opener=_open_at_once)  # noqa: SIM115 - its caller's to close
        except (OSError, ValueError, RuntimeError) as error:
            raise InvalidS3Object from error
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.close()
            raise InvalidS3Object
        return file

    def write(self, bucket: str, name: str, content: bytes) -> None:
        """As BlobWriter; folders in the object's name are made."""
        try:
            with replace_file(self._place(bucket, name), mode=SHARED) as stream:
                stream.write(content)
        except (OSError, ValueError, RuntimeError) as error:
            raise InvalidS3Object from error

    def buckets(self) -> list[str]:
        """As BlobLister."""
        try:
            return sorted(each.name for each in self._root.iterdir() if each.is_dir() and not each.name.startswith("."))
        except OSError:
            return []

    def page(self, bucket: str, prefix: str, after: str, most: int) -> ObjectPage:
        """As BlobLister; a prefix of a folder that is not there finds nothing, as in S3."""
        *folders, _ = prefix.split("/")
        if not all(map(_is_step, (bucket, *folders))) or not self.has(bucket):
            raise InvalidS3Object
        try:
            return folder_listing.page((self._root / bucket).resolve(strict=True), prefix, after, most)
        except (OSError, ValueError, RuntimeError):
            return ObjectPage(folders=[], objects=[])

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

    def _place(self, bucket: str, name: str) -> Path:
        """Where a new object of that name lies, in folders that are there now."""
        *folders, last = name.split("/")
        if not all(_is_step(step) for step in (bucket, *folders, last)):
            raise InvalidS3Object
        home = folder = (self._root / bucket).resolve(strict=True)
        for step in folders:
            folder = (folder / step).resolve()
            if not folder.is_relative_to(home):
                raise InvalidS3Object
            folder.mkdir(exist_ok=True)
        return folder / last


def checked(reader: RangedReader) -> RangedReader:
    """The reader, whose first piece was there: what is gone is noticed before anything is done with it."""
    with ExitStack() as on_failure:
        on_failure.callback(reader.close)
        reader.read(1)
        on_failure.pop_all()
    reader.seek(0)
    return reader


def _etag(status: os.stat_result) -> str:
    """What changes when a file is written or another takes its place."""
    return f'"{status.st_ino:x}-{status.st_size:x}-{status.st_mtime_ns:x}"'


def _is_step(name: str) -> bool:
    """Whether `name` leads into a folder: one step, not back, and to nothing that is hidden."""
    return "/" not in name and name != "" and not name.startswith(".")


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
