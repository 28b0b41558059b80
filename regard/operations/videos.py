"""The sixteen operations on stored videos: eight kinds of analysis, each started and asked after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from regard.domain.jobs import Job, NewJob
from regard.domain.results import Result, SpelledList
from regard.engine.jobs.queue import JobQueue
from regard.engine.jobs.task import BY_TIME
from regard.engine.video.video_jobs import VideoJobs
from regard.operations import video_requests as requests
from regard.operations.call import Call, LookFirst, Operation
from regard.operations.paging import Pages
from regard.operations.video_shapes import about_job, about_segments, about_video

#: The most items on a page, and how many a client gets that does not say (Rekognition, MaxResults of Get*).
MOST_ITEMS = 1000
TIMESTAMPS, SEGMENTS = "TIMESTAMPS", "SEGMENTS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """A pair of operations: the name they share, the kind of job, the member with what was found, what of the request
    is kept, and the member with the model's version. `aggregates` is whether what was found can be asked for as
    segments, too; `video` what is told of the video."""

    name: str
    kind: str
    items: str
    settings: Callable[[Call[Any]], dict[str, Any]]
    model: str | None = None
    aggregates: bool = False
    video: Callable[[Job], dict[str, Any]] = about_video


ANALYSES = (
    Analysis(
        name="CelebrityRecognition", kind="CELEBRITY_RECOGNITION", items="Celebrities", settings=requests.celebrities
    ),
    Analysis(
        name="ContentModeration",
        kind="CONTENT_MODERATION",
        items="ModerationLabels",
        settings=requests.content_moderation,
        model="ModerationModelVersion",
        aggregates=True,
    ),
    Analysis(name="FaceDetection", kind="FACE_DETECTION", items="Faces", settings=requests.faces),
    Analysis(name="FaceSearch", kind="FACE_SEARCH", items="Persons", settings=requests.face_search),
    Analysis(
        name="LabelDetection",
        kind="LABEL_DETECTION",
        items="Labels",
        settings=requests.labels,
        model="LabelModelVersion",
        aggregates=True,
    ),
    Analysis(name="PersonTracking", kind="PERSON_TRACKING", items="Persons", settings=requests.people),
    Analysis(
        name="SegmentDetection",
        kind="SEGMENT_DETECTION",
        items="Segments",
        settings=requests.segments,
        video=about_segments,
    ),
    Analysis(
        name="TextDetection",
        kind="TEXT_DETECTION",
        items="TextDetections",
        settings=requests.text,
        model="TextModelVersion",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoOperations:
    videos: VideoJobs
    jobs: JobQueue
    pages: Pages

    def operations(self) -> dict[str, Operation]:
        starts = {f"Start{each.name}": LookFirst(partial(self._look, each)) for each in ANALYSES}
        return starts | {f"Get{each.name}": partial(self._get, each) for each in ANALYSES}

    def _look(self, analysis: Analysis, call: Call[Any]) -> Callable[[], Result]:
        """What starts the job, once the video has been found."""
        settings = analysis.settings(call)
        video = self.videos.look(call.grant, analysis.kind, requests.video_of(call.request), settings)
        job = NewJob(
            kind=analysis.kind,
            request=settings,
            object=video,
            tag=call.request.get("JobTag"),
            channel=requests.channel_of(call.request),
        )
        return lambda: Result(members={"JobId": self.jobs.submit(call.grant, job).id})

    def _get(self, analysis: Analysis, call: Call[Any]) -> Result:
        job = self.jobs.get(call.grant, call.request["JobId"], analysis.kind)
        if not job.state.ended:
            return Result(members={"JobStatus": job.state.told})
        asked = _asked(call.request, analysis)
        place = self.pages.place((f"Get{analysis.name}", 0), asked, MOST_ITEMS)
        page = self.jobs.page(call.grant, job, _order(asked), place.after, place.size)
        found = {
            analysis.items: SpelledList(page.items),
            "NextToken": place.token(page.last) if page.more else None,
        }
        members: dict[str, Any] = about_job(job) | analysis.video(job) | found
        if analysis.model is not None:
            members[analysis.model] = job.metadata.get("ModelVersion")
        if analysis.aggregates:
            members["GetRequestMetadata"] = {name: asked[name] for name in ("SortBy", "AggregateBy")}
        return Result(members=members)


def _asked(request: Mapping[str, Any], analysis: Analysis) -> dict[str, Any]:
    """What a page is of, with what a client leaves out filled in, so that a token holds for both ways to say it."""
    usual = {"SortBy": BY_TIME} | ({"AggregateBy": TIMESTAMPS} if analysis.aggregates else {})
    return {**usual, **request, "MaxResults": min(request.get("MaxResults", MOST_ITEMS), MOST_ITEMS)}


def _order(asked: Mapping[str, Any]) -> str:
    """The order's name, as the task made it."""
    sort: str = asked["SortBy"]
    if asked.get("AggregateBy") != SEGMENTS:
        return sort
    return SEGMENTS if sort == BY_TIME else f"{SEGMENTS} {sort}"
