"""`regard worker`, as it is typed: it does what there is to do, and ends when it is told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from toy_task import ACT, caller, endings, new_job, now

from regard.accountability.gate import Gate
from regard.accountability.profiles.catalogue import OPEN
from regard.domain.jobs import Job
from regard.engine.jobs.queue import JobQueue
from regard.store import database

PATIENCE = 120.0


@pytest.mark.slow
def test_a_worker_does_jobs_and_tells_of_them_until_it_is_ended(tmp_path: Path) -> None:
    home, told = tmp_path / "home", tmp_path / "events.jsonl"
    home.mkdir()
    (home / "regard.toml").write_text(f'[events]\nfile = "{told}"\n')
    opened = database.open(f"sqlite:///{home / 'regard.db'}")
    queue = JobQueue(opened, account_id="1", kept=timedelta(days=7), clock=now)
    with Gate(OPEN).open(caller(), ACT) as grant:
        job = queue.submit(grant, new_job(kind="NO_SUCH_KIND"))
    command = [sys.executable, "-m", "regard", "worker", "--processes", "2", "--home", str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ, text=True) as worker:
        try:
            assert worker.stdout is not None
            assert "Doing jobs with 2 processes." in worker.stdout.readline()
            found = waited_for(job, opened, told)
            assert found.message == "This server cannot do jobs of the kind NO_SUCH_KIND."
            assert f'"JobId": "{job.id}", "Status": "FAILED"' in told.read_text()
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(PATIENCE) == 0
        finally:
            worker.kill()
    opened.close()


def waited_for(job: Job, opened: database.Database, told: Path) -> Job:
    """The job, once it has ended and a file was told of it."""
    end = time.monotonic() + PATIENCE
    while True:
        found = endings(opened).jobs.get(job.id)
        assert found is not None
        if found.state.ended and told.exists():
            return found
        assert time.monotonic() < end, found
        time.sleep(0.1)
