"""Jobs on clips by the real models, chunk by chunk, as a worker does them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from granting import ADA, Granting

from regard.accountability.profiles.catalogue import OPEN
from regard.accountability.profiles.rules import Rules
from regard.bootstrap.engine import Engine
from regard.bootstrap.stores import blob_store
from regard.domain.authority import Act, Action
from regard.domain.jobs import Chunk, Job, JobState
from regard.engine.jobs.task import ChunkResult, Item, Part
from regard.engine.video.video_task import VideoTask

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Found:
    items: list[Item]
    counts: dict[str, int]

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)


@dataclass
class Studio:
    """A folder for videos, and a task that looks at them."""

    engine: Engine
    task: VideoTask
    folder: Path

    def job(self, kind: str, request: Mapping[str, Any], data: bytes | None = None) -> Job:
        if data is not None:
            (self.folder / "clip.mp4").write_bytes(data)
        stored = blob_store(self.engine.settings).head("videos", "clip.mp4", None)
        action = Action.SEARCH if kind in {"FACE_SEARCH", "CELEBRITY_RECOGNITION"} else Action.DETECT
        act = Act(action=action, operation=kind, collection=request.get("CollectionId"), threshold=80.0)
        return Job(
            id=kind,
            kind=kind,
            caller=ADA,
            act=act,
            person_id=None,
            request=request,
            object=stored,
            tag=None,
            channel=None,
            state=JobState.IN_PROGRESS,
            priority=0,
            progress=0.0,
            message=None,
            metadata={},
            created_at=NOW,
            finished_at=None,
            expires_at=NOW,
        )

    def done(self, *jobs: Job, rules: Rules = OPEN, progress: list[float] | None = None) -> list[dict[str, list[Item]]]:
        """What each job finds, in every order."""
        beat = (progress if progress is not None else []).append
        with Granting(rules) as granting:
            grants = [granting.enter_context(granting.gate.open(ADA, job.act)) for job in jobs]
            plan = self.task.plan(jobs[0], grants[0])
            found = [Found([], {"frames": 0, "damaged": 0}) for _ in jobs]
            for number, span in enumerate(plan.spans):
                chunk = Chunk(number=number, from_ms=span.from_ms, to_ms=span.to_ms)
                parts = [Part(job=job, chunk=chunk, grant=grant) for job, grant in zip(jobs, grants, strict=True)]
                for mine, result in zip(found, self.task.run(parts, beat), strict=True):
                    assert isinstance(result, ChunkResult)
                    mine.items += result.items
                    mine.counts = {name: mine.counts[name] + count for name, count in result.counts.items()}
        planned = [dataclasses.replace(job, metadata=plan.metadata) for job in jobs]
        endings = [self.task.finish(job, mine) for job, mine in zip(planned, found, strict=True)]
        return [
            {"TIMESTAMP": mine.items} | {name: list(items) for name, items in ending.orders.items()}
            for mine, ending in zip(found, endings, strict=True)
        ]
