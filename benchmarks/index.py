"""The embedded index at size, beside others in the same run: `make bench-index`.

Faces are drawn to vary as the default embedder's do on the development faces (`benchmarks/codebook.py`); each of the
probes has a mate among them, another picture of the same person. What should be found is counted exactly while they are
drawn, in float32. A face is missed where its cosine is at least that of Similarity 80, plus 0.0005 for the rounding of
what is stored, it is among the most that the index was asked for, and it is not in the answer. Every index gets the
same faces. A peer is left out of a size where, by what it took at the size before, it would build for longer than
PATIENCE minutes or not fit the memory, and the table says so.
"""

from __future__ import annotations

import argparse
import gc
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.codebook import Population
from benchmarks.index_peers import Contender, FaissFlat, FaissGraph, LanceDB, Milvus, Regard, Usearch
from benchmarks.material import ROOT, development
from regard.bootstrap.threads import limit_blas_threads
from regard.domain.arrays import FloatArray, IntArray

PROBES, BATCH, CLIENTS, SECONDS, PATIENCE = 256, 16_384, 16, 10.0, 45
#: The cosine of Similarity 80 for a good face, by the card of the default embedder.
THRESHOLD, ROUNDING = 0.4198, 5e-4
PEERS = (FaissFlat, Milvus, LanceDB, Usearch, FaissGraph)
#: The share of the free memory that an index may take: the faces have to be drawn too.
ROOM = 0.6
COLUMNS = ("faces", "index", "add /s", "ready s", "p50 ms", "p99 ms", f"{CLIENTS} clients /s", "of bandwidth")
COLUMNS += ("MB of memory", "MB of files", "start s", "remove /s", "nearest", "missed")

console = Console(width=200)


@dataclass
class Truth:
    """For each probe the keys that must be found with their cosines, and the nearest of all."""

    wanted: list[dict[int, float]]
    nearest: FloatArray
    nearest_key: IntArray

    @classmethod
    def empty(cls, probes: int) -> Truth:
        return cls([{} for _ in range(probes)], np.full(probes, -2, np.float32), np.zeros(probes, np.int64))

    def note(self, probes: FloatArray, keys: IntArray, vectors: FloatArray) -> None:
        cosines = probes @ vectors.T
        for probe, row in zip(*np.nonzero(cosines >= THRESHOLD + ROUNDING), strict=True):
            self.wanted[probe][int(keys[row])] = float(cosines[probe, row])
        best = cosines.argmax(axis=1)
        better = cosines[np.arange(len(probes)), best] > self.nearest
        self.nearest[better] = cosines[np.arange(len(probes)), best][better]
        self.nearest_key[better] = keys[best][better]

    def missed(self, found: Sequence[set[int]], most: int) -> str:
        """Of how many of the `most` nearest of each probe that should be found, how many are not."""
        asked = [set(sorted(wanted, key=wanted.__getitem__, reverse=True)[:most]) for wanted in self.wanted]
        lost = sum(len(wanted - keys) for wanted, keys in zip(asked, found, strict=True))
        return f"{lost} of {sum(map(len, asked)):,}"


@dataclass(frozen=True)
class Measured:
    """A line of the table; and what building took, in seconds and in bytes of memory."""

    cells: list[str]
    seconds: float
    memory: int

    def hinders(self, growth: float, patience: float) -> str:
        """Why an index so many times as large is not built; empty where it is."""
        minutes, size = growth * self.seconds / 60, growth * self.memory
        if minutes > patience:
            return f"would build for {minutes:.0f} min"
        return f"would take {size / 1e9:.0f} GB" if size > ROOM * free() else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[300_000, 2_000_000, 8_000_000, 20_000_000])
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="contenders by the start of their name")
    parser.add_argument("--patience", type=float, default=PATIENCE, metavar="MINUTES", help="how long a peer may build")
    given = parser.parse_args()
    limit_blas_threads()
    version, real, people = development()
    population = Population(real, people)
    one, two = bandwidth(1), bandwidth(2)
    console.print(f"memory read: {one:.1f} GB/s by one thread, {two:.1f} GB/s by two")
    table = Table(title=f"{real.shape[1]} dimensions, faces of Similarity 80 and more")
    for column in COLUMNS:
        table.add_column(column, justify="right")
    before: dict[str, tuple[int, Measured]] = {}
    for size in sorted(given.sizes):
        for name, make in contenders(version, real.shape[1]):
            if given.only and not name.lower().startswith(tuple(map(str.lower, given.only))):
                continue
            held, last = before.get(name, (size, None))
            if last and name != Regard.name and (reason := last.hinders(size / held, given.patience)):
                cells = [reason]
            else:
                with tempfile.TemporaryDirectory(dir=ROOT / ".cache") as folder:
                    before[name] = size, measured(make, Path(folder), population, size, two)
                cells = before[name][1].cells
            table.add_row(f"{size:,}", name, *cells)
            console.print(" | ".join([f"{size:,}", name, *cells]), highlight=False)
            gc.collect()
    console.print(table)


def contenders(version: str, dimension: int) -> Iterator[tuple[str, Callable[[Path], Contender]]]:
    yield Regard.name, lambda folder: Regard(version, folder)
    for peer in PEERS:
        yield peer.name, lambda folder, peer=peer: peer(dimension, folder)


def measured(
    make: Callable[[Path], Contender], folder: Path, population: Population, size: int, bandwidth_two: float
) -> Measured:
    mates = population.people(PROBES, seed=7)
    probes, truth = population.pictures(mates, seed=8), Truth.empty(PROBES)
    before, spent = memory(), 0.0
    index = make(folder)
    for keys, vectors in faces(population, mates, size):
        truth.note(probes, keys, vectors)
        start = time.perf_counter()
        index.add(keys, vectors)
        spent += time.perf_counter() - start
    start = time.perf_counter()
    index.finish()
    ready = time.perf_counter() - start
    times, found = alone(index, probes)
    together_rate = together(index, probes)
    grown = memory() - before
    near = np.mean([key in keys for key, keys in zip(truth.nearest_key.tolist(), found, strict=True)])
    share, start_up = "", ""
    if isinstance(index, Regard):
        grown, read = index.index.memory, size * index.codebook.coder.groups / 2
        share = f"{read / median(times) / 1e9 / bandwidth_two:.0%}"
    files = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    removal = removed(index, size)
    index.close()
    if isinstance(index, Regard):
        start = time.perf_counter()
        index.reopen()
        start_up = f"{time.perf_counter() - start:.1f}"
        index.close()
    cells = [f"{size / spent:,.0f}", f"{ready:.1f}", f"{median(times) * 1e3:.1f}"]
    cells += [f"{np.quantile(times, 0.99) * 1e3:.1f}", f"{together_rate:.0f}", share, f"{grown / 1e6:,.0f}"]
    cells += [f"{files / 1e6:,.0f}", start_up, removal, f"{near:.3f}", truth.missed(found, index.most)]
    return Measured(cells, spent + ready, grown)


def faces(population: Population, mates: FloatArray, size: int) -> Iterator[tuple[IntArray, FloatArray]]:
    """The mates first, then strangers; the same every time. One batch is drawn ahead."""
    yield np.arange(1, PROBES + 1), population.pictures(mates, seed=9)

    def drawn(start: int) -> tuple[IntArray, FloatArray]:
        count = min(BATCH, size - start)
        return np.arange(start + 1, start + count + 1), population.faces(count, seed=start)

    with ThreadPoolExecutor(1) as ahead:
        waiting = None
        for start in range(PROBES, size, BATCH):
            following = ahead.submit(drawn, start)
            if waiting:
                yield waiting.result()
            waiting = following
        if waiting:
            yield waiting.result()


def alone(index: Contender, probes: FloatArray) -> tuple[list[float], list[set[int]]]:
    """Seconds of each probe, one after the other, and what it found."""
    for probe in probes:  # so that what is mapped has been read once
        index.search(probe, THRESHOLD)
    times, found = [], []
    for probe in probes:
        start = time.perf_counter()
        keys = index.search(probe, THRESHOLD)
        times.append(time.perf_counter() - start)
        found.append(set(keys.tolist()))
    return times, found


def together(index: Contender, probes: FloatArray) -> float:
    """Answers a second to many clients at once."""
    done, begin = [0] * CLIENTS, time.perf_counter()
    end = begin + SECONDS

    def work(client: int) -> None:
        while time.perf_counter() < end:
            index.search(probes[(client * 31 + done[client]) % len(probes)], THRESHOLD)
            done[client] += 1

    run([lambda client=client: work(client) for client in range(CLIENTS)])
    return sum(done) / (time.perf_counter() - begin)


def removed(index: Contender, size: int) -> str:
    """Faces a second, forgotten a hundred at a time, anywhere."""
    keys = np.random.default_rng(3).choice(size, 1000, replace=False) + 1
    start = time.perf_counter()
    able = all(index.remove(chunk) for chunk in np.split(keys, 10))
    return f"{len(keys) / (time.perf_counter() - start):,.0f}" if able else "cannot"


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


def free() -> int:
    """Bytes of memory that are to be had."""
    fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    return int(fields["MemAvailable"].split()[0]) * 1024


def memory() -> int:
    """Bytes that this process and those it started hold as their own: mapped files are not counted."""
    own, total = os.getpid(), 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
        except OSError:
            continue
        if own in (int(fields["Pid"]), int(fields["PPid"])) and "RssAnon" in fields:
            total += int(fields["RssAnon"].split()[0]) * 1024
    return total


if __name__ == "__main__":
    main()
