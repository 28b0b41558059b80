"""Commands on a disk that is full, or nearly: what they say was stored is stored."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cli_home import Person, person

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount a small disk")
_DISK = 2 << 20
#: From nothing to room for all of it.
FREE_KIB = (0, 8, 12, 16, 20, 28, 40, 60, 90, 400)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", place], check=False).returncode:
        pytest.skip("this machine does not let tests mount")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def fill(disk: Path, free: int) -> Path:
    """Leave so many bytes free."""
    file, status = disk / "filler", os.statvfs(disk)
    file.write_bytes(bytes(max(0, status.f_bavail * status.f_bsize - free)))
    return file


@pytest.mark.slow
def test_a_key_is_shown_only_if_it_was_stored(disk: Path, tmp_path: Path, models: Path) -> None:
    user: Person = person(disk / "home", tmp_path / "pictures", models)
    shown = set()
    for number, free in enumerate(FREE_KIB * 2):
        if number == len(FREE_KIB):
            user.run("keys", "create")  # and from here on with a home that is in use
        filler = fill(disk, free << 10)
        said = user.run("keys", "create", "--name", f"key-{number}", "--json")
        filler.unlink()
        assert said.code in (0, 1)
        if said.code == 0:
            shown.add(said.json["AccessKeyId"])
        else:
            assert said.out == ""
            assert "disk" in said.err or "space" in said.err
        listed = user.run("keys", "list").out
        assert all(access_key_id in listed for access_key_id in shown)
    assert 0 < len(shown) < 2 * len(FREE_KIB)


def test_a_collection_is_said_to_be_deleted_only_if_it_is(disk: Path, tmp_path: Path, models: Path) -> None:
    user: Person = person(disk / "home", tmp_path / "pictures", models)
    user.portrait("a.png")
    assert user.run("index", user.pictures, "--collection", "people").code == 0
    filler = fill(disk, 0)
    said = user.run("collections", "delete", "people", "--yes")
    filler.unlink()
    there = user.run("collections", "list", "--json").json
    assert (said.code == 0) == (there == [])
    assert said.code == 0 or "disk" in said.err


@pytest.mark.parametrize("free", [0, 40 << 10])
def test_a_sweep_on_a_full_disk_erases_with_a_receipt_or_not_at_all(
    disk: Path, tmp_path: Path, models: Path, free: int
) -> None:
    user: Person = person(disk / "home", tmp_path / "pictures", models)
    user.portrait("a.png")
    assert user.run("index", user.pictures, "--collection", "people").code == 0
    with closing(sqlite3.connect(user.home / "regard.db")) as connection, connection:
        connection.execute(
            "INSERT INTO enrolment_terms (collection_key, face_id, enrolled_at, last_used_at, expires_at) "
            "SELECT collection_key, face_id, 0, 0, 1 FROM faces"
        )
    filler = fill(disk, free)
    said = user.run("sweep", "--json")
    filler.unlink()
    with closing(sqlite3.connect(user.home / "regard.db")) as connection:
        (faces,) = connection.execute("SELECT count(*) FROM faces").fetchone()
        (receipts,) = connection.execute("SELECT count(*) FROM erasure_receipts").fetchone()
    assert (said.code == 0, faces, receipts) in {(True, 0, 1), (False, 1, 0)}
    assert said.code == 0 or "disk" in said.err
    assert user.run("sweep", "--json").json == ({} if said.code == 0 else {"faces": 1})
