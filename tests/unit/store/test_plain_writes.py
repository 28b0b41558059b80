"""Transactions on SQLite's own connection: as whole, as durable and as well explained as all others."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from regard.errors import InternalServerError
from regard.store import database, ledger_rows
from regard.store.database import Database
from regard.store.ledger_rows import Head, NewEntry
from regard.store.ledger_tail import add_after, own_tail

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Database]:
    made = database.open(f"sqlite:///{tmp_path / 'regard.db'}", busy_seconds=0.1)
    yield made
    made.close()


def entry(number: int) -> NewEntry:
    return NewEntry(leaf=bytes([number]) * 32, recorded_at=NOW, salt=b"s" * 16, body=b"{}", request_id=f"r{number}")


def add(opened: Database, first: int, count: int = 1) -> None:
    with own_tail(opened) as tail:
        assert tail.head().size == first
        tail.add(first, [entry(number) for number in range(first, first + count)])


def size(opened: Database) -> int:
    with opened.read() as connection:
        return ledger_rows.head(connection).size


def reader(opened: Database) -> object:
    """The connection that is read by now."""
    with opened.read() as connection:
        return connection.connection.driver_connection


def test_entries_are_as_those_that_are_written_with_something_else(opened: Database) -> None:
    add(opened, 0, 150)  # in more statements than one
    with opened.write() as connection:
        ledger_rows.add_entries(connection, 150, [entry(150)])
        assert ledger_rows.head(connection) == Head(size=151, recorded_at=NOW)
    with own_tail(opened) as tail:
        assert tail.head() == Head(size=151, recorded_at=NOW)
    rows = ledger_rows.LedgerRows(opened)
    assert [each.leaf for each in rows.entries(0, 200)] == [bytes([number]) * 32 for number in range(151)]
    assert rows.positions("r149") == [149]
    with opened.read() as connection:
        kinds = "SELECT DISTINCT typeof(position), typeof(leaf), typeof(recorded_at), typeof(salt), typeof(body)"
        assert len(connection.exec_driver_sql(f"{kinds} FROM ledger_entries").all()) == 1


def test_what_raises_is_undone_and_the_next_one_is_written(opened: Database) -> None:
    def fail() -> None:
        with own_tail(opened) as tail:
            tail.add(0, [entry(0)])
            raise ValueError("in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        fail()
    assert size(opened) == 0
    add(opened, 0)
    assert size(opened) == 1


def test_a_position_that_is_taken_is_refused_as_everywhere(opened: Database) -> None:
    add(opened, 0)
    with pytest.raises(IntegrityError), own_tail(opened) as tail:
        tail.add(0, [entry(1)])
    add(opened, 1)


def test_within_a_write_entries_are_part_of_it(opened: Database) -> None:
    def fail() -> None:
        with opened.write():
            add(opened, 0)
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - without words
        fail()
    assert size(opened) == 0


def test_in_one_statement_they_are_added_where_the_ledger_was_known_to_end_and_nowhere_else(opened: Database) -> None:
    add(opened, 0, 2)
    known = Head(size=2, recorded_at=NOW)
    assert add_after(opened, known, [entry(2), entry(3)])
    assert not add_after(opened, known, [entry(4)]), "two were added since"
    assert not add_after(opened, Head(size=6, recorded_at=NOW), [entry(6)]), "it was set back since"
    assert not add_after(opened, Head(size=4, recorded_at=NOW + SECOND), [entry(4)]), "its end is another's"
    assert size(opened) == 4
    assert [each.leaf[0] for each in ledger_rows.LedgerRows(opened).entries(0, 10)] == [0, 1, 2, 3]


def test_a_statement_of_its_own_waits_for_locks_and_is_refused_without_the_file(
    opened: Database, tmp_path: Path
) -> None:
    add(opened, 0)
    known = Head(size=1, recorded_at=NOW)
    other = sqlite3.connect(tmp_path / "regard.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(InternalServerError, match="locked by another process"):
        add_after(opened, known, [entry(1)])
    other.execute("ROLLBACK")
    other.close()
    assert size(opened) == 1
    with opened.write():
        assert not add_after(opened, known, [entry(1)]), "it would be no part of what this thread writes"
    (tmp_path / "regard.db").rename(tmp_path / "elsewhere")
    with pytest.raises(InternalServerError, match="removed or replaced"):
        add_after(opened, known, [entry(1)])


def test_a_commit_is_on_disk_before_it_is_acknowledged(opened: Database) -> None:
    with opened.write_plainly() as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA secure_delete").fetchone() == (1,)


def test_who_reads_next_has_the_connection_that_wrote(opened: Database) -> None:
    """What another connection wrote would have it read its pages again."""
    add(opened, 0)
    for write in (lambda: add(opened, 1), lambda: add_after(opened, Head(size=2, recorded_at=NOW), [entry(2)])):
        before = reader(opened)
        write()
        assert reader(opened) is before
    with opened.write_plainly() as connection:
        assert connection is before


def test_another_processes_lock_and_a_removed_file_are_put_in_words(opened: Database, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "regard.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(InternalServerError, match="locked by another process"):
        add(opened, 0)
    other.execute("ROLLBACK")
    other.close()
    add(opened, 0)
    (tmp_path / "regard.db").rename(tmp_path / "elsewhere")
    with pytest.raises(InternalServerError, match="removed or replaced"):
        add(opened, 1)
