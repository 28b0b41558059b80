"""`/v1/jobs`: work on films, asked for, minded, and what came of it.

It asks the same engine as AWS's operations and the command line. What a job finds is its owner's; how far it is, and
what to do about it, also theirs who oversee the system."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel

from regard.accountability.gate import Grant
from regard.api.job_shapes import (
    FaceJobGiven,
    JobFileShown,
    JobGiven,
    JobsAsked,
    JobShown,
    JobsShown,
    LanesShown,
    PeopleJobGiven,
    PriorityGiven,
    ResultsShown,
    TimelineShown,
)
from regard.api.native_routes import Call, NativeRoute
from regard.api.shapes import CollectionInPath, Key, ObjectGiven
from regard.domain.authority import Action
from regard.domain.jobs import Job, NewJob
from regard.engine.jobs.control import JobControl, is_own
from regard.engine.jobs.queue import JobQueue
from regard.engine.video.lanes import of_kind
from regard.engine.video.video_jobs import VideoJobs

JobInPath = Annotated[str, Path(min_length=4, max_length=64, pattern="^[0-9a-f]+$")]
#: The lowest similarity unless it is said, and unless the profile's is higher: Rekognition's default.
_THRESHOLD = 80.0
#: What a job of a kind is to be told, as plain JSON with all defaults: from the names that AWS's clients use.
Settings = Callable[[str, Grant, Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRoutes:
    videos: VideoJobs
    queue: JobQueue
    control: JobControl
    settings: Settings

    def routes(self) -> tuple[NativeRoute, ...]:
        one = "/jobs/{job_id}"
        return (
            NativeRoute("GET", "/jobs", self.all, Action.READ, "List jobs"),
            NativeRoute(
                "POST", "/jobs", self.start, Action.DETECT, "Look through a film", status=201, medium="recorded"
            ),
            NativeRoute(
                "POST",
                "/jobs/people",
                self.follow,
                Action.SEARCH,
                "Follow people through a film",
                # Whoever follows a person looks for somebody: what profiles ask of a search holds.
                threshold="threshold",
                default_threshold=0.0,
                status=201,
                medium="recorded",
            ),
            NativeRoute(
                "POST",
                "/collections/{collection_id}/jobs",
                self.search,
                Action.SEARCH,
                "Look for people of a collection in a film",
                collection="collection_id",
                threshold="threshold",
                default_threshold=_THRESHOLD,
                status=201,
                medium="recorded",
            ),
            NativeRoute("GET", one, self.show, Action.READ, "Show a job"),
            NativeRoute("GET", f"{one}/results", self.results, Action.READ, "Show what a job found"),
            NativeRoute("GET", f"{one}/timeline", self.timeline, Action.READ, "Show what a job found, by when"),
            _minding("cancel", self.cancel, "End a job, and erase what it found so far"),
            _minding("pause", self.pause, "Let a job rest"),
            _minding("resume", self.resume, "Let a job go on that was paused"),
            _minding("retry", self.retry, "Let a job go on that failed or was cancelled"),
            NativeRoute("PUT", f"{one}/priority", self.prioritise, Action.ADMINISTER, "Let a job go before others"),
        )

    def all(self, call: Call, asked: Annotated[JobsAsked, Query()]) -> JobsShown:
        found = self.control.all(call.grant, asked.chosen, asked.most)
        return JobsShown(
            jobs=[_shown(call, each) for each in found], next=found[-1].id if len(found) == asked.most else None
        )

    def start(self, call: Call, given: JobGiven) -> JobShown:
        asked = {"MinConfidence": given.threshold, "SegmentTypes": ["SHOT", "TECHNICAL_CUE"]}
        return self._submitted(call, given.kind, given.object, asked)

    def follow(self, call: Call, given: PeopleJobGiven) -> JobShown:
        return self._submitted(call, "PERSON_TRACKING", given.object, {})

    def search(self, call: Call, collection_id: CollectionInPath, given: FaceJobGiven) -> JobShown:
        return self._submitted(call, "FACE_SEARCH", given.object, {"CollectionId": collection_id})

    def show(self, call: Call, job_id: JobInPath) -> JobFileShown:
        file = self.control.show(call.grant, job_id)
        return JobFileShown.of_file(file, own=is_own(call.grant, file.job))

    def results(
        self,
        call: Call,
        job_id: JobInPath,
        after: Annotated[Key, Query()] = 0,
        most: Annotated[int, Query(ge=1, le=1000)] = 200,
    ) -> ResultsShown:
        found = self.control.results(call.grant, job_id, after, most)
        return ResultsShown(items=found.shapes(), next=found.last if found.more else None)

    def timeline(self, call: Call, job_id: JobInPath) -> TimelineShown:
        job, items = self.control.timeline(call.grant, job_id)
        film = job.metadata.get("VideoMetadata") or {}
        return TimelineShown(
            duration_ms=film.get("DurationMillis", 0),
            width=film.get("FrameWidth"),
            height=film.get("FrameHeight"),
            kinds=[LanesShown.of_kind(each) for each in of_kind(job.kind, items)],
        )

    def cancel(self, call: Call, job_id: JobInPath) -> JobShown:
        return _shown(call, self.control.cancel(call.grant, job_id))

    def pause(self, call: Call, job_id: JobInPath) -> JobShown:
        return _shown(call, self.control.pause(call.grant, job_id))

    def resume(self, call: Call, job_id: JobInPath) -> JobShown:
        return _shown(call, self.control.resume(call.grant, job_id))

    def retry(self, call: Call, job_id: JobInPath) -> JobShown:
        return _shown(call, self.control.retry(call.grant, job_id))

    def prioritise(self, call: Call, job_id: JobInPath, given: PriorityGiven) -> JobShown:
        return _shown(call, self.control.prioritise(call.grant, job_id, given.priority))

    def _submitted(self, call: Call, kind: str, film: ObjectGiven, asked: Mapping[str, Any]) -> JobShown:
        settings = self.settings(kind, call.grant, asked)
        found = self.videos.look(call.grant, kind, film.place, settings)
        job = self.queue.submit(call.grant, NewJob(kind=kind, request=settings, object=found))
        return JobShown.of(job, own=True)


def _minding(word: str, function: Callable[..., BaseModel], summary: str) -> NativeRoute:
    return NativeRoute("POST", f"/jobs/{{job_id}}/{word}", function, Action.ADMINISTER, summary)


def _shown(call: Call, job: Job) -> JobShown:
    return JobShown.of(job, own=is_own(call.grant, job))
