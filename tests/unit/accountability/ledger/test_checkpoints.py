"""Nothing is signed that does not continue what was signed before."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from books import Book

from regard.accountability.ledger.export import LedgerExport
from regard.accountability.ledger.keeper import LedgerKeeper
from regard.accountability.ledger.ledger_verification import LedgerFault, open_checkpoint, root_from_inclusion
from regard.accountability.ledger.ledger_verification import leaf_hash as hashed
from regard.errors import InternalServerError


def test_a_checkpoint_is_of_every_entry_and_signed_once(book: Book) -> None:
    empty = open_checkpoint(book.checkpoints.make().note, book.keys)
    assert (empty.size, empty.root.hex()[:8]) == (0, "e3b0c442")
    book.search(300)
    made = book.checkpoints.make()
    assert open_checkpoint(made.note, book.keys).size == 300
    assert book.checkpoints.make() == made


def test_of_checkpoints_only_the_last_and_those_given_out_are_kept(book: Book) -> None:
    for _ in range(3):
        book.search()
        book.checkpoints.make()
    book.checkpoints.make(given_out=True)
    book.search()
    book.checkpoints.make()
    assert [each.size for each in book.rows.checkpoints()] == [3, 4]


def test_proofs_from_stored_tiles_lead_to_the_signed_root(book: Book) -> None:
    book.search(700)
    signed = open_checkpoint(book.checkpoints.make().note, book.keys)
    tree = book.checkpoints.tree(700)
    for entry in (book.rows.entries(at, 1)[0] for at in (0, 255, 256, 511, 699)):
        proof = tree.inclusion(entry.position)
        assert root_from_inclusion(hashed(entry.leaf), entry.position, 700, proof) == signed.root
    book.search(70)  # and of what is not in tiles yet
    assert root_from_inclusion(
        hashed(book.rows.leaves(769, 1)[0]), 769, 770, book.checkpoints.tree(770).inclusion(769)
    ) == (book.checkpoints.tree(770).root())


def test_proofs_of_a_checkpoint_read_nothing_along_the_edge_of_its_tree(book: Book) -> None:
    book.search(700)
    book.checkpoints.make()
    proof = book.checkpoints.tree(700).inclusion(3)
    with book.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM ledger_entries WHERE position >= 512")
    assert book.checkpoints.tree(700).inclusion(3) == proof
    with pytest.raises(LedgerFault, match="missing"):  # to work the edge out would take them
        book.checkpoints.tree(699).inclusion(3)


EDGES = [None, b"", bytes(31), bytes(6 * 32), bytes(7 * 32)]


@pytest.mark.parametrize("edge", EDGES)
def test_an_edge_that_does_not_lead_to_the_signed_root_is_worked_out(
    book: Book, tmp_path: Path, edge: bytes | None
) -> None:
    book.search(700)
    made = book.checkpoints.make(given_out=True)
    proof, receipt = book.checkpoints.tree(700).inclusion(3), LedgerExport(book.rows, book.checkpoints).receipt(3)
    with book.database.write() as connection:
        connection.exec_driver_sql("UPDATE ledger_checkpoints SET edge = ?", (edge,))
    assert book.checkpoints.tree(700).inclusion(3) == proof
    assert LedgerExport(book.rows, book.checkpoints).receipt(3) == receipt
    assert book.checkpoints.make().note == made.note
    assert book.verify(tmp_path / "out").checkpoint.size == 700


def test_an_edge_of_what_was_signed_hides_no_change(book: Book, tmp_path: Path) -> None:
    book.search(700)
    book.checkpoints.make()
    export = LedgerExport(book.rows, book.checkpoints)
    checkpoint = export.export(tmp_path / "out", lambda *_: None)
    with book.database.write() as connection:
        connection.exec_driver_sql("UPDATE ledger_entries SET leaf = zeroblob(32) WHERE position = 690")
    assert checkpoint.edge is not None
    assert book.rows.checkpoint(700) == checkpoint
    for act in (
        book.checkpoints.check,
        book.checkpoints.make,
        lambda: export.export(tmp_path / "out", lambda *_: None),
    ):
        with pytest.raises(LedgerFault, match="was changed"):
            act()


CHANGES = {
    "an entry cut off": "DELETE FROM ledger_entries WHERE position >= 290",
    "an entry taken out": "DELETE FROM ledger_entries WHERE position = 270",
    "an entry edited": "UPDATE ledger_entries SET leaf = zeroblob(32) WHERE position = 270",
    "two entries swapped": (
        "UPDATE ledger_entries SET leaf = (SELECT leaf FROM ledger_entries WHERE position = 271) WHERE position = 270"
    ),
    "a hash above edited": "UPDATE ledger_tiles SET root = zeroblob(32)",
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_changed_in_the_tables_is_not_signed(book: Book, change: str) -> None:
    book.search(300)
    book.checkpoints.make()
    with book.database.write() as connection:
        connection.exec_driver_sql(CHANGES[change])
    with pytest.raises(LedgerFault, match=r"was cut|was changed|Entries are missing"):
        book.checkpoints.make()


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"x\n1\n\n"])
def test_a_damaged_copy_is_named(book: Book, content: bytes) -> None:
    book.search(3)
    book.checkpoints.make()
    copy = book.home / "ledger" / "checkpoint"
    copy.write_bytes(content)
    if content:
        with pytest.raises(LedgerFault, match=f"damaged, in {copy}"):
            book.checkpoints.make()
    copy.unlink(missing_ok=True)
    assert book.checkpoints.make().size == 3
    assert copy.read_text(encoding="utf-8") == book.checkpoints.make().note


def test_a_copy_of_another_databases_ledger_is_not_compared(book: Book) -> None:
    copy = book.home / "ledger" / "checkpoint"
    copy.parent.mkdir()
    copy.write_text("regard.local/another\n99\n" + "A" * 43 + "=\n\n\N{EM DASH} x AAAAAAAA\n", encoding="utf-8")
    book.search()
    assert book.checkpoints.make().size == 1


def test_no_receipt_is_given_that_would_not_hold(book: Book) -> None:
    book.search(300)
    book.checkpoints.make()
    with book.database.write() as connection:
        connection.exec_driver_sql("UPDATE ledger_tiles SET hashes = zeroblob(8192)")
    with pytest.raises(LedgerFault, match="was changed"):
        LedgerExport(book.rows, book.checkpoints).receipt(7)


def test_a_database_set_back_to_yesterday_is_noticed_by_the_copy_outside_of_it(tmp_path: Path) -> None:
    home, yesterday = tmp_path / "home", tmp_path / "yesterday.db"
    home.mkdir()
    book = Book(home)
    book.search(10)
    book.checkpoints.make()
    book.close()
    shutil.copy(home / "regard.db", yesterday)
    book = Book(home)
    book.search(10)
    book.checkpoints.make()
    book.close()
    shutil.copy(yesterday, home / "regard.db")
    book = Book(home)
    with pytest.raises(LedgerFault, match=r"set back to an earlier day: it has 10 entries, and .*checkpoint says"):
        book.checkpoints.make()
    book.search(15)  # grown beyond what it was: with other entries
    with pytest.raises(LedgerFault, match=r"its first 20 entries are not those that .*checkpoint says there were"):
        book.checkpoints.make()
    book.close()


def until(done: object, seconds: float = 30) -> None:
    assert callable(done)
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_server_signs_what_is_new_by_itself_and_at_its_end(book: Book) -> None:
    with LedgerKeeper(book.ledger, book.checkpoints):
        book.search(3)
        until(lambda: [each.size for each in book.rows.checkpoints()] == [3])
        book.search()
    assert [each.size for each in book.rows.checkpoints()] == [4]


def test_many_entries_are_signed_without_waiting_for_the_second(book: Book) -> None:
    assert not book.ledger.due.is_set()
    book.search(256)
    assert book.ledger.due.is_set()


def test_once_the_ledger_was_changed_no_act_is_done(book: Book) -> None:
    keeper = LedgerKeeper(book.ledger, book.checkpoints)
    book.search(300)
    keeper.sign()
    with book.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM ledger_entries WHERE position >= 290")
    book.search()
    keeper.sign()
    with pytest.raises(InternalServerError, match="The ledger was c"):
        book.search()
    assert len(book.bodies()) == 291
