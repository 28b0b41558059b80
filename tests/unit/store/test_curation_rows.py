"""What is kept beside users and files, on every kind of database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from stores import NOW, Store, units

from regard.domain.galleries import Collection
from regard.domain.user_acts import UNDOABLE, UserActKind
from regard.engine.galleries.user_record import moves
from regard.engine.galleries.user_vectors import vector
from regard.errors import ResourceNotFound
from regard.store.remake_rows import RemakeRows
from regard.store.separation_rows import SeparationRows
from regard.store.upload_rows import UploadRows
from regard.store.user_act_rows import UserActRows

FILE, NOBODY, OTHER = "a" * 64, "b" * 64, "c" * 64


@pytest.fixture
def staff(store: Store) -> Collection:
    return store.collection()


def test_a_file_is_known_as_long_as_a_face_of_it_is_there(store: Store, staff: Collection) -> None:
    rows, faces = UploadRows(store.database), store.enrol(staff, 2)
    rows.add(staff.key, FILE, [face.key for face in faces], NOW)
    rows.add(staff.key, FILE, [face.key for face in faces], NOW)
    rows.add(staff.key, NOBODY, [], NOW)
    assert rows.known(staff.key, [FILE, NOBODY, OTHER]) == {FILE, NOBODY}
    assert rows.faces(staff.key, FILE) == [face.key for face in faces], "each once"
    store.faces.delete(staff.key, [faces[0].face_id])
    assert rows.known(staff.key, [FILE]) == {FILE}
    store.faces.delete(staff.key, [faces[1].face_id])
    assert rows.known(staff.key, [FILE, NOBODY]) == {NOBODY}
    assert rows.known(store.collection("other").key, [NOBODY]) == set()


def test_a_file_without_faces_is_forgotten_when_its_time_is_over(store: Store, staff: Collection) -> None:
    rows, (face,) = UploadRows(store.database), store.enrol(staff)
    rows.add(staff.key, FILE, [face.key], NOW)
    rows.add(staff.key, NOBODY, [], NOW)
    rows.add(staff.key, OTHER, [], NOW + timedelta(seconds=1))
    assert (rows.old(NOW), rows.purge(NOW), rows.old(NOW)) == (1, 1, 0)
    assert rows.known(staff.key, [FILE, NOBODY, OTHER]) == {FILE, OTHER}


def test_no_file_is_remembered_of_a_collection_that_has_gone(store: Store, staff: Collection) -> None:
    store.collections.delete(staff.id)
    with pytest.raises(ResourceNotFound):
        UploadRows(store.database).add(staff.key, FILE, [], NOW)


def test_what_is_not_somebodys_outlasts_the_act_and_goes_with_those_who_are_gone_for_good(
    store: Store, staff: Collection
) -> None:
    acts, apart, (one, two) = UserActRows(store.database), SeparationRows(store.database), store.enrol(staff, 2)
    store.users.create(staff.key, "ada", NOW)
    act = acts.add(staff.key, UserActKind.SEPARATE, "ada", moves([one.key], "ada", None), "sam", NOW)
    apart.add([one.key], "ada", act)
    apart.add([two.key], "gone", None)
    acts.purge(NOW)
    assert apart.of_user(staff.key, "ada") == [one.key]
    assert apart.of_user(staff.key, "gone") == []


def test_a_user_who_was_deleted_stays_apart_until_that_cannot_be_undone(store: Store, staff: Collection) -> None:
    acts, apart, (face,) = UserActRows(store.database), SeparationRows(store.database), store.enrol(staff)
    apart.add([face.key], "ada", None)
    acts.add(staff.key, UserActKind.DELETE, "ada", moves([face.key], "ada", None), "sam", NOW)
    acts.purge(NOW - timedelta(days=1))
    assert apart.of_user(staff.key, "ada") == [face.key]
    acts.purge(NOW)
    assert apart.of_user(staff.key, "ada") == []


def test_nothing_is_kept_that_names_a_user_who_is_forgotten(store: Store, staff: Collection) -> None:
    acts, apart, (one, two) = UserActRows(store.database), SeparationRows(store.database), store.enrol(staff, 2)
    acts.add(staff.key, UserActKind.MERGE, "bea", moves([one.key], "ada", "bea"), "sam", NOW)
    kept = acts.add(staff.key, UserActKind.GIVE, "bea", moves([two.key], None, "bea"), "sam", NOW)
    apart.add([one.key], "ada", None)
    acts.forget(staff.key, "ada")
    assert [each.key for each in acts.page(staff.key, NOW - UNDOABLE, None, 10)] == [kept]
    assert apart.of_user(staff.key, "ada") == []


def test_a_remake_keeps_acts_separations_and_files(store: Store, staff: Collection) -> None:
    acts, apart, files = UserActRows(store.database), SeparationRows(store.database), UploadRows(store.database)
    one, two = store.enrol(staff, 2)
    store.users.create(staff.key, "ada", NOW)
    act = acts.add(staff.key, UserActKind.SEPARATE, "ada", moves([one.key], "ada", None), "sam", NOW)
    apart.add([one.key], "ada", act)
    files.add(staff.key, FILE, [two.key], NOW)
    files.add(staff.key, NOBODY, [], NOW)
    rows = RemakeRows(store.database)
    remake = rows.begin(staff, "face-model-2")
    rows.add(remake, {face.face_id: row for face, row in zip((one, two), units(2, 8, 5), strict=True)})
    rows.end(remake, set(), vector)
    made = store.collections.get("staff")
    there = {face.face_id: face.key for face in store.faces.page(made.key, 0, 10)}
    (kept,) = acts.page(made.key, NOW - UNDOABLE, None, 10)
    assert (kept.key, [each.face_key for each in kept.moves]) == (act, [there[one.face_id]])
    assert apart.of_user(made.key, "ada") == [there[one.face_id]]
    assert apart.lift_of(kept.key) == 1
    assert files.known(made.key, [FILE, NOBODY, OTHER]) == {FILE, NOBODY}
    assert files.faces(made.key, FILE) == [there[two.face_id]]
