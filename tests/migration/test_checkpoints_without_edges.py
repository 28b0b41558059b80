"""A ledger whose checkpoints were signed before their trees' edges were stored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from postgres_server import PostgresServer

from regard.accountability.ledger.checkpoints import LedgerCheckpoints
from regard.accountability.ledger.ledger_verification import Checkpoint, leaf_hash, root_from_inclusion, split_note
from regard.accountability.ledger.signed_notes import NoteSigner
from regard.domain.instants import EPOCH
from regard.store import database, ledger_rows
from regard.store.ledger_rows import LedgerRows, NewEntry


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'regard.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.database() as name:
        yield server.url(name)


def add(opened: database.Database, first: int, count: int) -> None:
    new = [
        NewEntry(leaf=at.to_bytes(32, "big"), recorded_at=EPOCH, salt=b"", body=b"", request_id="")
        for at in range(first, first + count)
    ]
    with opened.write() as connection:
        ledger_rows.add_entries(connection, first, new)


def test_checkpoints_of_an_earlier_schema_are_proved_to_and_continued(url: str, tmp_path: Path) -> None:
    def signing(opened: database.Database) -> LedgerCheckpoints:
        signer = NoteSigner.of_log("regard.local/test", lambda _: bytes(32))
        return LedgerCheckpoints(LedgerRows(opened), signer, tmp_path / "ledger" / "checkpoint")

    opened = database.open(url)
    add(opened, 0, 300)
    before = signing(opened).make(given_out=True)
    assert before.edge is not None
    with opened.write() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(database.MIGRATIONS))
        command.downgrade(config, "0014")
    opened.close()

    opened = database.open(url)
    checkpoints, rows = signing(opened), LedgerRows(opened)
    kept = rows.checkpoint(300)
    assert kept is not None
    assert (kept.note, kept.given_out, kept.edge) == (before.note, True, None)
    root = Checkpoint.parse(split_note(kept.note)[0]).root
    proof = checkpoints.tree(300).inclusion(7)
    assert root_from_inclusion(leaf_hash((7).to_bytes(32, "big")), 7, 300, proof) == root
    assert checkpoints.make() == kept
    add(opened, 300, 1)
    assert checkpoints.make().edge is not None
    assert [each.size for each in rows.checkpoints()] == [300, 301]
    opened.close()
