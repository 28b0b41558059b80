"""`python -m toy_worker URL LEASE COUNT`: what `regard worker` does, with the toy's jobs, until it is killed."""

from __future__ import annotations

import sys
import threading
from functools import partial

from toy_task import endings, toy_work

from regard.engine.jobs.dispatcher import Dispatcher
from regard.engine.work.worker_process import WorkerProcess
from regard.store import database


def main() -> None:
    url, lease, count = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    start = partial(WorkerProcess, partial(toy_work, url, lease))
    with Dispatcher(endings(database.open(url), lease), start, count):
        sys.stdout.write("working\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
