"""The door to going on after the clock was set back: two people confirm that it is right now, and the ledger before it
was not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from regard.accountability.gate import Grant
from regard.accountability.ledger.ledger import SET_BACK
from regard.domain.authority import Action
from regard.errors import AccessDenied, InvalidParameter
from regard.store.ledger_rows import LedgerRows
from regard.store.resumption_rows import ResumptionRows


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """How far the clock is behind, in seconds, and whether it was confirmed, or another person still has to."""

    behind: float
    confirmed: bool


class LedgerResumption:
    """Entries keep the time of the last one before, and say what the clock says, until the clock is there again."""

    def __init__(
        self,
        ledger: LedgerRows,
        rows: ResumptionRows,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._ledger = ledger
        self._rows = rows
        self._clock = clock

    def resume(self, grant: Grant, reason: str) -> Resumed:
        """Say that the clock is right, or confirm that another person said so. Where the profile knows nobody, one
        person's word is all there is.

        Raises InvalidParameter if the clock is not behind, AccessDenied for a second word of the same person.
        """
        grant.require_all(Action.ADMINISTER)
        last, now = self._ledger.head().recorded_at, self._clock()
        if now >= last - SET_BACK:
            raise InvalidParameter("The clock is not behind the ledger; there is nothing to confirm.")
        behind, by = (last - now).total_seconds(), grant.person_id
        grant.note(clock_behind_seconds=round(behind), reason=reason)
        if by is None:
            self._rows.add(last, now, reason, grant.caller.principal.name[:64], confirmed=True)
            return Resumed(behind=behind, confirmed=True)
        waiting = self._rows.waiting(last)
        if waiting is None or now < waiting.clock - SET_BACK:
            self._rows.add(last, now, reason, by, confirmed=False)
            return Resumed(behind=behind, confirmed=False)
        if waiting.requested_by == by or grant.mandate.holder is None or grant.mandate.holder.is_service:
            raise AccessDenied(
                f"{grant.act.operation} is refused: another person has to confirm that the clock is right."
            )
        self._rows.confirm(waiting.key, by, now)
        return Resumed(behind=behind, confirmed=True)
