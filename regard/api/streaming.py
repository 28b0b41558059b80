"""Server-sent events: answers that go on. They take no thread and no turn while nothing happens."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from regard.accountability.gate import Grant
from regard.edge.request_pipeline import RequestPipeline
from regard.errors import Throttling

MEDIA = "text/event-stream"
#: Then the client asks again, and the gate looks again at who that is.
_LONGEST_SECONDS = 300.0
#: A line that says nothing, so that what is between does not take the connection for dead.
_ALIVE, _ALIVE_SECONDS = b": here\n\n", 15.0
_MOST, _MOST_OF_ONE = 1000, 16
#: nginx would keep an answer back until it is long enough.
_AT_ONCE = {"X-Accel-Buffering": "no"}
#: What is told at one moment, in any number of events; b"" if there is nothing to tell, None where
#: the stream ends.
Look = Callable[[], bytes | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """All streams of a server together: there are so many at once at most, and of one caller."""

    pipeline: RequestPipeline
    #: Whether whoever listens is still who they were when they began.
    still: Callable[[Grant], bool]
    listening: Counter[str] = field(default_factory=Counter)
    lock: Lock = field(default_factory=Lock)

    def answer(self, grant: Grant, head: bytes, look: Look, seconds: float) -> Response:
        """A stream for whoever holds the grant, that begins with `head`; `look` is asked every so many seconds, in a
        thread, as long as they may hear it. Raises Throttling."""
        who = grant.caller.principal.access_key_id
        with self.lock:
            if self.listening.total() >= _MOST or self.listening[who] >= _MOST_OF_ONE:
                raise Throttling("Too many pages listen for what changes. Close some, or look again by yourself.")
            self.listening[who] += 1
        told = self._told(head, lambda: look() if self.still(grant) else None, seconds)
        return _Stream(told, lambda: self._left(who))

    def _left(self, who: str) -> None:
        with self.lock:
            self.listening[who] -= 1
            if not self.listening[who]:
                del self.listening[who]

    async def _told(self, head: bytes, look: Look, seconds: float) -> AsyncIterator[bytes]:
        begun = spoken = time.monotonic()
        yield b"retry: 2000\n" + head
        while not self.pipeline.ended and time.monotonic() - begun < _LONGEST_SECONDS:
            told = await self.pipeline.aside(look)
            if told is None:
                return
            if not told and time.monotonic() - spoken > _ALIVE_SECONDS:
                told = _ALIVE
            if told:
                yield told
                spoken = time.monotonic()
            await asyncio.sleep(seconds)


class _Stream(StreamingResponse):
    """Counted from when it was promised until it has ended, however that is."""

    def __init__(self, told: AsyncIterator[bytes], left: Callable[[], None]) -> None:
        super().__init__(told, media_type=MEDIA, headers=_AT_ONCE)
        self._gone = left

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._gone()


def event(name: str, position: int | str, data: dict[str, Any]) -> bytes:
    """An event, by whose position a client that comes again says what it has heard."""
    return f"id: {position}\nevent: {name}\ndata: {json.dumps(data)}\n\n".encode()
