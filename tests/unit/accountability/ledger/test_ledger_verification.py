"""Attacks on an export, by somebody who holds it: each is seen by the verifier, which needs nothing else of Regard."""

from __future__ import annotations

import ast
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from books import Book

from regard.accountability.ledger import ledger_verification
from regard.accountability.ledger.export import LedgerExport
from regard.accountability.ledger.ledger_verification import (
    LedgerFault,
    leaf_hash,
    report,
    verify_export,
    verify_receipt,
)
from regard.accountability.ledger.signed_notes import NoteSigner, encoded, shown
from regard.domain.authority import Action

VERIFIER = Path(ledger_verification.__file__)
#: More than one tile, and not a whole number of them.
ENTRIES = 600


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    opened = Book(tmp_path_factory.mktemp("book"))
    opened.search(ENTRIES)
    return opened


@pytest.fixture(scope="module")
def exported(book: Book, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return book.export(tmp_path_factory.mktemp("export"))


@pytest.fixture
def copy(exported: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported, tmp_path / "copy"))


# -- alone -----------------------------------------------------------------------------------------------------------


def test_the_verifier_imports_nothing_else_of_regard() -> None:
    imported = set()
    for node in ast.walk(ast.parse(VERIFIER.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add(str(node.module).partition(".")[0])
    assert imported - set(sys.stdlib_module_names) == {"cryptography"}


def test_the_verifiers_file_alone_verifies_in_a_process_without_regard(
    book: Book, exported: Path, tmp_path: Path
) -> None:
    alone = shutil.copy(VERIFIER, tmp_path / "verify.py")
    command = [sys.executable, "-I", "-c", _ALONE, alone, exported, *(f"--key={shown(key)}" for key in book.keys)]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert finished.returncode == 0, finished.stderr
    assert "600 entries" in finished.stdout
    (exported / "checkpoint").rename(exported / "aside")
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    (exported / "aside").rename(exported / "checkpoint")
    assert finished.returncode == 1
    assert "checkpoint cannot be read" in finished.stderr


#: Runs a file as a program, in a Python that cannot import Regard.
_ALONE = """
import importlib.abc, runpy, sys
class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] == "regard":
            raise ImportError("Regard is not installed here")
sys.meta_path.insert(0, Refuse())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_a_whole_export_is_found_whole(book: Book, exported: Path) -> None:
    found = verify_export(exported, book.keys)
    assert (found.checkpoint.size, found.erased) == (ENTRIES, 0)
    assert found.first < found.last
    assert "600 entries" in report(exported, [shown(key) for key in book.keys])


# -- attacks ---------------------------------------------------------------------------------------------------------


def edit(file: Path, change: Callable[[bytes], bytes]) -> None:
    before = file.read_bytes()
    file.write_bytes(change(before))
    assert file.read_bytes() != before


def lines(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[bytes], bytes]:
    return lambda content: b"".join(each + b"\n" for each in change(content.removesuffix(b"\n").split(b"\n")))


BODIES, ENTRY_BUNDLE, LEVEL_0 = "bodies/001", "tile/entries/001", "tile/0/001"

ATTACKS: dict[str, tuple[Callable[[Path], None], str]] = {
    "edit a body": (
        lambda at: edit(at / BODIES, lambda text: text.replace(b'"name":"ada"', b'"name":"eve"', 1)),
        "body of entry 256 was changed",
    ),
    "edit a salt": (
        lambda at: edit(at / BODIES, lambda text: (b"1" if text[:1] == b"0" else b"0") + text[1:]),
        "body of entry 256 was changed",
    ),
    "swap two bodies": (
        lambda at: edit(at / BODIES, lines(lambda rows: [rows[1], rows[0], *rows[2:]])),
        "body of entry 256 was changed",
    ),
    "drop a body": (lambda at: edit(at / BODIES, lines(lambda rows: rows[1:])), "bodies are missing"),
    "insert a body": (lambda at: edit(at / BODIES, lines(lambda rows: [rows[0], *rows])), "bodies are missing"),
    "blank a body": (
        lambda at: edit(at / BODIES, lines(lambda rows: [b"-", *rows[1:]])),
        "body of entry 256 is gone, and no entry says that it was erased",
    ),
    "put no JSON": (
        lambda at: edit(at / BODIES, lines(lambda rows: [b"00 x", *rows[1:]])),
        "body of entry 256 was changed",
    ),
    "edit an entry": (
        lambda at: edit(at / ENTRY_BUNDLE, lambda bundle: bundle[:2] + bytes(32) + bundle[34:]),
        "body of entry 256 was changed",
    ),
    "swap two entries": (
        lambda at: edit(at / ENTRY_BUNDLE, lambda bundle: bundle[34:68] + bundle[:34] + bundle[68:]),
        "body of entry 256 was changed",
    ),
    "drop an entry": (lambda at: edit(at / ENTRY_BUNDLE, lambda bundle: bundle[34:]), "entries are missing"),
    "edit a tile": (
        lambda at: edit(at / LEVEL_0, lambda tile: bytes(32) + tile[32:]),
        "tile/0/001 does not belong to the entries",
    ),
    "edit a tile above": (
        lambda at: edit(at / "tile/1/000.p/2", lambda tile: bytes(32) + tile[32:]),
        "tile/1/000.p/2 does not belong to the entries",
    ),
    "take a bundle away": (lambda at: (at / BODIES).unlink(), "cannot be read"),
    "cut the ledger": (
        lambda at: edit(at / "checkpoint", lambda note: note.replace(b"\n600\n", b"\n256\n", 1)),
        "signature of regard.local/test is wrong",
    ),
    "change the root": (
        lambda at: edit(at / "checkpoint", lambda note: note.replace(note.split(b"\n")[2], b"A" * 43 + b"=", 1)),
        "signature of regard.local/test is wrong",
    ),
    "empty the checkpoint": (lambda at: (at / "checkpoint").write_bytes(b"") and None, "no signed note"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_on_an_export_is_seen(book: Book, copy: Path, attack: str) -> None:
    strike, said = ATTACKS[attack]
    strike(copy)
    with pytest.raises(LedgerFault, match=said):
        verify_export(copy, book.keys)


def rewritten(copy: Path, body: Callable[[bytes], bytes]) -> None:
    """What somebody does who knows the format: change the first body, and every hash that depends on it but the tree's
    upper part, which the checkpoint was signed for."""

    def change(rows: list[bytes]) -> list[bytes]:
        salt, _, said = rows[0].partition(b" ")
        return [salt + b" " + body(said), *rows[1:]]

    edit(copy / "bodies/000", lines(change))
    salt, _, said = (copy / "bodies/000").read_bytes().partition(b"\n")[0].partition(b" ")
    leaf = hashlib.sha256(bytes.fromhex(salt.decode()) + said).digest()
    edit(copy / "tile/entries/000", lambda bundle: b"\0\x20" + leaf + bundle[34:])
    edit(copy / "tile/0/000", lambda tile: leaf_hash(leaf) + tile[32:])


def test_an_entry_forged_with_all_its_hashes_is_not_what_was_signed(book: Book, copy: Path) -> None:
    rewritten(copy, lambda said: said.replace(b'"name":"ada"', b'"name":"eve"'))
    with pytest.raises(LedgerFault, match="first 600 entries are not those that the checkpoint was signed for"):
        verify_export(copy, book.keys)


def test_a_forged_entry_signed_with_another_key_is_refused(book: Book, copy: Path) -> None:
    stranger = NoteSigner.of_log("regard.local/test", lambda purpose: hashlib.sha256(purpose.encode()).digest())
    rewritten(copy, lambda said: said.replace(b'"name":"ada"', b'"name":"eve"'))
    checkpoint = verify_export(exported_of(book, copy.parent / "again"), book.keys).checkpoint
    (copy / "checkpoint").write_text(stranger.sign(checkpoint, 1), encoding="utf-8")
    with pytest.raises(LedgerFault, match="not signed by"):
        verify_export(copy, book.keys)


def exported_of(book: Book, folder: Path) -> Path:
    return book.export(folder)


def test_once_the_key_was_changed_the_one_before_signs_for_nobody(tmp_path: Path) -> None:
    """Whoever was handed the new key does not believe the old one again, nor the other way round; and what was signed
    before is still what it was."""
    first = Book(tmp_path)
    first.search(5)
    before, old = first.export(tmp_path / "before"), first.keys
    first.close()
    second = Book(tmp_path, seed="another seal.key")
    second.search(3)
    after, new = second.export(tmp_path / "after"), second.keys
    second.close()
    assert (verify_export(before, old).checkpoint.size, verify_export(after, new).checkpoint.size) == (5, 8)
    reused = Book(tmp_path)
    reused.search(1)
    forged = reused.export(tmp_path / "forged")
    reused.close()
    for export, keys in ((after, old), (before, new), (forged, new)):
        with pytest.raises(LedgerFault, match=r"is not signed by regard\.local/test"):
            verify_export(export, keys)


def test_a_ledger_cut_by_who_holds_the_key_does_not_continue_a_checkpoint_kept_elsewhere(
    book: Book, exported: Path, tmp_path: Path
) -> None:
    shorter = Book(tmp_path)
    shorter.search(3)
    kept = (exported / "checkpoint").read_text(encoding="utf-8")
    with pytest.raises(LedgerFault, match="was cut, or set back: it had 600 entries and now has 3"):
        verify_export(shorter.export(tmp_path / "short"), shorter.keys, [kept])
    shorter.search(700)
    with pytest.raises(LedgerFault, match="first 600 entries are not those"):
        verify_export(shorter.export(tmp_path / "long"), shorter.keys, [kept])
    shorter.close()


@pytest.mark.parametrize("kept_at", [1, 255, 256, 257, 512])
def test_an_earlier_checkpoint_of_the_same_ledger_is_continued(tmp_path: Path, kept_at: int) -> None:
    grown = Book(tmp_path)
    grown.search(kept_at)
    kept = grown.checkpoints.make(given_out=True)
    grown.search(520 - kept_at)
    assert kept.size == kept_at
    assert verify_export(grown.export(tmp_path / "out"), grown.keys, [kept.note]).checkpoint.size == 520
    grown.close()


def test_a_back_dated_entry_is_seen_even_if_it_was_signed(tmp_path: Path) -> None:
    """By whoever holds the key and writes to the database: the ledger itself never goes back in time."""
    forged, now = Book(tmp_path), datetime.now(UTC)
    forged.moment = now
    forged.search(2)
    with forged.database.write() as connection:  # as if the last entries had never been
        connection.exec_driver_sql("UPDATE ledger_entries SET recorded_at = 0")
    forged.moment = now - timedelta(days=1)
    forged.search()
    with pytest.raises(LedgerFault, match="Entry 2 is back-dated"):
        verify_export(forged.export(tmp_path / "out"), forged.keys)
    forged.close()


# -- erasure ---------------------------------------------------------------------------------------------------------


def test_an_erased_body_leaves_every_proof_true(tmp_path: Path) -> None:
    kept = Book(tmp_path)
    kept.moment = datetime(2026, 1, 1, tzinfo=UTC)
    kept.search(300)
    receipt, before = LedgerExport(kept.rows, kept.checkpoints).receipt(7), kept.checkpoints.make(given_out=True)
    kept.moment = datetime(2026, 2, 1, tzinfo=UTC)
    kept.search(10)
    with kept.act(Action.DELETE, None) as grant:
        assert kept.access.erase(grant, datetime(2026, 1, 15, tzinfo=UTC), "kept for 14 days") == 300
    found = verify_export(kept.export(tmp_path / "out"), kept.keys, [before.note])
    assert (found.checkpoint.size, found.erased) == (311, 300)
    assert found.first == "2026-02-01T00:00:00.000000Z"
    assert verify_receipt(receipt, kept.keys).body["facts"] == {"gallery_size": 7}
    with pytest.raises(LedgerFault, match="body of entry 7 was erased"):
        LedgerExport(kept.rows, kept.checkpoints).receipt(7)
    kept.close()


def test_nothing_of_an_erased_body_is_left_in_the_database(tmp_path: Path) -> None:
    kept = Book(tmp_path)
    kept.moment = datetime(2026, 1, 1, tzinfo=UTC)
    with kept.act(collection="a-name-to-forget", request="a-request-to-forget"):
        pass
    kept.moment = datetime(2026, 2, 1, tzinfo=UTC)
    with kept.act(Action.DELETE, None) as grant:
        kept.access.erase(grant, datetime(2026, 1, 15, tzinfo=UTC), "asked to")
    kept.database._file.erase()
    kept.close()
    content = b"".join(file.read_bytes() for file in tmp_path.glob("regard.db*"))
    assert b"ledger_entries" in content
    assert b"to-forget" not in content


def test_a_body_that_somebody_erased_by_hand_is_missed(tmp_path: Path) -> None:
    robbed = Book(tmp_path)
    robbed.search(3)
    with robbed.database.write() as connection:
        connection.exec_driver_sql("UPDATE ledger_entries SET salt = NULL, body = NULL WHERE position = 1")
    with pytest.raises(LedgerFault, match="body of entry 1 is gone, and no entry says that it was erased"):
        robbed.verify(tmp_path / "out")
    robbed.close()


def erased_in_vain(book: Book) -> None:
    with book.act(Action.DELETE, None) as grant, book.database.write():
        grant.note(erased=[[0, 2]], reason="old")
        raise OSError("the disk is full")


def test_an_erasure_that_failed_covers_no_body_that_goes_later(tmp_path: Path) -> None:
    robbed = Book(tmp_path)
    robbed.search(3)
    with pytest.raises(OSError, match="full"):
        erased_in_vain(robbed)
    assert robbed.bodies()[3]["outcome"] == "failed"
    with robbed.database.write() as connection:
        connection.exec_driver_sql("UPDATE ledger_entries SET salt = NULL, body = NULL WHERE position = 1")
    with pytest.raises(LedgerFault, match="body of entry 1 is gone, and no entry says that it was erased"):
        robbed.verify(tmp_path / "out")
    robbed.close()


def test_an_erased_body_cannot_be_guessed_from_its_leaf(book: Book) -> None:
    (entry,) = book.rows.entries(3, 1)
    assert entry.body is not None
    assert entry.salt is not None
    assert len(entry.salt) == 16
    assert entry.leaf == hashlib.sha256(entry.salt + entry.body).digest()
    assert entry.leaf != hashlib.sha256(entry.body).digest()
    assert len({each.salt for each in book.rows.entries(0, ENTRIES)}) == ENTRIES


# -- receipts --------------------------------------------------------------------------------------------------------


def test_a_receipt_proves_its_entry_and_no_other(book: Book) -> None:
    receipt = LedgerExport(book.rows, book.checkpoints).receipt(300)
    found = verify_receipt(receipt, book.keys)
    assert (found.index, found.body["facts"]) == (300, {"gallery_size": 300})
    assert receipt.startswith("c2sp.org/tlog-proof@v1\nextra ")
    other = LedgerExport(book.rows, book.checkpoints).receipt(301)
    forged = receipt.replace(receipt.split("\n")[1], other.split("\n")[1])
    for wrong in (forged, receipt.replace("index 300", "index 301"), receipt.replace("index 300", "index 9999")):
        with pytest.raises(LedgerFault):
            verify_receipt(wrong, book.keys)


@pytest.mark.parametrize("text", ["", "c2sp.org/tlog-proof@v1", "c2sp.org/tlog-proof@v1\nextra !\nindex 0\n\nx"])
def test_a_damaged_receipt_is_refused(book: Book, text: str) -> None:
    with pytest.raises(LedgerFault):
        verify_receipt(text, book.keys)


def test_a_receipts_length_is_that_of_its_path(book: Book) -> None:
    receipt = LedgerExport(book.rows, book.checkpoints).receipt(0)
    hashes = receipt.partition("\n\n")[0].split("\n")[3:]
    assert len(hashes) == 10  # 600 leaves
    assert all(len(each) == len(encoded(bytes(32))) for each in hashes)
