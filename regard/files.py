"""Files that are whole or not there, folders that survive a power failure, and locks between processes.

The only import of fcntl. Every lock here ends with the process that holds it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

#: Readable and writable by its owner alone.
PRIVATE = 0o600
#: As the umask says.
SHARED = 0o666
#: The longest name of a file on most file systems.
_MOST_NAME_BYTES = 255


@contextmanager
def replace_file(
    file: Path, *, mode: int = PRIVATE, draft: Path | None = None, durable: bool = True
) -> Iterator[BinaryIO]:
    """Write to the stream; when the block ends, `file` is that, whole and on disk, and before that what it was.

    `mode` is the new file's, less the umask. If the block raises, nothing has changed. Of two that race, the last to
    finish stays. Give a `draft`, on the same file system, if what a killed process leaves behind is to be written over:
    one process at a time may write there, and another gets BlockingIOError. What is not `durable` is no less whole,
    but a power failure may undo it. Raises OSError.
    """
    place = draft or _beside(file)
    descriptor = _claim(place, mode) if draft else os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    with os.fdopen(descriptor, "wb") as stream, ExitStack() as undo:
        undo.callback(place.unlink, missing_ok=True)  # under the lock: the next draft of that name is another's
        yield stream
        publish_file(stream, place, file, durable=durable)
        undo.pop_all()


def publish_file(stream: BinaryIO, draft: Path, file: Path, *, durable: bool = True) -> None:
    """Give what was written to `draft` its name, in place of what has it, when all of it is on disk. Raises OSError."""
    stream.flush()
    if durable:
        os.fsync(stream.fileno())
    draft.replace(file)
    if durable:
        sync_folder(file.parent)


def create_file(file: Path, content: bytes, *, mode: int = PRIVATE) -> bool:
    """Make a file that is whole and on disk from the moment it has its name.

    False if there is one, which stays as it is: of two that race, the first. Raises OSError.
    """
    place = _beside(file)
    try:
        with os.fdopen(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(place, file)  # unlike a rename, never replaces
        except FileExistsError:
            return False
    finally:
        place.unlink(missing_ok=True)
    sync_folder(file.parent)
    return True


def append_line(file: Path, line: bytes, *, mode: int = PRIVATE) -> None:
    """Add a line, whole and on disk, to a file that is made if need be; those of two processes do not mix. Raises
    OSError."""
    with os.fdopen(os.open(file, os.O_CREAT | os.O_APPEND | os.O_WRONLY, mode), "wb", buffering=0) as stream:
        stream.write(line + b"\n")
        os.fsync(stream.fileno())


def make_folder(folder: Path) -> None:
    """Make the folder and those above it that are missing, for their owner alone. Raises OSError."""
    for missing in reversed([each for each in (folder, *folder.parents) if not each.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)


def sync_folder(folder: Path) -> None:
    """Bring the folder's own entries to disk: what was made, renamed or removed in it. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def file_lock(file: Path, *, mode: int = PRIVATE, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the lock of a file, which is made if need be, or of a folder; one thread of one process at a time.

    `waiting` is called if another has it. Raises OSError.
    """
    descriptor = _opened(file, mode)
    try:
        if waiting and not _try_lock(descriptor):
            waiting()
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def try_file_lock(file: Path, *, mode: int = PRIVATE) -> Iterator[bool]:
    """As `file_lock`, without waiting: gives False if another has it. Raises OSError."""
    descriptor = _opened(file, mode)
    try:
        yield _try_lock(descriptor)
    finally:
        os.close(descriptor)


def _opened(file: Path, mode: int) -> int:
    return os.open(file, os.O_RDONLY) if file.is_dir() else os.open(file, os.O_CREAT | os.O_RDWR, mode)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _beside(file: Path) -> Path:
    """A new name in the same folder, no longer than a name may be, however long the file's own is."""
    random = secrets.token_hex(8)
    own = os.fsencode(file.name)[: _MOST_NAME_BYTES - len(random) - 2]
    return file.with_name(os.fsdecode(b".%b.%b" % (own, random.encode())))


def _claim(draft: Path, mode: int) -> int:
    """Open a draft, empty and locked."""
    while True:
        with ExitStack() as undo:
            descriptor = os.open(draft, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, mode)
            undo.callback(os.close, descriptor)
            if not _try_lock(descriptor):
                raise BlockingIOError(f"{draft} is being written by another process")
            if _names(draft, descriptor):  # else it was published just now, and this is the finished file
                os.fchmod(descriptor, os.fstat(descriptor).st_mode & mode)  # one left behind may be open to more
                os.ftruncate(descriptor, 0)
                undo.pop_all()
                return descriptor


def _names(path: Path, descriptor: int) -> bool:
    """Whether `path` is still the file that was opened."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
