"""The file of an open database: what was deleted leaves it, and a file that is taken away is noticed."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from stores import MODEL, NOW, new_faces, units

from regard.domain.arrays import FloatArray
from regard.errors import InternalServerError
from regard.store import database
from regard.store.collection_rows import CollectionRows
from regard.store.database import Database
from regard.store.embeddings import packed
from regard.store.face_rows import FaceRows

DIMENSION = 512
#: Longer than any test's deletions take to be final.
NEVER = 3600.0


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@contextmanager
def opened(home: Path, erase_seconds: float = NEVER) -> Iterator[Database]:
    made = database.open(f"sqlite:///{home / 'regard.db'}", erase_seconds=erase_seconds)
    try:
        yield made
    finally:
        made.close()


def enrol(rows: Database, count: int = 60, name: str = "people") -> tuple[int, list[str], FloatArray]:
    """A collection of so many faces: its key, their ids, their vectors."""
    key = CollectionRows(rows).create(name, MODEL, {}, NOW).key
    vectors = units(count, DIMENSION, seed=len(name))
    faces = [face for at in range(0, count, 7) for face in _add(rows, key, vectors[at : at + 7])]
    return key, faces, vectors


def _add(rows: Database, key: int, vectors: FloatArray) -> list[str]:
    return [face.face_id for face in FaceRows(rows).add(key, new_faces(len(vectors)), vectors, MODEL, NOW)]


def on_disk(home: Path, vectors: FloatArray) -> int:
    """How many of these vectors lie in any file of the home, by a piece of the bytes that rows keep."""
    raw = [file.read_bytes() for file in home.rglob("*") if file.is_file()]
    return sum(any(blob[96:160] in content for content in raw) for blob in packed(vectors))


def soon(met: Callable[[], bool], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while not met():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


# -- what was deleted ------------------------------------------------------------------------------------------------


def test_deleted_faces_leave_the_files_while_the_database_is_open(home: Path) -> None:
    with opened(home, erase_seconds=0.3) as rows:
        key, faces, vectors = enrol(rows)
        FaceRows(rows).delete(key, faces[::2])
        assert soon(lambda: on_disk(home, vectors[::2]) == 0)
        assert on_disk(home, vectors[1::2]) == 30


def test_without_that_they_lie_there_on(home: Path) -> None:
    with opened(home) as rows:
        key, faces, vectors = enrol(rows)
        FaceRows(rows).delete(key, faces)
        assert on_disk(home, vectors) > 0


def test_a_deletion_that_is_to_be_final_at_once_is_so_when_it_is_acknowledged(home: Path) -> None:
    with opened(home, erase_seconds=0) as rows:
        key, faces, vectors = enrol(rows)
        FaceRows(rows).delete(key, faces[:20])
        assert on_disk(home, vectors[:20]) == 0
        CollectionRows(rows).delete("people")
        assert on_disk(home, vectors) == 0


DELETE_PEOPLE = """
import os, signal, sys
from regard.store import database
from regard.store.collection_rows import CollectionRows
CollectionRows(database.open(sys.argv[1], erase_seconds=3600)).delete("people")
os.kill(os.getpid(), signal.SIGKILL)
"""


def delete_elsewhere(home: Path) -> None:
    """In a process that is killed right after that."""
    url = f"sqlite:///{home / 'regard.db'}"
    done = subprocess.run([sys.executable, "-c", DELETE_PEOPLE, url], check=False)
    assert done.returncode == -signal.SIGKILL


def test_what_another_process_deleted_goes_too(home: Path) -> None:
    with opened(home) as rows:
        _, _, vectors = enrol(rows)
        delete_elsewhere(home)
        assert on_disk(home, vectors) > 0
        with opened(home, erase_seconds=0.3):
            assert soon(lambda: on_disk(home, vectors) == 0)


def test_after_a_kill_the_next_start_does_it(home: Path) -> None:
    with opened(home) as rows:
        _, _, vectors = enrol(rows)
    delete_elsewhere(home)
    assert on_disk(home, vectors) > 0
    with opened(home):
        assert on_disk(home, vectors) == 0


@pytest.mark.slow
def test_a_long_read_puts_it_off_and_keeps_no_writer_waiting(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    with opened(home, erase_seconds=0.2) as rows:
        _, _, vectors = enrol(rows)
        with rows.committed().read() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM faces").all()
            CollectionRows(rows).delete("people")
            began = time.monotonic()
            for number in range(5):
                CollectionRows(rows).create(f"other-{number}", MODEL, {}, NOW)
            assert time.monotonic() - began < 5
            assert soon(lambda: "a long read, such as an export" in caplog.text)
            assert on_disk(home, vectors) > 0
        assert soon(lambda: on_disk(home, vectors) == 0)


def test_another_process_that_empties_the_log_is_waited_for(home: Path) -> None:
    with opened(home) as rows, rows.committed().read() as connection:
        key, faces, vectors = enrol(rows)
        connection.exec_driver_sql("SELECT count(*) FROM faces").all()
        FaceRows(rows).delete(key, faces)
        with closing(
            sqlite3.connect(home / "regard.db", timeout=10, isolation_level=None, check_same_thread=False)
        ) as other:
            emptying = threading.Thread(target=other.execute, args=("PRAGMA wal_checkpoint(TRUNCATE)",))
            threading.Timer(0.1, connection.rollback).start()
            emptying.start()  # until the reader has gone it holds what SQLite lets nobody wait for
            time.sleep(0.05)
            gone = rows._file.erase()
            emptying.join()
        assert gone
        assert on_disk(home, vectors) == 0


@pytest.mark.slow
def test_a_read_of_a_moment_is_not_told_of(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    with opened(home, erase_seconds=0) as rows:
        _, _, vectors = enrol(rows)
        with rows.committed().read() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM faces").all()
            delete_elsewhere(home)
            time.sleep(1.5)  # the log is looked at every second
            assert on_disk(home, vectors) > 0
        assert soon(lambda: on_disk(home, vectors) == 0)
        assert "is still in" not in caplog.text


# -- files that are taken away ---------------------------------------------------------------------------------------


def remove(home: Path) -> None:
    (home / "regard.db").unlink()


def remove_all(home: Path) -> None:
    for file in home.glob("regard.db*"):
        file.unlink()


def replace(home: Path) -> None:
    (home / "copy").write_bytes((home / "regard.db").read_bytes())
    (home / "copy").replace(home / "regard.db")


def remove_log(home: Path) -> None:
    (home / "regard.db-wal").unlink()


def remove_shared(home: Path) -> None:
    (home / "regard.db-shm").unlink()


def move_home(home: Path) -> None:
    home.rename(home.with_name("elsewhere"))


def replace_home(home: Path) -> None:
    move_home(home)
    with opened(home):
        pass


@pytest.mark.parametrize(
    "harm",
    [remove, remove_all, replace, remove_log, remove_shared, move_home, replace_home],
    ids=lambda harm: harm.__name__,
)
def test_no_write_is_acknowledged_once_a_file_was_taken_away(
    home: Path, harm: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    with opened(home) as rows:
        enrol(rows)
        assert rows.fault() is None
        harm(home)
        for _ in range(2):
            with pytest.raises(InternalServerError, match="removed or replaced") as caught:
                enrol(rows, name="more")
            assert str(home) in caught.value.message
            assert str(home) not in caught.value.public
        assert "removed or replaced" in str(rows.fault())
        assert caplog.text.count("Writes are refused") == 1


def test_no_write_is_acknowledged_once_the_file_was_emptied_in_its_place(home: Path) -> None:
    with opened(home) as rows:
        enrol(rows)
        os.truncate(home / "regard.db", 0)
        assert rows.fault() is not None
        with pytest.raises(InternalServerError, match="removed or replaced"):
            enrol(rows, name="others")


def test_a_write_is_not_acknowledged_if_the_file_is_taken_away_under_it(home: Path) -> None:
    with opened(home) as rows:
        enrol(rows)

        def delete() -> None:
            with rows.write() as connection:
                connection.exec_driver_sql("DELETE FROM faces")
                remove(home)

        with pytest.raises(InternalServerError, match="removed or replaced"):
            delete()


def test_a_link_to_the_database_may_stay_and_may_not_be_turned(home: Path, tmp_path: Path) -> None:
    with opened(tmp_path / "disk") as rows:
        enrol(rows)
    with opened(tmp_path / "other"):
        pass
    home.mkdir()
    (home / "regard.db").symlink_to(tmp_path / "disk" / "regard.db")
    with opened(home) as rows:
        enrol(rows, name="more")
        assert rows.fault() is None
        (home / "regard.db").unlink()
        (home / "regard.db").symlink_to(tmp_path / "other" / "regard.db")
        with pytest.raises(InternalServerError, match="removed or replaced"):
            enrol(rows, name="yet more")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount")
def test_a_disk_that_turns_read_only_is_told_of(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], check=False).returncode:
        pytest.skip("this machine does not let tests mount")
    try:
        with opened(disk / "home") as rows:
            enrol(rows)
            subprocess.run(["mount", "-o", "remount,ro", disk], check=False)
            if os.statvfs(disk).f_flag & os.ST_RDONLY:  # not while a file is open for writing, on some kernels
                assert "read-only" in str(rows.fault())
                with pytest.raises(InternalServerError):
                    enrol(rows, name="more")
                subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
                assert rows.fault() is None
    finally:
        subprocess.run(["umount", "-l", disk], check=False)
