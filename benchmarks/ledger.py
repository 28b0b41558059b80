"""What a ledger costs, and how fast it is verified: `make bench-ledger`.

Appends by many clients at once on SQLite, every commit on disk, beside what the disk allows; searches with a ledger and
without, by turns, in one process and over HTTP; one proof among ten million entries; a million entries exported and
verified. `--scale 0.01` is a quick try.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import markdown
from benchmarks.ledger_served import searches_over_http
from benchmarks.material import DATA, MODELS, jpeg, photograph, zoo
from benchmarks.served import processor
from regard.accountability.gate import Gate
from regard.accountability.ledger.checkpoints import LedgerCheckpoints, root_of
from regard.accountability.ledger.entry import SALT_BYTES, Record
from regard.accountability.ledger.export import LedgerExport
from regard.accountability.ledger.keeper import LedgerKeeper
from regard.accountability.ledger.ledger import Ledger
from regard.accountability.ledger.ledger_verification import (
    TILE,
    Checkpoint,
    VerifierKey,
    leaf_hash,
    root_from_inclusion,
    split_note,
    verify_export,
)
from regard.accountability.ledger.merkle_tree import Tiles
from regard.accountability.ledger.signed_notes import NoteSigner
from regard.accountability.profiles.catalogue import RECORDED
from regard.bootstrap.engine import open_engine
from regard.bootstrap.http import rekognition
from regard.bootstrap.threads import request_threads, take_turns_quickly
from regard.config.settings import load_settings
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.callers import Principal
from regard.domain.request_ids import new_request_id
from regard.operations.registry import Handler
from regard.store import database, ledger_rows
from regard.store.database import Database
from regard.store.ledger_rows import FullTile, LedgerRows, NewEntry

CLIENTS, MANY = 16, 64
ADA = Caller(principal=Principal(access_key_id="RGRD0123456789ABCDEF", name="ada"), channel=Channel.AWS, request_id="r")
SEARCH = Act(action=Action.SEARCH, operation="SearchFacesByImage", collection="staff", threshold=80.0, count=4096)
#: Pages of 8 KiB that SQLite writes for a commit of an entry of each client: as its log grows.
_PAGES = {1: 2, CLIENTS: 7, MANY: 15}
#: What a search with five candidates notes.
FACTS: dict[str, Any] = {
    "gallery_size": 100_000,
    "expected_false": 10.0,
    "face_model": "fr-feature-1",
    "pictures": ["0d4d2d5e-6f7a-4b8c-9d0e-1f2a3b4c5d6e"],
    "candidates": [{"probe": 0, "face": "0d4d2d5e-6f7a-4b8c-9d0e-1f2a3b4c5d6e", "similarity": 99.0}] * 5,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the entries and seconds")
    parser.add_argument("--only", choices=PARTS, help="one part")
    given = parser.parse_args()
    for name, part in PARTS.items():
        if given.only in (None, name):
            with tempfile.TemporaryDirectory() as folder:
                part(Path(folder), given.scale)


@contextmanager
def opened(home: Path) -> Iterator[tuple[Database, LedgerCheckpoints]]:
    made = database.open(f"sqlite:///{home / 'regard.db'}")
    signer = NoteSigner.of_log("regard.local/benchmark", lambda purpose: purpose.encode().ljust(32)[:32])
    try:
        yield made, LedgerCheckpoints(LedgerRows(made), signer, home / "ledger" / "checkpoint")
    finally:
        made.close()


def at_once(work: Callable[[], int], clients: int) -> tuple[float, float]:
    """How many a second `clients` threads do together, and the processors' time of each in milliseconds."""
    done: list[int] = []
    threads = [threading.Thread(target=lambda: done.append(work())) for _ in range(clients)]
    start, busy = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / (time.perf_counter() - start), 1e3 * (time.process_time() - busy) / sum(done)


def appends(home: Path, scale: float) -> None:
    """Each beside the disk's own floor: as many bytes written and synced, again and again, by a single thread."""
    names = [(clients, signed) for clients in (1, CLIENTS, MANY) for signed in (False, True)]
    found: dict[tuple[int, bool], list[tuple[float, float, float]]] = {name: [] for name in names}
    for turn in range(max(2, round(5 * scale))):
        for clients, signed in names:
            folder = home / f"{turn}-{clients}-{signed}"
            folder.mkdir()
            syncs = bare_syncs(folder / "floor", clients, 0.5)
            with opened(folder) as (made, checkpoints):
                ledger = Ledger(lambda made=made: nullcontext(made))  # type: ignore[misc]
                with LedgerKeeper(ledger, checkpoints) if signed else nullcontext():
                    rate, busy = at_once(_appending(ledger, max(1.0, 3 * scale)), clients)
            syncs = (syncs + bare_syncs(folder / "floor", clients, 0.5)) / 2
            found[clients, signed].append((rate, busy, rate / (clients * syncs)))
            shutil.rmtree(folder)
    rows = []
    for (clients, signed), each in found.items():
        rate, busy, share = map(median, zip(*each, strict=True))
        syncs = rate / clients / share
        name = f"{clients} clients{', checkpoints signed' if signed else ''}"
        rows.append(
            [name, f"{rate:,.0f}", f"{1e3 * clients / rate:.2f}", f"{busy:.3f}", f"{syncs:,.0f}", f"{share:.2f}"]
        )
    columns = ["", "entries /s", "ms each", "CPU ms each", "bare syncs /s", "entries / (clients × bare syncs)"]
    markdown.table("Entries appended, each on disk", columns, rows)


def _appending(ledger: Ledger, seconds: float) -> Callable[[], int]:
    """What each client does."""
    gate = Gate(RECORDED, ledger)

    def work() -> int:
        count, end = 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            with gate.open(replace(ADA, request_id=new_request_id()), SEARCH) as grant:
                grant.note(**FACTS)
            count += 1
        return count

    return work


def bare_syncs(file: Path, clients: int, seconds: float) -> float:
    """How often a second the disk has as much on it as SQLite writes for an entry of each client, in a file that is
    there already."""
    size = _PAGES[clients] * 8192
    block, count, most = os.urandom(size), 0, max(1, 2**23 // size)
    file.write_bytes(block * most)
    with file.open("r+b", buffering=0) as stream:
        os.fsync(stream.fileno())
        end = (began := time.perf_counter()) + seconds
        while time.perf_counter() < end:
            stream.seek(count % most * size)
            stream.write(block)
            os.fdatasync(stream.fileno())
            count += 1
    return count / (time.perf_counter() - began)


def searches(home: Path, scale: float) -> None:
    zoo()
    take_turns_quickly()  # as a server does
    picture = {"Image": {"Bytes": jpeg(photograph(DATA / "images" / "couple.jpg", (640, 446)))}}
    principal, rows = Principal(access_key_id="", name="benchmark"), []
    with ExitStack() as closing:
        calls: dict[str, dict[str, Handler]] = {}
        for profile in ("open", "recorded"):
            chosen = load_settings(
                {}, home=home / profile, models={"folder": MODELS}, accountability={"profile": profile}
            )
            calls[profile] = rekognition(closing.enter_context(open_engine(chosen)))
            calls[profile]["CreateCollection"](principal, {"CollectionId": "people"}, "")
            indexed = calls[profile]["IndexFaces"](principal, {"CollectionId": "people", **picture}, "")
        face = indexed.members["FaceRecords"][0]["Face"]["FaceId"]
        requests = {
            "SearchFacesByImage": {"CollectionId": "people", **picture},
            "SearchFaces": {"CollectionId": "people", "FaceId": face},
        }
        for operation, request in requests.items():
            asked = {profile: _asking(calls[profile][operation], principal, request) for profile in calls}
            alone: dict[str, list[tuple[float, float]]] = {profile: [] for profile in calls}
            for _ in range(max(5, round((100 if "Image" in operation else 1000) * scale))):
                for profile, ask in asked.items():
                    start, busy = time.perf_counter(), time.process_time()
                    ask()
                    spent = time.perf_counter() - start, time.process_time() - busy
                    alone[profile].append((1e3 * spent[0], 1e3 * spent[1]))
            ratios, seconds = [], max(1.0, 5 * scale)
            for _ in range(max(2, round(8 * scale))):
                rates = {
                    profile: at_once(_for_a_while(ask, seconds), request_threads())[0] for profile, ask in asked.items()
                }
                ratios.append(rates["recorded"] / rates["open"])
            once = [f"{median(taken for taken, _ in alone[profile]):.2f}" for profile in calls]
            pairs = list(zip(alone["open"], alone["recorded"], strict=True))
            added = [f"{median(with_[each] - without[each] for without, with_ in pairs):.2f}" for each in (0, 1)]
            rows.append([operation, *once, *added, f"{median(ratios):.3f}"])
    columns = ["", "open ms", "recorded ms", "added ms, p50", "added CPU ms, p50", "throughput: recorded / open"]
    markdown.table("Searches with a ledger and without, by turns", columns, rows)


def _asking(call: Handler, principal: Principal, request: dict[str, Any]) -> Callable[[], object]:
    return lambda: call(principal, request, "r")


def _for_a_while(ask: Callable[[], object], seconds: float) -> Callable[[], int]:
    def work() -> int:
        count, end = 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            ask()
            count += 1
        return count

    return work


def proofs(home: Path, scale: float) -> None:
    """Full tiles and a checkpoint as a ledger of that size has them, and only the entries that are in no full tile: the
    others are not needed for a proof."""
    size = int(1e7 * scale)
    with opened(home) as (made, checkpoints):
        rows, level, count = LedgerRows(made), 0, size
        hashes: Callable[[int], bytes] = _leaves
        while full := count // TILE:
            roots = bytearray()
            for start in range(0, full, 1024):
                tiles = [_tile(level, number, hashes(number)) for number in range(start, min(full, start + 1024))]
                rows.add_tiles(tiles)
                roots += b"".join(tile.root for tile in tiles)
            level, count, hashes = level + 1, full, _cut(bytes(roots))
        first = size // TILE * TILE
        with made.write() as transaction:
            ledger_rows.add_entries(transaction, first, [_entry(at) for at in range(first, size)])
        with rows.snapshot() as moment:
            checkpoint = checkpoints.of(moment)
        checkpoints.keep(checkpoint)
        root, taken, spent, read = Checkpoint.parse(split_note(checkpoint.note)[0]).root, [], [], []
        for index in random.Random(0).sample(range(size), 200):  # noqa: S311 - any will do
            start, busy = time.perf_counter(), time.process_time()
            proof = checkpoints.tree(size).inclusion(index)
            taken.append(1e3 * (time.perf_counter() - start))
            spent.append(1e3 * (time.process_time() - busy))
            assert root_from_inclusion(leaf_hash(index.to_bytes(32, "big")), index, size, proof) == root
            tree = checkpoints.tree(size)
            counted = tree._tiles = _Counted(tree._tiles)
            tree.inclusion(index)
            read.append(counted.read)
    row = [f"{size:,}", f"{median(taken):.2f}", f"{max(taken):.2f}", f"{median(spent):.2f}", str(max(read))]
    columns = ["entries", "p50 ms", "longest ms", "CPU ms, p50", "most tiles read"]
    markdown.table(f"200 proofs of inclusion: {processor()}", columns, [row])


class _Counted:
    def __init__(self, tiles: Tiles) -> None:
        self.read, self._tiles = 0, tiles

    def tile(self, level: int, number: int, width: int) -> bytes:
        self.read += 1
        return self._tiles.tile(level, number, width)


def _entry(at: int) -> NewEntry:
    return NewEntry(leaf=at.to_bytes(32, "big"), recorded_at=datetime.now(UTC), salt=b"", body=b"", request_id="")


def _leaves(number: int) -> bytes:
    return b"".join(leaf_hash(at.to_bytes(32, "big")) for at in range(number * TILE, (number + 1) * TILE))


def _cut(roots: bytes) -> Callable[[int], bytes]:
    return lambda number: roots[number * TILE * 32 : (number + 1) * TILE * 32]


def _tile(level: int, number: int, hashes: bytes) -> FullTile:
    return FullTile(level=level, number=number, hashes=hashes, root=root_of(hashes))


def verification(home: Path, scale: float) -> None:
    count = int(1e6 * scale)
    with opened(home) as (made, checkpoints):
        for start in range(0, count, 10_000):
            moment, new = datetime.now(UTC), []
            for _ in range(min(10_000, count - start)):
                record = Record(ADA, SEARCH, "recorded")
                record.note(FACTS)
                new.append(record.entry(moment, os.urandom(SALT_BYTES)))
            with made.write() as transaction:
                ledger_rows.add_entries(transaction, start, new)
        start_of = time.perf_counter()
        LedgerExport(LedgerRows(made), checkpoints).export(home / "export", lambda *_: None)
        exported = time.perf_counter() - start_of
        keys = [VerifierKey.parse(key) for key in checkpoints.keys]
    sizes = sum(file.stat().st_size for file in (home / "export").rglob("*") if file.is_file())
    start_of, busy = time.perf_counter(), time.process_time()
    assert verify_export(home / "export", keys).checkpoint.size == count
    taken, busy = time.perf_counter() - start_of, time.process_time() - busy
    shutil.rmtree(home / "export")
    row = [f"{count:,}", f"{sizes / 1e6:,.0f}", f"{exported:.1f}", f"{taken:.1f}", f"{busy:.1f}"]
    columns = ["entries", "export MB", "signed and exported s", "verified s", "verified, CPU s"]
    markdown.table("An export", columns, [row])


PARTS = {
    "appends": appends,
    "searches": searches,
    "served": searches_over_http,
    "proofs": proofs,
    "verification": verification,
}

if __name__ == "__main__":
    main()
