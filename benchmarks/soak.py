"""A server under a light, mixed, steady load for hours: `make soak HOURS=24`.

A few customers with keys ask at `--rate`; a stranger now and then does one of the things strangers do. Every few
seconds what the server holds goes into `gauges.csv`. At the end, or at Ctrl-C, a table says what was held at the start,
after the warm-up and at the end, and how much it rises an hour: by least squares after the warm-up, with the standard
error, which takes the samples as independent (for memory, which moves in steps, the true error is larger). The exit
status is 1 if something rises beyond its bound, if a customer got an error that retries did not cure, if the server
logged a traceback, or if it ended. A run of less than half an hour is too short to judge a rise by.
"""

from __future__ import annotations

import argparse
import csv
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import FrameType

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.customer import Customer, Pictures
from benchmarks.material import ROOT, zoo
from benchmarks.pacing import Call, Workforce, percentile
from benchmarks.served import Gauge, Served, new_keys, processor, served
from benchmarks.signed_client import SignedClient, Tally
from benchmarks.strangers import BRIEF, Target, visit

CUSTOMERS, KEYS = 6, 2
#: Not judged: the longest, and for short runs the share.
WARM_UP_SECONDS, WARM_UP_SHARE = 900.0, 0.25
#: A shorter run is all warm-up.
JUDGED_SECONDS = 1800.0
STRANGER_EVERY_SECONDS = 20.0


@dataclass(frozen=True)
class Bound:
    """What may not be exceeded: a rise an hour, by twice its error, that came to `in_all` after the warm-up."""

    an_hour: float
    in_all: float


#: Files of the database and the index level off too: as many faces are deleted as are added. The log does not.
BOUNDS = {
    "rss_mb": Bound(8, 40),
    "descriptors": Bound(1, 10),
    "threads": Bound(1, 8),
    "database_mb": Bound(5, 10),
    "wal_mb": Bound(2, 20),
    "index_files": Bound(5, 20),
    "index_mb": Bound(5, 10),
}


@dataclass(frozen=True)
class Rise:
    """A straight line's slope through what was held after the warm-up, an hour, and the slope's standard error."""

    slope: float
    error: float
    hours: float

    @staticmethod
    def through(hours: np.ndarray, values: np.ndarray) -> Rise:
        if len(hours) < 3:
            return Rise(float("nan"), float("nan"), 0.0)
        away = hours - hours.mean()
        spread = float(away @ away)
        slope = float(away @ values) / spread
        residuals = values - values.mean() - slope * away
        error = float(np.sqrt(residuals @ residuals / (len(hours) - 2) / spread))
        return Rise(slope, error, float(hours[-1] - hours[0]))

    def exceeds(self, bound: Bound) -> bool:
        return self.slope - 2 * self.error > bound.an_hour and self.slope * self.hours > bound.in_all


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--rate", type=float, default=3, help="requests a second, of all customers together")
    parser.add_argument("--every", type=float, default=10, help="seconds between two samples")
    parser.add_argument("--out", type=Path, help="folder of gauges.csv, server.log and soak.md")
    options = parser.parse_args()
    out = options.out or ROOT / ".cache" / "soak" / f"{datetime.now():%Y-%m-%dT%H%M%S}"
    out.mkdir(parents=True, exist_ok=True)
    zoo()
    ended = threading.Event()

    def end(_: int, __: FrameType | None) -> None:
        ended.set()

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    with tempfile.TemporaryDirectory(prefix="regard-soak-") as home:
        faults = soak(Path(home), out, options, ended)
    sys.exit("\n".join(faults) if faults else 0)


def soak(home: Path, out: Path, options: argparse.Namespace, ended: threading.Event) -> list[str]:
    """Everything from the server's start to the table. What exceeded its bound, in words."""
    tally, keys, pictures = Tally(), new_keys(home, KEYS), Pictures.load()
    with served(home, out / "server.log") as server:
        customers = [
            Customer(number, SignedClient(server.port, keys[number % KEYS], tally), pictures)
            for number in range(CUSTOMERS)
        ]
        first = server.gauge()
        for customer in customers:
            customer.begin()
        work = Workforce(customers, options.rate)
        work.start()
        stranger = threading.Thread(target=_strangers, args=[Target(server.port, keys[0]), ended], daemon=True)
        stranger.start()
        gauges = [first, *sample(server, out / "gauges.csv", options, ended)]
        ended.set()
        calls = work.stop()
        died = server.process.poll() is not None
    report = Report(gauges, calls, tally.cured, server.tracebacks(), died)
    with (out / "soak.md").open("w", encoding="utf-8") as file:
        for console in (Console(width=140), Console(width=140, file=file)):
            console.print(f"{processor()}; {options.rate} requests a second of {CUSTOMERS} customers; {out}")
            report.print(console)
    return report.faults()


def sample(server: Served, file: Path, options: argparse.Namespace, ended: threading.Event) -> list[Gauge]:
    """Until the time is up, the server ends, or `ended` is set."""
    gauges = []
    end = time.monotonic() + 3600 * options.hours
    with file.open("w", newline="", encoding="utf-8") as lines:
        rows = csv.writer(lines)
        rows.writerow(["time", *Gauge.names()])
        while time.monotonic() < end and not ended.wait(min(options.every, max(0, end - time.monotonic()))):
            if server.process.poll() is not None:
                break
            try:
                gauges.append(server.gauge())
            except OSError:  # it ends just now
                continue
            rows.writerow([f"{datetime.now():%Y-%m-%dT%H:%M:%S}", *gauges[-1].values()])
            lines.flush()
    return gauges


def _strangers(target: Target, ended: threading.Event) -> None:
    number = 0
    while not ended.wait(STRANGER_EVERY_SECONDS):
        visit(BRIEF[number % len(BRIEF)], target, ended)
        number += 1


@dataclass(frozen=True)
class Report:
    """What there is to say at the end."""

    gauges: list[Gauge]
    calls: list[Call]
    cured: Counter[str]
    tracebacks: int
    died: bool

    def settled(self) -> list[Gauge]:
        """What was held after the warm-up."""
        last = self.gauges[-1].seconds
        warm = min(WARM_UP_SECONDS, WARM_UP_SHARE * last)
        return [gauge for gauge in self.gauges if gauge.seconds >= warm]

    def rise(self, name: str) -> Rise:
        settled = self.settled()
        hours = np.array([gauge.seconds / 3600 for gauge in settled])
        return Rise.through(hours, np.array([float(getattr(gauge, name)) for gauge in settled]))

    def errors(self) -> Counter[str]:
        return Counter(f"{call.kind}: {call.error}" for call in self.calls if call.error)

    def faults(self) -> list[str]:
        found = [
            f"{name} rises by {self.rise(name).slope:.2f} an hour; at most {bound.an_hour:g} was expected"
            for name, bound in BOUNDS.items()
            if self.gauges[-1].seconds >= JUDGED_SECONDS and self.rise(name).exceeds(bound)
        ]
        found += [f"{kind}: {count} times" for kind, count in self.errors().items()]
        found += [f"the server logged {self.tracebacks} tracebacks"] if self.tracebacks else []
        found += ["the server ended by itself"] if self.died else []
        return found

    def print(self, console: Console) -> None:
        console.print(self._held(), self._taken())
        errors, cured = sum(self.errors().values()), sum(self.cured.values())
        console.print(f"{len(self.calls):,} requests; {errors} errors: {dict(self.errors())}")
        console.print(f"{cured} failures cured by retries: {dict(self.cured)}; {self.tracebacks} tracebacks in the log")
        console.print("\n".join(self.faults()) or "Everything that was judged is within its bounds.")

    def _held(self) -> Table:
        settled = self.settled()
        hours = self.gauges[-1].seconds / 3600
        table = Table(title=f"What the server held in {hours:.2f} hours")
        for column in ("", "at start", "after warm-up", "at end", "most", "an hour", "± error", "bound"):
            table.add_column(column, justify="right" if column else "left")
        for name in Gauge.names()[1:]:
            rise, bound = self.rise(name), BOUNDS.get(name)
            values = [getattr(gauge, name) for gauge in (self.gauges[0], settled[0], self.gauges[-1])]
            values.append(max(getattr(gauge, name) for gauge in self.gauges))
            allowed = f"{bound.an_hour:g}" if bound else ""
            table.add_row(name, *map(_short, values), f"{rise.slope:+.2f}", f"{rise.error:.2f}", allowed)
        return table

    def _taken(self) -> Table:
        table = Table(title="Milliseconds, from when a request was due")
        for column in ("", "requests", "p50, first quarter", "p50, last", "p99, first quarter", "p99, last"):
            table.add_column(column, justify="right" if column else "left")
        calls = sorted(self.calls)
        for kind in ("", *sorted({call.kind for call in calls})):
            mine = [call for call in calls if kind in ("", call.kind)]
            quarter = max(1, len(mine) // 4)
            ends = mine[:quarter], mine[-quarter:]
            cells = [f"{percentile(part, share):.0f}" for share in (0.5, 0.99) for part in ends]
            table.add_row(kind or "all", f"{len(mine):,}", *cells)
        return table


def _short(value: float) -> str:
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"


if __name__ == "__main__":
    main()
