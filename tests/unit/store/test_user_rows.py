from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

import numpy as np
import pytest

from regard.domain.galleries import User, UserStatus
from regard.errors import Conflict, ResourceNotFound

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def staff(store):
    collection = store.collection()
    for name in ("ada", "bea"):
        store.users.create(collection.key, name, NOW)
    return collection


def give(store, collection, user_id, faces, vector):
    with store.users.changing(collection.key, user_id) as change:
        change.join([face.key for face in faces])
        change.set_vector(vector)


def noted(store):
    with store.database.read() as connection:
        return connection.exec_driver_sql("SELECT feed, key FROM deletions ORDER BY seq").all()


def test_a_name_is_given_once_in_a_collection(store, staff):
    other = store.collection("other")
    store.users.create(other.key, "ada", NOW)
    with pytest.raises(Conflict, match=r"^The user id: ada already exists in this collection.$"):
        store.users.create(staff.key, "ada", NOW)
    store.users.create(staff.key, "Ada", NOW)
    assert [user.id for user in store.users.page(staff.key, 0, 10)] == ["ada", "bea", "Ada"]


def test_a_collection_that_has_gone_gets_no_user(store, staff):
    store.collections.delete("staff")
    with pytest.raises(ResourceNotFound, match="was deleted while the request was being handled"):
        store.users.create(staff.key, "cid", NOW)


def test_a_user_is_created_until_they_have_a_vector(store, staff, make_units):
    assert store.users.get(staff.key, "ada") == User(key=1, id="ada", status=UserStatus.CREATED)
    assert store.users.vector(staff.key, "ada") is None
    give(store, staff, "ada", store.enrol(staff, 2), make_units(1)[0])
    assert store.users.get(staff.key, "ada").status is UserStatus.ACTIVE
    assert [user.status for user in store.users.page(staff.key, 0, 9)] == [UserStatus.ACTIVE, UserStatus.CREATED]
    np.testing.assert_allclose(store.users.vector(staff.key, "ada"), make_units(1)[0], atol=1e-3)


def test_pages_list_the_oldest_users_first(store, staff):
    for name in ("e", "d", "c"):
        store.users.create(staff.key, name, NOW)
    first = store.users.page(staff.key, 0, 3)
    assert [user.id for user in first] == ["ada", "bea", "e"]
    assert [user.id for user in store.users.page(staff.key, first[-1].key, 9)] == ["d", "c"]
    assert store.users.page(store.collection("other").key, 0, 9) == []


def test_a_new_vector_has_a_new_key_and_the_old_one_is_noted_as_deleted(store, staff, make_units):
    vectors = make_units(2)
    give(store, staff, "ada", store.enrol(staff, 1), vectors[0])
    assert {key: user.id for key, user in store.users.by_vector_keys(np.array([1, 2, 9])).items()} == {1: "ada"}
    with store.users.changing(staff.key, "ada") as change:
        change.set_vector(vectors[1])
    assert noted(store) == [("users", 1)]
    assert {key: user.id for key, user in store.users.by_vector_keys(np.array([1, 2, 9])).items()} == {2: "ada"}
    with store.users.changing(staff.key, "ada") as change:
        change.set_vector(None)
    assert noted(store) == [("users", 1), ("users", 2)]
    give(store, staff, "ada", store.enrol(staff, 1), vectors[0])
    assert list(store.users.by_vector_keys(np.array([1, 2, 3]))) == [3]


def test_inside_a_change_one_sees_whose_every_face_is(store, staff, make_units):
    faces = store.enrol(staff, 4)
    (foreign,) = store.enrol(store.collection("other"), 1)
    give(store, staff, "bea", faces[:1], make_units(1)[0])
    give(store, staff, "ada", faces[1:3], make_units(1)[0])
    with store.users.changing(staff.key, "ada") as change:
        found = change.candidates([face.face_id for face in [*faces, foreign]])
        held = change.embeddings()
    assert {face_id: (each.key, each.user_id) for face_id, each in found.items()} == {
        face.face_id: (face.key, owner) for face, owner in zip(faces, ["bea", "ada", "ada", None], strict=True)
    }
    np.testing.assert_allclose(found[faces[3].face_id].embedding, make_units(4)[3], atol=1e-3)
    np.testing.assert_allclose(held, make_units(4)[1:3], atol=1e-3)


def test_only_the_users_own_faces_leave(store, staff, make_units):
    faces = store.enrol(staff, 3)
    give(store, staff, "bea", faces[:1], make_units(1)[0])
    give(store, staff, "ada", faces[1:], make_units(1)[0])
    with store.users.changing(staff.key, "ada") as change:
        change.leave([faces[0].key, faces[1].key])
    owners = [face.user_id for face in store.faces.page(staff.key, 0, 9)]
    assert owners == ["bea", None, "ada"]


def test_a_change_that_fails_changes_nothing(store, staff, make_units):
    faces = store.enrol(staff, 2)
    give(store, staff, "ada", faces[:1], make_units(1)[0])

    def fail() -> None:
        with store.users.changing(staff.key, "ada") as change:
            change.join([faces[1].key])
            change.set_vector(make_units(1, seed=5)[0])
            raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        fail()
    assert [face.user_id for face in store.faces.page(staff.key, 0, 9)] == ["ada", None]
    assert list(store.users.by_vector_keys(np.arange(9))) == [1]
    assert noted(store) == []


def test_a_deleted_user_leaves_their_faces(store, staff, make_units):
    faces = store.enrol(staff, 2)
    give(store, staff, "ada", faces, make_units(1)[0])
    store.users.delete(staff.key, "ada")
    assert [face.user_id for face in store.faces.page(staff.key, 0, 9)] == [None, None]
    assert [user.id for user in store.users.page(staff.key, 0, 9)] == ["bea"]
    assert noted(store) == [("users", 1)]
    store.users.create(staff.key, "ada", NOW)
    assert store.users.get(staff.key, "ada").status is UserStatus.CREATED


def test_a_deleted_collection_takes_its_users_along(store, staff, make_units):
    give(store, staff, "ada", store.enrol(staff, 2), make_units(1)[0])
    assert store.collections.user_count(staff.key) == 2
    store.collections.delete("staff")
    with store.database.read() as connection:
        for table in ("users", "memberships", "user_vectors"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() == 0  # noqa: S608
    assert noted(store) == [(None, None)]


def test_an_unknown_user_is_named_in_the_error(store, staff):
    for act in (store.users.get, store.users.vector, store.users.delete):
        with pytest.raises(ResourceNotFound, match=r"^The user id: nobody does not exist in this collection.$"):
            act(staff.key, "nobody")


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_replaced_vector_is_overwritten_in_the_file(store, staff, make_units):
    vectors = make_units(2, 512)
    with store.users.changing(staff.key, "ada") as change:
        change.set_vector(vectors[0])
    file = store.url.removeprefix("sqlite:///")

    def on_disk() -> bool:
        with sqlite3.connect(file) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        with open(file, "rb") as stream:  # noqa: PTH123 - a path in text
            return vectors[0].astype("<f2").tobytes()[:64] in stream.read()

    assert on_disk()
    with store.users.changing(staff.key, "ada") as change:
        change.set_vector(vectors[1])
    assert not on_disk()
