"""`python -m toy_worker URL LEASE COUNT`: what `regard worker` does, with the toy's jobs, until it is killed. Each end
of a job is to be told to one address, to which nobody delivers."""

from __future__ import annotations

import sys
import threading
from functools import partial

from toy_task import endings, toy_work

from regard.engine.jobs.announcer import Announcer
from regard.engine.jobs.dispatcher import Dispatcher
from regard.engine.work.worker_process import WorkerProcess
from regard.store import database


def main() -> None:
    url, lease, count = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    told = Announcer(webhooks=("https://example.org/",))
    start = partial(WorkerProcess, partial(toy_work, url, lease, told))
    with Dispatcher(endings(database.open(url), lease, told), start, count):
        threading.Event().wait()


if __name__ == "__main__":
    main()
