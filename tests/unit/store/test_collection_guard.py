from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from stores import MODEL

from regard.errors import ResourceNotFound
from regard.store.collection_guard import guard


def test_a_collection_that_is_there_is_told_of(store):
    staff = store.collection()
    for change in (False, True):
        with store.database.write() as connection:
            guarded = guard(connection, staff.key, change=change)
        assert (guarded.face_model, guarded.index_name) == (MODEL, "embedded")


def test_one_that_has_gone_is_refused(store):
    staff = store.collection()
    store.collections.delete("staff")
    with (
        pytest.raises(
            ResourceNotFound, match=r"was deleted while the request was being handled\. Nothing was stored\."
        ),
        store.database.write() as connection,
    ):
        guard(connection, staff.key)


def test_it_is_not_deleted_until_the_transaction_ends(store):
    staff = store.collection()
    held, go = threading.Event(), threading.Event()

    def hold() -> None:
        with store.database.write() as connection:
            guard(connection, staff.key)
            held.set()
            assert go.wait(30)

    with ThreadPoolExecutor(2) as pool:
        holding = pool.submit(hold)
        assert held.wait(30)
        deleting = pool.submit(store.collections.delete, "staff")
        with pytest.raises(TimeoutError):
            deleting.result(timeout=0.3)
        go.set()
        holding.result(timeout=30)
        deleting.result(timeout=30)
