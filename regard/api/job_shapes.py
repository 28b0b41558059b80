"""Jobs, as they are sent and answered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from regard.api.shapes import Bucket, Given, ObjectGiven, ObjectKey, Percent, Shown
from regard.domain.jobs import MOST_PRIORITY, Job, JobState
from regard.engine.jobs.control import JobFile, JobFilter
from regard.engine.video.lanes import Lane, Lanes

#: What is looked for in a film without looking for anybody.
LooksFor = Literal["SEGMENT_DETECTION", "FACE_DETECTION", "LABEL_DETECTION", "TEXT_DETECTION", "CONTENT_MODERATION"]


# -- sent --------------------------------------------------------------------------------------------------------


class JobsAsked(BaseModel):
    """Which jobs: in one of these states, of that kind, about the film of that bucket and name; those before the job of
    the id `before`."""

    state: list[JobState] = Field(default_factory=list, max_length=8)
    kind: Annotated[str | None, Field(max_length=64)] = None
    bucket: Bucket | None = None
    name: ObjectKey | None = None
    before: Annotated[str | None, Field(pattern="^[0-9a-f]{4,64}$")] = None
    most: Annotated[int, Field(ge=1, le=200)] = 50

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.bucket is None) != (self.name is None):
            raise ValueError("say both the bucket and the name of a film, or neither")
        return self

    @property
    def chosen(self) -> JobFilter:
        place = None if self.bucket is None or self.name is None else (self.bucket, self.name)
        return JobFilter(
            states=self.state, kinds=[] if self.kind is None else [self.kind], place=place, before=self.before
        )


class JobGiven(Given):
    """A film, and what to look for in it: `threshold` is the lowest confidence of labels."""

    object: ObjectGiven
    kind: LooksFor
    threshold: Percent = 50.0


class PeopleJobGiven(Given):
    """A film whose people are to be followed through it."""

    object: ObjectGiven


class FaceJobGiven(Given):
    """A film whose people are to be looked for. The lowest similarity is the profile's, or 80, unless said."""

    object: ObjectGiven
    threshold: Percent | None = None


class PriorityGiven(Given):
    """Jobs of a higher priority go first; 0 unless changed."""

    priority: Annotated[int, Field(ge=-MOST_PRIORITY, le=MOST_PRIORITY)]


# -- answered ----------------------------------------------------------------------------------------------------


class JobShown(Shown):
    """A job. `progress` is 0 to 1; `own` whether you asked for it; `collection` where people are looked for."""

    job_id: str
    kind: str
    state: JobState
    progress: float
    priority: int
    bucket: str
    name: str
    collection: str | None
    asked_by: str
    own: bool
    message: str | None
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None

    @classmethod
    def of(cls, job: Job, *, own: bool) -> JobShown:
        return cls(
            job_id=job.id,
            kind=job.kind,
            state=job.state,
            progress=job.progress,
            priority=job.priority,
            bucket=job.object.bucket,
            name=job.object.name,
            collection=job.act.collection,
            asked_by=job.caller.principal.name,
            own=own,
            message=job.message,
            created_at=job.created_at,
            finished_at=job.finished_at,
            expires_at=job.expires_at if job.state.ended else None,
        )


class JobsShown(Shown):
    """A page of jobs, the newest first; `next` is the `before` of the page behind it."""

    jobs: list[JobShown]
    next: str | None


class ChunkShown(Shown):
    """A piece of a job, from and to in milliseconds of the film; `progress` is 0 to 1."""

    number: int
    from_ms: int
    to_ms: int
    progress: float
    attempts: int
    lost: int
    done: bool


class JobFileShown(Shown):
    """A job and its chunks."""

    job: JobShown
    chunks: list[ChunkShown]

    @classmethod
    def of_file(cls, file: JobFile, *, own: bool) -> JobFileShown:
        return cls(
            job=JobShown.of(file.job, own=own),
            chunks=[
                ChunkShown(
                    number=each.number,
                    from_ms=each.from_ms,
                    to_ms=each.to_ms,
                    progress=each.progress,
                    attempts=each.attempts,
                    lost=each.lost,
                    done=each.done_at is not None,
                )
                for each in file.chunks
            ],
        )


class ResultsShown(Shown):
    """What a job found, by time, in the spelling of AWS's operations; `next` is the `after` of the page behind it."""

    items: list[dict[str, Any]]
    next: int | None


class StretchShown(Shown):
    """From when to when something is seen, in milliseconds of the film."""

    from_ms: int
    to_ms: int
    words: str


class LaneShown(Shown):
    """One thing, and the stretches it is seen in; `sure` is 0 to 100, how sure it is at best, and `measure` what that
    number is."""

    title: str
    sure: float | None
    measure: str
    stretches: list[StretchShown]

    @classmethod
    def of(cls, lane: Lane) -> LaneShown:
        return cls(
            title=lane.title,
            sure=lane.sure,
            measure=lane.measure,
            stretches=[StretchShown.model_validate(each) for each in lane.stretches],
        )


class LanesShown(Shown):
    """Lanes of one kind; `left_out` is how many more there are."""

    title: str
    lanes: list[LaneShown]
    left_out: int

    @classmethod
    def of_kind(cls, lanes: Lanes) -> LanesShown:
        return cls(title=lanes.title, lanes=[LaneShown.of(each) for each in lanes.lanes], left_out=lanes.left_out)


class TimelineShown(Shown):
    """What a job found in a film of `duration_ms`, in lanes."""

    duration_ms: int
    width: int | None
    height: int | None
    kinds: list[LanesShown]
