"""A bucket with a clip, and the operations on stored video over it: real jobs, done by a task that looks at nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from toy_task import endings, now

from regard.accountability.gate import Gate, Grant
from regard.accountability.profiles.catalogue import OPEN
from regard.domain.callers import Principal
from regard.domain.jobs import Job
from regard.domain.results import SpelledList
from regard.engine.analysis.image_loader import ImageLoader
from regard.engine.analysis.moderation_analyzer import Moderation
from regard.engine.bulk.media_jobs import MediaJobs
from regard.engine.jobs.chunk_work import ChunkWork
from regard.engine.jobs.queue import JobQueue
from regard.engine.jobs.sorting import ordered
from regard.engine.jobs.task import Beat, ChunkResult, Found, JobEnding, JobFailed, Part, Plan, Span
from regard.engine.video.video_jobs import VideoJobs
from regard.media.blobs import FolderStore
from regard.operations.idempotency import Idempotency
from regard.operations.media_analysis import MediaAnalysisOperations
from regard.operations.paging import Pages
from regard.operations.registry import Handler, handlers
from regard.operations.videos import ANALYSES, VideoOperations
from regard.store.collection_rows import CollectionRows
from regard.store.database import Database
from regard.store.idempotency_rows import IdempotencyRows
from regard.store.job_rows import JobRows
from regard.vision.cards import catalogue
from regard.vision.images.moderation import ModerationModels
from regard.vision.model_loader import ModelLoader
from regard.vision.zoo import Zoo
from regard.wire.schema import load
from regard.wire.serialize import check_output

BOB = Principal(access_key_id="B", name="bob")
VIDEO = {"S3Object": {"Bucket": "films", "Name": "clip.mp4"}}
FILM = {
    "Codec": "h264",
    "DurationMillis": 120_000,
    "Format": "QuickTime / MOV",
    "FrameRate": 25.0,
    "FrameHeight": 480,
    "FrameWidth": 640,
    "ColorRange": "LIMITED",
}
SOUND = {"Codec": "aac", "DurationMillis": 120_000, "SampleRate": 48_000, "NumberOfChannels": 2}
#: What Start takes beside the video, where it takes more.
NEEDED: Mapping[str, Mapping[str, Any]] = {
    "FaceSearch": {"CollectionId": "staff"},
    "SegmentDetection": {"SegmentTypes": ["SHOT", "TECHNICAL_CUE"]},
}
NAMES = [each.name for each in ANALYSES]


def item(kind: str, at: int) -> dict[str, Any]:
    """One of a kind; every third is called the same."""
    name = f"n{at // 1000 % 3}"
    shapes: dict[str, dict[str, Any]] = {
        "LABEL_DETECTION": {"Label": {"Name": name, "Confidence": 90.0}},
        "CONTENT_MODERATION": {"ModerationLabel": {"Name": name, "ParentName": "", "Confidence": 90.0}},
        "FACE_DETECTION": {"Face": {"Confidence": 99.0}},
        "FACE_SEARCH": {"Person": {"Index": at // 1000 % 3}, "FaceMatches": []},
        "PERSON_TRACKING": {"Person": {"Index": at // 1000 % 3}},
        "TEXT_DETECTION": {"TextDetection": {"DetectedText": name, "Type": "LINE"}},
        "CELEBRITY_RECOGNITION": {"Celebrity": {"Id": name, "Name": name}},
        "SEGMENT_DETECTION": {"Type": "SHOT", "StartTimestampMillis": at, "ShotSegment": {"Index": at // 1000}},
    }
    moment = {} if kind == "SEGMENT_DETECTION" else {"Timestamp": at}
    return {"at": at, "group": at // 1000 % 3} | moment | shapes[kind]


@dataclass
class Pretending:
    """Finds as many things as its job's tag says, one a second; or fails as it says."""

    def plan(self, job: Job, grant: Grant) -> Plan:
        if job.tag == "unreadable":
            raise JobFailed("Unsupported codec/format")
        known = {"VideoMetadata": FILM, "AudioMetadata": [SOUND], "ModelVersion": "toy-1"}
        return Plan(spans=[Span(from_ms=0, to_ms=10**9)], metadata=known)

    def run(self, parts: Sequence[Part], beat: Beat) -> Sequence[ChunkResult | JobFailed]:
        return [
            ChunkResult(items=[item(part.job.kind, at * 1000) for at in range(int(part.job.tag or 7))])
            for part in parts
        ]

    def finish(self, job: Job, found: Found) -> JobEnding:
        grouped = {name: ordered(found, lambda each: each["group"]) for name in ("NAME", "INDEX", "ID")}
        whole = [{**each, "StartTimestampMillis": each["at"], "DurationMillis": 1000} for each in found][:2]
        return JobEnding(orders={**grouped, "SEGMENTS": whole, "SEGMENTS NAME": whole[::-1]})


@dataclass
class Studio:
    """A bucket with a clip in it, the operations, and a worker that does every job when it is told to; each test is a
    caller of its own."""

    database: Database
    films: Path
    handlers: Mapping[str, Handler]
    me: Principal

    def ask(self, operation: str, caller: Principal | None = None, **request: Any) -> Any:
        """The answer, which fits the service model."""
        members = self.handlers[operation](caller or self.me, request, "r").members
        shape = load().operations[operation].output
        assert shape is not None
        check_output(shape, {name: value for name, value in members.items() if value is not None})
        spelled = {name: value.items for name, value in members.items() if isinstance(value, SpelledList)}
        return {**members, **{name: [json.loads(item) for item in items] for name, items in spelled.items()}}

    def start(self, name: str, caller: Principal | None = None, **request: Any) -> str:
        job: str = self.ask(f"Start{name}", caller, **{"Video": VIDEO} | dict(NEEDED.get(name, {})) | request)["JobId"]
        return job

    def work(self) -> None:
        ends = endings(self.database)
        tasks = dict.fromkeys([each.kind for each in ANALYSES], Pretending())
        work = ChunkWork(tasks, Gate(OPEN), self.database, ends, beat_seconds=1.0)
        while claims := ends.claims.claim("w", 20):
            work(claims)

    def done(self, name: str, **request: Any) -> str:
        job = self.start(name, **request)
        self.work()
        return job

    def kept(self, job_id: str) -> Mapping[str, Any]:
        """What was kept of a request."""
        found = JobRows(self.database).get(job_id)
        assert found is not None
        return found.request


def handlers_over(opened: Database, folder: Path, models: Path) -> Mapping[str, Handler]:
    """The operations, with the models that are in that folder."""
    blobs, packs = FolderStore(folder), ModelLoader(Zoo(models, None, catalogue()))
    jobs = JobQueue(opened, account_id="000000000000", kept=timedelta(days=7), clock=now)
    pages = Pages(b"k" * 32, now)
    moderation = Moderation(ImageLoader(blobs), ModerationModels(packs))
    families = (
        VideoOperations(videos=VideoJobs(blobs, CollectionRows(opened), packs), jobs=jobs, pages=pages),
        MediaAnalysisOperations(media=MediaJobs(blobs, moderation), jobs=jobs, pages=pages),
    )
    return handlers(families, gate=Gate(OPEN), idempotency=Idempotency(IdempotencyRows(opened), now))
