"""Signed customers while strangers attack, and a light key beside a heavy one: `make bench-load`.

A real server, 64 customers with eight keys who ask steadily for mixed things, each from an address of its own: first
alone, then while 200 strangers come again and again with every attack of `benchmarks.strangers`, then alone again. The
latencies count from when a request was due, and include retries; a request is an error only if the retries of an SDK do
not cure it. The strangers run on the same processors as the server: their own processor time is told.

Then a server of its own for fairness: ListCollections and SearchFaces of one key, alone and beside another key's 120
and 200 connections that ask for nothing but DetectFaces.

The tables are Markdown, for `docs/performance.md`.
"""

from __future__ import annotations

import argparse
import http.client
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import fairness
from benchmarks.customer import Customer, Pictures
from benchmarks.markdown import bullet, table
from benchmarks.material import ROOT, zoo
from benchmarks.pacing import Call, Workforce, percentile
from benchmarks.served import Gauge, Served, busy_seconds, new_keys, processor, served
from benchmarks.signed_client import SignedClient, Tally
from benchmarks.strangers import Crowd, Target

KEYS = 8
#: What the server's caches and pools get before anything counts.
WARM_UP_SECONDS = 15.0
GAUGE_SECONDS, HEALTH_SECONDS = 2.0, 60.0


@dataclass
class Turn:
    """So many seconds of the customers' work: what they lived through, and what the server held meanwhile."""

    name: str
    calls: list[Call] = field(default_factory=list)
    cured: Counter[str] = field(default_factory=Counter)
    gauges: list[Gauge] = field(default_factory=list)
    #: Seconds that /health/live took on new connections; None where there was no answer.
    health: list[float | None] = field(default_factory=list)
    #: Seconds until the last customer had an answer.
    seconds: float = 0.0
    #: Processor time of everything but the server and the customers.
    others: float = 0.0

    def errors(self) -> Counter[str]:
        return Counter(f"{call.kind}: {call.error}" for call in self.calls if call.error)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--seconds", type=float, default=180, help="alone, and with strangers; a third of it afterwards"
    )
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--strangers", type=int, default=200)
    parser.add_argument("--rate", type=float, default=10, help="requests a second, of all clients together")
    parser.add_argument("--one-address", action="store_true", help="strangers and clients all come from 127.0.0.1")
    parser.add_argument("--only", choices=["load", "fairness"], help="one of the two parts")
    parser.add_argument("--out", type=Path, default=ROOT / ".cache" / "load", help="folder of the servers' logs")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the server then ends, too
    zoo()
    print(f"{processor()}.\n")
    if options.only != "fairness":
        with tempfile.TemporaryDirectory(prefix="regard-load-") as home:
            load(Path(home), options)
    if options.only != "load":
        fairness.run(options.out, min(30.0, options.seconds))


def load(home: Path, options: argparse.Namespace) -> None:
    tally, keys, pictures = Tally(), new_keys(home, KEYS), Pictures.load()
    with served(home, options.out / "load.log") as server:
        customers = []
        for number in range(options.clients):
            address = "127.0.0.1" if options.one_address else f"127.77.{number // 250}.{number % 250 + 1}"
            client = SignedClient(server.port, keys[number % KEYS], tally, address)
            customers.append(Customer(number, client, pictures))
            customers[-1].begin()
        crowd = Crowd(Target(server.port, keys[0]), options.strangers, apart=not options.one_address)
        work = Workforce(customers, options.rate)
        took_turn(Turn("warm-up"), server, work, tally, WARM_UP_SECONDS)
        turns = [
            took_turn(Turn("alone before"), server, work, tally, options.seconds),
            took_turn(Turn("with strangers"), server, work, tally, options.seconds, crowd),
            took_turn(Turn("alone after"), server, work, tally, options.seconds / 3),
        ]
        report(turns, crowd, server, options)


def took_turn(
    turn: Turn, server: Served, work: Workforce, tally: Tally, seconds: float, crowd: Crowd | None = None
) -> Turn:
    tally.cured.clear()
    with crowd.present() if crowd else nullcontext(), watched(server, turn):
        began = time.monotonic()
        work.start()
        time.sleep(seconds)
        turn.calls = work.stop()
        turn.seconds = time.monotonic() - began
    turn.cured.update(tally.cured)
    return turn


@contextmanager
def watched(server: Served, turn: Turn) -> Iterator[None]:
    """Two threads, so that a server that does not answer is measured all the same."""
    ended = threading.Event()

    def gauge() -> None:
        while server.process.poll() is None:
            turn.gauges.append(server.gauge())
            if ended.wait(GAUGE_SECONDS):
                return

    def ask() -> None:
        while not ended.wait(GAUGE_SECONDS):
            turn.health.append(health(server.port))

    threads = [threading.Thread(target=gauge), threading.Thread(target=ask)]
    for thread in threads:
        thread.start()
    busy = busy_seconds() - own_seconds(server)
    try:
        yield
    finally:
        turn.others = busy_seconds() - own_seconds(server) - busy
        ended.set()
        for thread in threads:
            thread.join()


def own_seconds(server: Served) -> float:
    """Processor time of the server and of this process."""
    return server.gauge().cpu_seconds + time.process_time() if server.process.poll() is None else time.process_time()


def health(port: int) -> float | None:
    """Seconds of one answer on a connection of its own; None without a 200."""
    began = time.monotonic()
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=HEALTH_SECONDS)) as connection:
        try:
            connection.request("GET", "/health/live")
            well = connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return None
    return time.monotonic() - began if well else None


def report(turns: list[Turn], crowd: Crowd, server: Served, options: argparse.Namespace) -> None:
    title = (
        f"{options.clients} clients with {KEYS} keys, {options.rate:g} requests a second; {options.strangers} strangers"
    )
    where = "all from one address" if options.one_address else "each from an address of its own"
    table(f"{title}, {where}. Milliseconds:", *latencies(turns))
    table("What became of the requests:", *outcomes(turns))
    for turn in turns:
        bullet(f"{turn.name}: errors {dict(turn.errors())}; cured by retries {dict(turn.cured)}")
    table("What the server held:", *held(turns))
    visits = [[kind, outcome, str(count)] for (kind, outcome), count in sorted(crowd.results.items())]
    table("What the strangers got:", ["attack", "outcome", "visits"], visits)
    bullet(f"the strangers used {crowd.cpu_seconds:.0f} s of processor time")
    bullet(f"the server logged {server.tracebacks()} tracebacks")
    if server.process.poll() is not None:
        bullet("the server ended by itself")


def latencies(turns: list[Turn]) -> tuple[list[str], list[list[str]]]:
    columns = [f"{share}, {turn.name}" for share in ("p50", "p99") for turn in turns]
    rows = []
    for kind in ("", *sorted({call.kind for turn in turns for call in turn.calls})):
        cells, ratio = [], float("nan")
        for share in (0.5, 0.99):
            taken = [percentile([c for c in turn.calls if kind in ("", c.kind)], share) for turn in turns]
            cells += [f"{each:,.0f}" for each in taken]
            ratio = taken[1] / taken[0]
        rows.append([kind or "all", *cells, f"{ratio:.1f}"])
    return ["request", *columns, "ratio of p99"], rows


def outcomes(turns: list[Turn]) -> tuple[list[str], list[list[str]]]:
    rows = []
    for turn in turns:
        throttled = turn.cured["ThrottlingException"]
        well = [each for each in turn.health if each is not None]
        rows.append(
            [
                turn.name,
                f"{turn.seconds:.0f}",
                f"{len(turn.calls):,}",
                str(sum(turn.errors().values())),
                str(throttled),
                str(turn.cured.total() - throttled),
                f"{len(well)} of {len(turn.health)}",
                f"{1e3 * max(well, default=float('nan')):,.0f}",
            ]
        )
    names = ["turn", "seconds", "requests", "errors", "throttled, cured", "other failures, cured"]
    return [*names, "health answered", "slowest health, ms"], rows


def held(turns: list[Turn]) -> tuple[list[str], list[list[str]]]:
    rows = []
    for turn in turns:
        rss, descriptors, threads, log = (
            [getattr(gauge, name) for gauge in turn.gauges] or [0]
            for name in ("rss_mb", "descriptors", "threads", "log_mb")
        )
        quarters = " ".join(f"{rss[(len(rss) - 1) * quarter // 4]:.0f}" for quarter in range(5))
        cpu = turn.gauges[-1].cpu_seconds - turn.gauges[0].cpu_seconds if turn.gauges else 0.0
        held = [f"{max(rss):.0f}", str(max(descriptors)), str(max(threads)), f"{log[-1] - log[0]:.1f}"]
        rows.append([turn.name, quarters, *held, f"{cpu:.0f}", f"{turn.others:.0f}"])
    names = ["turn", "resident MB, at each quarter", "most", "descriptors, most", "threads, most", "MB logged"]
    return [*names, "processor s of the server", "of strangers and others"], rows


if __name__ == "__main__":
    main()
