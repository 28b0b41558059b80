from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import numpy as np
import pytest

from regard.store.transfer_rows import FaceColumns, TransferRows

#: More than one statement holds.
MANY = 1100


def columns(first: int, count: int, user_id: str | None = None) -> FaceColumns:
    ids = [str(UUID(int=number)) for number in range(first, first + count)]
    return FaceColumns(
        face_ids=ids,
        image_ids=ids,
        external_image_ids=[None, "photo.jpg"] * (count // 2),
        user_ids=[None] * (count - 1) + [user_id],
        user_created_at=[None] * (count - 1) + [None if user_id is None else 7],
        boxes=np.tile([0.1, 0.2, 0.3, 0.4], (count, 1)),
        confidences=np.full(count, 99.5),
        created_at=[5] * count,
        embeddings=np.eye(4, dtype=np.float16)[np.arange(first, first + count) % 4],
    )


def test_the_pieces_of_a_transaction_are_stored_in_order_and_once(store):
    collection, rows = store.collection(), TransferRows(store.database)
    assert rows.add(collection, [columns(0, MANY, "ada"), columns(MANY, 10), columns(MANY + 10, 4, "ada")]) == MANY + 14
    assert rows.add(collection, [columns(0, MANY, "ada"), columns(MANY + 12, 6)]) == 4
    with rows.snapshot(collection.id) as moment:
        found = list(moment.faces(500))
    assert [len(piece) for piece in found] == [500, 500, 118]
    assert [face_id for piece in found for face_id in piece.face_ids] == list(columns(0, MANY + 18).face_ids)
    embeddings = np.concatenate([piece.embeddings for piece in found])
    np.testing.assert_array_equal(embeddings[: MANY + 14 : 101], columns(0, MANY + 14).embeddings[::101])
    theirs = [face_id for piece in found for face_id, user in zip(piece.face_ids, piece.user_ids, strict=True) if user]
    assert theirs == [str(UUID(int=MANY - 1)), str(UUID(int=MANY + 13))]
    assert found[0].external_image_ids[:4] == (None, "photo.jpg", None, "photo.jpg")
    assert found[-1].created_at[-1] == 5


def test_a_transaction_that_fails_at_a_later_piece_stores_none(store):
    collection, rows = store.collection(), TransferRows(store.database)

    def pieces() -> Iterator[FaceColumns]:
        yield columns(0, 4, "ada")
        raise OSError("the file has gone")

    with pytest.raises(OSError, match="the file has gone"):
        rows.add(collection, pieces())
    assert (store.collections.face_count(collection.key), store.users.page(collection.key, 0, 5)) == (0, [])


def test_many_users_without_faces_are_made_once(store):
    collection, rows = store.collection(), TransferRows(store.database)
    new = [(f"user-{number:04}", number) for number in range(MANY)]
    for _ in range(2):
        rows.add_users(collection, new)
    with rows.snapshot(collection.id) as moment:
        assert moment.users_without_faces() == new
