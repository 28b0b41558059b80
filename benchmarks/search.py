"""A large collection through the whole server: `make bench-search`.

A `regard serve` of its own with FACES rows in one collection, brought in by `regard collections import`: the embeddings
of the development faces, and the rest drawn to vary as they do (`benchmarks/codebook.py`). Of some people one
photograph is left out, and of some the only one: these photographs are the probes. DetectFaces and SearchFacesByImage
take turns on the same photograph, so that a machine whose speed drifts favours neither. The same calls then go to the
engine in this process, stage by stage.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import boto3
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from botocore.config import Config
from rich.console import Console
from rich.table import Table

from benchmarks.codebook import Population
from benchmarks.http_load import CLIENTS, load, regard, resident, serve
from benchmarks.material import MODELS, ROOT, DevelopmentFaces, development
from benchmarks.wire import Stopwatch, percentile
from regard.bootstrap.engine import open_engine
from regard.bootstrap.http import rekognition
from regard.config.settings import load_settings
from regard.domain.arrays import FloatArray, IntArray
from regard.domain.callers import Principal
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.analysis.image_loader import Picture
from regard.index.embedded.embedded_index import EmbeddedIndex
from regard.operations.registry import Handler
from regard.store.face_rows import FaceRows
from regard.sync.index_sync import IndexSync
from regard.vision.faces.face_detector import FaceDetector

COLLECTION, PROBES, BATCH, BAR = "benchmark", 40, 8192, 5.0

#: Each stage is one method, timed where it is looked up.
STAGES: dict[str, tuple[type, str]] = {
    "decode": (Picture, "load"),
    "detector": (FaceDetector, "detect"),
    "pose, quality": (FaceAnalyzer, "_described"),
    "embedder": (FaceAnalyzer, "embedded"),
    "news": (IndexSync, "catch_up"),
    "index": (EmbeddedIndex, "search"),
    "rows": (FaceRows, "by_keys"),
}

Times = dict[str, list[float]]
console = Console(width=140)


@dataclass(frozen=True)
class Plan:
    """What is in the collection, and what it is asked about."""

    version: str
    names: list[str]
    embeddings: Iterator[FloatArray]
    #: The probes' files; the first half are of people who are in the collection with another photograph.
    probes: list[Path]

    @classmethod
    def of(cls, faces: int) -> Plan:
        version, real, people = development()
        files = DevelopmentFaces.load().files
        rows = probes(people)
        kept = np.setdiff1d(np.arange(len(files)), rows)[:faces]
        names = [f"{files[row].parent.name}:{files[row].name}" for row in kept]
        names += [f"drawn-{number}" for number in range(faces - len(kept))]
        return cls(version, names, drawn(real, people, kept, faces), [files[row] for row in rows])


def probes(people: IntArray) -> IntArray:
    """A photograph each of people who have several, then of others: rows, which nobody else is in."""
    _, first, counts = np.unique(people, return_index=True, return_counts=True)
    rng = np.random.default_rng(0)
    chosen = [rng.choice(first[each], PROBES // 2, replace=False) for each in (counts > 1, counts == 1)]
    return np.concatenate(chosen)


def drawn(real: FloatArray, people: IntArray, kept: IntArray, faces: int) -> Iterator[FloatArray]:
    """N×D, some thousands at a time: the real ones that are kept, then those drawn."""
    yield real[kept]
    population = Population(real, people)
    for start in range(len(kept), faces, BATCH):
        yield population.faces(min(BATCH, faces - start), seed=start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=10, help=f"how often each of {PROBES} photographs is sent")
    parser.add_argument("--seconds", type=float, default=20, help=f"how long {CLIENTS} clients ask at once")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=ROOT / ".cache") as folder:
        home, plan = Path(folder) / "home", Plan.of(given.faces)
        pictures = [{"Image": {"Bytes": file.read_bytes()}} for file in plan.probes]
        console.print(f"{given.faces:,} faces imported in {filled(home, plan):.1f} s")
        settings = key(home)
        for name in ("first", "again", "without its files"):
            if name == "without its files":
                shutil.rmtree(home / "index")
            with serving(home) as (settings["endpoint_url"], pid, seconds):
                console.print(f"start, {name}: {seconds:.1f} s, {memory(pid)}")
                if name == "again":
                    asked(settings, plan, pictures, given.rounds)
                    together(settings, pictures[0], given.seconds)
                    console.print(f"afterwards: {memory(pid)}")
        parts(home, pictures, given.rounds)


# -- the server ----------------------------------------------------------------------------------------------------


def filled(home: Path, plan: Plan) -> float:
    """Write the embeddings to a file and import it; the seconds of the import."""
    file = home.with_suffix(".parquet")
    schema = pa.schema([("embedding", pa.list_(pa.float32(), -1)), ("external_image_id", pa.string())])
    written = 0
    with pq.ParquetWriter(file, schema, use_dictionary=False, compression="NONE") as writer:
        for vectors in plan.embeddings:
            lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
            names = plan.names[written : written + len(vectors)]
            writer.write_table(pa.table([lists.cast(schema[0].type), names], schema=schema))
            written += len(vectors)
    began = time.perf_counter()
    regard("collections", "import", str(file), "--as", COLLECTION, "--face-model", plan.version, "--home", str(home))
    ended = time.perf_counter()
    file.unlink()
    return ended - began


def key(home: Path) -> dict[str, str]:
    made = json.loads(regard("keys", "create", "--home", str(home), "--json"))
    return {
        "region_name": "us-east-1",
        "aws_access_key_id": made["AccessKeyId"],
        "aws_secret_access_key": made["SecretAccessKey"],
    }


@contextmanager
def serving(home: Path) -> Iterator[tuple[str, int, float]]:
    """Its endpoint, its process, and the seconds until it listened with everything loaded."""
    began = time.perf_counter()
    process, endpoint = serve(home)
    seconds = time.perf_counter() - began
    try:
        yield endpoint, process.pid, seconds
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


def memory(pid: int) -> str:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    own = next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) * 1024 / 1e6
    return f"{own:.0f} MB of memory, {resident(pid):.0f} MB with mapped files"


# -- through boto3 -------------------------------------------------------------------------------------------------


def asked(settings: dict[str, str], plan: Plan, pictures: list[dict[str, Any]], rounds: int) -> None:
    client = boto3.client("rekognition", config=Config(retries={"total_max_attempts": 1}), **settings)
    requests = [each | {"CollectionId": COLLECTION} for each in pictures]
    for each in pictures:
        client.detect_faces(**each)
    found = [client.search_faces_by_image(**each)["FaceMatches"] for each in requests]
    times: Times = {"DetectFaces": [], "SearchFacesByImage": []}
    for _ in range(rounds):
        for picture, request in zip(pictures, requests, strict=True):
            times["DetectFaces"].append(taken(partial(client.detect_faces, **picture)))
            times["SearchFacesByImage"].append(taken(partial(client.search_faces_by_image, **request)))
    times |= one_face(client, requests, rounds)
    client.close()
    table = Table(title=f"boto3, one client, milliseconds; {len(pictures)} photographs")
    for column in ("operation", "p50", "p99", "calls"):
        table.add_column(column, justify="left" if column == "operation" else "right")
    for name, values in times.items():
        table.add_row(name, f"{median(values):.1f}", f"{percentile(values, 99):.1f}", str(len(values)))
    pairs = [after - before for before, after in zip(times["DetectFaces"], times["SearchFacesByImage"], strict=True)]
    table.add_row("the second less the first, pairwise", f"{median(pairs):+.1f}", f"{percentile(pairs, 99):+.1f}", "")
    apart = median(times["SearchFacesByImage"]) - median(times["DetectFaces"])
    console.print(table, f"The medians are {apart:+.1f} ms apart; the bar is {BAR:.0f}.")
    said(plan, found)


def one_face(client: Any, requests: list[dict[str, Any]], rounds: int) -> Times:
    """The face of each photograph added, searched for by its id, and deleted again."""
    times: Times = {"IndexFaces": [], "SearchFaces": [], "DeleteFaces": []}
    for request in requests:
        began = time.perf_counter()
        (record,) = client.index_faces(**request, MaxFaces=1, QualityFilter="NONE")["FaceRecords"]
        times["IndexFaces"].append(1e3 * (time.perf_counter() - began))
        face = record["Face"]["FaceId"]
        search = partial(client.search_faces, CollectionId=COLLECTION, FaceId=face)
        times["SearchFaces"] += [taken(search) for _ in range(rounds)]
        times["DeleteFaces"].append(taken(partial(client.delete_faces, CollectionId=COLLECTION, FaceIds=[face])))
    return times


def said(plan: Plan, found: list[list[dict[str, Any]]]) -> None:
    """Who was found: at a threshold with a false match rate of 1e-4, chance finds many in so many faces."""
    half = PROBES // 2
    names = [{match["Face"]["ExternalImageId"].partition(":")[0] for match in matches} for matches in found]
    mates = sum(file.parent.name in each for file, each in zip(plan.probes[:half], names, strict=False))
    strangers = sum(map(bool, names[half:]))
    console.print(
        f"Another photograph of the person was found for {mates} of {half}; {strangers} of {half} strangers were given "
        f"somebody. The median answer has {median(map(len, found)):.0f} faces, the longest {max(map(len, found))}."
    )


def taken(call: Callable[[], object]) -> float:
    """Its milliseconds."""
    began = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - began)


def together(settings: dict[str, str], picture: dict[str, Any], seconds: float) -> None:
    client = boto3.client("rekognition", **settings)
    face = client.list_faces(CollectionId=COLLECTION, MaxResults=1)["Faces"][0]["FaceId"]
    client.close()
    table = Table(title=f"{CLIENTS} boto3 clients, {seconds:.0f} s each")
    for column in ("operation", "answers /s", "p50 ms", "p99 ms", "errors"):
        table.add_column(column, justify="left" if column == "operation" else "right")
    requests = {
        "DetectFaces": picture,
        "SearchFacesByImage": {"CollectionId": COLLECTION, **picture},
        "SearchFaces": {"CollectionId": COLLECTION, "FaceId": face},
    }
    for operation, request in requests.items():
        each, failed = load(settings, operation, request, seconds)
        cells = [f"{1e3 * median(each):.0f}", f"{1e3 * percentile(each, 99):.0f}", str(failed)]
        table.add_row(operation, f"{len(each) / seconds:.1f}", *cells)
    console.print(table)


# -- in this process -----------------------------------------------------------------------------------------------


def parts(home: Path, pictures: list[dict[str, Any]], rounds: int) -> None:
    """Where the time of both operations goes, without HTTP; CPU is the processors' time, which waits for nobody."""
    watch = Stopwatch()
    for name, (owner, method) in STAGES.items():
        setattr(owner, method, watch.timed(name, getattr(owner, method)))
    with open_engine(load_settings({}, home=home, models={"folder": MODELS})) as engine:
        engine.models.load()
        spent = timed(rekognition(engine), pictures, rounds, watch)
    table = Table(title="The handlers in this process, milliseconds, medians")
    columns = [*STAGES, "the rest", "total", "CPU"]
    for column in ("operation", *columns):
        table.add_column(column, justify="left" if column == "operation" else "right")
    for operation, times in spent.items():
        table.add_row(operation, *(f"{median(times[name]):.2f}" if name in times else "" for name in columns))
    console.print(table)


def timed(calls: dict[str, Handler], pictures: list[dict[str, Any]], rounds: int, watch: Stopwatch) -> dict[str, Times]:
    """The milliseconds of every stage, of the rest, of the whole and of the processors, by operation."""
    principal = Principal(access_key_id="", name="benchmark")
    spent: dict[str, Times] = {each: {} for each in ("DetectFaces", "SearchFacesByImage")}
    for turn in range(rounds + 1):
        for each in pictures:
            for operation, times in spent.items():
                request = each | ({"CollectionId": COLLECTION} if operation == "SearchFacesByImage" else {})
                watch.spent.clear()
                busy = time.process_time()
                total = taken(partial(calls[operation], principal, request, ""))
                busy = 1e3 * (time.process_time() - busy)
                if turn:  # the first is for warming up
                    row = watch.spent | {"the rest": total - sum(watch.spent.values()), "total": total, "CPU": busy}
                    for name, milliseconds in row.items():
                        times.setdefault(name, []).append(milliseconds)
    return spent


if __name__ == "__main__":
    main()
