"""One key's light calls beside another key's many heavy ones; a part of `make bench-load`."""

from __future__ import annotations

import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from benchmarks.customer import Customer, Pictures
from benchmarks.markdown import bullet, table
from benchmarks.pacing import Call, percentile
from benchmarks.served import Key, Served, new_keys, served
from benchmarks.signed_client import CallFailed, Prepared, SignedClient, Tally

CROWDS = (120, 200)
LIGHT = ("list", "search", "detect portrait")
#: Calls a second of the light key's.
LIGHT_RATE = 8.0
#: Seconds from the heavy key's coming until anything counts.
_FULL_SECONDS = 5.0


def run(out: Path, seconds: float) -> None:
    """Print the table; each of its rows takes `seconds`."""
    columns = ["DetectFaces of another key"]
    columns += [f"{name} {share}, ms" for name in LIGHT for share in ("p50", "p99")]
    columns += ["calls", "errors", "throttled, cured", "the other's calls /s", "throttled", "errors"]
    rows: list[list[str]] = []
    for rates in ("off", "aws"):
        with tempfile.TemporaryDirectory(prefix="regard-fairness-") as home:
            log = out / f"fairness-{rates}.log"
            light, heavy = new_keys(Path(home), 2)
            with served(Path(home), log, {"REGARD_SERVER_RATES": rates}) as server:
                rows += measured(server, light, heavy, seconds, f"rates {rates}")
                if found := server.tracebacks():
                    bullet(f"the server logged {found} tracebacks")
    table("Fairness:", columns, rows)


def measured(server: Served, light: Key, heavy: Key, seconds: float, rates: str) -> Iterator[list[str]]:
    """A row for each crowd, and one for none."""
    pictures, tally = Pictures.load(40), Tally()
    customer = Customer(0, SignedClient(server.port, light, tally), pictures)
    customer.begin()
    for connections in (0, *CROWDS):
        with crowded(server.port, heavy, pictures.portraits[0], connections) as crowd:
            tally.cured.clear()
            calls = paced(customer, seconds)
            throttled = tally.cured["ThrottlingException"]
        cells = [f"{percentile([c for c in calls if c.kind == k], s):,.0f}" for k in LIGHT for s in (0.5, 0.99)]
        failed = sum(call.error is not None for call in calls)
        others = [f"{crowd['OK'] / (seconds + _FULL_SECONDS):.1f}", str(crowd["throttled"]), str(crowd["failed"])]
        yield [f"{connections} connections, {rates}", *cells, str(len(calls)), str(failed), str(throttled), *others]


def paced(customer: Customer, seconds: float) -> list[Call]:
    """One call at a time, and none before it is due; what is late is sent at once."""
    calls: list[Call] = []
    due = time.monotonic()
    end = due + seconds
    while due < end and time.monotonic() < end + seconds:
        time.sleep(max(0, due - time.monotonic()))
        kind, error = LIGHT[len(calls) % len(LIGHT)], None
        began = time.monotonic()
        try:
            customer.act(kind)
        except CallFailed as failed:
            error = str(failed)
        calls.append(Call(began, kind, time.monotonic() - began, error))
        due += 1 / LIGHT_RATE
    return calls


@contextmanager
def crowded(port: int, key: Key, picture: str, connections: int) -> Iterator[Counter[str]]:
    """So many connections that ask again and again, from another process; what they got is known afterwards."""
    results: Counter[str] = Counter()
    if not connections:
        yield results
        return
    context = get_context("spawn")
    ended, reports = context.Event(), context.SimpleQueue()
    process = context.Process(target=_ask_on, args=[port, key, picture, connections, ended, reports])
    process.start()
    reports.get()
    try:
        time.sleep(_FULL_SECONDS)
        yield results
    finally:
        ended.set()
        results.update(reports.get())
        process.join()


def _ask_on(port: int, key: Key, picture: str, connections: int, ended: Event, reports: SimpleQueue[Any]) -> None:
    tally, results, gone = Tally(), Counter[str](), threading.Event()
    request = Prepared.of("DetectFaces", Image={"Bytes": picture})

    def ask() -> None:
        client = SignedClient(port, key, tally, "127.78.0.1")
        while not gone.is_set():
            try:
                client.call(request)
            except CallFailed:
                results["failed"] += 1
            else:
                results["OK"] += 1

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(connections)]
    for thread in threads:
        thread.start()
    reports.put(None)
    ended.wait()
    counted = results + Counter(throttled=tally.cured["ThrottlingException"])
    gone.set()
    reports.put(counted)
    for thread in threads:
        thread.join()
