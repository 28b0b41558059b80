"""The server under sixteen clients against the engine called directly: `make bench-http`.

DetectFaces and SearchFacesByImage, through boto3 clients in processes of their own, for a minute each by default. The
same pictures then go to the engine in this process, with as many threads as the server has. Throughput is compared
pair by pair in short turns, so that a machine whose speed drifts does not favour either.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import boto3
from botocore import xform_name
from botocore.config import Config
from rich.console import Console
from rich.table import Table

from benchmarks.material import DATA, MODELS, DevelopmentFaces, jpeg, photograph, zoo
from regard.bootstrap.engine import Engine, open_engine
from regard.bootstrap.http import rekognition
from regard.config.settings import load_settings
from regard.domain.callers import Principal
from regard.operations.registry import Handler
from regard.vision.session import cores

CLIENTS = 16
COLLECTION = "benchmark"
TURN = 10.0

console = Console(width=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="load on the server, each operation")
    seconds = parser.parse_args().seconds
    zoo()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        process, endpoint = serve(home)
        try:
            keys = json.loads(regard("keys", "create", "--home", str(home), "--json"))
            settings = {"endpoint_url": endpoint, "region_name": "us-east-1"} | {
                "aws_access_key_id": keys["AccessKeyId"],
                "aws_secret_access_key": keys["SecretAccessKey"],
            }
            enrol(settings)
            with open_engine(load_settings({}, home=home, models={"folder": MODELS})) as engine:
                engine.models.load()
                report(settings, process.pid, engine, seconds)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def report(settings: dict[str, str], pid: int, engine: Engine, seconds: float) -> None:
    direct = rekognition(engine)
    picture = jpeg(photograph(DATA / "images" / "couple.jpg", (640, 446)))
    requests: dict[str, dict[str, Any]] = {
        "DetectFaces": {"Image": {"Bytes": picture}},
        "SearchFacesByImage": {"CollectionId": COLLECTION, "Image": {"Bytes": picture}},
    }
    table = Table(title=f"{CLIENTS} boto3 clients, {seconds:.0f} s each operation, {cores()} cores")
    for column in ("operation", "answers", "errors", "p50 ms", "p99 ms", "server /s", "engine /s", "ratio", "RSS MB"):
        table.add_column(column, justify="left" if column == "operation" else "right")
    for operation, request in requests.items():
        turns = max(1, round(seconds / TURN))
        rates, ratios, latencies, failures, memory = [], [], [], 0, [resident(pid)]
        load(settings, operation, request, 3.0)
        for _ in range(turns):
            taken, failed = load(settings, operation, request, seconds / turns)
            alone = engine_rate(direct[operation], request, seconds / turns)
            rates.append((len(taken) / (seconds / turns), alone))
            ratios.append(rates[-1][0] / alone)
            latencies += taken
            failures += failed
            memory.append(resident(pid))
        latencies.sort()
        table.add_row(
            operation,
            str(len(latencies)),
            str(failures),
            f"{1e3 * latencies[len(latencies) // 2]:.0f}",
            f"{1e3 * latencies[len(latencies) * 99 // 100]:.0f}",
            f"{median(rate for rate, _ in rates):.1f}",
            f"{median(rate for _, rate in rates):.1f}",
            f"{median(ratios):.2f}",
            " ".join(f"{size:.0f}" for size in memory),
        )
    console.print(table)


def regard(*arguments: str) -> str:
    command = [sys.executable, "-m", "regard", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def serve(home: Path) -> tuple[subprocess.Popen[str], str]:
    environment = os.environ | {"REGARD_MODELS_FOLDER": str(MODELS)}
    command = [sys.executable, "-m", "regard", "serve", "--home", str(home), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    assert process.stdout
    for line in process.stdout:
        for word in line.split():
            if word.startswith("http://"):
                threading.Thread(target=process.stdout.read, daemon=True).start()
                return process, word.strip("'\",.")
    raise SystemExit("the server did not start")


def enrol(settings: dict[str, str]) -> None:
    client = boto3.client("rekognition", **settings)
    client.create_collection(CollectionId=COLLECTION)
    for file in DevelopmentFaces.load().files[:200]:
        client.index_faces(CollectionId=COLLECTION, Image={"Bytes": file.read_bytes()})


def load(settings: dict[str, str], operation: str, request: dict[str, Any], seconds: float) -> tuple[list[float], int]:
    """Seconds each answer took, and how many calls failed."""
    processes = min(4, cores())
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        jobs = [(settings, operation, request, seconds, CLIENTS // processes)] * processes
        results = pool.starmap(clients, jobs)
    return [second for taken, _ in results for second in taken], sum(failed for _, failed in results)


def clients(
    settings: dict[str, str], operation: str, request: dict[str, Any], seconds: float, count: int
) -> tuple[list[float], int]:
    taken: list[float] = []
    failed: list[Exception] = []
    started = threading.Barrier(count)

    def work() -> None:
        client = boto3.session.Session().client(
            "rekognition", config=Config(retries={"total_max_attempts": 1}), **settings
        )
        call: Callable[..., Any] = getattr(client, xform_name(operation))
        started.wait()
        end = time.perf_counter() + seconds
        while (start := time.perf_counter()) < end:
            try:
                call(**request)
            except Exception as error:
                failed.append(error)
            else:
                taken.append(time.perf_counter() - start)

    run(work, count)
    return taken, len(failed)


def engine_rate(call: Handler, request: dict[str, Any], seconds: float) -> float:
    done: list[int] = []
    principal = Principal(access_key_id="", name="benchmark")
    end = time.perf_counter() + seconds

    def work() -> None:
        while time.perf_counter() < end:
            call(principal, request, "")
            done.append(1)

    start = time.perf_counter()
    run(work, 2 * cores())
    return len(done) / (time.perf_counter() - start)


def run(work: Callable[[], None], count: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def resident(pid: int) -> float:
    """Resident memory in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
