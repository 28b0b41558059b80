"""A kind of job that is done in a moment, and goes wrong as its request says."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from regard.accountability.gate import Gate, Grant
from regard.accountability.profiles.catalogue import OPEN
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.callers import Principal
from regard.domain.jobs import Job, NewJob, StoredObject
from regard.engine.jobs.announcer import Announcer
from regard.engine.jobs.chunk_work import ChunkWork
from regard.engine.jobs.endings import Endings
from regard.engine.jobs.sorting import ordered
from regard.engine.jobs.task import Beat, ChunkResult, Found, JobEnding, JobFailed, Part, Plan, Span
from regard.errors import InternalServerError
from regard.store import database
from regard.store.database import Database

TOY = "TOY"
#: A chunk's length in ms.
LENGTH = 60_000


class ToyTask:
    """`request`: chunks, items of each chunk, seconds that each chunk takes, in_order; what goes wrong: `unreadable`,
    `broken` (a chunk that fails for good), `flaky` (one that fails at first), `deadly` and `hanging` (one that ends its
    worker, or never comes back)."""

    def __init__(self) -> None:
        self.passes: list[list[tuple[str, int]]] = []

    def plan(self, job: Job, grant: Grant) -> Plan:
        grant.require(grant.act.action)
        if job.request.get("unreadable"):
            raise JobFailed("Unsupported codec/format")
        spans = [Span(from_ms=at * LENGTH, to_ms=(at + 1) * LENGTH) for at in range(job.request.get("chunks", 1))]
        return Plan(spans=spans, metadata={"Codec": "toy"}, in_order=bool(job.request.get("in_order")))

    def run(self, parts: Sequence[Part], beat: Beat) -> Sequence[ChunkResult | JobFailed]:
        self.passes.append([(part.job.id, part.chunk.number) for part in parts])
        seconds = max(float(part.job.request.get("seconds", 0)) for part in parts)
        steps = max(1, round(seconds / 0.01))
        for step in range(steps):
            time.sleep(seconds / steps)
            beat(step / steps)
        return [self._result(part) for part in parts]

    def _result(self, part: Part) -> ChunkResult | JobFailed:
        request, chunk = part.job.request, part.chunk
        if chunk.number == request.get("deadly"):
            os.kill(os.getpid(), signal.SIGSEGV)
        if chunk.number == request.get("hanging"):
            time.sleep(3600)
        if chunk.number == request.get("broken"):
            return JobFailed("More than half of its pictures are damaged")
        if chunk.number == request.get("flaky") and chunk.attempt <= request.get("failures", 1):
            raise InternalServerError(public="The S3 store did not deliver the object.")
        seen = chunk.resume.get("seen", 0)
        items = [_item(chunk.from_ms, at, seen) for at in range(request.get("items", 3))]
        return ChunkResult(items=items, resume={"seen": seen + len(items)}, counts={"pictures": len(items)})

    def finish(self, job: Job, found: Found) -> JobEnding:
        if found.counts.get("pictures", 0) > job.request.get("most", 1 << 40):
            raise JobFailed("Too many pictures")
        return JobEnding(orders={"NAME": ordered(found, lambda item: (item["name"], item["at"]))})


def _item(from_ms: int, at: int, seen: int) -> Mapping[str, Any]:
    moment = from_ms + at
    return {
        "at": moment,
        "name": f"n{moment % 7}",
        "Timestamp": moment,
        "Label": {"Name": f"n{moment % 7}", "Seen": seen},
    }


def caller(key: str = "A") -> Caller:
    return Caller(principal=Principal(access_key_id=key, name=f"user {key}"), channel=Channel.AWS, request_id="r")


ACT = Act(action=Action.DETECT, operation="StartToy", medium="recorded")


def new_job(name: str = "clip.mp4", kind: str = TOY, **request: Any) -> NewJob:
    return NewJob(kind=kind, request=request, object=StoredObject(bucket="videos", name=name, etag='"1"', size=10))


def now() -> datetime:
    return datetime.now(UTC)


def endings(opened: Database, lease: float = 30.0, announcer: Announcer | None = None) -> Endings:
    return Endings(opened, announcer or Announcer(), now, lease=timedelta(seconds=lease))


def toy_work(url: str, lease: float, announcer: Announcer | None = None) -> ChunkWork:
    """Made in a process of its own."""
    opened = database.open(url)
    return work_of(opened, endings(opened, lease, announcer), ToyTask(), beat_seconds=lease / 4)


def work_of(
    opened: Database, ends: Endings, task: ToyTask, gate: Gate | None = None, beat_seconds: float = 0.0
) -> ChunkWork:
    return ChunkWork({TOY: task}, gate or Gate(OPEN), opened, ends, beat_seconds=beat_seconds)
