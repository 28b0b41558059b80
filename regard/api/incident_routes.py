"""`/v1/incidents`: what went wrong, who must be told by when, and signs of abuse."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from regard.accountability.abuse_watch import AbuseWatch
from regard.accountability.incidents import Incidents
from regard.api.native_routes import Call, NativeRoute
from regard.domain.authority import Action
from regard.domain.incidents import Incident

Text = Annotated[str, Field(min_length=1, max_length=2000)]
Name = Annotated[str, Field(min_length=1, max_length=255)]


class NewIncident(BaseModel):
    """`recipients` are those of the settings unless given."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["misuse", "breach", "wrong-identification", "malfunction", "rule-broken"]
    severity: Literal["low", "serious", "critical"] = "serious"
    description: Text
    recipients: list[Name] = []


class Told(BaseModel):
    """Who was told, and how."""

    model_config = ConfigDict(extra="forbid")

    recipient: Name
    reference: Name | None = None


class Closing(BaseModel):
    model_config = ConfigDict(extra="forbid")

    resolution: Text


class NoticeShown(BaseModel):
    recipient: str
    due_at: datetime
    notified_at: datetime | None
    reference: str | None


class IncidentShown(BaseModel):
    id: str
    kind: str
    severity: str
    description: str
    facts: dict[str, Any]
    opened_by: str | None
    opened_at: datetime
    overdue: bool
    closed_at: datetime | None
    resolution: str | None
    notices: list[NoticeShown]

    @classmethod
    def of(cls, found: Incident) -> IncidentShown:
        notices = [
            NoticeShown(
                recipient=each.recipient, due_at=each.due_at, notified_at=each.notified_at, reference=each.reference
            )
            for each in found.notices
        ]
        return cls(
            id=found.id,
            kind=found.kind,
            severity=found.severity,
            description=found.description,
            facts=dict(found.facts),
            opened_by=found.opened_by,
            opened_at=found.opened_at,
            overdue=found.closed_at is None and found.overdue(datetime.now(UTC)),
            closed_at=found.closed_at,
            resolution=found.resolution,
            notices=notices,
        )


class IncidentsShown(BaseModel):
    incidents: list[IncidentShown]


class SignalShown(BaseModel):
    """A sign of abuse. It proves nothing."""

    kind: str
    who: str
    count: int
    since: datetime
    until: datetime
    severity: str
    description: str


class SignalsShown(BaseModel):
    signals: list[SignalShown]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentRoutes:
    """Opening incidents, telling of them, closing them; and signs of abuse."""

    incidents: Incidents
    watch: AbuseWatch

    def routes(self) -> tuple[NativeRoute, ...]:
        administer = Action.ADMINISTER
        return (
            NativeRoute("GET", "/incidents", self.show_all, Action.READ, "The incidents"),
            NativeRoute("GET", "/incidents/signals", self.signals, Action.READ, "Signs of abuse in the ledger"),
            NativeRoute("GET", "/incidents/{incident_id}", self.show, Action.READ, "An incident"),
            NativeRoute("POST", "/incidents", self.open, administer, "Open an incident", status=201),
            NativeRoute(
                "POST", "/incidents/{incident_id}/notices", self.notify, administer, "Record that somebody was told"
            ),
            NativeRoute("POST", "/incidents/{incident_id}/close", self.close, administer, "Close an incident"),
        )

    def show_all(self, call: Call, closed: bool = False) -> IncidentsShown:
        found = self.incidents.list(call.grant, closed=closed)
        return IncidentsShown(incidents=[IncidentShown.of(each) for each in found])

    def show(self, call: Call, incident_id: str) -> IncidentShown:
        return IncidentShown.of(self.incidents.get(call.grant, incident_id))

    def open(self, call: Call, given: NewIncident) -> IncidentShown:
        made = self.incidents.open(call.grant, given.kind, given.severity, given.description, given.recipients)
        return IncidentShown.of(made)

    def notify(self, call: Call, incident_id: str, given: Told) -> IncidentShown:
        return IncidentShown.of(self.incidents.notify(call.grant, incident_id, given.recipient, given.reference))

    def close(self, call: Call, incident_id: str, given: Closing) -> IncidentShown:
        return IncidentShown.of(self.incidents.close(call.grant, incident_id, given.resolution))

    def signals(self, call: Call, days: Annotated[float, Field(gt=0, le=3660)] = 1.0) -> SignalsShown:
        found = self.watch.signals(call.grant, timedelta(days=days))
        return SignalsShown(
            signals=[
                SignalShown(
                    kind=each.kind,
                    who=each.who,
                    count=each.count,
                    since=each.since,
                    until=each.until,
                    severity=each.severity,
                    description=each.description,
                )
                for each in found
            ]
        )
