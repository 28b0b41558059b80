from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError, InvalidRequestError

from regard.errors import InternalServerError, SettingsError
from regard.store import database
from regard.store.database import Database
from regard.store.tables.collections import collections
from regard.store.tables.deletions import deletions

SQLITES_OWN = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)


def sqlite_url(file: Path) -> str:
    return f"sqlite:///{file}"


@SQLITES_OWN
def test_the_home_and_every_data_file_are_the_owners_alone(store, tmp_path):
    store.collection()
    home = tmp_path / "home"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    files = {file.name: stat.S_IMODE(file.stat().st_mode) for file in home.iterdir()}
    assert files == {"regard.db": 0o600, "regard.db-wal": 0o600, "regard.db-shm": 0o600}


@SQLITES_OWN
def test_connections_are_durable_and_overwrite_what_is_deleted(store):
    with store.database.read() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout", "page_size")
        }
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
        "busy_timeout": 10_000,
        "page_size": 8192,
    }


def test_a_block_that_raises_leaves_nothing(store):
    def fail_half_way() -> None:
        with store.database.write() as connection:
            connection.exec_driver_sql("INSERT INTO deletions (collection_key) VALUES (7)")
            raise KeyError

    with pytest.raises(KeyError):
        fail_half_way()
    with store.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM deletions").scalar_one() == 0


def test_a_read_is_one_snapshot(store):
    with store.database.read() as connection:
        before = connection.exec_driver_sql("SELECT count(*) FROM collections").scalar_one()
        store.collection()
        assert connection.exec_driver_sql("SELECT count(*) FROM collections").scalar_one() == before


def test_reads_one_after_the_other_are_of_one_connection_which_still_has_its_pages(tmp_path):
    with closing(database.open(sqlite_url(tmp_path / "regard.db"))) as opened:
        with ExitStack() as at_once:
            all_of_them = {raw(at_once.enter_context(opened.read())) for _ in range(4)}
        used = set()
        for _ in range(8):
            with opened.read() as connection:
                used.add(raw(connection))
    assert (len(all_of_them), len(used)) == (4, 1)


def raw(connection: Connection) -> int:
    """Which connection of SQLite's it is."""
    return id(connection.connection.driver_connection)


def test_a_database_locked_by_another_process_is_told_in_words(tmp_path):
    file = tmp_path / "regard.db"
    opened = database.open(sqlite_url(file), busy_seconds=0.1)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(InternalServerError, match="locked by another process"), opened.write():
        pass
    other.close()
    opened.close()


@SQLITES_OWN
def test_a_full_disk_is_told_in_words_and_stores_nothing(store, make_new, make_units):
    collection = store.collection()
    with store.database.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 5}")
    with pytest.raises(InternalServerError, match="full"):
        store.enrol(collection, 500)
    assert store.collections.face_count(collection.key) == 0


def test_a_file_that_is_no_database_is_refused_with_advice(tmp_path):
    file = tmp_path / "regard.db"
    file.write_text("holiday notes\n" * 1000)
    with pytest.raises(SettingsError, match="not a database"):
        database.open(sqlite_url(file))


def test_a_home_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "home").write_text("a file")
    with pytest.raises(SettingsError, match="cannot be opened"):
        database.open(sqlite_url(tmp_path / "home" / "regard.db"))


@pytest.mark.parametrize("wrong", ["regard.db", "sqlite://", "sqlite:///:memory:"])
def test_a_url_that_keeps_nothing_is_refused(wrong):
    with pytest.raises(SettingsError, match="sqlite:////"):
        database.open(wrong)


@pytest.fixture
def fresh_urls(kind, tmp_path, request):
    """Where databases may be made."""
    if kind == "sqlite":
        yield [sqlite_url(tmp_path / f"home{number}" / "regard.db") for number in range(15)]
        return
    server = request.getfixturevalue("postgres")
    with ExitStack() as made:
        yield [server.url(made.enter_context(server.database())) for _ in range(5)]


@pytest.mark.slow
def test_processes_that_start_at_once_all_open_the_new_database(fresh_urls):
    code = (
        "import sys\n"
        "from regard.store import database\n"
        "for url in sys.argv[1:]:\n"
        "    print('ready', flush=True); sys.stdin.readline()\n"
        "    database.open(url).close()\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    racers = [subprocess.Popen([sys.executable, "-W", "error", "-c", code, *fresh_urls], **pipes) for _ in range(4)]
    for _ in fresh_urls:
        assert [racer.stdout.readline() for racer in racers] == ["ready\n"] * 4
        for racer in racers:
            racer.stdin.write("go\n")
            racer.stdin.flush()
    faults = [racer.communicate(timeout=60)[1] for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * 4, faults


# -- blocks inside a write -----------------------------------------------------------------------------------------


def insert(connection: Connection, collection_key: int) -> None:
    connection.execute(deletions.insert().values(collection_key=collection_key))


def written(opened: Database) -> list[int]:
    with opened.read() as connection:
        return list(connection.exec_driver_sql("SELECT collection_key FROM deletions ORDER BY seq").scalars())


def test_a_write_inside_a_write_is_part_of_it_and_both_read_what_is_there_so_far(store):
    opened = store.database
    with opened.write() as outer:
        insert(outer, 1)
        with opened.write() as inner:
            assert inner is outer
            insert(inner, 2)
        assert written(opened) == [1, 2]
    assert written(opened) == [1, 2]


def test_what_is_committed_can_be_read_in_the_middle_of_a_write(store):
    opened, committed = store.database, store.database.committed()
    with opened.write() as connection:
        insert(connection, 1)
        assert written(committed) == []
        assert written(opened) == [1]
    assert written(committed) == [1]


@pytest.mark.parametrize("where", ["inner", "outer", "read"])
def test_an_exception_in_any_block_undoes_them_all(store, where):
    opened = store.database

    def fail(here: str) -> None:
        if here == where:
            raise KeyError(here)

    def work() -> None:
        with opened.write() as outer:
            insert(outer, 1)
            with opened.write() as inner:
                insert(inner, 2)
                fail("inner")
            with opened.read():
                fail("read")
            fail("outer")

    with pytest.raises(KeyError):
        work()
    assert written(opened) == []
    with opened.write() as connection:  # and the thread may write again
        insert(connection, 4)
    assert written(opened) == [4]


@pytest.mark.parametrize("goes_on", [False, True])
def test_who_passes_over_a_failed_block_cannot_commit_the_rest(store, goes_on):
    opened = store.database

    def work() -> None:
        with opened.write() as outer:
            insert(outer, 1)
            with suppress(KeyError), opened.write():
                raise KeyError
            if goes_on:
                insert(outer, 2)

    with pytest.raises((RuntimeError, InvalidRequestError)):
        work()
    assert written(opened) == []


def test_another_thread_sees_nothing_of_a_write_before_its_end_and_waits_with_its_own(store):
    opened, order = store.database, []

    def write_too() -> None:
        with opened.write() as connection:
            order.append("another's")
            insert(connection, 2)

    with ThreadPoolExecutor(2) as pool:
        with opened.write() as outer:
            with opened.write() as inner:
                insert(inner, 1)
            waiting = pool.submit(write_too)
            assert pool.submit(written, opened).result(timeout=10) == []
            with pytest.raises(FutureTimeout):
                waiting.result(timeout=0.2)
            insert(outer, 3)
            order.append("mine")
        waiting.result(timeout=10)
    assert order == ["mine", "another's"]
    assert written(opened) == [1, 3, 2]


@SQLITES_OWN
def test_a_full_disk_inside_a_joined_block_is_told_in_words_and_undoes_all(store):
    with store.database.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 5}")

    def fill() -> None:
        with store.database.write():
            store.enrol(store.collection(), 500)

    with pytest.raises(InternalServerError, match="full"):
        fill()
    assert store.collections.page(0, 10) == []


def test_a_broken_constraint_does_not_say_what_was_to_be_stored(store):
    store.collection("whose")
    row = {"id": "whose", "face_model": "m", "created_at": datetime(2026, 1, 1, tzinfo=UTC), "tags": {}}
    with pytest.raises(IntegrityError) as caught, store.database.write() as connection:
        connection.execute(collections.insert(), row)
    assert "whose" not in str(caught.value)


def test_a_database_is_the_same_when_it_is_opened_again_and_no_other_is(store, tmp_path):
    mine = store.database.identity()
    again, other = database.open(store.url), database.open(f"sqlite:///{tmp_path / 'other.db'}")
    assert again.identity() == mine != other.identity()
    again.close()
    other.close()
