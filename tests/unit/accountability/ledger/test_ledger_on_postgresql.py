"""The ledger of several servers on one PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from books import Book
from postgres_server import PostgresServer

from regard.accountability.ledger.export import LedgerExport
from regard.accountability.ledger.ledger_verification import LedgerFault, verify_receipt
from regard.domain.authority import Action
from regard.errors import InvalidParameter
from regard.store.collection_rows import CollectionRows

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def url(postgres: PostgresServer) -> Iterator[str]:
    with postgres.database("TEMPLATE migrated") as name:
        yield postgres.url(name)


def servers(url: str, folder: Path, count: int) -> list[Book]:
    """Each with a home of its own, and the one key."""
    homes = [folder / f"home{number}" for number in range(count)]
    for home in homes:
        home.mkdir()
    return [Book(home, url=url) for home in homes]


def test_two_servers_write_and_sign_one_ledger(url: str, tmp_path: Path) -> None:
    books = servers(url, tmp_path, 2)
    threads = [threading.Thread(target=book.search, args=(150,)) for book in books]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for book in books:
        book.checkpoints.make()
    assert books[0].verify(tmp_path / "out").checkpoint.size == 300
    assert verify_receipt(LedgerExport(books[1].rows, books[1].checkpoints).receipt(299), books[0].keys).index == 299
    for book in books:
        book.close()


def test_an_act_and_its_entry_are_one_transaction_there_too(url: str, tmp_path: Path) -> None:
    (book,) = servers(url, tmp_path, 1)
    with book.act(Action.ADMINISTER):
        CollectionRows(book.database, "embedded").create("staff", "model", {}, NOW)
        assert len(book.bodies()) == 1

    def fail() -> None:
        with book.act(Action.ADMINISTER), book.database.write():
            CollectionRows(book.database, "embedded").create("other", "model", {}, NOW)
            raise InvalidParameter

    with pytest.raises(InvalidParameter):
        fail()
    assert [each["outcome"] for each in book.bodies()] == ["allowed", "failed"]
    book.close()


def test_what_is_erased_or_cut_there_is_seen(url: str, tmp_path: Path) -> None:
    (book,) = servers(url, tmp_path, 1)
    book.moment = NOW
    book.search(3)
    book.moment = datetime(2026, 3, 1, tzinfo=UTC)
    with book.act(Action.DELETE, None) as grant:
        assert book.access.erase(grant, datetime(2026, 2, 1, tzinfo=UTC), "old") == 3
    assert book.verify(tmp_path / "out").erased == 3
    with book.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM ledger_entries WHERE position = 3")
    with pytest.raises(LedgerFault, match="was cut"):
        book.checkpoints.make()
    book.close()
