"""Jobs done here, without a queue: by a task that only counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from granting import Granting

from regard.accountability.gate import Grant
from regard.domain.authority import Action
from regard.domain.jobs import Job, NewJob, StoredObject
from regard.engine.jobs.in_place import Wanted, done_here
from regard.engine.jobs.task import Beat, ChunkResult, Found, JobEnding, JobFailed, Part, Plan, Span

FILM = StoredObject(bucket="b", name="n")
NOW = datetime(2026, 1, 2, tzinfo=UTC)


@dataclass
class Counting:
    """Finds a number in each chunk: how many were found before it."""

    passes: list[list[str]] = field(default_factory=list)

    def plan(self, job: Job, grant: Grant) -> Plan:
        step = job.request["step"]
        spans = [Span(from_ms=at, to_ms=at + step) for at in range(0, 100, step)]
        return Plan(spans=spans, metadata={"of": job.kind}, in_order=True)

    def run(self, parts: Sequence[Part], beat: Beat) -> Sequence[ChunkResult | JobFailed]:
        self.passes.append([part.job.kind for part in parts])
        beat(0.5)
        beat(1.0)
        return [self._one(part) for part in parts]

    def _one(self, part: Part) -> ChunkResult | JobFailed:
        if part.job.request.get("bad"):
            return JobFailed("no such codec")
        before = part.chunk.resume.get("found", 0)
        assert part.job.metadata == {"of": part.job.kind}
        return ChunkResult(
            items=[{"at": part.chunk.from_ms, "Number": before}], resume={"found": before + 1}, counts={"chunks": 1}
        )

    def finish(self, job: Job, found: Found) -> JobEnding:
        return JobEnding(orders={"NAME": reversed([*found]), "COUNT": [dict(found.counts)]})


@pytest.fixture
def grant(granting: Granting) -> Grant:
    return granting.may(Action.DETECT)


def wanted(grant: Grant, kind: str, **request: object) -> Wanted:
    return Wanted(job=NewJob(kind=kind, request=request, object=FILM), grant=grant)


def test_chunks_follow_each_other_and_what_is_found_comes_in_every_order(grant: Grant) -> None:
    [done] = done_here(Counting(), [wanted(grant, "A", step=25)], NOW)
    assert [each["Number"] for each in done.items] == [0, 1, 2, 3]
    assert [each["at"] for each in done.orders["NAME"]] == [75, 50, 25, 0]
    assert done.orders["COUNT"] == [{"chunks": 4}]
    assert (done.kind, done.metadata) == ("A", {"of": "A"})


def test_jobs_that_are_cut_alike_share_a_pass(grant: Grant) -> None:
    task, told = Counting(), list[float]()
    many = [wanted(grant, "A", step=50), wanted(grant, "B", step=50), wanted(grant, "C", step=100)]
    assert [each.kind for each in done_here(task, many, NOW, told.append)] == ["A", "B", "C"]
    assert task.passes == [["A", "B"], ["A", "B"], ["C"]]
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_job_that_cannot_be_done_says_why(grant: Grant) -> None:
    with pytest.raises(JobFailed, match="no such codec"):
        done_here(Counting(), [wanted(grant, "A", step=50, bad=True)], NOW)
