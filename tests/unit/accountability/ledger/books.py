"""A ledger on a database of its own, for tests: acts that pass a gate, and what is exported of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from regard.accountability.gate import Gate, Grant
from regard.accountability.ledger.checkpoints import LedgerCheckpoints
from regard.accountability.ledger.export import LedgerExport
from regard.accountability.ledger.ledger import Ledger
from regard.accountability.ledger.ledger_access import LedgerAccess
from regard.accountability.ledger.ledger_verification import Findings, VerifierKey, verify_export
from regard.accountability.ledger.signed_notes import NoteSigner
from regard.accountability.profiles.catalogue import RECORDED
from regard.accountability.profiles.rules import Rules
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.callers import Principal
from regard.store import database
from regard.store.ledger_rows import LedgerRows

ORIGIN = "regard.local/test"


def derived(seed: str) -> Callable[[str], bytes]:
    """32 bytes for each purpose, as a key file gives them."""
    return lambda purpose: hashlib.sha256(f"{seed} {purpose}".encode()).digest()


class Book:
    """A database with a ledger, whose acts are those of `profile`."""

    def __init__(self, home: Path, profile: Rules = RECORDED, *, url: str | None = None, seed: str = "key") -> None:
        self.home = home
        self.moment: datetime | None = None
        self.database = database.open(url or f"sqlite:///{home / 'regard.db'}")
        self.rows = LedgerRows(self.database)
        self.ledger = Ledger(lambda: nullcontext(self.database), clock=lambda: self.moment or datetime.now(UTC))
        self.gate = Gate(profile, self.ledger)
        self.signer = NoteSigner.of_log(ORIGIN, derived(seed))
        self.checkpoints = LedgerCheckpoints(self.rows, self.signer, home / "ledger" / "checkpoint")
        self.access = LedgerAccess(self.rows, lambda: self.checkpoints)

    @property
    def keys(self) -> list[VerifierKey]:
        return self.signer.keys

    @contextmanager
    def act(
        self, action: Action = Action.SEARCH, collection: str | None = "staff", *, request: str = "r1"
    ) -> Iterator[Grant]:
        caller = Caller(principal=Principal(access_key_id="RGRD1", name="ada"), channel=Channel.AWS, request_id=request)
        with self.gate.open(caller, Act(action=action, operation="an act", collection=collection)) as grant:
            yield grant

    def search(self, times: int = 1) -> None:
        for number in range(times):
            with self.act(request=f"r{number}") as grant:
                grant.note(gallery_size=number)

    def bodies(self) -> list[dict[str, Any]]:
        """What the entries say; {} where it was erased."""
        entries = self.rows.entries(0, 1_000_000)
        return [json.loads(each.body) if each.body else {} for each in entries]

    def export(self, folder: Path) -> Path:
        LedgerExport(self.rows, self.checkpoints).export(folder, lambda *_: None)
        return folder

    def verify(self, folder: Path) -> Findings:
        """Export, and verify what was exported."""
        return verify_export(self.export(folder), self.keys)

    def close(self) -> None:
        self.database.close()
