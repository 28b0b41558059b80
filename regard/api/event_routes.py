"""`/v1/events`: what changed, as it changes, for those who have a page open (server-sent events)."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Header
from starlette.responses import Response, StreamingResponse

from regard.accountability.ledger.ledger_changes import Following, LedgerChanges
from regard.api.native_routes import Call, NativeRoute
from regard.domain.authority import Action
from regard.edge.request_pipeline import RequestPipeline
from regard.engine.jobs.changes import JobChanges, JobsFollowing
from regard.errors import Throttling

_MEDIA = "text/event-stream"
#: Then the client asks again, and the gate looks again at who that is.
_LONGEST_SECONDS = 300.0
_LOOK_SECONDS = 1.0
#: A line that says nothing, so that what is between does not take the connection for dead.
_ALIVE, _ALIVE_SECONDS = b": here\n\n", 15.0
_MOST, _MOST_OF_ONE = 1000, 16


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRoutes:
    """Streams take no thread and no turn while nothing happens."""

    changes: LedgerChanges
    jobs: JobChanges
    pipeline: RequestPipeline
    listening: Counter[str] = field(default_factory=Counter)

    def routes(self) -> tuple[NativeRoute, ...]:
        return (NativeRoute("GET", "/events", self.listen, Action.READ, "Hear what changes", media=(_MEDIA,)),)

    def listen(self, call: Call, last_event_id: Annotated[int | None, Header(ge=0)] = None) -> Response:
        who = call.grant.caller.principal.access_key_id
        if self.listening.total() >= _MOST or self.listening[who] >= _MOST_OF_ONE:
            raise Throttling("Too many pages listen for what changes. Close some, or look again by yourself.")
        following = self.changes.follow(call.grant, last_event_id)
        return StreamingResponse(self._told(who, following, self.jobs.follow(call.grant)), media_type=_MEDIA)

    async def _told(self, who: str, following: Following, jobs: JobsFollowing) -> AsyncIterator[bytes]:
        begun = spoken = time.monotonic()
        self.listening[who] += 1
        try:
            yield f"retry: 2000\nid: {following.position}\n\n".encode()
            while not self.pipeline.ended and time.monotonic() - begun < _LONGEST_SECONDS:
                changed = await self.pipeline.aside(following.changed)
                if await self.pipeline.aside(jobs.changed):
                    changed |= {"jobs"}
                if changed:
                    yield _event(following.position, sorted(changed))
                    spoken = time.monotonic()
                elif time.monotonic() - spoken > _ALIVE_SECONDS:
                    yield _ALIVE
                    spoken = time.monotonic()
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            self.listening[who] -= 1
            if not self.listening[who]:
                del self.listening[who]


def _event(position: int, topics: list[str]) -> bytes:
    return f"id: {position}\nevent: changed\ndata: {json.dumps({'changed': topics})}\n\n".encode()
