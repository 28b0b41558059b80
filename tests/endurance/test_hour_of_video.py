"""An hour of video through boto3 while its workers are killed at random: what is told is what an undisturbed run tells,
each end of a job is told of, and no more is done again than the chunks that were under way.
"""

from __future__ import annotations

import multiprocessing
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from botocore.config import Config
from live_server import Live, with_models
from long_film import SHOT_SECONDS, film, walks
from people import astronaut, encoded

from regard.bootstrap.job_workers import working_on_jobs
from regard.store.chunk_rows import ChunkRows
from regard.store.job_rows import JobRows

pytestmark = pytest.mark.long

MINUTES, WORKERS, PAGE = 60, 2, 1000
PATIENCE_SECONDS = 3600
#: A client that waits out a machine which stands still for a while.
PATIENT = Config(read_timeout=600, retries={"total_max_attempts": 5})
VIDEO = {"S3Object": {"Bucket": "photos", "Name": "hour.mp4"}}
JOBS: Mapping[str, tuple[dict[str, Any], str, tuple[str, ...]]] = {
    "face_search": ({"CollectionId": "known"}, "Persons", ("TIMESTAMP", "INDEX")),
    "segment_detection": ({"SegmentTypes": ["TECHNICAL_CUE", "SHOT"]}, "Segments", ()),
}


def test_an_hour_of_video_is_told_the_same_however_often_its_workers_are_killed(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, told = tmp_path / "home", tmp_path / "events"
    settings = {"jobs": {"workers": WORKERS}, "video": {"looks": 1}, "events": {"file": told}}
    with with_models(models, home, **settings) as live:
        bucket = live.engine.settings.buckets_folder / "photos"
        bucket.mkdir(parents=True)
        shots = film(bucket / "hour.mp4", MINUTES)
        client = live.client(config=PATIENT)
        client.create_collection(CollectionId="known")
        client.index_faces(CollectionId="known", Image={"Bytes": encoded(astronaut())}, ExternalImageId="ada")
        with working_on_jobs(live.engine):
            calm, calm_jobs, _ = done(client, lambda: None)
            rows = ChunkRows(live.engine.stores.database, lambda: datetime.now(UTC))
            killing = Killing(lambda: chunks_done(live, rows))
            stormy, jobs, seconds = done(client, killing)
            deadline = time.monotonic() + 60
            while len(ends(told)) < 2 * len(JOBS) and time.monotonic() < deadline:
                time.sleep(0.2)
        again = sum(chunk.attempts - 1 for job in jobs.values() for chunk in rows.of_job(job))
    with capsys.disabled():
        print(f"\n{killing.kills} workers killed in {seconds:.0f} s; {again} chunks begun again")  # noqa: T201
    assert stormy == calm
    assert killing.kills >= 10
    # A chunk of each job is what a worker was at.
    assert again <= killing.kills * len(JOBS)
    begun = [each["StartFrameNumber"] for each in calm["segment_detection", ""] if each["Type"] == "SHOT"]
    assert begun == shots
    seen = calm["face_search", "TIMESTAMP"]
    assert {match["Face"]["ExternalImageId"] for each in seen for match in each["FaceMatches"]} == {"ada"}
    assert len({each["Person"]["Index"] for each in seen}) == walks(MINUTES)
    assert len(seen) > 0.9 * walks(MINUTES) * SHOT_SECONDS
    assert Counter(each["JobId"] for each in ends(told).values()) == Counter([*calm_jobs.values(), *jobs.values()])


def chunks_done(live: Live, rows: ChunkRows) -> int:
    jobs = JobRows(live.engine.stores.database).newest(len(JOBS))
    return sum(chunk.done_at is not None for job in jobs for chunk in rows.of_job(job.id))


class Killing:
    """Kills a worker at a random moment after each few chunks that were done, so that the work goes on however slow the
    machine is."""

    def __init__(self, progress: Callable[[], int]) -> None:
        """`progress` is how many chunks are done."""
        self.kills = 0
        self._progress = progress
        self._chance = random.Random(15)  # noqa: S311 - no secret
        self._wanted, self._at = 1, 0.0

    def __call__(self) -> None:
        if self._progress() < self._wanted:
            return
        self._at = self._at or time.monotonic() + self._chance.uniform(0, 5)
        workers = multiprocessing.active_children()
        if time.monotonic() >= self._at and workers:
            self._chance.choice(workers).kill()
            self.kills += 1
            self._wanted, self._at = self._progress() + self._chance.randint(1, 6), 0.0


def done(client: Any, meanwhile: Callable[[], None]) -> tuple[dict[tuple[str, str], list[Any]], dict[str, str], float]:
    """All that was found, by job and order; the jobs' ids; and in how many seconds."""
    start = time.monotonic()
    jobs = {name: getattr(client, f"start_{name}")(Video=VIDEO, **more)["JobId"] for name, (more, _, _) in JOBS.items()}
    waiting = dict(jobs)
    while waiting:
        assert time.monotonic() - start < PATIENCE_SECONDS, "the jobs did not end"
        meanwhile()
        time.sleep(0.2)
        for name, job in list(waiting.items()):
            status = getattr(client, f"get_{name}")(JobId=job, MaxResults=1)["JobStatus"]
            assert status in {"IN_PROGRESS", "SUCCEEDED"}
            if status == "SUCCEEDED":
                del waiting[name]
    seconds = time.monotonic() - start
    found = {}
    for name, (_, member, sorts) in JOBS.items():
        get = getattr(client, f"get_{name}")
        for sort in sorts or ("",):
            found[name, sort] = whole(get, jobs[name], member, {"SortBy": sort} if sort else {})
    return found, jobs, seconds


def whole(get: Callable[..., dict[str, Any]], job: str, member: str, asked: dict[str, str]) -> list[Any]:
    items, token = [], ""
    while token is not None:
        answer = get(JobId=job, MaxResults=PAGE, NextToken=token, **asked)
        items += answer[member]
        token = answer.get("NextToken")
    return items


def ends(told: Path) -> dict[str, dict[str, Any]]:
    """The events by their ids: one that was told twice has the same."""
    lines = told.read_bytes().splitlines() if told.exists() else []
    return {each["EventId"]: each for each in map(orjson.loads, lines)}
