from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from regard import files
from regard.files import PRIVATE, SHARED, create_file, file_lock, replace_file, try_file_lock


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder / "name.json"


def put(file: Path, content: bytes, draft: Path | None = None, mode: int = PRIVATE) -> None:
    with replace_file(file, draft=draft, mode=mode) as stream:
        stream.write(content)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


# -- whole or not at all


def test_a_file_has_its_old_content_until_the_new_is_whole(file: Path) -> None:
    put(file, b"old")
    with replace_file(file) as stream:
        stream.write(b"new")
        stream.flush()
        assert file.read_bytes() == b"old"
    assert file.read_bytes() == b"new"
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("named", [False, True])
def test_a_writer_that_fails_changes_nothing_and_leaves_nothing(file: Path, named: bool) -> None:
    def fail() -> None:
        with replace_file(file, draft=file.with_suffix(".part") if named else None) as stream:
            stream.write(b"half of the n")
            raise KeyboardInterrupt

    put(file, b"old")
    with pytest.raises(KeyboardInterrupt):
        fail()
    assert file.read_bytes() == b"old"
    assert list(file.parent.iterdir()) == [file]


def test_a_file_is_its_owners_alone_unless_it_is_shared(file: Path) -> None:
    with umask(0o022):
        put(file, b"secret")
        assert mode_of(file) == 0o600
        put(file, b"picture", mode=SHARED)
        assert mode_of(file) == 0o644


def test_content_is_on_disk_before_it_has_its_name_and_the_name_before_the_block_ends(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[bool, bool]] = []  # of each fsync: whether of a folder, and whether the name was there
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        synced.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), file.exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    put(file, b"content")
    assert synced == [(False, False), (True, True)]
    file.unlink()
    assert create_file(file, b"content")
    assert synced[2:] == [(False, False), (True, True)]
    with replace_file(file, durable=False) as stream:
        stream.write(b"passing")
    assert len(synced) == 4
    assert file.read_bytes() == b"passing"


@pytest.mark.parametrize("name", ["a" * 255, "é" * 127], ids=["of letters", "of two bytes each"])
def test_a_name_as_long_as_names_may_be_is_no_obstacle(tmp_path: Path, name: str) -> None:
    with replace_file(tmp_path / name) as stream:
        stream.write(b"content")
    assert create_file(tmp_path / f"b{name[1:]}", b"content")
    assert {file.name for file in tmp_path.iterdir()} == {name, f"b{name[1:]}"}


# -- drafts with a name


def test_a_draft_left_by_a_killed_process_is_written_over_and_made_private(file: Path) -> None:
    draft = file.with_suffix(".part")
    draft.write_bytes(b"a long text of before")
    draft.chmod(0o644)
    with replace_file(file, draft=draft) as stream:
        assert mode_of(draft) == 0o600
        stream.write(b"short")
    assert file.read_bytes() == b"short"
    assert mode_of(file) == 0o600


def test_one_at_a_time_writes_a_draft(file: Path) -> None:
    draft = file.with_suffix(".part")
    with replace_file(file, draft=draft) as stream:
        stream.write(b"mine")
        with pytest.raises(BlockingIOError, match="is being written by another process"):
            put(file, b"theirs", draft)
    assert file.read_bytes() == b"mine"


def test_no_draft_is_written_through_a_link(file: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"precious")
    draft = file.with_suffix(".part")
    draft.symlink_to(elsewhere)
    with pytest.raises(OSError, match="symbolic link"):
        put(file, b"new", draft)
    assert elsewhere.read_bytes() == b"precious"


def test_a_draft_that_got_its_name_while_the_next_writer_waited_to_lock_it_is_left_alone(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = file.with_suffix(".part")
    draft.write_bytes(b"finished")
    flock = files.fcntl.flock
    opened: list[int] = []

    def late(descriptor: int, operation: int) -> None:
        if not opened:
            draft.replace(file)  # the writer before ends between this one's open and lock
        opened.append(descriptor)
        flock(descriptor, operation)

    monkeypatch.setattr(files.fcntl, "flock", late)
    with replace_file(file, draft=draft) as stream:
        stream.write(b"next")
        stream.flush()
        assert file.read_bytes() == b"finished"
    assert file.read_bytes() == b"next"
    assert len(opened) == 2


# -- files that are made once


def test_a_file_is_made_once_and_the_first_stays(file: Path) -> None:
    assert create_file(file, b"first")
    assert not create_file(file, b"second")
    assert file.read_bytes() == b"first"
    assert mode_of(file) == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_of_many_that_make_a_file_at_once_one_does(file: Path) -> None:
    start, made = threading.Barrier(8), []

    def make(number: int) -> None:
        start.wait()
        if create_file(file, str(number).encode() * 1000):
            made.append(number)

    threads = [threading.Thread(target=make, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert file.read_bytes() == str(made[0]).encode() * 1000


# -- locks

HOLD = """
import sys, time
from pathlib import Path
from regard.files import file_lock
with file_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def held_elsewhere(lock: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(lock)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("of_a_folder", [False, True])
def test_a_lock_keeps_other_processes_out_and_ends_with_its_own(file: Path, of_a_folder: bool) -> None:
    lock = file.parent if of_a_folder else file
    with held_elsewhere(lock) as process:
        with try_file_lock(lock) as held:
            assert not held
        process.send_signal(signal.SIGKILL)
        process.wait()
        with try_file_lock(lock) as held:
            assert held


def test_a_lock_is_waited_for_and_says_so(file: Path) -> None:
    heard = []
    with held_elsewhere(file) as process:

        def waiting() -> None:
            heard.append("waiting")
            process.kill()

        with file_lock(file, waiting=waiting), try_file_lock(file) as held:
            assert not held
    with file_lock(file, waiting=waiting):
        pass
    assert heard == ["waiting"]


def test_a_lock_file_is_made_with_its_mode_and_keeps_what_is_in_it(file: Path) -> None:
    with umask(0o022):
        with file_lock(file):
            assert mode_of(file) == 0o600
        file.write_bytes(b"content")
        with try_file_lock(file, mode=SHARED) as held:
            assert held
        assert file.read_bytes() == b"content"
        with file_lock(file.with_suffix(".lock"), mode=SHARED):
            assert mode_of(file.with_suffix(".lock")) == 0o644
