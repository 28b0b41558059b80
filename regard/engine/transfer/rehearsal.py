"""A file of others is read once in a process of its own, before it is read here.

A Parquet file of a few megabytes can ask for all memory there is, or end the process that reads it, before anything in
it can be checked. There it ends a process that has little memory and nothing to lose.
"""

from __future__ import annotations

import resource
from contextlib import closing, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from regard.domain.reporting import Progress
from regard.engine.transfer.manifest import is_archive, kinds_of, read_manifest
from regard.errors import InvalidParameter, RegardError
from regard.media.parquet import ParquetTable, libraries, spare_memory

#: What reading may take. Files of pyarrow, polars and DuckDB take some 100 MB.
MEMORY = 1 << 30
#: As many rows at once as an import reads.
PIECE = 2048
_SPAWN = get_context("spawn")


def rehearse(file: Path, progress: Progress, *, memory: int = MEMORY) -> None:
    """Read all that an import would read of `file`, in `memory` bytes (where the system can bound it: not on macOS).

    Raises InvalidParameter if the file is not a Parquet file, is damaged, or takes more memory; SettingsError without
    pyarrow; OSError if the file cannot be opened.
    """
    libraries()
    file.open("rb").close()  # what is wrong with the file as a file, in the system's words
    ours, theirs = _SPAWN.Pipe(duplex=False)
    process = _SPAWN.Process(target=_rehearse, args=(theirs, file, memory), name="regard rehearsal", daemon=True)
    process.start()
    theirs.close()
    try:
        _follow(ours, file, memory, progress)
    finally:
        process.kill()
        process.join()
        ours.close()


def _follow(ours: Connection, file: Path, memory: int, progress: Progress) -> None:
    try:
        while (said := ours.recv()) is not None:
            if isinstance(said, RegardError):
                raise said
            progress("Reading the file", *said)
    except EOFError:
        raise InvalidParameter(
            f"{file} cannot be read in {memory / (1 << 30):g} GB of memory: what tried to was ended. If it is a good "
            f"file, write it again in smaller pages and row groups."
        ) from None


def _rehearse(theirs: Connection, file: Path, memory: int) -> None:
    """The process's main function. Whatever else ends it, the other side sees that nothing more comes."""
    with suppress(BrokenPipeError, KeyboardInterrupt, MemoryError), theirs:
        try:
            _bound(memory)
            with closing(ParquetTable(file)) as table:
                _read(table, theirs)
        except RegardError as error:
            theirs.send(error)
        else:
            theirs.send(None)


def _read(table: ParquetTable, theirs: Connection) -> None:
    if is_archive(table):
        read_manifest(table)
    done = 0
    if kinds := kinds_of(table):
        for columns in table.batches(kinds, PIECE):
            done += len(next(iter(columns.values())))
            theirs.send((done, table.rows))


def _bound(memory: int) -> None:
    """Take no more than `memory` bytes besides what this process has already, and leave no core."""
    spare_memory()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(FileNotFoundError):  # no /proc: a system that does not keep to such a limit anyway
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        wanted = pages * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_AS, (wanted if most < 0 else min(wanted, most), most))
