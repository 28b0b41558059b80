"""A follower that begins where the index's files end."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from likenesses import alike, known
from stores import feeds_of

from regard.domain.images import Box
from regard.index.embedded import embedded_index
from regard.index.embedded.embedded_index import EmbeddedIndex, files_of
from regard.store import database
from regard.store.face_rows import FaceRows, NewFace
from regard.sync.index_sync import IndexSync

SEAL = 256
MODEL = "face-model-1"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
Store = Any


@contextmanager
def following(store: Store, folder: Path) -> Iterator[tuple[IndexSync, EmbeddedIndex, list[int]]]:
    """A process's index and follower, rebuilt; and how many vectors each report of the rebuilding had read."""
    read: list[int] = []
    with closing(EmbeddedIndex(lambda _: known(), folder, seal=SEAL)) as index:
        follower = IndexSync(store.database, feeds_of(index, EmbeddedIndex()))
        index.lost = partial(follower.reload, "faces")
        follower.rebuild(lambda _, done, __: read.append(done))
        yield follower, index, read


def enrol(store: Store, key: int, count: int, seed: int) -> list[Any]:
    box = Box(left=0.1, top=0.2, width=0.3, height=0.4)
    ids = [str(uuid4()) for _ in range(count)]
    new = [NewFace(face_id=id_, image_id=id_, external_image_id=None, box=box, confidence=99.0) for id_ in ids]
    return store.faces.add(key, new, alike(count, seed), MODEL, NOW)


def test_only_what_is_not_sealed_is_read_again(store: Store, tmp_path: Path) -> None:
    staff, guests = store.collection("staff"), store.collection("guests")
    with following(store, tmp_path / "index") as (follower, index, _):
        enrol(store, staff.key, 600, seed=1)
        enrol(store, guests.key, 20, seed=2)
        follower.catch_up()
        assert index.quiet(60)
        assert index.resume().sealed.keys() == {staff.key}
    later = enrol(store, staff.key, 5, seed=3)
    with following(store, tmp_path / "index") as (follower, index, read):
        sealed = int((index.keys(staff.key) <= index.resume().sealed[staff.key]).sum())
        assert max(read) == 600 - sealed + 5 + 20
        assert follower.agreement() == []
        assert index.keys(staff.key)[-1] == later[-1].key
        enrol(store, guests.key, 1, seed=4)
        assert follower.agreement() == []


def test_what_was_removed_meanwhile_is_removed_from_the_files(store: Store, tmp_path: Path) -> None:
    staff, guests = store.collection("staff"), store.collection("guests")
    with following(store, tmp_path / "index") as (follower, index, _):
        gone = [face.face_id for face in enrol(store, staff.key, 600, seed=1)[10:20]]
        enrol(store, guests.key, 300, seed=2)
        follower.catch_up()
        assert index.quiet(60)
    store.faces.delete(staff.key, gone)
    store.collections.delete("guests")
    with following(store, tmp_path / "index") as (follower, index, _):
        assert follower.agreement() == []
        assert index.collections() == [staff.key]
        journal = index.resume().deletion
    with following(store, tmp_path / "index") as (follower, index, _):
        assert index.resume().deletion == journal > 0
        assert follower.agreement() == []


def test_a_damaged_file_is_read_from_the_database_again(store: Store, tmp_path: Path) -> None:
    staff, folder = store.collection(), tmp_path / "index"
    with following(store, folder) as (follower, index, _):
        enrol(store, staff.key, 600, seed=1)
        follower.catch_up()
        assert index.quiet(60)
    (file,) = folder.rglob("*.segment")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with following(store, folder) as (follower, index, read):
        assert max(read) == 600
        assert follower.agreement() == []
        (hits,) = index.search(staff.key, alike(600, 1)[:1], limit=1, threshold=0.9)
        assert hits.keys.tolist() == [1]


def test_damage_that_is_found_after_the_start_is_read_again_while_it_runs(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(embedded_index, "AT_START_BYTES", 0)
    staff, folder = store.collection(), tmp_path / "index"
    with following(store, folder) as (follower, index, _):
        enrol(store, staff.key, 600, seed=1)
        follower.catch_up()
        assert index.quiet(60)
    (file,) = folder.rglob("*.segment")
    content = bytearray(file.read_bytes())
    content[-9] ^= 64
    file.write_bytes(content)
    with following(store, folder) as (follower, index, _):
        deadline = time.monotonic() + 60
        while "is damaged" not in caplog.text or follower.agreement():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        found = index.search(staff.key, alike(600, seed=1), limit=1, threshold=0.99)
        assert [len(hits.keys) for hits in found] == [1] * 600


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_files_that_know_more_than_a_restored_database_are_made_anew(store: Store, tmp_path: Path) -> None:
    """The same keys were given to other faces than in the files: those of the backup, and what came since."""
    staff, folder = store.collection(), tmp_path / "index"
    backup = tmp_path / "backup.db"
    with (
        closing(sqlite3.connect(store.database._engine.url.database)) as live,
        closing(sqlite3.connect(backup)) as copy,
    ):
        live.backup(copy)
    with following(store, folder) as (follower, index, _):
        enrol(store, staff.key, 600, seed=1)
        follower.catch_up()
        assert index.quiet(60)
    store.database.close()
    restored = tmp_path / "restored" / "regard.db"
    restored.parent.mkdir()
    shutil.copy(backup, restored)
    opened = database.open(f"sqlite:///{restored}")
    again = replace(store, database=opened, faces=FaceRows(opened))
    with following(again, folder) as (follower, index, _):
        assert len(index.keys(staff.key)) == 0
        enrol(again, staff.key, 3, seed=9)
        follower.catch_up()
        (hits,) = index.search(staff.key, alike(3, 9)[1:2], limit=1, threshold=0.9)
        assert hits.keys.tolist() == [2]
        assert follower.agreement() == []
    opened.close()


def test_a_second_process_reads_the_files_and_follows_by_itself(store: Store, tmp_path: Path) -> None:
    staff, folder = store.collection(), tmp_path / "index"
    with following(store, folder) as (follower, mine, _):
        faces = enrol(store, staff.key, 600, seed=1)
        follower.catch_up()
        assert mine.quiet(60)
        with following(store, folder) as (other, index, read):
            assert max(read, default=0) < 600
            store.faces.delete(staff.key, [faces[0].face_id])
            enrol(store, staff.key, 600, seed=2)
            assert other.agreement() == []
            assert np.array_equal(index.keys(staff.key), np.arange(2, 1201))
        assert follower.agreement() == []


def test_files_of_another_database_are_deleted_unread(tmp_path: Path) -> None:
    first = files_of(tmp_path / "index", "one")
    (first / "faces").mkdir()
    second = files_of(tmp_path / "index", "two")
    assert second.is_dir()
    assert not first.exists()
    assert files_of(tmp_path / "index", "two") == second
