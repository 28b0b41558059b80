from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime

import numpy as np
import pytest
from stores import feeds_of

from regard.errors import Conflict, ResourceNotFound
from regard.index.embedded.embedded_index import EmbeddedIndex
from regard.store import database
from regard.store.collection_rows import CollectionRows
from regard.store.face_rows import FaceRows
from regard.sync.index_sync import IndexSync

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MODEL = "face-model-1"


class Followed:
    """The indexes and their follower on a store, as one process has them."""

    def __init__(self, store) -> None:
        self.index, self.users = EmbeddedIndex(), EmbeddedIndex()
        self.follower = IndexSync(store.database, feeds_of(self.index, self.users))


def test_a_face_stored_is_a_face_found(store, make_units):
    here, collection = Followed(store), store.collection()
    (face,) = store.enrol(collection, 1)
    here.follower.catch_up()
    (hits,) = here.index.search(collection.key, make_units(1), limit=5, threshold=0.9)
    assert hits.keys.tolist() == [face.key]


def test_what_another_process_writes_shows_up(store, make_new, make_units):
    here, collection = Followed(store), store.collection()
    here.follower.rebuild()
    elsewhere = database.open(store.url)
    FaceRows(elsewhere).add(collection.key, make_new(3), make_units(3), MODEL, NOW)
    here.follower.catch_up()
    assert here.index.keys(collection.key).tolist() == [1, 2, 3]
    CollectionRows(elsewhere).delete("staff")
    elsewhere.close()
    here.follower.catch_up()
    assert here.index.keys(collection.key).tolist() == []


def test_a_face_that_came_and_went_between_two_looks_is_not_found(store):
    here, collection = Followed(store), store.collection()
    here.follower.rebuild()
    faces = store.enrol(collection, 3)
    store.faces.delete(collection.key, [faces[2].face_id])
    here.follower.catch_up()
    assert here.index.keys(collection.key).tolist() == [faces[0].key, faces[1].key]
    (late,) = store.enrol(collection, 1)
    here.follower.catch_up()
    assert here.index.keys(collection.key).tolist() == [faces[0].key, faces[1].key, late.key]


def test_a_collection_dropped_and_made_again_starts_empty(store):
    here, first = Followed(store), store.collection()
    store.enrol(first, 3)
    here.follower.catch_up()
    store.collections.delete("staff")
    again = store.collection()
    store.enrol(again, 1)
    here.follower.catch_up()
    assert list(here.index.collections()) == [again.key]
    assert here.follower.agreement() == []


@pytest.mark.slow
def test_a_rebuild_reports_how_far_it_is(store):
    collection = store.collection()
    store.enrol(collection, 9000)
    heard = []
    here = Followed(store)
    here.follower.rebuild(lambda description, done, total: heard.append((done, total)))
    assert heard == [(8192, 9000), (9000, 9000)]
    assert here.follower.agreement() == []


def test_a_rebuilt_index_gives_the_very_same_results(store, make_units):
    here, collection = Followed(store), store.collection()
    for seed in range(5):
        store.enrol(collection, 20, seed=seed)
        here.follower.catch_up()
    faces = store.faces.page(collection.key, 0, 100)
    store.faces.delete(collection.key, [face.face_id for face in faces[::3]])
    here.follower.catch_up()
    rebuilt = Followed(store)
    rebuilt.follower.rebuild()
    probes = make_units(9, seed=77)
    before = here.index.search(collection.key, probes, limit=30, threshold=-1)
    after = rebuilt.index.search(collection.key, probes, limit=30, threshold=-1)
    assert [hits.keys.tolist() for hits in before] == [hits.keys.tolist() for hits in after]
    assert [hits.cosines.tolist() for hits in before] == [hits.cosines.tolist() for hits in after]


def person(store, collection, name, vector):
    """Make a user, or give one another vector."""
    with suppress(Conflict):
        store.users.create(collection.key, name, NOW)
    with store.users.changing(collection.key, name) as change:
        change.set_vector(vector)


def test_users_are_followed_beside_faces(store, make_units):
    here, collection = Followed(store), store.collection()
    store.enrol(collection, 3)
    person(store, collection, "ada", make_units(1, seed=7)[0])
    here.follower.catch_up()
    assert here.index.keys(collection.key).tolist() == [1, 2, 3]
    assert here.users.keys(collection.key).tolist() == [1]
    person(store, collection, "ada", make_units(1, seed=8)[0])
    person(store, collection, "bea", make_units(1, seed=9)[0])
    here.follower.catch_up()
    assert here.users.keys(collection.key).tolist() == [2, 3]
    (hits,) = here.users.search(collection.key, make_units(1, seed=8), limit=1, threshold=0.9)
    assert hits.keys.tolist() == [2]
    assert here.index.keys(collection.key).tolist() == [1, 2, 3]  # whose keys are the same numbers
    store.users.delete(collection.key, "ada")
    here.follower.catch_up()
    assert here.users.keys(collection.key).tolist() == [3]
    assert here.follower.agreement() == []
    store.collections.delete("staff")
    here.follower.catch_up()
    assert list(here.users.collections()) == list(here.index.collections()) == []


def test_a_rebuild_fills_both_indexes(store, make_units):
    collection = store.collection()
    store.enrol(collection, 2)
    for seed in range(3):
        person(store, collection, "ada", make_units(1, seed=seed)[0])
    heard = []
    here = Followed(store)
    here.follower.rebuild(lambda description, done, total: heard.append((description, done, total)))
    assert heard == [("Loading faces into the index", 2, 2), ("Loading users into the index", 1, 1)]
    assert here.users.keys(collection.key).tolist() == [3]
    assert here.follower.agreement() == []


@pytest.mark.slow
def test_while_a_users_vector_is_replaced_a_search_finds_them(store, make_units):
    here, collection = Followed(store), store.collection()
    vector = make_units(1)
    person(store, collection, "ada", vector[0])
    here.follower.catch_up()
    misses, stop = [], threading.Event()

    def search() -> None:
        while not stop.is_set():
            (hits,) = here.follower.search("users", collection.key, vector, limit=5, threshold=0.9)
            misses.extend([] if len(hits.keys) else [1])
            time.sleep(0.0005)  # or two loops that never rest would keep the writer from its turn

    with ThreadPoolExecutor(2) as pool:
        searchers = [pool.submit(search) for _ in range(2)]
        for _ in range(60):
            person(store, collection, "ada", vector[0])
            here.follower.catch_up()
        stop.set()
        for searcher in searchers:
            searcher.result(timeout=30)
    assert misses == []
    assert here.follower.agreement() == []


def test_what_a_transaction_takes_back_is_never_followed(store, make_units):
    here, collection = Followed(store), store.collection()
    person(store, collection, "ada", make_units(1)[0])

    def change_and_take_back() -> None:
        with store.database.write(), store.users.changing(collection.key, "ada") as change:
            store.enrol(collection, 1)
            change.set_vector(make_units(1, seed=5)[0])
            here.follower.catch_up()
            raise ValueError("not after all")

    with pytest.raises(ValueError, match="not after all"):
        change_and_take_back()
    here.follower.catch_up()
    assert here.index.keys(collection.key).tolist() == []
    assert here.users.keys(collection.key).tolist() == [1]
    assert here.follower.agreement() == []


def test_agreement_names_what_differs_both_ways(store, make_units):
    here, collection = Followed(store), store.collection()
    store.enrol(collection, 3)
    assert here.follower.agreement() == []
    here.index.remove(collection.key, np.array([2]))
    here.index.add(collection.key, np.array([40]), make_units(1))
    here.index.add(99, np.array([41]), make_units(1))
    here.users.add(collection.key, np.array([7]), make_units(1))
    assert list(map(str, here.follower.agreement())) == [
        f"collection {collection.key}: 1 faces are in SQL but not in the index, of keys 2",
        f"collection {collection.key}: 1 faces are in the index but not in SQL, of keys 40",
        "collection 99: 1 faces are in the index but not in SQL, of keys 41",
        f"collection {collection.key}: 1 users are in the index but not in SQL, of keys 7",
    ]


@pytest.mark.slow
def test_deleting_a_collection_while_others_add_to_it_leaves_no_orphan(store, make_new, make_units):
    here = Followed(store)
    refused, stop = [], threading.Event()

    def add(lane: int) -> None:
        rng = np.random.default_rng(lane)
        while not stop.is_set():
            try:
                collection = store.collections.get(f"c{rng.integers(2)}")
                store.faces.add(collection.key, make_new(3), make_units(3), MODEL, NOW)
            except ResourceNotFound as error:
                refused.append(error)
            here.follower.catch_up()

    with ThreadPoolExecutor(3) as pool:
        adders = [pool.submit(add, lane) for lane in range(3)]
        try:
            for turn in range(40):
                store.collection(f"c{turn % 2}")
                here.follower.catch_up()
                if turn:
                    store.collections.delete(f"c{(turn - 1) % 2}")
                    here.follower.catch_up()
        finally:
            stop.set()
        for adder in adders:
            adder.result(timeout=30)  # raises whatever was not ResourceNotFound
    assert here.follower.agreement() == []
    (left,) = store.collections.page(0, 10)
    with store.database.read() as connection:
        owners = set(connection.exec_driver_sql("SELECT DISTINCT collection_key FROM faces").scalars())
    assert owners <= {left.key}
    assert refused


@pytest.mark.parametrize("rebuilt", [True, False])
def test_an_empty_database_is_followed(store, rebuilt):
    here = Followed(store)
    if rebuilt:
        here.follower.rebuild()
    here.follower.catch_up()
    assert list(here.index.collections()) == []
    assert here.follower.agreement() == []
