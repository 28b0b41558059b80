"""A collection is remade in a hidden one, which takes its place in one transaction. On every kind of database."""

from __future__ import annotations

import pytest
from stores import MODEL, NOW, Store, units

from regard.domain.galleries import Collection, Face, Remake
from regard.engine.galleries.user_vectors import vector
from regard.errors import InvalidParameter, ResourceNotFound
from regard.store.indexed_file_rows import IndexedFile, IndexedFileRows
from regard.store.move_rows import MoveRows
from regard.store.remake_rows import RemakeRows
from regard.store.transfer_rows import TransferRows

NEW = "face-model-2"


@pytest.fixture
def staff(store: Store) -> Collection:
    return store.collections.create("staff", MODEL, {"site": "Oslo"}, NOW)


@pytest.fixture
def rows(store: Store) -> RemakeRows:
    return RemakeRows(store.database)


def again(rows: RemakeRows, remake: Remake, faces: list[Face], seed: int = 5) -> int:
    """New embeddings, of another length, for these faces."""
    vectors = units(len(faces), 8, seed)
    return rows.add(remake, {face.face_id: row for face, row in zip(faces, vectors, strict=True)})


def join(store: Store, staff: Collection, user_id: str, faces: list[Face]) -> None:
    store.users.create(staff.key, user_id, NOW)
    with store.users.changing(staff.key, user_id) as change:
        change.join([face.key for face in faces])
        embeddings = change.embeddings()
        assert embeddings is not None
        change.set_vector(vector(embeddings))


def test_nobody_sees_the_new_one_until_it_takes_the_old_ones_place(
    store: Store, staff: Collection, rows: RemakeRows
) -> None:
    faces = store.enrol(staff, 3)
    remake = rows.begin(staff, NEW)
    assert again(rows, remake, faces) == 3
    assert store.collections.page(0, 10) == [staff]
    assert store.collections.with_sizes() == [(staff, 3)]
    assert store.collections.face_models() == {MODEL: 1}
    assert rows.end(remake, set(), vector) == []
    (made,) = store.collections.page(0, 10)
    assert made.key == remake.target.key != staff.key
    assert (made.id, made.face_model, made.tags, made.created_at) == ("staff", NEW, {"site": "Oslo"}, NOW)
    assert store.collections.with_sizes() == [(made, 3)]
    assert store.collections.miscounts(made.key) == []


def test_faces_keep_all_but_their_embedding_and_users_their_faces(
    store: Store, staff: Collection, rows: RemakeRows
) -> None:
    faces = store.enrol(staff, 4)
    join(store, staff, "ada", faces[:2])
    store.users.create(staff.key, "bea", NOW)
    files = IndexedFileRows(store.database)
    files.record(
        staff.key, [IndexedFile(path="/a.jpg", size=1, modified_ns=2, image_id=faces[0].image_id, outcome="1")]
    )
    remake = rows.begin(staff, NEW)
    again(rows, remake, faces)
    rows.end(remake, set(), vector)
    made = store.collections.get("staff")
    there = {face.face_id: face for face in store.faces.page(made.key, 0, 10)}
    assert set(there) == {face.face_id for face in faces}
    for face in faces:
        new = there[face.face_id]
        assert (new.image_id, new.external_image_id, new.box) == (face.image_id, face.external_image_id, face.box)
        assert (new.confidence, new.created_at, new.face_model) == (face.confidence, face.created_at, NEW)
        assert new.user_id == ("ada" if face in faces[:2] else None)
    wanted = units(4, 8, 5)
    for face, row in zip(faces, wanted, strict=True):
        found = store.faces.embedding(made.key, face.face_id)
        assert found is not None
        assert found @ row == pytest.approx(1, abs=1e-3)
    ada = store.users.vector(made.key, "ada")
    assert ada is not None
    assert ada @ vector(wanted[:2]) == pytest.approx(1, abs=1e-3)
    assert store.users.vector(made.key, "bea") is None
    assert [user.id for user in store.users.page(made.key, 0, 10)] == ["ada", "bea"]
    assert files.path_of(made.key, [faces[0].image_id]) == {faces[0].image_id: "/a.jpg"}
    assert store.collections.miscounts(made.key) == []
    assert TransferRows(store.database).users_wanting_vectors(made) == 0


def test_it_goes_on_where_it_stopped_and_what_is_stored_twice_is_stored_once(
    store: Store, staff: Collection, rows: RemakeRows
) -> None:
    faces = store.enrol(staff, 5)
    remake = rows.begin(staff, NEW)
    assert again(rows, remake, faces[:2]) == 2
    same = rows.begin(staff, NEW)
    assert same == remake == rows.unfinished(staff)
    assert [face.face_id for face in rows.left(same, 0, 10)] == [face.face_id for face in faces[2:]]
    assert [face.face_id for face in rows.left(same, 0, 1)] == [faces[2].face_id]
    assert again(rows, same, faces) == 3
    assert rows.left(same, 0, 10) == []


def test_what_is_written_in_the_meantime_is_not_lost(store: Store, staff: Collection, rows: RemakeRows) -> None:
    faces = store.enrol(staff, 3)
    remake = rows.begin(staff, NEW)
    again(rows, remake, faces)
    (late,) = store.enrol(staff)
    store.faces.delete(staff.key, [faces[0].face_id])
    assert [face.face_id for face in rows.end(remake, set(), vector)] == [late.face_id]
    assert store.collections.get("staff") == staff
    again(rows, remake, [late])
    assert rows.end(remake, set(), vector) == []
    made = store.collections.get("staff")
    kept = {face.face_id for face in store.faces.page(made.key, 0, 10)}
    assert kept == {late.face_id, *(face.face_id for face in faces[1:])}
    assert store.collections.face_count(made.key) == 3
    with pytest.raises(ResourceNotFound, match="Nothing was stored"):  # who found the old one stores nothing in it
        store.enrol(staff)


def test_only_the_faces_that_are_named_may_be_missing(store: Store, staff: Collection, rows: RemakeRows) -> None:
    faces = store.enrol(staff, 3)
    join(store, staff, "ada", faces[:2])
    remake = rows.begin(staff, NEW)
    again(rows, remake, faces[:1])
    lacking = rows.end(remake, {faces[1].face_id}, vector)
    assert [face.face_id for face in lacking] == [faces[2].face_id]
    assert rows.end(remake, {face.face_id for face in faces[1:]}, vector) == []
    made = store.collections.get("staff")
    assert [(face.face_id, face.user_id) for face in store.faces.page(made.key, 0, 10)] == [(faces[0].face_id, "ada")]


def test_a_remake_that_is_given_up_leaves_nothing(store: Store, staff: Collection, rows: RemakeRows) -> None:
    faces = store.enrol(staff, 2)
    again(rows, remake := rows.begin(staff, NEW), faces)
    assert rows.give_up(staff)
    assert not rows.give_up(staff)
    assert rows.unfinished(staff) is None
    assert store.faces.page(remake.target.key, 0, 10) == []
    assert len(store.faces.page(staff.key, 0, 10)) == 2


def test_one_by_another_model_begins_anew(store: Store, staff: Collection, rows: RemakeRows) -> None:
    faces = store.enrol(staff, 2)
    again(rows, rows.begin(staff, NEW), faces)
    other = rows.begin(staff, "face-model-3")
    assert other.target.face_model == "face-model-3"
    assert len(rows.left(other, 0, 10)) == 2


def test_a_collection_that_is_deleted_takes_its_remake_with_it(
    store: Store, staff: Collection, rows: RemakeRows
) -> None:
    faces = store.enrol(staff, 2)
    remake = rows.begin(staff, NEW)
    again(rows, remake, faces)
    store.collections.delete("staff")
    assert store.faces.page(remake.target.key, 0, 10) == []
    with pytest.raises(ResourceNotFound):
        again(rows, remake, faces)
    with pytest.raises(ResourceNotFound):
        rows.end(remake, set(), vector)


def test_a_collection_that_was_moved_since_is_remade_where_it_is_now(
    store: Store, staff: Collection, rows: RemakeRows
) -> None:
    faces = store.enrol(staff, 1)
    remake = rows.begin(staff, NEW)
    again(rows, remake, faces)
    MoveRows(store.database).end(staff, "milvus")
    with pytest.raises(InvalidParameter, match="staff was moved to milvus since its remake began"):
        rows.end(remake, set(), vector)
    assert rows.begin(store.collections.get("staff"), NEW).target.index == "milvus"
