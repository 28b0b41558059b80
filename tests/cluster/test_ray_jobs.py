"""`regard worker --ray`: a job on a video is done by the machines of a Ray cluster, one of which goes away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import postgres_server
import pytest
from long_film import film
from ray_nodes import ray_nodes
from toy_task import caller, endings, now

from regard.accountability.gate import Gate
from regard.accountability.profiles.catalogue import OPEN
from regard.domain.authority import Act, Action
from regard.domain.jobs import Job, JobState, NewJob
from regard.engine.jobs.queue import JobQueue
from regard.media.blobs import FolderStore
from regard.store import database
from regard.store.chunk_rows import ChunkRows

REPOSITORY = Path(__file__).resolve().parents[2]
MINUTES, PATIENCE = 8, 240.0
ACT = Act(action=Action.DETECT, operation="StartSegmentDetection", medium="recorded")
CUES = {"MinSegmentConfidence": 50.0, "BlackFrame": {"MaxPixelThreshold": 0.2, "MinCoveragePercentage": 99.0}}
FILTERS = {"TechnicalCueFilter": CUES, "ShotFilter": {"MinSegmentConfidence": 50.0}}


@pytest.fixture
def url() -> Iterator[str]:
    found = postgres_server.binaries()
    if found is None:
        pytest.skip("needs PostgreSQL's server: apt-get install postgresql")
    # Not below pytest's own folder, which another user cannot enter.
    with (
        tempfile.TemporaryDirectory(prefix="regard-postgresql-") as folder,
        postgres_server.running(found, Path(folder)) as server,
    ):
        server.run("CREATE DATABASE jobs ENCODING 'UTF8' TEMPLATE template0")
        yield server.url("jobs")


def test_a_machine_that_goes_away_in_the_middle_of_a_video_loses_nothing_of_it(
    url: str, models: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    (home / "buckets" / "films").mkdir(parents=True)
    shots = film(home / "buckets" / "films" / "long.mp4", MINUTES)
    store = f'[store]\ndatabase = "{url}"\n[jobs]\nlease_seconds = 5\n[models]\nfolder = "{models}"\n'
    (home / "regard.toml").write_text(store)
    opened = database.open(url)
    queue = JobQueue(opened, account_id="1", kept=timedelta(days=7), clock=now)
    request = {"SegmentTypes": ["SHOT"], "Filters": FILTERS}
    video = FolderStore(home / "buckets").head("films", "long.mp4", None)
    with Gate(OPEN).open(caller(), ACT) as grant:
        job = queue.submit(grant, NewJob(kind="SEGMENT_DETECTION", request=request, object=video))
    with ray_nodes(2, {"REGARD_HOME": str(home), "PYTHONPATH": str(REPOSITORY)}) as nodes:
        command = [sys.executable, "-m", "regard", "worker", "--ray", nodes.address, "--home", str(home)]
        with subprocess.Popen(command, env=os.environ | nodes.environment, cwd=REPOSITORY) as worker:
            try:
                chunks = ChunkRows(opened, now)
                waited_for(lambda: sum(each.done_at is not None for each in chunks.of_job(job.id)) >= 2)
                nodes.kill(nodes.nodes[1])
                waited_for(lambda: found(opened, job).state.ended)
                worker.send_signal(signal.SIGTERM)
                worker.wait(PATIENCE)
            finally:
                worker.kill()
    with Gate(OPEN).open(caller(), ACT) as grant:
        ended = queue.get(grant, job.id, job.kind)
        assert ended.state is JobState.SUCCEEDED, ended.message
        told = [each["StartFrameNumber"] for each in queue.page(grant, ended, "TIMESTAMP", 0, 1000).shapes()]
    assert told == shots
    opened.close()


def found(opened: database.Database, job: Job) -> Job:
    it = endings(opened).jobs.get(job.id)
    assert it is not None
    return it


def waited_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)
