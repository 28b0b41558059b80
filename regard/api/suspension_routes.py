"""`/v1/suspensions`: stop everything, a collection, a person or an authorisation, in one call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from regard.accountability.suspensions import Suspensions
from regard.api.native_routes import Call, NativeRoute
from regard.api.shapes import Key
from regard.domain.authority import Action
from regard.domain.suspensions import Suspension


class NewSuspension(BaseModel):
    """What to stop: `subject` is its name or id, left out for everything."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["everything", "collection", "person", "service", "authorisation"]
    subject: Annotated[str, Field(max_length=255)] = ""
    reason: Annotated[str, Field(min_length=1, max_length=2000)]


class SuspensionShown(BaseModel):
    number: int
    kind: str
    subject: str
    reason: str
    started_by: str | None
    started_at: datetime
    ended_by: str | None
    ended_at: datetime | None

    @classmethod
    def of(cls, found: Suspension) -> SuspensionShown:
        return cls(
            number=found.key,
            kind=found.kind,
            subject=found.subject,
            reason=found.reason,
            started_by=found.started_by,
            started_at=found.started_at,
            ended_by=found.ended_by,
            ended_at=found.ended_at,
        )


class SuspensionsShown(BaseModel):
    suspensions: list[SuspensionShown]


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspensionRoutes:
    """Suspending, and lifting that."""

    suspensions: Suspensions

    def routes(self) -> tuple[NativeRoute, ...]:
        administer = Action.ADMINISTER
        return (
            NativeRoute("GET", "/suspensions", self.show, Action.READ, "What is suspended"),
            NativeRoute("POST", "/suspensions", self.begin, administer, "Suspend something at once", status=201),
            NativeRoute("POST", "/suspensions/{number}/lift", self.lift, administer, "Lift one that another began"),
        )

    def show(self, call: Call, ended: bool = False) -> SuspensionsShown:
        found = self.suspensions.list(call.grant, ended=ended)
        return SuspensionsShown(suspensions=[SuspensionShown.of(each) for each in found])

    def begin(self, call: Call, given: NewSuspension) -> SuspensionShown:
        return SuspensionShown.of(self.suspensions.begin(call.grant, given.kind, given.subject, given.reason))

    def lift(self, call: Call, number: Key) -> SuspensionShown:
        return SuspensionShown.of(self.suspensions.lift(call.grant, number))
