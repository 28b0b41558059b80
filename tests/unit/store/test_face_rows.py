from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from regard.errors import InvalidParameter, ResourceNotFound

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
MODEL = "face-model-1"


def test_a_face_comes_back_as_it_was_stored(store, make_new, make_units):
    collection = store.collection()
    (new,) = make_new(1)
    (face,) = store.faces.add(collection.key, [new], make_units(1), MODEL, NOW)
    assert store.faces.get(collection.key, [new.face_id]) == [face]
    assert (face.face_id, face.image_id, face.external_image_id) == (new.face_id, new.image_id, "person-0")
    assert (face.box, face.confidence, face.face_model, face.created_at) == (new.box, 99.5, MODEL, NOW)


def test_faces_are_returned_in_the_order_given_with_rising_keys(store, make_new, make_units):
    collection = store.collection()
    new = make_new(50)
    stored = store.faces.add(collection.key, new, make_units(50), MODEL, NOW)
    assert [face.face_id for face in stored] == [face.face_id for face in new]
    assert [face.key for face in stored] == sorted({face.key for face in stored})


def test_a_face_id_already_there_keeps_its_first_row(store, make_new, make_units):
    collection = store.collection()
    old, fresh = make_new(2)
    (first,) = store.faces.add(collection.key, [old], make_units(1), MODEL, NOW)
    again = replace(old, confidence=1.0)
    stored = store.faces.add(collection.key, [fresh, again, again], make_units(3, seed=9), MODEL, NOW)
    assert stored[1] == stored[2] == first
    assert store.collections.face_count(collection.key) == 2
    np.testing.assert_allclose(store.faces.embedding(collection.key, old.face_id), make_units(1)[0], atol=1e-3)


def test_the_same_face_id_may_be_in_two_collections(store, make_new, make_units):
    one, two = store.collection("one"), store.collection("two")
    new = make_new(1)
    (a,) = store.faces.add(one.key, new, make_units(1), MODEL, NOW)
    (b,) = store.faces.add(two.key, new, make_units(1), MODEL, NOW)
    assert a.key != b.key


def test_an_embedding_is_read_as_a_unit_vector_within_half_precision(store, make_new, make_units):
    collection = store.collection()
    new, vectors = make_new(5), make_units(5, 512)
    store.faces.add(collection.key, new, vectors, MODEL, NOW)
    read = np.stack([store.faces.embedding(collection.key, face.face_id) for face in new])
    assert read.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(read, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(read, vectors, atol=2e-4)
    assert store.faces.embedding(collection.key, "nobody") is None


def test_adding_to_a_collection_that_has_gone_is_not_found(store, make_new, make_units):
    collection = store.collection()
    store.collections.delete("staff")
    with pytest.raises(ResourceNotFound):
        store.faces.add(collection.key, make_new(1), make_units(1), MODEL, NOW)


def test_faces_of_another_model_are_refused(store, make_new, make_units):
    collection = store.collection()
    with pytest.raises(InvalidParameter, match=r"face-model-1.*face-model-2"):
        store.faces.add(collection.key, make_new(1), make_units(1), "face-model-2", NOW)


@pytest.mark.parametrize("vectors", [np.ones((1, 4), np.float32), np.full((2, 4), np.nan, np.float32)])
def test_embeddings_that_are_missing_or_not_numbers_are_refused(store, make_new, vectors):
    with pytest.raises(ValueError, match="2 faces need as many finite embeddings"):
        store.faces.add(store.collection().key, make_new(2), vectors, MODEL, NOW)


def test_adding_no_face_is_no_fault(store, make_units):
    assert store.faces.add(store.collection().key, [], make_units(0), MODEL, NOW) == []


def test_pages_follow_keys_and_end(store):
    collection = store.collection()
    faces = store.enrol(collection, 7)
    store.enrol(store.collection("other"), 3)
    first = store.faces.page(collection.key, 0, 4)
    rest = store.faces.page(collection.key, first[-1].key, 4)
    assert first + rest == faces
    assert store.faces.page(collection.key, faces[-1].key, 4) == []


def test_a_page_may_be_of_chosen_faces_only(store):
    collection = store.collection()
    faces = store.enrol(collection, 6)
    chosen = [faces[4].face_id, faces[1].face_id, "nobody", faces[2].face_id]
    assert store.faces.page(collection.key, faces[1].key, 1, chosen) == [faces[2]]
    assert store.faces.page(collection.key, faces[2].key, 9, chosen) == [faces[4]]


@pytest.mark.slow
def test_more_keys_than_one_statement_holds_are_found(store):
    collection = store.collection()
    faces = store.enrol(collection, 9000)
    assert store.faces.by_keys([face.key for face in faces] + [10**9]) == {face.key: face for face in faces}
    assert store.faces.get(collection.key, [face.face_id for face in faces]) == faces


def test_deleting_says_which_faces_were_there(store):
    collection, other = store.collection(), store.collection("other")
    faces = store.enrol(collection, 3)
    (foreign,) = store.enrol(other, 1)
    asked = [faces[2].face_id, "nobody", foreign.face_id, faces[0].face_id, faces[2].face_id]
    assert store.faces.delete(collection.key, asked).deleted == [faces[2].face_id, faces[0].face_id]
    assert store.faces.page(collection.key, 0, 9) == [faces[1]]
    assert store.faces.page(other.key, 0, 9) == [foreign]
    assert store.faces.delete(collection.key, asked).deleted == []


def test_a_key_is_never_given_twice(store):
    collection = store.collection()
    (last,) = store.enrol(collection, 1)
    store.faces.delete(collection.key, [last.face_id])
    (next_one,) = store.enrol(collection, 1)
    assert next_one.key > last.key


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_deleted_embedding_is_overwritten_in_the_file(store, make_new, make_units):
    collection = store.collection()
    new, vectors = make_new(1), make_units(1, 512, seed=4)
    store.faces.add(collection.key, new, vectors, MODEL, NOW)
    file = store.url.removeprefix("sqlite:///")

    def on_disk() -> bool:
        with sqlite3.connect(file) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        with open(file, "rb") as stream:  # noqa: PTH123 - a path in text
            return vectors[0].astype("<f2").tobytes()[:64] in stream.read()

    assert on_disk()
    store.faces.delete(collection.key, [new[0].face_id])
    assert not on_disk()


def test_a_face_says_whose_it_is_and_is_listed_by_user(store, make_units):
    collection, other = store.collection(), store.collection("other")
    faces = store.enrol(collection, 5)
    store.enrol(other, 2)
    for owner in (collection, other):
        store.users.create(owner.key, "ada", NOW)
    with store.users.changing(collection.key, "ada") as change:
        change.join([faces[3].key, faces[1].key, faces[4].key])
    named = [face.face_id for face in faces]
    assert [face.user_id for face in store.faces.get(collection.key, named)] == [None, "ada", None, "ada", "ada"]
    assert store.faces.by_keys([faces[1].key])[faces[1].key] == replace(faces[1], user_id="ada")
    mine = [replace(faces[row], user_id="ada") for row in (1, 3, 4)]
    assert store.faces.page(collection.key, 0, 2, user_id="ada") == mine[:2]
    assert store.faces.page(collection.key, mine[1].key, 9, user_id="ada") == mine[2:]
    assert store.faces.page(collection.key, 0, 9, named[:4], "ada") == mine[:2]
    assert store.faces.page(other.key, 0, 9, user_id="ada") == []


def test_a_users_face_is_not_deleted(store):
    collection = store.collection()
    faces = store.enrol(collection, 3)
    store.users.create(collection.key, "ada", NOW)
    with store.users.changing(collection.key, "ada") as change:
        change.join([faces[1].key])
    deletion = store.faces.delete(collection.key, [face.face_id for face in faces] + ["nobody"])
    assert deletion.deleted == [faces[0].face_id, faces[2].face_id]
    assert deletion.kept == {faces[1].face_id: "ada"}
    assert [face.key for face in store.faces.page(collection.key, 0, 9)] == [faces[1].key]
    with store.users.changing(collection.key, "ada") as change:
        change.leave([faces[1].key])
    assert store.faces.delete(collection.key, [faces[1].face_id]).deleted == [faces[1].face_id]
