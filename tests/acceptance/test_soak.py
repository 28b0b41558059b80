"""`make soak`, for seconds: it ends by itself or when it is told, says what it saw, and judges what rises."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks.pacing import Call
from benchmarks.served import Gauge
from benchmarks.soak import JUDGED_SECONDS, Report, Rise

REPOSITORY = Path(__file__).resolve().parents[2]


def gauges(rss_an_hour: float, hours: float) -> list[Gauge]:
    every = 0.01
    return [
        Gauge(
            seconds=3600 * hour,
            rss_mb=300 + rss_an_hour * hour + step % 2,
            descriptors=20,
            threads=16,
            cpu_seconds=hour,
            database_mb=1.0,
            wal_mb=1.0,
            index_files=2,
            index_mb=1.0,
            log_mb=hour,
        )
        for step, hour in enumerate(np.arange(0, hours, every))
    ]


def report(rss_an_hour: float, hours: float, calls: list[Call] | None = None, *, died: bool = False) -> Report:
    return Report(gauges(rss_an_hour, hours), calls or [], cured={}, tracebacks=0, died=died)  # type: ignore[arg-type]


def test_a_straight_line_has_its_slope_and_an_error_that_grows_with_the_noise() -> None:
    hours = np.linspace(0, 2, 200)
    calm, noisy = (Rise.through(hours, 300 + 5 * hours + noise * (-1) ** np.arange(200)) for noise in (0.1, 10))
    assert calm.slope == pytest.approx(5, abs=0.1)
    assert noisy.error > 50 * calm.error > 0


def test_memory_that_rises_by_fifty_megabytes_an_hour_is_a_fault() -> None:
    (fault,) = report(50, hours=2).faults()
    assert fault.startswith("rss_mb rises by 5")


def test_memory_that_rises_by_a_megabyte_an_hour_is_none() -> None:
    assert report(1, hours=2).faults() == []


def test_a_run_that_is_all_warm_up_is_not_judged_by_what_rises() -> None:
    assert report(5000, hours=0.9 * JUDGED_SECONDS / 3600).faults() == []


def test_an_error_and_a_server_that_ended_are_faults() -> None:
    lost = Call(due=1.0, kind="search", seconds=0.1, error="ResourceNotFoundException")
    assert report(0, 0.1, [lost], died=True).faults() == [
        "search: ResourceNotFoundException: 1 times",
        "the server ended by itself",
    ]


@pytest.mark.slow
def test_it_ends_at_ctrl_c_with_a_table_of_what_it_saw(models: Path, shared_data: Path, tmp_path: Path) -> None:
    environment = os.environ | {"REGARD_TEST_MODELS": str(models), "REGARD_TEST_DATA": str(shared_data)}
    command = [sys.executable, "-m", "benchmarks.soak", "--hours", "1", "--every", "0.5", "--out", str(tmp_path)]
    with subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True) as process:
        samples = tmp_path / "gauges.csv"
        while process.poll() is None and (not samples.is_file() or samples.read_text().count("\n") < 10):
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert "rss_mb" in (tmp_path / "soak.md").read_text(encoding="utf-8")
    assert "0 errors" in output
    with samples.open(encoding="utf-8") as rows:
        sampled = list(csv.DictReader(rows))
    assert len(sampled) >= 9
    assert all(float(row["rss_mb"]) > 50 and int(row["descriptors"]) > 5 for row in sampled)
