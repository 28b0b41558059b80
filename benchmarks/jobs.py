"""What jobs cost: `make bench-jobs`. A page of 1,000 among 324,000 items (six hours of video, five looks a second,
three faces each), in each order; the ending that makes those orders; a claim among many jobs.

`--scale 0.1` is a quick try; `--database URL` takes another database than a new SQLite.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from benchmarks import markdown
from regard.accountability.gate import Gate, Grant
from regard.accountability.profiles.catalogue import OPEN
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.callers import Principal
from regard.domain.jobs import Job, JobState, NewJob, StoredObject
from regard.engine.jobs.announcer import Announcer
from regard.engine.jobs.chunk_work import ChunkWork
from regard.engine.jobs.endings import Endings
from regard.engine.jobs.queue import JobQueue
from regard.engine.jobs.sorting import ordered
from regard.engine.jobs.task import Beat, ChunkResult, Found, JobEnding, JobFailed, Part, Plan, Span
from regard.store import database

CHUNKS, ITEMS, PAGE = 360, 900, 1000
PAGES = 200
JOBS = 100
ACT = Act(action=Action.DETECT, operation="StartFaceDetection", medium="recorded")


class Faces:
    """Finds as many faces in each minute as there would be, each as AWS describes one."""

    def __init__(self, chunks: int) -> None:
        self._chunks = chunks
        self._chance = random.Random(1)  # noqa: S311 - no secret

    def plan(self, job: Job, grant: Grant) -> Plan:
        grant.require(grant.act.action)
        del job
        return Plan(spans=[Span(from_ms=at * 60_000, to_ms=(at + 1) * 60_000) for at in range(self._chunks)])

    def run(self, parts: Sequence[Part], beat: Beat) -> Sequence[ChunkResult | JobFailed]:
        beat(0.0)
        return [ChunkResult(items=[self._face(part, at) for at in range(ITEMS)]) for part in parts]

    def finish(self, job: Job, found: Found) -> JobEnding:
        del job
        return JobEnding(orders={"INDEX": ordered(found, lambda item: item["index"])})

    def _face(self, part: Part, at: int) -> Mapping[str, Any]:
        number = self._chance.random
        moment = part.chunk.from_ms + at // 3 * 200
        kinds = ("eyeLeft", "eyeRight", "mouthLeft", "mouthRight", "nose")
        face = {
            "BoundingBox": {name: number() for name in ("Width", "Height", "Left", "Top")},
            "Landmarks": [{"Type": kind, "X": number(), "Y": number()} for kind in kinds],
            "Pose": {name: number() * 90 for name in ("Roll", "Yaw", "Pitch")},
            "Quality": {"Brightness": number() * 100, "Sharpness": number() * 100},
            "Emotions": [{"Type": f"EMOTION{each}", "Confidence": number() * 100} for each in range(8)],
            "Confidence": number() * 100,
        }
        return {"at": moment, "index": int(number() * 50), "Timestamp": moment, "Face": face}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--database")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = chosen.database or f"sqlite:///{Path(folder) / 'regard.db'}"
        rows = list(measured(url, max(2, round(CHUNKS * chosen.scale))))
    markdown.table("Jobs", ("what", "median", "95 %", "processor, median"), rows)


def measured(url: str, chunks: int) -> Iterator[tuple[str, ...]]:
    opened = database.open(url)
    ends = Endings(opened, Announcer(), _now, lease=timedelta(minutes=10))
    queue = JobQueue(opened, account_id="1", kept=timedelta(days=7), clock=_now)
    gate, work = Gate(OPEN), ChunkWork({"FACES": Faces(chunks)}, Gate(OPEN), opened, ends, beat_seconds=60)
    with gate.open(_caller("A"), ACT) as grant:
        job = queue.submit(grant, _new())
        ending = (0.0, 0.0)
        while claims := ends.claims.claim("w", 20):
            ending = _timed(lambda claims=claims: work(claims))  # type: ignore[misc]
        done = queue.get(grant, job.id, "FACES")
        assert done.state is JobState.SUCCEEDED, done.message
        total = chunks * ITEMS
        yield f"ending, {total:,} items, two orders", f"{ending[0]:.1f} s", "–", f"{ending[1]:.1f} s"
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        yield "memory of all of it, at most", f"{memory:.0f} MB", "–", "–"
        chance = random.Random(2)  # noqa: S311 - no secret
        for ordering in ("TIMESTAMP", "INDEX"):
            places = [chance.randrange(total - PAGE) for _ in range(PAGES)]
            seconds = [_timed(partial(queue.page, grant, done, ordering, after, PAGE)) for after in places]
            yield f"page of {PAGE:,} by {ordering}", *_shown(seconds)
    for number in range(JOBS):
        with gate.open(_caller(f"key{number // 20}"), ACT) as grant:
            queue.submit(grant, _new(f"clip{number}.mp4"))
    seconds = [_timed(partial(ends.claims.claim, "w", 20)) for _ in range(JOBS)]
    yield f"claim among {JOBS} jobs", *_shown(seconds)
    opened.close()


def _timed(act: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of the processor."""
    start, busy = time.perf_counter(), time.process_time()
    act()
    return time.perf_counter() - start, time.process_time() - busy


def _shown(seconds: Sequence[tuple[float, float]]) -> tuple[str, str, str]:
    clock, busy = zip(*seconds, strict=True)
    return f"{median(clock) * 1e3:.1f} ms", f"{quantiles(clock, n=20)[-1] * 1e3:.1f} ms", f"{median(busy) * 1e3:.1f} ms"


def _caller(key: str) -> Caller:
    return Caller(principal=Principal(access_key_id=key, name=key), channel=Channel.AWS)


def _new(name: str = "game.mp4") -> NewJob:
    return NewJob(kind="FACES", request={}, object=StoredObject(bucket="videos", name=name, etag="1", size=1))


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    main()
