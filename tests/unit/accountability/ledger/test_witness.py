"""A witness signs what continues the last checkpoint that it saw, and nothing else (C2SP tlog-witness)."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from books import Book, derived

from regard.accountability.ledger.export import LedgerExport
from regard.accountability.ledger.ledger_verification import (
    LedgerFault,
    VerifierKey,
    open_checkpoint,
    verify_export,
    verify_receipt,
)
from regard.accountability.ledger.signed_notes import NoteSigner, encoded
from regard.accountability.ledger.witness import Witness
from regard.accountability.ledger.witness_client import cosign
from regard.store.ledger_rows import StoredCheckpoint

SIGNER = NoteSigner.of_witness("witness.example/w1", derived("witness"))


@pytest.fixture
def witness(book: Book, tmp_path: Path) -> Witness:
    return Witness(SIGNER, book.keys, tmp_path / "witness", clock=lambda: 1_700_000_000)


def request(book: Book, old: int, checkpoint: StoredCheckpoint) -> bytes:
    proof = map(encoded, book.checkpoints.tree(checkpoint.size).consistency(old)) if old <= checkpoint.size else ()
    return "".join(f"{line}\n" for line in [f"old {old}", *proof, ""]).encode() + checkpoint.note.encode()


def grown(book: Book, by: int) -> StoredCheckpoint:
    book.search(by)
    return book.checkpoints.make()


def test_a_witness_cosigns_what_continues_what_it_saw(book: Book, witness: Witness) -> None:
    first = grown(book, 5)
    answer = witness.add_checkpoint(request(book, 0, first))
    assert answer.status == 200
    assert open_checkpoint(first.note + answer.text, [*book.keys, *SIGNER.keys]).size == 5
    second = grown(book, 400)
    assert witness.add_checkpoint(request(book, 5, second)).status == 200
    assert witness.add_checkpoint(request(book, 405, second)).status == 200  # the same once more


def test_a_witness_answers_as_the_protocol_says(book: Book, witness: Witness, tmp_path: Path) -> None:
    first = grown(book, 5)
    witness.add_checkpoint(request(book, 0, first))
    second = grown(book, 3)
    behind = witness.add_checkpoint(request(book, 2, second))
    assert (behind.status, behind.text, behind.content_type) == (409, "5\n", "text/x.tlog.size")
    stranger = Witness(SIGNER, [VerifierKey.of("another", 1, bytes(32))], tmp_path / "other")
    assert stranger.add_checkpoint(request(book, 0, first)).status == 404
    forged = NoteSigner.of_log(book.keys[0].name, derived("forger"))
    note = forged.sign(open_checkpoint(second.note, book.keys), 1)
    assert witness.add_checkpoint(request(book, 5, StoredCheckpoint(size=8, note=note, given_out=True))).status == 403
    assert witness.add_checkpoint(request(book, 9, second)).status == 400
    unproved = f"old 5\n{encoded(bytes(32))}\n\n{second.note}".encode()
    assert witness.add_checkpoint(unproved).status == 422
    for nothing in (b"", b"\xff", b"old x\n\n", b"old 05\n\n" + second.note.encode(), b"old 5\n!\n\nx"):
        assert witness.add_checkpoint(nothing).status == 400


def test_a_witness_that_starts_again_knows_what_it_saw(book: Book, witness: Witness, tmp_path: Path) -> None:
    witness.add_checkpoint(request(book, 0, grown(book, 5)))
    again = Witness(SIGNER, book.keys, tmp_path / "witness")
    assert again.add_checkpoint(request(book, 0, grown(book, 1))).text == "5\n"


def test_of_two_checkpoints_at_once_a_witness_forgets_neither(book: Book, witness: Witness) -> None:
    small, large = grown(book, 3), grown(book, 3)
    requests = [request(book, 0, each) for each in (small, large)] * 8
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda body=body: answers.append(witness.add_checkpoint(body).status))
        for body in requests
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(200) == 1
    assert witness.add_checkpoint(request(book, 0, large)).text in ("3\n", "6\n")


# -- from the ledger's side ------------------------------------------------------------------------------------------


@contextmanager
def serving(witness: Witness) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer = witness.add_checkpoint(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(answer.status)
            self.end_headers()
            self.wfile.write(answer.text.encode())

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_cosigned_checkpoint_is_in_exports_and_receipts(book: Book, witness: Witness, tmp_path: Path) -> None:
    with serving(witness) as url:
        for number in (3, 4):
            cosigned = cosign(book.checkpoints, grown(book, number), url, SIGNER.keys)
    assert open_checkpoint(cosigned.note, [*book.keys, *SIGNER.keys]).size == 7
    receipt = LedgerExport(book.rows, book.checkpoints).receipt(2)
    assert verify_receipt(receipt, book.keys, SIGNER.keys).checkpoint.size == 7
    with pytest.raises(LedgerFault, match=r"not signed by witness\.example"):
        verify_export(
            book.export(tmp_path / "out"), book.keys, witnesses=[VerifierKey.of("witness.example", 4, bytes(32))]
        )


def test_a_database_set_back_to_yesterday_is_noticed_by_the_witness(
    book: Book, witness: Witness, tmp_path: Path
) -> None:
    """Even where its home was set back with it."""
    yesterday, today = tmp_path / "yesterday", tmp_path / "today"
    with serving(witness) as url:
        today.mkdir()
        ours = Book(today)
        ours.search(5)
        cosign(ours.checkpoints, ours.checkpoints.make(), url, SIGNER.keys)
        ours.close()
        shutil.copytree(today, yesterday)
        ours = Book(today)
        ours.search(5)
        cosign(ours.checkpoints, ours.checkpoints.make(), url, SIGNER.keys)
        ours.close()
        restored = Book(yesterday)
        restored.search(2)
        with pytest.raises(LedgerFault, match=r"has seen 10 entries of this ledger, which now has 7: it was cut"):
            cosign(restored.checkpoints, restored.checkpoints.make(), url, SIGNER.keys)
        restored.search(9)
        with pytest.raises(LedgerFault, match="has seen another history of this ledger"):
            cosign(restored.checkpoints, restored.checkpoints.make(), url, SIGNER.keys)
        restored.close()


def test_two_histories_told_to_two_witnesses_are_seen_by_whoever_has_what_both_signed(
    book: Book, witness: Witness, tmp_path: Path
) -> None:
    """Each witness sees a ledger that only grows. What the other has cosigned does not go with it."""
    other = Witness(NoteSigner.of_witness("other.example/w2", derived("w2")), book.keys, tmp_path / "w2")
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    ours = Book(here)
    ours.search(5)
    ours.checkpoints.make()
    ours.close()
    shutil.copytree(here, there)
    told = []
    for home, signing, extra in ((here, witness, 3), (there, other, 7)):
        ours = Book(home)
        ours.search(extra)
        made = ours.checkpoints.make(given_out=True)
        answer = signing.add_checkpoint(request(ours, 0, made))
        assert answer.status == 200
        told.append((made.note + answer.text, ours.export(home / "export"), ours.keys))
        ours.close()
    (first, shorter, keys), (second, longer, _) = told
    assert verify_export(shorter, keys, [first]).checkpoint.size == 8
    with pytest.raises(LedgerFault, match="first 8 entries are not those"):
        verify_export(longer, keys, [first])
    with pytest.raises(LedgerFault, match="it had 12 entries and now has 8"):
        verify_export(shorter, keys, [second])


def test_a_witness_that_is_another_is_not_believed(book: Book, witness: Witness) -> None:
    with serving(witness) as url, pytest.raises(LedgerFault, match=r"not signed by witness\.example/w1"):
        cosign(book.checkpoints, grown(book, 1), url, NoteSigner.of_witness("witness.example/w1", derived("x")).keys)


@pytest.mark.parametrize(
    ("url", "said"), [("http://127.0.0.1:9", "does not answer"), ("file:///etc/passwd", "is no address of a witness")]
)
def test_a_witness_that_is_not_there_is_named(book: Book, url: str, said: str) -> None:
    with pytest.raises(LedgerFault, match=said):
        cosign(book.checkpoints, grown(book, 1), url, SIGNER.keys)
