from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from stores import feeds_of

from regard.index.embedded.embedded_index import EmbeddedIndex
from regard.store.idempotency_rows import IdempotencyRows
from regard.sync.index_sync import IndexSync

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WEEK = timedelta(days=7)


def ask(rows: IdempotencyRows, token: str, *, perform=lambda: {"answer": 1}, now=NOW):
    return rows.once(("KEY", "CreateUser", token), "print", perform, now=now, since=now - WEEK)


def tokens(store) -> set[str]:
    with store.database.read() as connection:
        return set(connection.exec_driver_sql("SELECT token FROM idempotency_keys").scalars())


def test_the_first_request_is_performed_and_the_next_has_its_fingerprint_and_answer(store):
    rows = IdempotencyRows(store.database)
    request = ("KEY", "CreateUser", "t")
    first = rows.once(request, "first", lambda: {"ids": ["a"], "none": None}, now=NOW, since=NOW - WEEK)
    second = rows.once(request, "second", pytest.fail, now=NOW, since=NOW - WEEK)
    assert first == second == ("first", {"ids": ["a"], "none": None})


def test_each_part_of_a_request_tells_it_from_others(store):
    rows = IdempotencyRows(store.database)
    requests = [("K", "o", "t"), ("L", "o", "t"), ("K", "p", "t"), ("K", "o", "u")]
    for number, request in enumerate(requests):
        rows.once(request, "f", lambda: {"number": number}, now=NOW, since=NOW - WEEK)  # noqa: B023 - called at once
    answers = [rows.once(request, "f", pytest.fail, now=NOW, since=NOW - WEEK)[1] for request in requests]
    assert answers == [{"number": number} for number in range(4)]


@pytest.mark.slow
def test_expired_answers_go_as_new_ones_come_some_at_a_time(store):
    old, late = IdempotencyRows(store.database), NOW + WEEK
    for number in range(300):
        ask(old, f"old-{number}")
    ask(old, "young", now=NOW + timedelta(days=1))
    rows = IdempotencyRows(store.database)
    ask(rows, "new-0", now=late)
    assert len(tokens(store)) == 302 - 200
    for number in range(1, 100):
        ask(rows, f"new-{number}", now=late)
    assert len(tokens(store)) == 301 - 200 + 100
    ask(rows, "new-100", now=late)
    assert tokens(store) == {"young"} | {f"new-{number}" for number in range(101)}


def test_an_answer_is_found_by_its_key_and_expired_ones_by_their_time(store, kind):
    explain, primary = {
        "sqlite": ("EXPLAIN QUERY PLAN", "sqlite_autoindex_idempotency_keys_1"),
        "postgresql": ("EXPLAIN", "idempotency_keys_pk"),
    }[kind]

    def plan(query: str) -> str:
        with store.database.read() as connection:
            if kind == "postgresql":  # the planner would rather read a table that is empty
                connection.exec_driver_sql("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
            return str(connection.exec_driver_sql(f"{explain} {query}").all())

    ours = "(access_key_id, operation, token) = ('a', 'b', 'c')"
    assert primary in plan(f"SELECT * FROM idempotency_keys WHERE {ours}")  # noqa: S608
    assert "idempotency_keys_by_created_at" in plan("SELECT token FROM idempotency_keys WHERE created_at <= 5 LIMIT 9")


def test_an_index_never_holds_what_was_undone_or_lacks_who_got_its_key(store, kind, make_units):
    """After a failed request its rows' keys are given again; an index that had followed it would pass over those."""
    index = EmbeddedIndex()
    follower = IndexSync(store.database, feeds_of(index, EmbeddedIndex()))
    rows, collection, undone = IdempotencyRows(store.database), store.collection(), []

    def fail():
        undone.extend(store.enrol(collection, 2, seed=1))
        follower.catch_up()
        assert index.keys(collection.key).tolist() == []
        raise KeyError

    with pytest.raises(KeyError):
        ask(rows, "t", perform=fail)
    kept = store.enrol(collection, 2, seed=2)
    if kind == "sqlite":  # a sequence of PostgreSQL's takes nothing back
        assert [face.key for face in kept] == [face.key for face in undone]
    follower.catch_up()
    (hits,) = index.search(collection.key, make_units(2, seed=2)[:1], limit=5, threshold=0.99)
    assert hits.keys.tolist() == [kept[0].key]
    (misses,) = index.search(collection.key, make_units(2, seed=1)[:1], limit=5, threshold=0.99)
    assert misses.keys.tolist() == []
    assert follower.agreement() == []


def test_what_was_committed_in_a_request_is_followed_at_the_next_look(store):
    index = EmbeddedIndex()
    follower = IndexSync(store.database, feeds_of(index, EmbeddedIndex()))
    collection = store.collection()

    def enrol():
        store.enrol(collection, 3)
        follower.catch_up()
        return {}

    ask(IdempotencyRows(store.database), "t", perform=enrol)
    follower.catch_up()
    assert len(index.keys(collection.key)) == 3
    assert follower.agreement() == []
