"""Pages of a long video's results as a client reads them from a server, and starting a job on a large object: part of
`make bench-jobs`.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from benchmarks.parts import Measured
from benchmarks.replayed import Line, line
from benchmarks.served import Key, Served, new_keys, served
from benchmarks.signed_client import Prepared, SignedClient, Tally
from regard.accountability.gate import Gate, Grant
from regard.accountability.profiles.catalogue import OPEN
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.callers import Principal
from regard.domain.jobs import Job, JobState, NewJob, StoredObject
from regard.engine.jobs.announcer import Announcer
from regard.engine.jobs.chunk_work import ChunkWork
from regard.engine.jobs.endings import Endings
from regard.engine.jobs.queue import MOST_JOBS, JobQueue
from regard.engine.jobs.sorting import ordered
from regard.engine.jobs.task import Beat, ChunkResult, Found, JobEnding, JobFailed, Part, Plan, Span
from regard.engine.video.video_jobs import MOST_VIDEO_BYTES
from regard.store import database

#: Six hours in minutes, and the faces of each: five looks a second, three faces a look.
CHUNKS, ITEMS, TOGETHER = 360, 900, 3
PAGE, INDICES = 1000, 48
KIND, ACT = "FACE_SEARCH", Act(action=Action.DETECT, operation="StartFaceSearch", medium="recorded")
METADATA = {
    "VideoMetadata": {
        "Codec": "h264",
        "DurationMillis": CHUNKS * 60_000,
        "Format": "QuickTime / MOV",
        "FrameRate": 25.0,
        "FrameHeight": 1080,
        "FrameWidth": 1920,
        "ColorRange": "LIMITED",
    }
}


class Faces:
    """Finds as many people in each minute as there would be, each as AWS describes one."""

    def __init__(self, chunks: int) -> None:
        self._chunks = chunks
        self._chance = random.Random(1)  # noqa: S311 - no secret

    def plan(self, job: Job, grant: Grant) -> Plan:
        grant.require(grant.act.action)
        del job
        spans = [Span(from_ms=at * 60_000, to_ms=(at + 1) * 60_000) for at in range(self._chunks)]
        return Plan(spans=spans, metadata=METADATA)

    def run(self, parts: Sequence[Part], beat: Beat) -> Sequence[ChunkResult | JobFailed]:
        beat(0.0)
        return [ChunkResult(items=[self._person(part, at) for at in range(ITEMS)]) for part in parts]

    def finish(self, job: Job, found: Found) -> JobEnding:
        del job
        return JobEnding(orders={"INDEX": ordered(found, lambda item: (item["index"], -item["confidence"]))})

    def _person(self, part: Part, at: int) -> Mapping[str, Any]:
        number = self._chance.random
        moment = part.chunk.from_ms + at // TOGETHER * 200
        index = at % TOGETHER + TOGETHER * int(number() * INDICES / TOGETHER)
        kinds = ("eyeLeft", "eyeRight", "mouthLeft", "mouthRight", "nose")
        box = {name: number() for name in ("Width", "Height", "Left", "Top")}
        face = {
            "BoundingBox": box,
            "Landmarks": [{"Type": kind, "X": number(), "Y": number()} for kind in kinds],
            "Pose": {name: number() * 90 for name in ("Roll", "Yaw", "Pitch")},
            "Quality": {"Brightness": number() * 100, "Sharpness": number() * 100},
            "Confidence": number() * 100,
        }
        person = {"Index": index, "BoundingBox": box, "Face": face}
        sorting = {"at": moment, "index": index, "confidence": face["Confidence"]}
        return sorting | {"Timestamp": moment, "Person": person, "FaceMatches": []}


def caller(key: str) -> Caller:
    return Caller(principal=Principal(access_key_id=key, name=key), channel=Channel.AWS)


def new_job(name: str = "game.mp4") -> NewJob:
    return NewJob(kind=KIND, request={}, object=StoredObject(bucket="videos", name=name, etag="1", size=1))


def now() -> datetime:
    return datetime.now(UTC)


def done(url: str, key: str, chunks: int) -> str:
    """The id of a job of that key which has found all there is to find; only its models were spared."""
    opened = database.open(url)
    queue = JobQueue(opened, account_id="1", kept=timedelta(days=7), clock=now)
    ends, gate = Endings(opened, Announcer(), now, lease=timedelta(minutes=10)), Gate(OPEN)
    work = ChunkWork({KIND: Faces(chunks)}, gate, opened, ends, beat_seconds=60)
    with gate.open(caller(key), ACT) as grant:
        job = queue.submit(grant, new_job())
        while claims := ends.claims.claim("w", MOST_JOBS):
            work(claims)
        found = queue.get(grant, job.id, KIND)
        assert found.state is JobState.SUCCEEDED, found.message
    opened.close()
    return job.id


def served_pages() -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        [key] = new_keys(home, 1)
        job = done(f"sqlite:///{home / 'regard.db'}", key.access_key_id, CHUNKS)
        film = home / "buckets" / "videos" / "long.mp4"
        film.parent.mkdir(parents=True)
        with film.open("wb") as stream:
            stream.truncate(MOST_VIDEO_BYTES)
        with served(home, Path(folder) / "log", {"REGARD_JOBS_WORKERS": "0"}) as server:
            rows = list(_rows(server, key, job))
    return Measured(
        title=f"{CHUNKS * ITEMS:,} items of a server, by a client of one connection:",
        columns=("what", "median", "95 %", "processor, mean"),
        rows=rows,
        notes=["Each item came once, and in its place."],
    )


def _rows(server: Served, key: Key, job: str) -> Iterator[Sequence[str]]:
    client = SignedClient(server.port, key, Tally())
    for sort in ("TIMESTAMP", "INDEX"):
        before = server.gauge()
        with line(server.port) as connection:
            seconds, places = _read(client, connection, job, sort)
        after = server.gauge()
        _check(places, sort)
        busy = (after.cpu_seconds - before.cpu_seconds) / len(seconds)
        yield f"page of {PAGE:,} by {sort}, of {len(seconds)}", *_shown(seconds), f"{busy * 1e3:.1f} ms"
        yield f"memory before and after, by {sort}", f"{before.rss_mb:.0f} MB", f"{after.rss_mb:.0f} MB", "–"
    start = Prepared.of("StartSegmentDetection", Video=_LONG, SegmentTypes=["SHOT"])
    before = server.gauge()
    with line(server.port) as connection:
        seconds = [connection.ask(client.signed(start))[0] for _ in range(MOST_JOBS)]
    busy = (server.gauge().cpu_seconds - before.cpu_seconds) / len(seconds)
    yield f"start on an object of {MOST_VIDEO_BYTES / 1e9:.1f} GB", *_shown(seconds), f"{busy * 1e3:.1f} ms"
    client.close()


_LONG = {"S3Object": {"Bucket": "videos", "Name": "long.mp4"}}


def _read(
    client: SignedClient, connection: Line, job: str, sort: str
) -> tuple[list[float], list[tuple[int, int, float]]]:
    """How long each page took, and of each item when, who and how surely: what a client makes of an answer is its own
    time."""
    seconds, places = [], []
    token: str | None = ""
    while token is not None:
        asked = Prepared.of("GetFaceSearch", JobId=job, MaxResults=PAGE, SortBy=sort, NextToken=token)
        taken, content = connection.ask(client.signed(asked))
        seconds.append(taken)
        answer = json.loads(content)
        people = answer["Persons"]
        places += [
            (each["Timestamp"], each["Person"]["Index"], each["Person"]["Face"]["Confidence"]) for each in people
        ]
        token = answer.get("NextToken")
    return seconds, places


def _check(places: Sequence[tuple[int, int, float]], sort: str) -> None:
    """Raises AssertionError if an item is missing, twice or out of its place."""
    assert len(places) == CHUNKS * ITEMS
    assert len({(at, index) for at, index, _ in places}) == len(places)
    keys = [(at, 0.0) if sort == "TIMESTAMP" else (index, -sure) for at, index, sure in places]
    assert keys == sorted(keys)


def _shown(seconds: Sequence[float]) -> tuple[str, str]:
    return f"{median(seconds) * 1e3:.1f} ms", f"{quantiles(seconds, n=20)[-1] * 1e3:.1f} ms"
