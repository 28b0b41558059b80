"""The embedded index at size, beside others in the same run: `make bench-index`.

Faces are drawn to vary as the default embedder's do on the development faces (`benchmarks/codebook.py`); each of the
probes has a mate among them, another picture of the same person. What should be found is counted exactly while they are
drawn, in float32. A mate is missed where its cosine is at least that of Similarity 80, plus 0.0005 for the rounding of
what is stored, and it is not in the answer. Every index gets the same faces; the peers keep all in memory, and are run
where that fits.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Protocol

import faiss
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.codebook import Population
from benchmarks.material import ROOT, People, embed, models
from regard.domain import FloatArray, IntArray
from regard.engine.analyzer import Analyzer
from regard.store import codebook
from regard.store.vectors_embedded import EmbeddedIndex

PROBES, BATCH, CLIENTS, SECONDS = 256, 8192, 16, 8.0
THRESHOLD, ROUNDING, MOST = 0.4155, 5e-4, 4096
#: Peers that keep float32 rows, and a graph, are not asked to hold more than this.
FLAT_MOST, GRAPH_MOST = 2_000_000, 300_000
EMBEDDINGS = ROOT / ".cache" / "development-embeddings.npy"

console = Console(width=170)


class Index(Protocol):
    """One contender."""

    name: str

    def add(self, keys: IntArray, vectors: FloatArray) -> None: ...

    def search(self, probe: FloatArray) -> IntArray: ...

    def finish(self) -> None: ...


@dataclass
class Truth:
    """For each probe the keys that must be found, and the nearest."""

    wanted: list[set[int]]
    nearest: FloatArray
    nearest_key: IntArray

    @classmethod
    def empty(cls, probes: int) -> Truth:
        return cls([set() for _ in range(probes)], np.full(probes, -2, np.float32), np.zeros(probes, np.int64))

    def note(self, probes: FloatArray, keys: IntArray, vectors: FloatArray) -> None:
        cosines = probes @ vectors.T
        for probe, row in zip(*np.nonzero(cosines >= THRESHOLD + ROUNDING), strict=True):
            self.wanted[probe].add(int(keys[row]))
        best = cosines.argmax(axis=1)
        better = cosines[np.arange(len(probes)), best] > self.nearest
        self.nearest[better] = cosines[np.arange(len(probes)), best][better]
        self.nearest_key[better] = keys[best][better]


class Regard:
    name = "regard"

    def __init__(self, version: str, folder: Path) -> None:
        self._version, self._folder = version, folder
        self.index = EmbeddedIndex(codebook.of(version), folder)

    def add(self, keys: IntArray, vectors: FloatArray) -> None:
        self.index.add(1, keys, vectors)

    def search(self, probe: FloatArray) -> IntArray:
        return self.index.search(1, probe[None], limit=MOST, threshold=THRESHOLD)[0].keys

    def finish(self) -> None:
        pass

    def reopened(self) -> float:
        """Seconds until it holds again what was sealed; the rest would come from SQL."""
        self.index.close()
        start = time.perf_counter()
        self.index = EmbeddedIndex(codebook.of(self._version), self._folder)
        return time.perf_counter() - start

    def disk(self) -> int:
        return sum(file.stat().st_size for file in self._folder.rglob("*") if file.is_file())


class Faiss:
    """A faiss index: what it returns is what it has above the threshold among the nearest hundred."""

    def __init__(self, name: str, index: faiss.Index) -> None:
        self.name, self.index = name, index
        self._keys: list[IntArray] = []

    def add(self, keys: IntArray, vectors: FloatArray) -> None:
        self._keys.append(keys)
        self.index.add(vectors)

    def finish(self) -> None:
        self.keys = np.concatenate(self._keys)

    def search(self, probe: FloatArray) -> IntArray:
        faiss.omp_set_num_threads(1)
        cosines, rows = self.index.search(probe[None], 100)
        return self.keys[rows[0][cosines[0] >= THRESHOLD]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[300_000, 2_000_000])
    sizes = parser.parse_args().sizes
    version, real, people = development()
    population = Population(real, people)
    one, two = bandwidth(1), bandwidth(2)
    console.print(f"memory read: {one:.1f} GB/s by one thread, {two:.1f} GB/s by two")
    table = Table(title=f"{real.shape[1]} dimensions, up to {MOST} faces of Similarity 80 and more")
    for column in (
        "faces",
        "index",
        "add /s",
        "p50 ms",
        "p99 ms",
        f"{CLIENTS} clients /s",
        "of bandwidth",
        "MB of memory",
    ):
        table.add_column(column, justify="right")
    for column in ("MB of files", "start s", "remove /s", "nearest", "missed"):
        table.add_column(column, justify="right")
    for size in sizes:
        for make in contenders(size, version, real.shape[1]):
            with tempfile.TemporaryDirectory(dir=ROOT / ".cache") as folder:
                table.add_row(f"{size:,}", *measured(make(Path(folder)), population, size, two))
            gc.collect()
    console.print(table)


def development() -> tuple[str, FloatArray, IntArray]:
    """The embedder's version and the development faces' embeddings, kept between runs."""
    people, loaded = People.load(), models()
    version = loaded.embedder().version
    if not EMBEDDINGS.is_file():
        EMBEDDINGS.parent.mkdir(exist_ok=True)
        np.save(EMBEDDINGS, embed(Analyzer(loaded), people.files))
    return version, np.load(EMBEDDINGS), people.people


def contenders(size: int, version: str, dimension: int) -> Iterator[Callable[[Path], Index]]:
    yield lambda folder: Regard(version, folder)
    if size <= FLAT_MOST:
        yield lambda _: Faiss("faiss Flat", faiss.IndexFlatIP(dimension))
    if size <= GRAPH_MOST:
        yield lambda _: Faiss("faiss HNSW, M 16, ef 256", hnsw(dimension))


def hnsw(dimension: int) -> faiss.Index:
    index = faiss.IndexHNSWFlat(dimension, 16, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction, index.hnsw.efSearch = 100, 256
    return index


def measured(index: Index, population: Population, size: int, bandwidth_two: float) -> list[str]:
    mates = population.people(PROBES, seed=7)
    probes, truth = population.pictures(mates, seed=8), Truth.empty(PROBES)
    before, spent = memory(), 0.0
    for keys, vectors in faces(population, mates, size):
        truth.note(probes, keys, vectors)
        start = time.perf_counter()
        index.add(keys, vectors)
        spent += time.perf_counter() - start
    index.finish()
    times, found = alone(index, probes)
    together_rate = together(index, probes)
    grown = memory() - before
    near = np.mean([key in keys for key, keys in zip(truth.nearest_key.tolist(), found, strict=True)])
    missed = sum(len(wanted - keys) for wanted, keys in zip(truth.wanted, found, strict=True))
    wanted = sum(map(len, truth.wanted))
    shares, files, start_up, removal = "", "", "", ""
    if isinstance(index, Regard):
        shares = f"{size * 48 / median(times) / 1e9 / bandwidth_two:.0%}"
        files, grown = f"{index.disk() / 1e6:.0f}", index.index.memory
        start_up, removal = f"{index.reopened():.1f}", f"{remove(index, size):,.0f}"
        index.index.close()
    cells = [f"{size / spent:,.0f}", f"{median(times) * 1e3:.1f}", f"{np.quantile(times, 0.99) * 1e3:.1f}"]
    cells += [f"{together_rate:.0f}", shares, f"{grown / 1e6:.0f}", files, start_up, removal, f"{near:.3f}"]
    return [index.name, *cells, f"{missed} of {wanted}"]


def faces(population: Population, mates: FloatArray, size: int) -> Iterator[tuple[IntArray, FloatArray]]:
    """The mates first, then strangers; the same every time."""
    yield np.arange(1, PROBES + 1), population.pictures(mates, seed=9)
    for start in range(PROBES, size, BATCH):
        count = min(BATCH, size - start)
        yield np.arange(start + 1, start + count + 1), population.faces(count, seed=start)


def alone(index: Index, probes: FloatArray) -> tuple[list[float], list[set[int]]]:
    """Seconds of each probe, one after the other, and what it found."""
    for probe in probes[:8]:
        index.search(probe)
    times, found = [], []
    for probe in probes:
        start = time.perf_counter()
        keys = index.search(probe)
        times.append(time.perf_counter() - start)
        found.append(set(keys.tolist()))
    return times, found


def together(index: Index, probes: FloatArray) -> float:
    """Answers a second to many clients at once."""
    done, end = [0] * CLIENTS, time.perf_counter() + SECONDS

    def work(client: int) -> None:
        while time.perf_counter() < end:
            index.search(probes[(client * 31 + done[client]) % len(probes)])
            done[client] += 1

    run([lambda client=client: work(client) for client in range(CLIENTS)])
    return sum(done) / SECONDS


def remove(index: Regard, size: int) -> float:
    """Faces a second, forgotten a hundred at a time, anywhere."""
    keys = np.random.default_rng(3).choice(size, 2000, replace=False) + 1
    start = time.perf_counter()
    for chunk in np.split(keys, 20):
        index.index.remove(1, chunk)
    return len(keys) / (time.perf_counter() - start)


def bandwidth(threads: int) -> float:
    """GB a second that so many threads read from memory: the sums of a gigabyte, best of five."""
    parts = np.array_split(np.ones(1 << 27, np.int64), threads)
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        run([lambda part=part: part.sum() for part in parts])
        best = min(best, time.perf_counter() - start)
    return (1 << 30) / best / 1e9


def run(tasks: Sequence[Callable[[], object]]) -> None:
    threads = [threading.Thread(target=task) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def memory() -> int:
    """Bytes of this process that are its own: mapped files not counted."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


if __name__ == "__main__":
    main()
