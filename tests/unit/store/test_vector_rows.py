from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from sqlalchemy import select

from regard.store import in_lists, vector_rows
from regard.store.embeddings import packed, units
from regard.store.feed_tables import FACE_FEED, USER_FEED
from regard.store.move_rows import MoveRows
from regard.store.vector_rows import VectorRows

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MODEL = "face-model-1"


def test_what_is_new_comes_by_collection_in_the_order_of_keys(store, make_new, make_units):
    one, two = store.collection("one"), store.collection("two")
    first, _ = store.enrol(one, 2), store.enrol(two, 1)
    store.faces.add(two.key, make_new(2), make_units(2, 16), MODEL, NOW)
    store.enrol(one, 1)
    rows = VectorRows(store.database, FACE_FEED)
    batch = rows.since(first[0].key, 4)
    assert [(stored.collection_key, stored.keys.tolist()) for stored in batch] == [(one.key, [2]), (two.key, [3, 4, 5])]
    assert batch[1].embeddings.shape == (3, 16)
    assert rows.since(6, 4) == []
    assert {key: keys.tolist() for key, keys in rows.keys().items()} == {one.key: [1, 2, 6], two.key: [3, 4, 5]}
    assert (rows.count_since(0), rows.count_since(4)) == (6, 2)


def test_of_named_keys_it_reads_those_that_are_there_and_of_that_collection(store, make_units, monkeypatch):
    monkeypatch.setattr(in_lists, "IN_LIST_VALUES", 3)
    one, two = store.collection("one"), store.collection("two")
    store.enrol(one, 8), store.enrol(two, 2)
    rows = VectorRows(store.database, FACE_FEED)
    keys, vectors = rows.among(one.key, np.array([8, 2, 99, 9, 5, 2, 1]))
    assert keys.tolist() == [1, 2, 5, 8]
    np.testing.assert_allclose(vectors, make_units(8)[[0, 1, 4, 7]], atol=1e-3)
    assert [len(part) for part in rows.among(one.key, np.array([99]))] == [0, 0]


def test_of_an_index_it_reads_the_collections_that_live_there_or_are_on_their_way(store):
    here, there, coming = store.collection("here"), store.collection("there"), store.collection("coming")
    for collection in (here, there, coming):
        store.enrol(collection, 2)
    moves = MoveRows(store.database)
    moves.end(there, "milvus")
    moves.begin(coming, "milvus")
    for name, expected in (("embedded", [here, coming]), ("milvus", [there, coming])):
        rows = VectorRows(store.database, FACE_FEED, name)
        assert list(rows.keys()) == [collection.key for collection in expected]
        assert [stored.collection_key for stored in rows.since(0, 9)] == [collection.key for collection in expected]
        assert rows.count_since(0) == 4


def test_of_users_it_reads_their_vectors(store, make_units):
    collection = store.collection()
    store.users.create(collection.key, "ada", NOW)
    rows = VectorRows(store.database, USER_FEED)
    assert rows.keys() == {}
    with store.users.changing(collection.key, "ada") as change:
        change.set_vector(make_units(1)[0])
    (stored,) = rows.since(0, 10)
    assert (stored.collection_key, stored.keys.tolist()) == (collection.key, [1])
    np.testing.assert_allclose(stored.embeddings, make_units(1), atol=1e-3)


def test_the_highest_key_is_0_where_there_is_none(store):
    def highest() -> int:
        with store.database.read() as connection:
            return connection.scalar(select(vector_rows.highest(FACE_FEED.table)))

    assert highest() == 0
    store.enrol(store.collection(), 3)
    assert highest() == 3


def test_vectors_are_kept_in_half_precision_and_read_as_unit_vectors(make_units):
    vectors = make_units(5, 512)
    blobs = packed(vectors)
    assert [len(blob) for blob in blobs] == [1024] * 5
    read = units(blobs)
    np.testing.assert_allclose(np.linalg.norm(read, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(read, vectors, atol=2e-4)
