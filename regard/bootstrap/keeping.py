"""What keeps the rules after an act: retention, consents, suspensions, incidents, signs of abuse."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

from regard.accountability.abuse_signals import SignalRules
from regard.accountability.abuse_watch import AbuseWatch
from regard.accountability.consents import Consents
from regard.accountability.erasing import Erasing, Receipts
from regard.accountability.gate import Gate
from regard.accountability.incidents import Incidents
from regard.accountability.profiles.rules import Rules
from regard.accountability.retention import Retention
from regard.accountability.standing import Standing
from regard.accountability.suspensions import Suspensions
from regard.accountability.sweeper import Sweeper
from regard.accountability.watchlists import Watchlists
from regard.bootstrap.rules import rules_of
from regard.bootstrap.stores import Stores
from regard.config.sections import split
from regard.config.settings import Settings
from regard.store.receipt_rows import ReceiptRows


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """The doors."""

    consents: Consents
    watchlists: Watchlists
    suspensions: Suspensions
    incidents: Incidents
    signals: AbuseWatch
    retention: Retention
    receipts: Receipts


def keeping(settings: Settings, stores: Stores, erasing: Erasing, standing: Standing) -> Keeping:
    """The doors on one database. `standing` tells the rules of a collection."""
    base, opened = rules_of(settings), stores.database
    receipts = Receipts(opened, erasing, _now)
    incidents = Incidents(opened, split(settings.accountability.incident_recipients), _now)

    def rules_in(collection_id: str) -> Rules:
        return standing.rules(base, collection_id)

    return Keeping(
        consents=Consents(opened, receipts, _now),
        watchlists=Watchlists(opened, _now),
        suspensions=Suspensions(opened, _now),
        incidents=incidents,
        signals=AbuseWatch(opened, incidents, SignalRules(hours=settings.accountability.working_hours), _now),
        retention=Retention(opened, receipts, rules_in, base, _now),
        receipts=receipts,
    )


def sweep_in_the_background(kept: Keeping, gate: Gate, stores: Stores, closing: ExitStack) -> None:
    """A thread that erases what is due and looks for signs of abuse, until `closing` ends it."""
    rows = ReceiptRows(stores.database)
    closing.enter_context(Sweeper(gate, kept.retention, rows, _now, kept.signals.look))


def _now() -> datetime:
    return datetime.now(UTC)
