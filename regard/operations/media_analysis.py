"""StartMediaAnalysisJob, GetMediaAnalysisJob, ListMediaAnalysisJobs: bulk image analysis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from regard.domain.jobs import Job, JobState, NewJob
from regard.domain.results import Result
from regard.engine.analysis.moderation_analyzer import LEAST_CONFIDENCE
from regard.engine.bulk.media_analysis import MEDIA_ANALYSIS, Outputs
from regard.engine.bulk.media_jobs import MediaJobs
from regard.engine.jobs.queue import JobQueue
from regard.errors import InvalidParameter, ResourceNotFound
from regard.operations.call import Call, LookFirst, Operation
from regard.operations.face_shapes import object_name
from regard.operations.paging import Pages
from regard.operations.video_shapes import s3_object

if TYPE_CHECKING:
    from types_boto3_rekognition.type_defs import (
        GetMediaAnalysisJobRequestTypeDef,
        ListMediaAnalysisJobsRequestTypeDef,
        StartMediaAnalysisJobRequestTypeDef,
    )

_MOST_JOBS = 100
_LATEST, _MICROSECOND = datetime.max.replace(tzinfo=UTC), timedelta(microseconds=1)
#: What a message of a job that failed begins with, before a colon; any other fault is the server's.
_FAILURES = frozenset(
    {
        *("INVALID_S3_OBJECT", "INVALID_MANIFEST", "INVALID_OUTPUT_CONFIG", "INVALID_KMS_KEY", "ACCESS_DENIED"),
        *("RESOURCE_NOT_FOUND", "RESOURCE_NOT_READY", "THROTTLED"),
    }
)
_STATUS = {JobState.PAUSED: "IN_PROGRESS", JobState.CANCELLED: "FAILED"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaAnalysisOperations:
    media: MediaJobs
    jobs: JobQueue
    pages: Pages

    def operations(self) -> dict[str, Operation]:
        return {
            "StartMediaAnalysisJob": LookFirst(self.start_media_analysis_job),
            "GetMediaAnalysisJob": self.get_media_analysis_job,
            "ListMediaAnalysisJobs": self.list_media_analysis_jobs,
        }

    def start_media_analysis_job(self, call: Call[StartMediaAnalysisJobRequestTypeDef]) -> Callable[[], Result]:
        """What starts the job, once its manifest has been found."""
        request: Mapping[str, Any] = call.request
        if "KmsKeyId" in request:
            raise InvalidParameter(
                f"{InvalidParameter.__doc__}: this server has no KMS keys. Leave KmsKeyId out, and let the bucket "
                "encrypt what is written to it."
            )
        job = NewJob(
            kind=MEDIA_ANALYSIS,
            request={
                "MinConfidence": _least_confidence(request["OperationsConfig"]),
                **{name: request[name] for name in _KEPT if name in request},
            },
            object=self.media.look(call.grant, object_name(request["Input"]["S3Object"])),
        )
        return lambda: Result(members={"JobId": self.jobs.submit(call.grant, job).id})

    def get_media_analysis_job(self, call: Call[GetMediaAnalysisJobRequestTypeDef]) -> Result:
        job = self.jobs.get(call.grant, call.request["JobId"], MEDIA_ANALYSIS)
        return Result(members=_shape(job))

    def list_media_analysis_jobs(self, call: Call[ListMediaAnalysisJobsRequestTypeDef]) -> Result:
        page, token = self.pages.page(
            ("ListMediaAnalysisJobs", 0),
            call.request,
            lambda after, limit: [
                _Listed(job) for job in self.jobs.mine(call.grant, MEDIA_ANALYSIS, limit, _before(after))
            ],
            _MOST_JOBS,
        )
        return Result(members={"MediaAnalysisJobs": [_shape(each.job) for each in page], "NextToken": token})

    def _listed(self, call: Call[ListMediaAnalysisJobsRequestTypeDef], after: int, limit: int) -> list[_Listed]:
        return [_Listed(job) for job in self.jobs.mine(call.grant, MEDIA_ANALYSIS, limit, _before(after))]


@dataclass(frozen=True, slots=True)
class _Listed:
    """A job in a listing of the newest first: its key rises with its age."""

    job: Job

    @property
    def key(self) -> int:
        return (_LATEST - self.job.created_at) // _MICROSECOND


def _before(key: int) -> tuple[datetime, str] | None:
    """The moment of the job with that key, so that those follow that are older; None at the beginning."""
    return (_LATEST - key * _MICROSECOND, "") if key else None


#: The members of a request that an answer repeats.
_KEPT = ("JobName", "OperationsConfig", "OutputConfig")


def _least_confidence(config: Any) -> float:
    """Raises InvalidParameter for another analysis than moderation, ResourceNotFound for an adapter."""
    chosen = config.get("DetectModerationLabels")
    if chosen is None:
        raise InvalidParameter(
            f"{InvalidParameter.__doc__}: OperationsConfig needs DetectModerationLabels, the one analysis there is; "
            "its members may be left out."
        )
    if "ProjectVersion" in chosen:
        raise ResourceNotFound(
            "ProjectVersion names an adapter, a custom model; this server has none. Leave it out to use its model."
        )
    least: float = chosen.get("MinConfidence", LEAST_CONFIDENCE)
    return least


def _shape(job: Job) -> dict[str, Any]:
    config = job.request["OutputConfig"]
    shape = {
        "JobId": job.id,
        **{name: job.request[name] for name in _KEPT if name in job.request},
        "Status": _STATUS.get(job.state, str(job.state)),
        "CreationTimestamp": job.created_at,
        "CompletionTimestamp": job.finished_at,
        "Input": {"S3Object": s3_object(job.object)},
    }
    if job.state is JobState.SUCCEEDED:
        written = Outputs.of(job.id, config)
        shape["Results"] = {
            "S3Object": {"Bucket": written.bucket, "Name": written.results},
            "ModelVersions": {"Moderation": job.metadata["ModelVersion"]},
        }
        shape["ManifestSummary"] = {"S3Object": {"Bucket": written.bucket, "Name": written.summary}}
    elif job.state.ended:
        shape["FailureDetails"] = _failure(job.message or "")
    return shape


def _failure(message: str) -> dict[str, str]:
    code, _, words = message.partition(": ")
    return {"Code": code, "Message": words} if code in _FAILURES else {"Code": "INTERNAL_ERROR", "Message": message}
