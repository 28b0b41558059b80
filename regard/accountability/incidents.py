"""Incidents: what went wrong, who must be told by when, who was, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from regard.accountability.gate import Grant
from regard.accountability.plain_words import check_words
from regard.accountability.secret_keys import new_id
from regard.accountability.suspensions import checked_reason
from regard.domain.authority import Action
from regard.domain.incidents import Incident
from regard.errors import InvalidParameter, ResourceNotFound
from regard.store.database import Database
from regard.store.incident_rows import IncidentRows

#: Unlawful or unauthorised use, data that left or were lost, a wrong identification, a fault, a broken rule; and what
#: the machine notices by itself.
KINDS = ("misuse", "breach", "wrong-identification", "malfunction", "rule-broken", "signal")
SEVERITIES = ("low", "serious", "critical")
_LONGEST_NAME = 255
_PREFIX = "I-"


class Incidents:
    """Opens, lists and closes incidents. `recipients` are those who are told of each, unless it names others."""

    def __init__(self, database: Database, recipients: Sequence[str], clock: Callable[[], datetime]) -> None:
        self._database = database
        self._rows = IncidentRows(database)
        self._recipients = tuple(recipients)
        self._clock = clock

    def open(
        self,
        grant: Grant,
        kind: str,
        severity: str,
        description: str,
        recipients: Sequence[str] = (),
        facts: Mapping[str, Any] | None = None,
    ) -> Incident:
        """Open one; its recipients must be told within the hours of the profile (`incident_hours`), at once for a
        critical one. Raises InvalidParameter."""
        grant.require_all(Action.ADMINISTER)
        if kind not in KINDS or severity not in SEVERITIES:
            raise InvalidParameter(f"The kinds are {', '.join(KINDS)}; the severities {', '.join(SEVERITIES)}.")
        told = tuple(dict.fromkeys(_name(each) for each in recipients or self._recipients))
        now = self._clock()
        due = now if severity == "critical" else now + timedelta(hours=grant.rules.incident_hours)
        made = Incident(
            id=new_id(_PREFIX),
            kind=kind,
            severity=severity,
            description=checked_reason(description),
            facts=facts or {},
            opened_by=grant.person_id,
            opened_at=now,
        )
        with self._database.write():
            self._rows.open(made, [(each, due) for each in told])
            grant.note(incident=made.id, incident_kind=kind, severity=severity)
        return self._get(made.id)

    def list(self, grant: Grant, *, closed: bool = False) -> Sequence[Incident]:
        """Those that are open, the oldest first; with `closed` the others too."""
        grant.require_all(Action.READ)
        return self._rows.all(closed=closed)

    def get(self, grant: Grant, incident_id: str) -> Incident:
        """Raises ResourceNotFound."""
        grant.require_all(Action.READ)
        return self._get(incident_id)

    def notify(self, grant: Grant, incident_id: str, recipient: str, reference: str | None = None) -> Incident:
        """Record that somebody was told: a recipient who was to be, or another. Raises ResourceNotFound."""
        grant.require_all(Action.ADMINISTER)
        found, now = self._get(incident_id), self._clock()
        named, said = _name(recipient), None if reference is None else _name(reference)
        with self._database.write():
            if all(each.recipient != named for each in found.notices):
                self._rows.add_recipient(incident_id, named, now)
            if not self._rows.notify(incident_id, named, grant.person_id, now, said):
                raise InvalidParameter(f"{named} has been told of {incident_id} already.")
            grant.note(incident=incident_id)
        return self._get(incident_id)

    def close(self, grant: Grant, incident_id: str, resolution: str) -> Incident:
        """Close one, once everybody was told. Raises InvalidParameter until then, ResourceNotFound if there is none."""
        grant.require_all(Action.ADMINISTER)
        found = self._get(incident_id)
        waiting = [each.recipient for each in found.notices if each.notified_at is None]
        if waiting:
            raise InvalidParameter(
                f"{', '.join(waiting)} must be told of {incident_id} before it is closed: `regard incidents notify`."
            )
        with self._database.write():
            if not self._rows.close(incident_id, grant.person_id, self._clock(), checked_reason(resolution)):
                raise InvalidParameter(f"The incident {incident_id} is closed already.")
            grant.note(incident=incident_id)
        return self._get(incident_id)

    def overdue(self, grant: Grant) -> Sequence[Incident]:
        """Open ones of which somebody should have been told by now, and was not."""
        return [each for each in self.list(grant) if each.overdue(self._clock())]

    def _get(self, incident_id: str) -> Incident:
        found = self._rows.get(incident_id)
        if found is None:
            raise ResourceNotFound(
                f"There is no incident {incident_id}; `regard incidents list` shows those there are."
            )
        return found


def _name(text: str) -> str:
    said = text.strip()
    check_words("the name of a recipient or in the reference", said)
    if not said or len(said) > _LONGEST_NAME:
        raise InvalidParameter(f"A recipient or a reference has 1 to {_LONGEST_NAME} characters.")
    return said
