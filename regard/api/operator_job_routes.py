"""`/v1/jobs/celebrities` and `/v1/jobs/manifest`: films looked through for those whom the operator chose, and pictures
that a manifest lists. What becomes of them, `/v1/jobs` tells as of all jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from regard.api.job_shapes import JobShown
from regard.api.native_routes import Call, NativeRoute
from regard.api.shapes import Bucket, Given, ObjectGiven, Percent, Shown
from regard.domain.authority import Action
from regard.domain.jobs import NewJob
from regard.engine.analysis.moderation_analyzer import LEAST_CONFIDENCE
from regard.engine.bulk.media_analysis import MEDIA_ANALYSIS
from regard.engine.bulk.media_jobs import MediaJobs
from regard.engine.galleries.celebrities import Celebrities
from regard.engine.jobs.queue import JobQueue
from regard.engine.video.video_jobs import VideoJobs
from regard.errors import AccessDenied

_KIND = "CELEBRITY_RECOGNITION"
#: As AWS's OutputConfig has it.
Prefix = Annotated[str, StringConstraints(max_length=1024)]


class CelebritiesShown(Shown):
    """The collection whose people are looked for, and the lowest similarity that counts; or why nobody can be."""

    collection: str | None
    threshold: float | None
    reason: str | None


class CelebrityJobGiven(Given):
    """A film in which those whom the operator chose are to be looked for."""

    object: ObjectGiven


class ManifestJobGiven(Given):
    """A manifest: an object with a JSON object a line, each with a `source-ref` such as s3://bucket/picture.jpg. The
    results are written into `bucket`, under `prefix`; `threshold` is the lowest confidence of a label."""

    object: ObjectGiven
    bucket: Bucket
    prefix: Prefix = ""
    threshold: Percent = LEAST_CONFIDENCE
    name: Annotated[str | None, Field(min_length=1, max_length=64, pattern=r"^[a-zA-Z0-9_.\-]+$")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorJobRoutes:
    """`collection` and `threshold` are the settings'."""

    celebrities: Celebrities
    videos: VideoJobs
    media: MediaJobs
    queue: JobQueue
    collection: str | None
    threshold: float

    def routes(self) -> tuple[NativeRoute, ...]:
        return (
            NativeRoute(
                "GET",
                "/celebrities",
                self.show,
                Action.READ,
                "Whether celebrities can be looked for",
                chosen_collection=self.collection,
            ),
            NativeRoute(
                "POST",
                "/jobs/celebrities",
                self.recognize,
                Action.SEARCH,
                "Look for celebrities in a film",
                chosen_collection=self.collection,
                threshold="threshold",
                default_threshold=self.threshold,
                status=201,
                medium="recorded",
            ),
            NativeRoute(
                "POST", "/jobs/manifest", self.moderate, Action.DETECT, "Look through a manifest's pictures", status=201
            ),
        )

    def show(self, call: Call) -> CelebritiesShown:
        try:
            found = self.celebrities.offered(call.grant)
        except AccessDenied as error:
            return CelebritiesShown(collection=None, threshold=None, reason=error.message)
        return CelebritiesShown(collection=found.collection, threshold=found.threshold, reason=None)

    def recognize(self, call: Call, given: CelebrityJobGiven) -> JobShown:
        self.celebrities.offered(call.grant)
        settings: dict[str, Any] = {"MatchThreshold": call.grant.act.threshold}
        found = self.videos.look(call.grant, _KIND, given.object.place, settings)
        return JobShown.of(self.queue.submit(call.grant, NewJob(kind=_KIND, request=settings, object=found)), own=True)

    def moderate(self, call: Call, given: ManifestJobGiven) -> JobShown:
        output = {"S3Bucket": given.bucket} | ({"S3KeyPrefix": given.prefix} if given.prefix else {})
        request: dict[str, Any] = {
            "MinConfidence": given.threshold,
            "OperationsConfig": {"DetectModerationLabels": {"MinConfidence": given.threshold}},
            "OutputConfig": output,
        } | ({"JobName": given.name} if given.name else {})
        found = self.media.look(call.grant, given.object.place)
        job = self.queue.submit(call.grant, NewJob(kind=MEDIA_ANALYSIS, request=request, object=found))
        return JobShown.of(job, own=True)
