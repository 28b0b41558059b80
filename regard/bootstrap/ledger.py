"""The ledger, where the profile has one: heard by the gate, and signed by a thread of each server."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path

from regard.accountability.gate import Gate
from regard.accountability.ledger.checkpoints import LedgerCheckpoints
from regard.accountability.ledger.export import LedgerExport
from regard.accountability.ledger.keeper import LedgerKeeper
from regard.accountability.ledger.ledger import Ledger
from regard.accountability.ledger.ledger_access import LedgerAccess
from regard.accountability.ledger.ledger_changes import LedgerChanges
from regard.accountability.ledger.ledger_reading import LedgerReading
from regard.accountability.ledger.ledger_verification import LedgerFault, VerifierKey
from regard.accountability.ledger.signed_notes import NoteSigner, shown
from regard.accountability.ledger.witness import Witness
from regard.accountability.secret_box import SecretBox
from regard.bootstrap.accountability import gate
from regard.bootstrap.profile_changes import notice_profile
from regard.bootstrap.rules import rules_of
from regard.bootstrap.stores import Stores, open_stores
from regard.config.settings import Settings
from regard.errors import RegardError, SettingsError
from regard.store.database import Database
from regard.store.profile_rows import ProfileRows

log = logging.getLogger(__name__)


def is_recorded(settings: Settings) -> bool:
    """Whether the profile of the settings has a ledger."""
    return rules_of(settings).ledger


@contextmanager
def gate_of_commands(settings: Settings) -> Iterator[Gate]:
    """The gate of a command, with a database of its own, opened when it is first needed: it is asked before the command
    opens its own, also while that one is being written to, and holds entries that are no part of its transactions."""
    with ExitStack() as closing:
        opened: list[Stores] = []

        def stores() -> Stores:
            if not opened:
                opened.append(open_stores(settings, closing))
            return opened[0]

        @contextmanager
        def opening() -> Iterator[Database]:
            yield stores().database

        ledger = Ledger(opening, clock=_now)
        if _copy(settings).exists():
            ledger.fault = _fault(settings, stores())
        _warn(settings, ledger, *opened)
        try:
            yield gate(settings, ledger, opening)
        finally:
            if settings.store.database is not None:  # other homes may share it
                with suppress(RegardError):
                    stores()
            _warn(settings, ledger, *opened)  # a command may have made the home
            if ledger.unsigned and ledger.fault is None:
                _sign(settings, stores())


def open_ledger(settings: Settings, stores: Stores, closing: ExitStack) -> Ledger:
    """The ledger of a server, with a thread that signs checkpoints until `closing` ends it. Where no profile has one,
    nothing is written to it.

    Raises SettingsError if the ledger was cut or changed since its last checkpoint.
    """
    ledger, checkpoints = Ledger(lambda: nullcontext(stores.database), clock=_now), _checkpoints(settings, stores)
    try:
        if is_recorded(settings) or checkpoints.begun:
            checkpoints.make()
    except LedgerFault as fault:
        raise SettingsError(str(fault)) from fault
    _warn(settings, ledger, stores)
    closing.enter_context(LedgerKeeper(ledger, checkpoints))
    return ledger


def _fault(settings: Settings, stores: Stores) -> str | None:
    """Whether the entries are not those that were signed last: nothing is done then, as a server does nothing."""
    try:
        _checkpoints(settings, stores).check()
    except LedgerFault as fault:
        return str(fault)
    return None


def _sign(settings: Settings, stores: Stores) -> None:
    """Sign what a command has written, so that the database cannot be set back to before it."""
    try:
        _checkpoints(settings, stores).make()
    except (LedgerFault, RegardError, OSError) as error:  # what was done is done and written
        log.warning("No checkpoint could be signed: %s", error)


def _copy(settings: Settings) -> Path:
    """Where the last checkpoint is kept outside of the database."""
    return settings.home / "ledger" / "checkpoint"


def _warn(settings: Settings, ledger: Ledger, stores: Stores | None = None) -> None:
    rows = None if stores is None else ProfileRows(stores.database)
    if warning := notice_profile(settings, ledger, rows):
        log.warning("%s", warning)


def ledger_access(settings: Settings, stores: Stores) -> LedgerAccess:
    """The ledger's door, whether the profile has entries written to it or not."""
    return LedgerAccess(stores.ledger, lambda: _checkpoints(settings, stores))


def ledger_reading(settings: Settings, stores: Stores) -> LedgerReading:
    """The ledger's door for readers."""
    return LedgerReading(stores.ledger, lambda: _checkpoints(settings, stores))


def ledger_changes(stores: Stores) -> LedgerChanges:
    """What tells those who listen of changes."""
    return LedgerChanges(stores.ledger)


def receipts(settings: Settings, stores: Stores) -> Callable[[int], str]:
    """What gives the proof that an entry is in the ledger, by its number."""
    return lambda position: LedgerExport(stores.ledger, _checkpoints(settings, stores)).receipt(position)


def witness_of(settings: Settings, name: str, logs: list[str]) -> tuple[Witness, list[str]]:
    """A witness that keeps what it saw, and its key, in the home; and its public keys. Raises SettingsError."""
    signer = NoteSigner.of_witness(name, SecretBox(settings.home / "seal.key").derive)
    try:
        known = [VerifierKey.parse(each) for each in logs]
    except LedgerFault as fault:
        raise SettingsError(str(fault)) from fault
    return Witness(signer, known, settings.home / "witness"), [shown(key) for key in signer.keys]


def _checkpoints(settings: Settings, stores: Stores) -> LedgerCheckpoints:
    name = f"regard.local/{stores.database.identity()}"
    signer = NoteSigner.of_log(name, SecretBox(settings.home / "seal.key").derive)
    return LedgerCheckpoints(stores.ledger, signer, _copy(settings))


def _now() -> datetime:
    return datetime.now(UTC)
