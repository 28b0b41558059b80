"""`/v1/events`: what changed, as it changes, and what waits for whoever listens (server-sent events)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Header
from starlette.responses import Response

from regard.accountability.ledger.ledger_changes import LedgerChanges
from regard.accountability.waiting import Waiting
from regard.api.native_routes import Call, NativeRoute
from regard.api.shapes import Key
from regard.api.streaming import MEDIA, Streams, event
from regard.domain.authority import Action
from regard.engine.jobs.changes import JobChanges

_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRoutes:
    changes: LedgerChanges
    jobs: JobChanges
    waiting: Waiting
    streams: Streams

    def routes(self) -> tuple[NativeRoute, ...]:
        return (NativeRoute("GET", "/events", self.listen, Action.READ, "Hear what changes", media=(MEDIA,)),)

    def listen(self, call: Call, last_event_id: Annotated[Key | None, Header()] = None) -> Response:
        following, waits = self.changes.follow(call.grant, last_event_id), self.waiting.follow(call.grant)
        jobs = self.jobs.follow(call.grant)

        def told(changed: frozenset[str]) -> bytes:
            return event("changed", following.position, {"changed": sorted(changed), "waiting": waits()})

        def look() -> bytes:
            changed = following.changed() | (frozenset({"jobs"}) if jobs.changed() else frozenset())
            return told(changed) if changed else b""

        # What happened to jobs between two streams is not known: whoever comes again looks.
        missed = frozenset({"jobs"}) if last_event_id is not None else frozenset()
        head = f"id: {following.position}\n\n".encode() + told(missed)
        return self.streams.answer(call.grant.caller.principal.access_key_id, head, look, _LOOK_SECONDS)
