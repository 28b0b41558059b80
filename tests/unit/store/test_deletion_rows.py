from __future__ import annotations

import pytest

from regard.domain.galleries import FACES, USERS
from regard.store import deletion_rows
from regard.store.checkpoint_rows import Checkpoint, CheckpointRows
from regard.store.deletion_rows import Deletion, DeletionRows, DeletionsPruned, note_deleted, note_emptied
from regard.store.feed_tables import FACE_FEED, USER_FEED


@pytest.fixture
def rows(store) -> DeletionRows:
    return DeletionRows(store.database)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletion_rows, "KEPT_DELETIONS", 10)
    monkeypatch.setattr(deletion_rows, "PRUNED_DELETIONS", 5)


def note(store, feed: str, keys, collection_key: int = 1) -> None:
    with store.database.write() as connection:
        note_deleted(connection, collection_key, feed, keys)


def kept(store) -> list[int]:
    with store.database.read() as connection:
        return list(connection.exec_driver_sql("SELECT seq FROM deletions ORDER BY seq").scalars())


def test_deletions_are_read_in_their_order_a_batch_at_a_time(store, rows):
    note(store, FACES, [7, 3])
    note(store, USERS, [3], collection_key=2)
    with store.database.write() as connection:
        note_emptied(connection, 2, "milvus")
    assert rows.batch(0, 9, 2) == [
        Deletion(seq=1, collection_key=1, feed=FACES, key=7),
        Deletion(seq=2, collection_key=1, feed=FACES, key=3),
    ]
    assert rows.batch(2, 9, 2) == [
        Deletion(seq=3, collection_key=2, feed=USERS, key=3),
        Deletion(seq=4, collection_key=2, index_name="milvus"),
    ]
    assert [each.seq for each in rows.batch(0, 3, 9)] == [1, 2, 3]
    assert rows.batch(4, 9, 2) == []


def test_what_empties_an_index_is_of_that_index_or_of_all():
    assert Deletion(seq=1, collection_key=1).empties("milvus")
    assert Deletion(seq=1, collection_key=1, index_name="milvus").empties("milvus")
    assert not Deletion(seq=1, collection_key=1, index_name="embedded").empties("milvus")
    assert not Deletion(seq=1, collection_key=1, feed=FACES, key=1).empties("milvus")


def test_the_collections_to_be_forgotten_whole_are_told_by_index(store, rows):
    with store.database.write() as connection:
        note_emptied(connection, 1)
        note_emptied(connection, 2, "milvus")
        note_emptied(connection, 3, "embedded")
        note_deleted(connection, 4, FACES, [1])
        note_emptied(connection, 5)
    assert rows.emptied(0, 10, "milvus") == {1, 2, 5}
    assert rows.emptied(2, 10, "embedded") == {3, 5}
    assert rows.emptied(0, 2, "milvus") == {1, 2}


def test_a_search_is_disturbed_by_an_index_that_was_emptied_and_by_a_vector_that_was_replaced(store, rows):
    note(store, FACES, [1])
    note(store, USERS, [1])
    assert not rows.disturbed(FACE_FEED, 1, 0)  # a face that goes leaves no other in its place
    assert rows.disturbed(USER_FEED, 1, 1)
    assert not rows.disturbed(USER_FEED, 1, 2)
    assert not rows.disturbed(USER_FEED, 2, 0)
    with store.database.write() as connection:
        note_emptied(connection, 1, "milvus")
    assert rows.disturbed(FACE_FEED, 1, 2)
    assert not rows.disturbed(FACE_FEED, 1, 3)


def test_the_oldest_are_pruned_some_at_a_time_and_the_newest_are_kept(store, rows, few):
    note(store, FACES, range(1, 23))
    assert rows.wants_pruning(22, 0)
    assert rows.prune() == 5
    assert kept(store) == list(range(5, 23))  # the highest key of the five stays
    assert not rows.wants_pruning(19, 5)
    assert rows.prune() == 5
    assert rows.prune() == 0  # two would be left to go: later
    assert kept(store) == list(range(10, 23))


def test_what_was_pruned_is_never_passed_over_in_silence(store, rows, few):
    note(store, FACES, range(1, 23))
    rows.prune()
    for after in range(5):
        with pytest.raises(DeletionsPruned):
            rows.batch(after, 22, 100)
    assert [each.seq for each in rows.batch(5, 22, 100)] == list(range(6, 23))
    assert rows.disturbed(FACE_FEED, 99, 4)
    assert not rows.disturbed(FACE_FEED, 99, 5)


def test_nothing_is_pruned_that_a_shared_index_has_not_made(store, rows, few):
    def reach(feed: str, deletion: int) -> None:
        with CheckpointRows(store.database, "milvus").turn() as turn:
            turn.reach(feed, Checkpoint(identity="one", deletion=deletion, key=0))

    note(store, FACES, range(1, 41))
    reach(FACES, 40)
    reach(USERS, 4)
    assert rows.prune() == 0
    reach(USERS, 7)
    assert rows.prune() == 5
    assert rows.prune() == 0
    assert kept(store) == list(range(5, 41))


def test_the_highest_key_of_a_feed_is_known_for_ever(store, rows, few):
    note(store, FACES, [900, 1])
    note(store, USERS, [50])
    with store.database.write() as connection:
        note_emptied(connection, 2)
    note(store, FACES, range(2, 40))
    while rows.prune():
        pass
    assert kept(store)[:3] == [1, 3, 31]
    assert [rows.highest_key(feed) for feed in (FACES, USERS, "pictures")] == [900, 50, 0]
