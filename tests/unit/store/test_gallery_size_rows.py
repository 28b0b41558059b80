from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import numpy as np

from regard.domain.galleries import FACES, USERS
from regard.store.database import Database
from regard.store.gallery_size_rows import GallerySizeRows, Miscount, change_size
from regard.store.transfer_rows import FaceColumns, TransferRows

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def counted(database: Database, table: str, collection_key: int) -> int:
    with database.read() as connection:
        query = f"SELECT COUNT(*) FROM {table} WHERE collection_key = {collection_key}"  # noqa: S608 - our own names
        return int(connection.exec_driver_sql(query).scalar_one())


def sizes(database: Database, collection_key: int) -> tuple[int, int]:
    """Of faces and of users' vectors; what is kept is what counting gives."""
    rows = GallerySizeRows(database)
    kept = rows.size(collection_key, FACES), rows.size(collection_key, USERS)
    assert kept == (counted(database, "faces", collection_key), counted(database, "user_vectors", collection_key))
    return kept


def test_sizes_follow_what_comes_and_goes(store, make_units):
    staff, guests = store.collection(), store.collection("guests")
    assert sizes(store.database, staff.key) == (0, 0)
    faces = store.enrol(staff, 5)
    store.enrol(guests, 2)
    assert sizes(store.database, staff.key) == (5, 0)
    store.faces.delete(staff.key, [faces[0].face_id, "unknown", faces[0].face_id])
    store.users.create(staff.key, "ada", NOW)
    for number in (1, 2):
        with store.users.changing(staff.key, "ada") as change:
            change.join([faces[number].key])
            change.set_vector(make_units(1)[0])
        assert sizes(store.database, staff.key) == (4, 1)
    store.users.delete(staff.key, "ada")
    assert sizes(store.database, staff.key) == (4, 0)
    assert sizes(store.database, guests.key) == (2, 0)
    assert store.collections.with_sizes() == [(guests, 2), (staff, 4)]
    store.collections.delete("staff")
    assert GallerySizeRows(store.database).size(staff.key, FACES) == 0


def test_a_face_that_is_there_already_is_not_counted_again(store, make_new, make_units):
    staff, new = store.collection(), make_new(3)
    for _ in range(2):
        store.faces.add(staff.key, new, make_units(3), staff.face_model, NOW)
        assert sizes(store.database, staff.key) == (3, 0)


def test_an_import_counts_what_it_stores_and_its_users(store, make_units):
    staff = store.collection()
    rows = FaceColumns(
        face_ids=[f"0000000{number}-0000-0000-0000-000000000000" for number in range(4)],
        image_ids=["00000000-0000-0000-0000-000000000000"] * 4,
        external_image_ids=[None] * 4,
        user_ids=["ada", "ada", None, "grace"],
        user_created_at=[1, 1, None, 1],
        boxes=np.zeros((4, 4)),
        confidences=np.full(4, 99.0),
        created_at=[1] * 4,
        embeddings=make_units(4).astype(np.float16),
    )
    transfer = TransferRows(store.database)
    for _ in range(2):
        transfer.add(staff, [rows])
        transfer.fill_vectors(staff, 10, lambda vectors: vectors[0])
        assert sizes(store.database, staff.key) == (4, 2)


def test_what_is_undone_is_not_counted(store, make_new, make_units):
    staff = store.collection()
    with suppress(ZeroDivisionError), store.database.write():
        store.faces.add(staff.key, make_new(3), make_units(3), staff.face_model, NOW)
        raise ZeroDivisionError
    assert sizes(store.database, staff.key) == (0, 0)


def test_a_size_that_went_wrong_is_noticed_and_corrected(store):
    staff = store.collection()
    store.enrol(staff, 3)
    with store.database.write() as connection:
        change_size(connection, staff.key, FACES, 7)
        change_size(connection, staff.key, USERS, 2)
    rows = GallerySizeRows(store.database)
    assert rows.miscounts(staff.key) == [
        Miscount(feed=FACES, kept=10, there=3),
        Miscount(feed=USERS, kept=2, there=0),
    ]
    rows.recount(staff.key)
    assert rows.miscounts(staff.key) == []
    assert sizes(store.database, staff.key) == (3, 0)
