"""Deletions are pruned; an index that has not seen them never finds a deleted vector again."""

from __future__ import annotations

import tracemalloc
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from likenesses import alike, known
from stores import MODEL, feeds_of, new_faces, units
from toy_shared import ToyShared

from regard.domain.galleries import EMBEDDED, MILVUS
from regard.index.embedded.embedded_index import EmbeddedIndex
from regard.store import deletion_rows
from regard.store.move_rows import MoveRows
from regard.sync.index_sync import IndexSync
from regard.sync.shared_sync import SharedSync

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
Store = Any


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletion_rows, "KEPT_DELETIONS", 10)
    monkeypatch.setattr(deletion_rows, "PRUNED_DELETIONS", 5)


class Process:
    """One process's embedded indexes, which follow by themselves."""

    def __init__(self, store: Store, shared: SharedSync | None = None) -> None:
        self.faces, self.users = EmbeddedIndex(), EmbeddedIndex()
        self.sync = IndexSync(store.database, feeds_of(self.faces, self.users), shared=shared)


def delete_and_follow(store: Store, process: Process, collection: Any, faces: list[Any]) -> None:
    """One face at a time, as clients do."""
    for face in faces:
        store.faces.delete(collection.key, [face.face_id])
        process.sync.follow(collection)


def oldest(store: Store) -> int:
    with store.database.read() as connection:
        return connection.exec_driver_sql("SELECT MIN(seq) FROM deletions").scalar_one()


def test_writers_prune_what_every_index_has_made(store: Store, few: None) -> None:
    process, staff = Process(store), store.collection()
    faces = store.enrol(staff, 40)
    delete_and_follow(store, process, staff, faces)
    assert oldest(store) > 20
    assert process.sync.agreement() == []


def test_one_that_was_away_while_deletions_were_pruned_finds_no_deleted_face(store: Store, few: None) -> None:
    busy, away = Process(store), Process(store)
    staff, guests, gone = (store.collection(name) for name in ("staff", "guests", "gone"))
    faces, others = store.enrol(staff, 50), store.enrol(guests, 3, seed=5)
    store.enrol(gone, 3, seed=6)
    away.sync.catch_up()
    store.collections.delete("gone")
    delete_and_follow(store, busy, staff, faces[:40])
    late = store.enrol(guests, 1, seed=7)
    assert oldest(store) > 2
    away.sync.catch_up()
    assert away.faces.keys(staff.key).tolist() == [face.key for face in faces[40:]]
    assert away.faces.keys(guests.key).tolist() == [face.key for face in [*others, *late]]
    assert away.faces.collections() == [staff.key, guests.key]
    assert away.sync.agreement() == busy.sync.agreement() == []


def test_one_that_was_away_finds_a_user_by_their_new_vector_alone(store: Store, few: None) -> None:
    busy, away, staff = Process(store), Process(store), store.collection()
    store.users.create(staff.key, "ada", NOW)
    for seed in range(40):
        with store.users.changing(staff.key, "ada") as change:
            change.set_vector(units(1, seed=seed)[0])
        if seed == 0:
            away.sync.catch_up()
        busy.sync.follow(staff)
    (hits,) = away.sync.search("users", staff.key, units(1, seed=39), limit=5, threshold=-1)
    assert hits.keys.tolist() == [40]


def test_one_that_was_away_while_a_collection_left_and_came_home_has_all_of_it(store: Store, few: None) -> None:
    busy, away, staff, moves = Process(store), Process(store), store.collection(), MoveRows(store.database)
    guests = store.collection("guests")
    faces = store.enrol(staff, 3)
    doomed = store.enrol(guests, 40, seed=5)
    away.sync.catch_up()
    moves.end(staff, MILVUS)
    more = store.enrol(staff, 2, seed=8)
    moves.end(staff, EMBEDDED)
    delete_and_follow(store, busy, guests, doomed)
    away.sync.catch_up(staff.key)
    assert away.faces.keys(staff.key).tolist() == [face.key for face in [*faces, *more]]
    assert away.sync.agreement() == []


@pytest.mark.slow
def test_files_from_before_the_pruning_are_compared_with_sql(store: Store, tmp_path: Path, few: None) -> None:
    staff, gone, busy = store.collection(), store.collection("gone"), Process(store)
    faces = store.faces.add(staff.key, new_faces(600), alike(600), MODEL, NOW)
    store.faces.add(gone.key, new_faces(600), alike(600, 1), MODEL, NOW)

    def started() -> tuple[EmbeddedIndex, IndexSync]:
        index = EmbeddedIndex(lambda _: known(), tmp_path / "index", seal=256)
        sync = IndexSync(store.database, feeds_of(index, EmbeddedIndex()))
        index.lost = partial(sync.reload, "faces")
        sync.rebuild()
        assert index.quiet(60)
        return index, sync

    index, _ = started()
    with closing(index):
        assert index.resume().sealed.keys() == {staff.key, gone.key}
    store.collections.delete("gone")
    delete_and_follow(store, busy, staff, faces[:30])
    assert oldest(store) > 2
    index, sync = started()
    with closing(index):
        assert index.keys(staff.key).tolist() == [face.key for face in faces[30:]]
        assert sync.agreement() == []
        assert index.resume().deletion == 31


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_deletions_wait_for_a_shared_index_that_is_away(store: Store, few: None) -> None:
    faces, users = ToyShared(), ToyShared()
    shared = SharedSync(store.database, feeds_of(faces, users))
    process, staff, guests = Process(store, shared), store.collection(), store.collection("guests")
    MoveRows(store.database).end(staff, MILVUS)
    stored, doomed = store.enrol(staff, 3), store.enrol(guests, 40, seed=5)
    process.sync.catch_up()
    store.faces.delete(staff.key, [stored[0].face_id])
    delete_and_follow(store, process, guests, doomed)
    assert oldest(store) == 1
    faces.asked.clear()
    process.sync.catch_up()
    assert faces.all() == {staff.key: [face.key for face in stored[1:]]}
    assert "drop" not in faces.asked  # it goes on, and is not filled again
    delete_and_follow(store, process, guests, store.enrol(guests, 20, seed=6))
    assert oldest(store) > 20


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_shared_index_that_missed_pruned_deletions_is_filled_again(store: Store, few: None) -> None:
    """As after a backup in which the checkpoint is older than what was pruned."""
    faces, staff = ToyShared(), store.collection()
    MoveRows(store.database).end(staff, MILVUS)
    shared = SharedSync(store.database, feeds_of(faces, ToyShared()))
    stored = store.enrol(staff, 3)
    shared.catch_up(shared.watermark())
    store.faces.delete(staff.key, [stored[0].face_id])
    with store.database.write() as connection:
        connection.exec_driver_sql("INSERT INTO pruned_deletions (seq) VALUES (2)")
    shared.catch_up(shared.watermark())
    assert faces.all() == {staff.key: [face.key for face in stored[1:]]}


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("where", [EMBEDDED, MILVUS])
@pytest.mark.slow
def test_many_deletions_are_read_a_batch_at_a_time(store: Store, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """60,000 in one list take 25 MB."""
    monkeypatch.setattr("regard.sync.feed.BATCH", 1000)
    staff, last = store.collection(), 60_000
    MoveRows(store.database).end(staff, where)
    faces = ToyShared()
    process = Process(store, SharedSync(store.database, feeds_of(faces, ToyShared())))
    stored = store.enrol(staff, 3)
    process.sync.catch_up()
    with store.database.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO deletions (collection_key, feed, key) WITH RECURSIVE numbers(n) AS "  # noqa: S608 - our own numbers
            f"(SELECT 1000 UNION ALL SELECT n + 1 FROM numbers WHERE n < {last}) SELECT 1, 'faces', n FROM numbers"
        )
    store.faces.delete(staff.key, [stored[0].face_id])
    index = faces if where == MILVUS else process.faces
    tracemalloc.start()
    process.sync.catch_up(staff.key)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 3 << 20
    assert np.array_equal(index.keys(staff.key), [face.key for face in stored[1:]])
