"""What is PostgreSQL's own: how it is named, joined, lost and found again, and what its faults are called."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime

import pytest
from postgres_server import PASSWORD, QUOTED
from sqlalchemy.exc import IntegrityError

from regard.errors import InternalServerError, SettingsError
from regard.store import database
from regard.store.tables.collections import collections
from regard.store.tables.deletions import deletions

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def kind() -> str:
    return "postgresql"


def refusal(url: str) -> str:
    """Why a database cannot be opened; never with the password."""
    with pytest.raises(SettingsError) as caught:
        database.open(url)
    said = str(caught.value)
    assert PASSWORD not in said
    assert QUOTED not in said
    return said


def insert(connection, collection_key: int) -> None:
    connection.execute(deletions.insert().values(collection_key=collection_key))


def written(opened: database.Database) -> list[int]:
    with opened.read() as connection:
        return list(connection.exec_driver_sql("SELECT collection_key FROM deletions ORDER BY seq").scalars())


# -- opening ---------------------------------------------------------------------------------------------------------


def test_a_server_that_does_not_answer_is_told_in_words(url):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        said = refusal(f"postgresql://regard:{QUOTED}@127.0.0.1:{port}/regard")
    assert "No connection to PostgreSQL there: check host, port and TLS" in said


def test_a_database_that_cannot_hold_every_name_is_refused(postgres):
    with postgres.database("ENCODING 'SQL_ASCII' TEMPLATE template0") as name:
        assert "The database's encoding is SQL_ASCII" in refusal(postgres.url(name))


def test_without_the_extra_it_says_which(url, tmp_path):
    (tmp_path / "psycopg.py").write_text("raise ModuleNotFoundError('psycopg')")
    code = "import sys; sys.path.insert(0, sys.argv[1])\nfrom regard.store import database\ndatabase.open(sys.argv[2])"
    command = [sys.executable, "-c", code, str(tmp_path), url]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stderr
    assert "PostgreSQL needs the extra `cluster`: pip install 'regard[cluster]'" in said


# -- transactions ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_keys_rise_in_the_order_of_commits_over_all_processes(url):
    """The follower's ground: whoever sees a key has seen every lower one."""
    processes = [database.open(url) for _ in range(3)]
    stop, faults = threading.Event(), []

    def write(opened: database.Database) -> None:
        while not stop.is_set():
            with opened.write() as connection:
                insert(connection, 1)

    def watch(opened: database.Database) -> None:
        seen: set[int] = set()
        while not stop.is_set():
            with opened.read() as connection:
                now = set(connection.exec_driver_sql("SELECT seq FROM deletions").scalars())
            faults.extend(key for key in now - seen if key < max(seen, default=0))
            seen = now

    with ThreadPoolExecutor(8) as pool:
        working = [pool.submit(write, opened) for opened in processes for _ in range(2)]
        working += [pool.submit(watch, opened) for opened in processes[:2]]
        threading.Event().wait(1.5)
        stop.set()
        for each in working:
            each.result(timeout=30)
    assert len(written(processes[0])) > 50
    assert faults == []
    for opened in processes:
        opened.close()


def test_a_writer_of_another_process_is_waited_for_and_then_told_in_words(url):
    one, two = database.open(url), database.open(url, busy_seconds=0.2)
    with one.write() as connection:
        insert(connection, 1)
        with pytest.raises(InternalServerError, match="locked by another process"), two.write():
            pass
    with two.write() as connection:
        insert(connection, 2)
    assert written(one) == [1, 2]
    one.close()
    two.close()


def test_a_writer_reads_what_it_has_waited_for(url):
    one, two = database.open(url), database.open(url)

    def count() -> int:
        with two.write() as connection:
            return connection.exec_driver_sql("SELECT count(*) FROM deletions").scalar_one()

    with ThreadPoolExecutor(1) as pool:
        with one.write() as connection:
            counting = pool.submit(count)
            threading.Event().wait(0.3)
            insert(connection, 1)
        assert counting.result(timeout=10) == 1
    one.close()
    two.close()


def test_a_migration_waits_for_a_writer_however_long_it_takes(url):
    one = database.open(url)
    with ThreadPoolExecutor(1) as pool:
        with one.write() as connection:
            insert(connection, 1)
            opening = pool.submit(database.open, url, busy_seconds=0.01)
            threading.Event().wait(0.3)
            assert not opening.done()
        opening.result(timeout=10).close()
    one.close()


def test_a_read_cannot_write(store):
    with pytest.raises(InternalServerError, match="accepts no writes"), store.database.read() as connection:
        insert(connection, 1)


def test_a_broken_constraint_quotes_nothing_anywhere(store):
    store.collection("whose")
    row = {"id": "whose", "face_model": "m", "created_at": NOW, "tags": {}}
    with pytest.raises(IntegrityError) as caught, store.database.write() as connection:
        connection.execute(collections.insert(), row)
    assert "whose" not in "".join(traceback.format_exception(caught.value))
    assert "duplicate key value" in str(caught.value)


def test_a_deleted_embedding_is_in_its_table_until_that_is_written_anew(store, postgres, make_new, make_units):
    """As docs/accountability.md says, with the command it gives."""
    collection, new, vectors = store.collection(), make_new(1), make_units(1, 512, seed=4)
    store.faces.add(collection.key, new, vectors, "face-model-1", NOW)
    name = store.url.rpartition("/")[2].partition("?")[0]

    def on_disk() -> bool:
        ((path,),) = postgres.run("CHECKPOINT", "SELECT pg_relation_filepath('faces')", name=name)
        return vectors[0].astype("<f2").tobytes()[:64] in (postgres.data / path).read_bytes()

    store.faces.delete(collection.key, [new[0].face_id])
    assert on_disk()
    postgres.run("VACUUM FULL faces, user_vectors", name=name)
    assert not on_disk()


# -- what is lost ----------------------------------------------------------------------------------------------------


def cut(postgres, url: str) -> None:
    """End every session of a database, as a restart of PostgreSQL does."""
    name = url.rpartition("/")[2].partition("?")[0]
    postgres.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")  # noqa: S608


def test_connections_that_were_cut_while_idle_are_replaced_unnoticed(store, postgres):
    def hold(barrier: threading.Barrier) -> None:
        with store.database.read():
            barrier.wait(timeout=30)

    barrier = threading.Barrier(5)
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(hold, [barrier] * 5))
    cut(postgres, store.url)
    for _ in range(6):
        assert written(store.database) == []
    with store.database.write() as connection:
        insert(connection, 1)


def test_a_connection_cut_in_the_middle_is_told_in_words_and_stores_nothing(store, postgres):
    def lose() -> None:
        with store.database.write() as connection:
            insert(connection, 1)
            cut(postgres, store.url)
            insert(connection, 2)

    with pytest.raises(InternalServerError, match=r"connection to PostgreSQL was lost|stopping or starting"):
        lose()
    assert written(store.database) == []
    with store.database.write() as connection:
        insert(connection, 3)
    assert written(store.database) == [3]


def test_a_connection_cut_before_the_end_is_told_in_words(store, postgres):
    def lose() -> None:
        with store.database.write() as connection:
            insert(connection, 1)
            cut(postgres, store.url)

    with pytest.raises(InternalServerError, match=r"connection to PostgreSQL was lost|stopping or starting"):
        lose()
    assert written(store.database) == []


@pytest.mark.parametrize(
    ("sqlstate", "said"),
    [
        ("53100", "The disk that holds the database is full"),
        ("53300", "PostgreSQL has no connection left"),
        ("25006", "accepts no writes"),
        ("40P01", "Another transaction was in the way"),
        ("40001", "Another transaction was in the way"),
        ("57P03", "stopping or starting"),
        ("XX001", "damaged"),
        ("42501", "The user may not do this"),
        ("22021", "The database failed."),
    ],
)
def test_a_fault_of_postgresql_is_told_in_words(store, sqlstate, said):
    code = f"DO $$ BEGIN RAISE EXCEPTION 'as it would say' USING ERRCODE = '{sqlstate}'; END $$"
    with pytest.raises(InternalServerError) as caught, store.database.write() as connection:
        connection.exec_driver_sql(code)
    assert said in caught.value.message
    assert "(as it would say)" in caught.value.message


@pytest.fixture
def guest(postgres):
    """A user for whom limits hold, unlike a superuser, and their password."""
    postgres.run("CREATE ROLE guest LOGIN PASSWORD 'guest'")
    yield "guest:guest"
    postgres.run("DROP ROLE guest")


def test_no_connection_left_is_told_in_words(postgres, guest):
    with postgres.database("TEMPLATE migrated CONNECTION LIMIT 1") as name:
        postgres.run("GRANT ALL ON ALL TABLES IN SCHEMA public TO guest", name=name)
        with (
            closing(database.open(postgres.url(name).replace(f"regard:{QUOTED}", guest))) as opened,
            opened.read(),
            pytest.raises(InternalServerError, match="no connection left"),
            opened.read(),
        ):
            pass


def test_a_user_who_may_make_no_tables_is_told_in_words(postgres, guest):
    with postgres.database() as name:
        said = refusal(postgres.url(name).replace(f"regard:{QUOTED}", guest))
    assert "The user may not do this" in said
