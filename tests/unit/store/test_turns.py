"""Turns on a database, and what waits for a commit."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import insert, select

from regard.store import database
from regard.store.tables.deletions import deletions

#: Another server, which takes its turn and dies in the midst of it.
DYING = """
import os, signal, sys
from regard.store import database
opened = database.open(sys.argv[1])
with opened.turn() as connection:
    connection.exec_driver_sql("INSERT INTO deletions (collection_key) VALUES (1)")
    print("mine", flush=True)
    sys.stdin.readline()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def note(connection, key: int) -> None:
    connection.execute(insert(deletions).values(collection_key=key))


def noted(store) -> list[int]:
    with store.database.read() as connection:
        return list(connection.execute(select(deletions.c.collection_key)).scalars())


def test_a_turn_is_one_servers_alone_and_nobody_else_waits_for_it(store):
    other = database.open(store.url)

    def theirs() -> None:
        with other.turn() as connection:
            note(connection, 3)

    with ThreadPoolExecutor(1) as pool:
        with store.database.turn() as connection:
            waiting = pool.submit(theirs)
            with other.write() as writing:
                note(writing, 1)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.3)
            note(connection, 2)
        waiting.result(timeout=30)
    assert noted(store) == [1, 2, 3]
    other.close()


def test_the_turn_of_a_process_that_is_killed_ends_and_leaves_nothing(store):
    dying = [sys.executable, "-c", DYING, store.url]
    with subprocess.Popen(dying, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "mine\n"
        process.communicate("\n", timeout=30)
    with store.database.turn() as connection:
        note(connection, 2)
    assert noted(store) == [2]


def test_a_turn_inside_a_write_would_wait_for_itself_and_is_refused(store):
    with store.database.write(), pytest.raises(RuntimeError, match="no part of a transaction"), store.database.turn():
        pass


def test_what_is_for_afterwards_is_done_once_it_is_committed_and_not_if_it_is_undone(store):
    seen = []

    def look() -> None:
        seen.append(noted(store))
        with store.database.write() as connection:  # it is in no transaction any more
            note(connection, 9)

    def fail() -> None:
        with store.database.write():
            store.database.afterwards(look)
            raise ValueError("not after all")

    with store.database.write() as connection:
        with store.database.write():
            store.database.afterwards(look)
        note(connection, 1)
        assert seen == []
    assert seen == [[1]]
    with pytest.raises(ValueError, match="not after all"):
        fail()
    assert seen == [[1]]
    store.database.afterwards(look)
    assert seen == [[1], [1, 9]]
