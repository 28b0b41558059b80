"""Vectors that are damaged: passed over, told of once, and no obstacle to the rest."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from stores import MODEL, NOW, Store, new_faces, units

from regard.errors import InternalServerError
from regard.store.damage_rows import DamageRows, Remedy
from regard.store.embeddings import packed, sound
from regard.store.embeddings import units as read_units
from regard.store.feed_tables import FACE_FEED
from regard.store.tables.faces import faces
from regard.store.vector_rows import VectorRows

SIZE = 32  # bytes of 16 numbers


def spoil(store: Store, blob: bytes, *keys: int) -> None:
    with store.database.write() as connection:
        connection.execute(faces.update().where(faces.c.key.in_(keys)).values(embedding=blob))


def test_what_is_kept_of_unit_vectors_is_sound_and_all_else_is_not() -> None:
    good = packed(units(3))
    long, nan = np.full(16, 0.5, "<f2"), np.full(16, np.nan, "<f2")
    bad = [b"", None, good[0][:-1], good[0] + b"\0\0", bytes(SIZE), long.tobytes(), nan.tobytes()]
    there, rows = sound([good[0], *bad, good[1]], SIZE)
    assert np.flatnonzero(there).tolist() == [0, 8]
    assert np.allclose(rows, units(3)[:2], atol=1e-3)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1)


def test_vectors_that_are_to_be_read_together_are_refused_if_one_is_damaged() -> None:
    assert len(read_units(packed(units(3)))) == 3
    assert len(read_units([])) == 0
    with pytest.raises(InternalServerError, match="regard collections verify"):
        read_units([*packed(units(2)), b"xx"])


@pytest.mark.parametrize("blob", [b"", b"x", b"xx" * 99, bytes(SIZE)])
def test_damaged_vectors_are_passed_over_also_where_they_fill_a_batch(store: Store, blob: bytes) -> None:
    collection = store.collection()
    keys = [face.key for face in store.enrol(collection, 20)]
    spoil(store, blob, *keys[2:9], keys[-1])
    sound_keys = [*keys[:2], *keys[9:-1]]
    rows = VectorRows(store.database, FACE_FEED)
    read: list[int] = []
    while found := rows.since(read[-1] if read else 0, 3):
        batch = [key for stored in found for key in stored.keys.tolist()]
        assert len(batch) == 3 or batch[-1] == sound_keys[-1]
        read += batch
    assert read == sound_keys
    read = []
    while stored := rows.of(collection.key, read[-1] if read else 0, 3):
        read += stored.keys.tolist()
    assert read == sound_keys
    there, vectors = rows.among(collection.key, np.array(keys[:4]))
    assert (there.tolist(), len(vectors)) == (keys[:2], 2)
    assert rows.keys()[collection.key].tolist() == rows.keys_of(collection.key).tolist() == sound_keys
    assert rows.damaged() == {collection.key: 8}


def test_a_damaged_vector_is_told_of_once_by_its_names_and_of_many_some(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    collection = store.collection("staff")
    made = store.enrol(collection, 30)
    rows = VectorRows(store.database, FACE_FEED)
    with caplog.at_level(logging.WARNING):
        spoil(store, b"", made[3].key)
        rows.since(0, 100)
        rows.since(0, 100)
        assert caplog.text.count(f"face {made[3].face_id} of the collection staff is damaged") == 1
        spoil(store, b"", *(face.key for face in made[4:20]))
        rows.since(0, 100)
    assert caplog.text.count("is damaged in the database") == 11
    assert "6 more are damaged" in caplog.text


def test_the_usual_size_is_that_of_most_vectors_whichever_came_first(store: Store) -> None:
    collection = store.collection()
    keys = [face.key for face in store.enrol(collection, 9)]
    spoil(store, packed(units(1, dimension=8))[0], *keys[:4])
    (stored,) = VectorRows(store.database, FACE_FEED).since(0, 100)
    assert stored.keys.tolist() == keys[4:]
    assert stored.embeddings.shape == (5, 16)


def test_what_needs_a_damaged_face_is_refused_with_its_name(store: Store) -> None:
    collection = store.collection()
    bad, good = store.enrol(collection, 2)
    store.enrol(collection, 5)
    spoil(store, packed(units(1, dimension=20))[0], bad.key)
    assert store.faces.embedding(collection.key, good.face_id) is not None
    with pytest.raises(InternalServerError, match=bad.face_id) as caught:
        store.faces.embedding(collection.key, bad.face_id)
    assert bad.face_id in caught.value.public
    store.users.create(collection.key, "ada", NOW)
    with store.users.changing(collection.key, "ada") as change:
        assert set(change.candidates([good.face_id])) == {good.face_id}
        with pytest.raises(InternalServerError, match=bad.face_id):
            change.candidates([bad.face_id])
        change.join([bad.key, good.key])
        left = change.embeddings()
    assert left is not None
    assert len(left) == 1


def test_damage_is_found_and_removed_with_the_vector_that_was_made_of_it(store: Store) -> None:
    collection, other = store.collection("staff"), store.collection("other")
    keys = [face.key for face in store.enrol(collection, 5)]
    store.faces.add(other.key, new_faces(3), units(3), MODEL, NOW)
    store.users.create(collection.key, "ada", NOW)
    with store.users.changing(collection.key, "ada") as change:
        change.join(keys[:2])
        change.set_vector(units(1)[0])
    spoil(store, b"x", keys[0])
    rows = DamageRows(store.database)
    found, last, count = rows.of_faces(collection, 0)
    assert [(each.key, each.remedy) for each in found] == [(keys[0], Remedy.FACE)]
    assert "has 1 bytes, most others 32" in str(found[0])
    assert (last, count) == (keys[-1], 5)
    assert rows.of_faces(collection, last) == ([], last, 0)
    assert rows.of_collection(collection) == []

    rows.remove(collection, found)
    rows.remove(collection, found)  # another did it in the meantime: no harm
    assert rows.of_faces(collection, 0)[0] == []
    assert store.collections.face_count(collection.key) == 4
    assert store.collections.face_count(other.key) == 3
    assert store.collections.miscounts(collection.key) == []
    assert store.users.vector(collection.key, "ada") is None  # to be made again, of the other face
