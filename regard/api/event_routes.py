"""`/v1/events`: what changed, as it changes, and what waits for whoever listens (server-sent events)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Header
from starlette.responses import Response

from regard.accountability.ledger.ledger_changes import LedgerChanges
from regard.accountability.waiting import Waiting
from regard.api.native_routes import Call, NativeRoute
from regard.api.stream_places import StreamPlaces
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
    places: StreamPlaces = field(default_factory=StreamPlaces)

    def routes(self) -> tuple[NativeRoute, ...]:
        return (NativeRoute("GET", "/events", self.listen, Action.READ, "Hear what changes", media=(MEDIA,)),)

    def listen(self, call: Call, last_event_id: Annotated[str | None, Header(max_length=64)] = None) -> Response:
        following = self.changes.follow(call.grant, self.places.position(last_event_id))
        jobs, waits = self.jobs.follow(call.grant), self.waiting.follow(call.grant)
        reviews = waits().get("reviews")

        def told(changed: frozenset[str]) -> bytes:
            said = {"changed": sorted(changed), "waiting": waits()}
            return event("changed", self.places.name(following.position), said)

        def look() -> bytes:
            nonlocal reviews
            changed = following.changed() | (frozenset({"jobs"}) if jobs.changed() else frozenset())
            if "reviews" in changed:
                # That there was a search is nothing to hear: only whether there is a pair now.
                before, reviews = reviews, waits().get("reviews")
                changed = changed if before != reviews else changed - {"reviews"}
            return told(changed) if changed else b""

        # What happened to jobs between two streams is not known: whoever comes again looks.
        missed = frozenset({"jobs"}) if last_event_id is not None and jobs.wanted else frozenset()
        head = f"id: {self.places.name(following.position)}\n\n".encode() + told(missed)
        return self.streams.answer(call.grant, head, look, _LOOK_SECONDS)
