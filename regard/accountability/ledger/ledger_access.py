"""The ledger's door for people: checkpoints, receipts, exports, witnesses, and the erasure of bodies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from regard.accountability.gate import Grant
from regard.accountability.ledger.checkpoints import LedgerCheckpoints
from regard.accountability.ledger.export import LedgerExport
from regard.accountability.ledger.ledger_verification import LedgerFault, VerifierKey
from regard.accountability.ledger.witness_client import cosign
from regard.accountability.profiles.rules import Rules
from regard.domain.authority import Action
from regard.domain.people import Role
from regard.domain.reporting import Progress
from regard.errors import AccessDenied, InternalServerError, InvalidParameter
from regard.store.ledger_rows import LedgerRows, StoredCheckpoint

#: Who may read what others did.
_READERS = frozenset({Role.AUDITOR, Role.OVERSEER})


class LedgerAccess:
    """What may be asked of the ledger. Raises InternalServerError where the ledger was changed or cut."""

    def __init__(self, rows: LedgerRows, opening: Callable[[], LedgerCheckpoints]) -> None:
        """`opening` derives the keys, which is to be done only when they are asked for."""
        self._rows = rows
        self._opening = opening

    @cached_property
    def _checkpoints(self) -> LedgerCheckpoints:
        return self._opening()

    @property
    def _export(self) -> LedgerExport:
        return LedgerExport(self._rows, self._checkpoints)

    def keys(self, grant: Grant) -> list[str]:
        """The public keys to verify with, Ed25519 first."""
        grant.require_all(Action.READ)
        return self._checkpoints.keys

    def checkpoint(self, grant: Grant) -> StoredCheckpoint:
        """A checkpoint of all entries, signed, and kept for good."""
        grant.require_all(Action.READ)
        with faults_told():
            return self._checkpoints.make(given_out=True)

    def cosign(self, grant: Grant, checkpoint: StoredCheckpoint, url: str, keys: Sequence[str]) -> StoredCheckpoint:
        """The checkpoint with the signature of the witness at `url` too."""
        grant.require_all(Action.READ)
        with faults_told():
            return cosign(self._checkpoints, checkpoint, url, [VerifierKey.parse(key) for key in keys])

    def positions(self, grant: Grant, request_id: str) -> list[int]:
        """Where the entries of a request are. Raises InvalidParameter if there are none."""
        grant.require_all(Action.READ)
        found = self._rows.positions(request_id)
        if not found:
            raise InvalidParameter(f"The ledger has no entry of the request {request_id}, or its body was erased.")
        return found

    def receipt(self, grant: Grant, position: int) -> str:
        """The proof that an entry is in the ledger, with what it says. Raises AccessDenied for what somebody else did,
        unless to those who may read the whole ledger."""
        grant.require_all(Action.READ)
        self._check_own(grant, position)
        with faults_told():
            return self._export.receipt(position)

    def _check_own(self, grant: Grant, position: int) -> None:
        holder = grant.mandate.holder
        if holder is None or holder.roles & _READERS:
            return
        principal = grant.caller.principal
        own = {"access_key": principal.access_key_id, "name": principal.name}
        for entry in self._rows.entries(position, 1):
            said = {} if entry.body is None else json.loads(entry.body)
            if _tells_too_much(said.get("facts", {})):
                raise AccessDenied(
                    f"{grant.act.operation} is refused: the entry {position} names what is kept from those who search "
                    "and review. Ask an auditor or the overseer for its receipt."
                )
            # An act that was refused before it was known who acts says only by which key.
            by_key = own.items() <= said.get("who", {}).items()
            if said.get("person") == holder.person_id or ("person" not in said and by_key):
                return
        raise AccessDenied(
            f"{grant.act.operation} is refused: the receipt of an entry is for whoever did what it says, for auditors "
            "and for the overseer."
        )

    def export(self, grant: Grant, folder: Path, progress: Progress) -> StoredCheckpoint:
        """Write the ledger into a folder. Raises OSError."""
        grant.require_all(Action.EXPORT)
        grant.tell()  # so that the export tells of itself
        with faults_told():
            return self._export.export(folder, progress)

    def erase(self, grant: Grant, before: datetime, reason: str) -> int:
        """Erase the bodies of entries recorded before a moment, and say so in an entry; how many there were.

        The leaves stay, and so every proof and receipt. Raises AccessDenied where the profile keeps them for longer.
        """
        grant.require_all(Action.DELETE)
        _check_least(grant.rules, before)
        last = self._rows.last_before(before)
        if last is None:
            return 0
        with self._rows.database.write():
            grant.note(erased=[[0, last]], reason=reason)
            return self._rows.erase(0, last)


def _tells_too_much(facts: Mapping[str, Any]) -> bool:
    """Whether it is of a pair, whose case and number tell one whose answer is known from the others; or of a search of
    an earlier Regard, whose pseudonym links cases that nobody has reviewed."""
    return "review" in facts or ("search" in facts and "subject" in facts)


def _check_least(rules: Rules, before: datetime) -> None:
    least = rules.retention.ledger_least_days
    if least is None:
        return
    latest = datetime.now(UTC) - timedelta(days=least)
    if before > latest:
        raise AccessDenied(
            f"The profile {rules.name} keeps what entries say for {least:g} days at least: erase those from before "
            f"{latest:%Y-%m-%d}."
        )


@contextmanager
def faults_told() -> Iterator[None]:
    """Has whoever asks told what is wrong with the ledger."""
    try:
        yield
    except LedgerFault as fault:
        raise InternalServerError(str(fault), public=str(fault)) from fault
