from __future__ import annotations

import logging
import os
import resource
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from likenesses import alike, known

from regard.domain import Hits, IntArray
from regard.store import segment_file
from regard.store.embedded_gallery import JOIN, WAITING, EmbeddedGallery, Sealing
from regard.store.gallery_folder import GalleryFolder
from regard.store.housekeeper import Housekeeper

SEAL = 128
VECTORS = alike(6200)


class Opener:
    """Opens the gallery of one folder, as a process that starts does."""

    def __init__(self, place: Path, threads: ThreadPoolExecutor) -> None:
        self.place = place
        self.housekeeper = Watched()
        self._threads = threads

    def __call__(self, *, seal: int = SEAL, writable: bool = True, patience: float = 0) -> EmbeddedGallery:
        folder = GalleryFolder(self.place, known(), writable=writable)
        segments, faults = folder.opened(self._threads) if self.place.is_dir() else ([], [])
        assert faults == []
        sealing = Sealing(known(), self._threads, 2, seal, patience, self.housekeeper)
        return EmbeddedGallery(known().dimension, sealing, folder, segments)


class Watched(Housekeeper):
    """Says when somebody waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.awaited = threading.Event()

    def wait_for(self, met: Callable[[], bool], timeout: float | None = None) -> bool:
        self.awaited.set()
        return super().wait_for(met, timeout)


class Gate:
    """Holds up whoever is about to write a file, until it is opened."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()

    def hold(self, monkeypatch: pytest.MonkeyPatch, name: str = "", turn: int = 1) -> None:
        """The file of this name, or any, when it is written for this time."""
        write, turns = segment_file.write, iter(range(1, 10_000))

        def held(draft: Path, *given: Any) -> segment_file.SegmentFile:
            if name in draft.name and next(turns) >= turn:
                self.reached.set()
                assert self.opened.wait(60)
            return write(draft, *given)

        monkeypatch.setattr(segment_file, "write", held)


@pytest.fixture
def opener(tmp_path: Path) -> Iterator[Opener]:
    with ThreadPoolExecutor(2) as threads:
        opener = Opener(tmp_path / "1", threads)
        yield opener
        opener.housekeeper.close()


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.opened.set()


def add(gallery: EmbeddedGallery, start: int, stop: int, step: int = SEAL) -> None:
    for first in range(start, stop, step):
        keys = np.arange(first, min(first + step, stop))
        gallery.add(keys, VECTORS[keys])
    quiet(gallery)


def remove(gallery: EmbeddedGallery, keys: IntArray) -> None:
    gallery.remove(keys)
    quiet(gallery)


def quiet(gallery: EmbeddedGallery) -> None:
    assert gallery._sealing
    assert gallery._sealing.housekeeper.quiet(60)


def found(gallery: EmbeddedGallery, row: int = 0, limit: int = 6200, threshold: float = -1) -> Hits:
    return gallery.search(VECTORS[row : row + 1], limit, threshold)[0]


def files(gallery: EmbeddedGallery) -> list[str]:
    assert gallery._folder
    return sorted(path.name for path in gallery._folder.place.iterdir())


@contextmanager
def full_disk(room: int = 4096) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_small_gallery_has_no_files(opener):
    gallery = opener()
    add(gallery, 0, SEAL - 1, 50)
    assert not opener.place.exists()
    assert (len(gallery), gallery.last_sealed) == (SEAL - 1, -1)


def test_sealing_changes_no_answer(opener):
    never, early = opener(seal=10_000), opener()
    add(never, 0, 3000)
    add(early, 0, 3000)
    assert not never._state.segments
    assert early._state.segments
    for row in range(0, 3000, 300):
        for limit, threshold in ((3000, -1), (5, 0.2)):
            one, other = found(never, row, limit, threshold), found(early, row, limit, threshold)
            assert one.keys.tolist() == other.keys.tolist()
            np.testing.assert_array_equal(one.cosines, other.cosines)


def test_what_was_sealed_is_there_again(opener):
    gallery = opener()
    add(gallery, 0, 920, 100)
    remove(gallery, np.arange(5, 40))
    before = found(gallery, 700)
    again = opener()
    assert again.last_sealed == gallery.last_sealed == 799  # sealed each time two hundred are open
    add(again, again.last_sealed + 1, 920)
    after = found(again, 700)
    assert after.keys.tolist() == before.keys.tolist()
    assert after.cosines.tolist() == before.cosines.tolist()
    assert again.keys().tolist() == [*range(5), *range(40, 920)]


def test_many_segments_become_one(opener):
    gallery = opener()
    add(gallery, 0, (JOIN - 1) * SEAL)
    assert len(files(gallery)) == JOIN - 1
    add(gallery, (JOIN - 1) * SEAL, (JOIN + 2) * SEAL)
    assert files(gallery) == [f"0-{JOIN - 1}.segment", f"{JOIN}-{JOIN}.segment", f"{JOIN + 1}-{JOIN + 1}.segment"]
    assert gallery.keys().tolist() == opener().keys().tolist() == list(range((JOIN + 2) * SEAL))


def test_a_large_one_that_shrank_is_not_joined_over_another(opener):
    gallery = opener()
    add(gallery, 0, 2 * JOIN * SEAL)
    gone = np.arange(0, JOIN * SEAL * 3 // 4)
    remove(gallery, gone)
    assert [segment.rows for segment in gallery._state.segments] == [JOIN * SEAL // 4, JOIN * SEAL]
    add(gallery, 2 * JOIN * SEAL, 3 * JOIN * SEAL - SEAL)
    assert len(gallery._state.segments) == JOIN + 1
    add(gallery, 3 * JOIN * SEAL - SEAL, 3 * JOIN * SEAL)
    assert [segment.rows for segment in gallery._state.segments] == [JOIN * SEAL // 4, JOIN * SEAL, JOIN * SEAL]
    assert gallery.keys().tolist() == opener().keys().tolist() == list(range(len(gone), 3 * JOIN * SEAL))
    assert sorted(found(gallery, 5999).keys.tolist()) == gallery.keys().tolist()


def test_dead_rows_are_cleared_away(opener):
    gallery = opener()
    add(gallery, 0, 4000, 4000)
    size = (opener.place / "0-0.segment").stat().st_size
    remove(gallery, np.arange(0, 4000, 2))
    assert files(gallery) == ["0-0.segment"]
    assert (opener.place / "0-0.segment").stat().st_size < 0.6 * size
    again = opener()
    assert again.keys().tolist() == list(range(1, 4000, 2))
    assert again.last_sealed == 3999
    assert found(again, 1).keys[0] == 1


def test_where_all_of_a_segment_goes_those_around_it_stay(opener):
    gallery = opener()
    add(gallery, 0, 3 * SEAL)
    remove(gallery, np.arange(SEAL, 2 * SEAL))
    again = opener()
    assert again.keys().tolist() == gallery.keys().tolist() == [*range(SEAL), *range(2 * SEAL, 3 * SEAL)]
    remove(gallery, np.arange(3 * SEAL))
    assert (len(gallery), found(gallery).keys.tolist(), opener().last_sealed) == (0, [], 3 * SEAL - 1)


def test_a_key_that_comes_late_comes_again_after_a_restart(opener):
    gallery = opener()
    gallery.add(np.arange(100, 400), VECTORS[100:400])
    quiet(gallery)
    gallery.add(np.array([50, 250]), VECTORS[[50, 251]])
    assert gallery.keys().tolist() == [50, *range(100, 400)]
    again = opener()
    assert again.last_sealed == 49
    again.add(np.arange(50, 400), np.roll(VECTORS, 1, axis=0)[50:400])  # those held keep their vectors
    assert again.keys().tolist() == list(range(50, 400))
    assert found(again, 250, 1).keys.tolist() == [250]
    again.loaded()
    add(again, 400, 600, 200)
    last = opener()
    assert last.last_sealed == 599
    assert last.keys().tolist() == list(range(50, 600))


def test_late_keys_are_sealed_and_joined_in_order(opener):
    gallery = opener()
    order = np.random.default_rng(0).permutation(40 * SEAL)
    for start in range(0, len(order), SEAL):
        part = order[start : start + SEAL]
        gallery.add(part, VECTORS[part])
    quiet(gallery)
    assert len(gallery._state.open) == 0
    assert gallery.keys().tolist() == opener().keys().tolist() == list(range(40 * SEAL))
    assert opener().last_sealed == 40 * SEAL - 1
    for row in (0, 77, 5000):
        assert found(gallery, row, 1).keys.tolist() == [row]
    remove(gallery, np.arange(0, 40 * SEAL, 2))
    assert opener().keys().tolist() == list(range(1, 40 * SEAL, 2))


def test_a_full_disk_loses_nothing_and_is_said(opener, caplog):
    gallery = opener()
    with full_disk(), caplog.at_level(logging.WARNING):
        add(gallery, 0, 3 * SEAL)
    assert gallery.keys().tolist() == list(range(3 * SEAL))
    assert sorted(found(gallery).keys.tolist()) == list(range(3 * SEAL))
    assert (gallery.last_sealed, files(gallery)) == (-1, [])
    assert "stay in memory" in caplog.text
    add(gallery, 3 * SEAL, 4 * SEAL)
    assert opener().keys().tolist() == list(range(4 * SEAL))


def test_a_full_disk_is_not_tried_at_every_face(opener, caplog):
    gallery = opener(patience=60)
    with full_disk(), caplog.at_level(logging.WARNING):
        add(gallery, 0, 3 * SEAL, 10)
    assert caplog.text.count("stay in memory") == 1
    add(gallery, 3 * SEAL, 4 * SEAL)
    assert gallery.last_sealed == -1
    assert len(gallery) == 4 * SEAL


def test_a_disk_with_no_room_for_joining_may_have_some_for_sealing(opener):
    gallery = opener()
    add(gallery, 0, (JOIN - 1) * SEAL)
    with full_disk(100_000):
        for number in range(JOIN - 1, JOIN + 5):
            add(gallery, number * SEAL, (number + 1) * SEAL)
    assert len(files(gallery)) >= JOIN + 2
    add(gallery, (JOIN + 5) * SEAL, (JOIN + 6) * SEAL)
    assert files(gallery)[0] == f"0-{JOIN - 1}.segment"
    assert gallery.keys().tolist() == opener().keys().tolist() == list(range((JOIN + 6) * SEAL))


def test_a_full_disk_while_joining_keeps_the_parts(opener, caplog):
    gallery = opener()
    add(gallery, 0, (JOIN - 1) * SEAL)
    with full_disk(100_000):
        add(gallery, (JOIN - 1) * SEAL, JOIN * SEAL)
    assert len(files(gallery)) == JOIN
    assert "File too large" in caplog.text
    assert gallery.keys().tolist() == opener().keys().tolist() == list(range(JOIN * SEAL))
    add(gallery, JOIN * SEAL, (JOIN + 1) * SEAL)
    assert files(gallery) == [f"0-{JOIN - 1}.segment", f"{JOIN}-{JOIN}.segment"]


def test_a_full_disk_while_clearing_away_keeps_what_is_left(opener):
    gallery = opener()
    add(gallery, 0, 1000, 1000)
    with full_disk():
        remove(gallery, np.arange(500))
    assert gallery.keys().tolist() == opener().keys().tolist() == list(range(500, 1000))


def test_who_may_not_write_keeps_what_comes_in_memory(opener):
    add(opener(), 0, 2 * SEAL)
    before = {path: path.read_bytes() for path in opener.place.iterdir()}
    other = opener(writable=False)
    add(other, 2 * SEAL, 6 * SEAL)
    remove(other, np.arange(SEAL + 10))
    other.add(np.array([3]), VECTORS[3:4])
    assert other.keys().tolist() == [3, *range(SEAL + 10, 6 * SEAL)]
    assert sorted(found(other).keys.tolist()) == other.keys().tolist()
    assert {path: path.read_bytes() for path in opener.place.iterdir()} == before


def mapped(place: Path) -> list[str]:
    maps = [line for line in Path("/proc/self/maps").read_text().splitlines() if str(place) in line]
    return maps + [entry.name for entry in Path("/proc/self/fd").iterdir() if str(place) in os.path.realpath(entry)]


def test_dropped_it_leaves_no_files_and_nothing_mapped(opener):
    gallery = opener()
    add(gallery, 0, 3 * SEAL)
    assert mapped(opener.place)
    gallery.drop()
    assert not opener.place.exists()
    assert mapped(opener.place) == []
    assert (found(gallery).keys.tolist(), len(gallery), gallery.last_sealed) == ([], 0, -1)
    add(gallery, 0, 2 * SEAL)
    assert not opener.place.exists()


def test_joining_and_clearing_away_leave_nothing_mapped_of_what_was(opener):
    gallery = opener()
    add(gallery, 0, JOIN * SEAL)
    remove(gallery, np.arange(0, 1000))
    names = {line.split()[-1].rsplit("/", 1)[-1] for line in mapped(opener.place)}
    assert not any("deleted" in line for line in mapped(opener.place))
    assert len(names) <= 2


def test_a_key_that_goes_and_comes_again_is_never_found_twice(opener):
    gallery, stop = opener(), threading.Event()
    add(gallery, 0, 10 * SEAL)

    def look() -> int:
        done = 0
        while not stop.is_set():
            keys = found(gallery, 0).keys
            assert len(np.unique(keys)) == len(keys)
            done += 1
        return done

    with ThreadPoolExecutor(3) as pool:
        looks = [pool.submit(look) for _ in range(3)]
        rng = np.random.default_rng(0)
        for _ in range(60):
            keys = np.sort(rng.choice(10 * SEAL, 20, replace=False))
            remove(gallery, keys)
            gallery.add(keys, VECTORS[keys])
        stop.set()
        assert all(each.result(60) > 0 for each in looks)


def test_searches_end_well_while_it_is_dropped(opener):
    for _ in range(5):
        gallery = opener()
        add(gallery, 0, 8 * SEAL)
        with ThreadPoolExecutor(4) as pool:
            looks = [pool.submit(found, gallery, row) for row in range(40)]
            gallery.drop()
            assert {len(each.result(60).keys) for each in looks} <= {0, 8 * SEAL}


def test_searches_that_come_together_get_each_its_own(opener):
    gallery = opener()
    add(gallery, 0, 20 * SEAL)
    with ThreadPoolExecutor(16) as pool:
        ask: Callable[[int], Hits] = lambda row: found(gallery, row, 1 + row % 5, 0.1)  # noqa: E731
        for row, hits in enumerate(pool.map(ask, range(300))):
            assert hits.keys[0] == row
            assert len(hits.keys) <= 1 + row % 5


def test_a_search_never_fails_while_rows_come_go_are_sealed_and_joined(opener):
    gallery, stop = opener(), threading.Event()
    add(gallery, 0, SEAL)

    def look(seed: int) -> int:
        rng, done = np.random.default_rng(seed), 0
        while not stop.is_set():
            row = int(rng.integers(SEAL))
            hits = found(gallery, row, 20, 0.2)
            assert hits.keys[0] == row
            np.testing.assert_allclose(hits.cosines, np.minimum(VECTORS[hits.keys] @ VECTORS[row], 1), atol=1e-3)
            done += 1
        return done

    with ThreadPoolExecutor(3) as pool:
        looks = [pool.submit(look, seed) for seed in range(3)]
        add(gallery, SEAL, 5000, 50)
        remove(gallery, np.arange(SEAL, 4000))
        add(gallery, 5000, 6000, 50)
        stop.set()
        assert all(each.result(60) > 0 for each in looks)
    assert gallery.keys().tolist() == [*range(SEAL), *range(4000, 6000)]


# -- while a file is made ------------------------------------------------------------------------------------


def sealing(gallery: EmbeddedGallery) -> None:
    gallery.add(np.arange(0, 4000), VECTORS[:4000])


def joining(gallery: EmbeddedGallery) -> None:
    for start in range(0, JOIN * SEAL, SEAL):
        if start == (JOIN - 1) * SEAL:
            quiet(gallery)
        keys = np.arange(start, start + SEAL)
        gallery.add(keys, VECTORS[keys])


def clearing_away(gallery: EmbeddedGallery) -> None:
    add(gallery, 0, 4000, 4000)
    gallery.remove(np.arange(0, 4000, 3))


@pytest.fixture(params=[sealing, joining, clearing_away])
def busy(
    request: pytest.FixtureRequest, opener: Opener, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> EmbeddedGallery:
    """A gallery of which a file is about to be written, and will not be before the gate opens."""
    gallery: EmbeddedGallery = opener()
    last = {sealing: "0-0", joining: f"0-{JOIN - 1}", clearing_away: "0-0"}[request.param]
    gate.hold(monkeypatch, last, 2 if request.param is clearing_away else 1)
    request.param(gallery)
    assert gate.reached.wait(60)
    return gallery


def test_while_a_file_is_made_all_goes_on(busy, gate, opener):
    held = busy.keys()
    gone, back, new = held[[0, 1, 40, 700, -1]], held[[1, 700]], np.arange(5000, 5010)
    secrets = [known().project(VECTORS[key : key + 1]).astype(np.float16).tobytes() for key in gone]
    busy.remove(gone)
    busy.add(back, VECTORS[6000 - back])  # again, and of somebody else
    busy.add(new, VECTORS[new])
    busy.remove(new[:3])
    wanted = sorted({*held.tolist(), *new[3:].tolist()} - {*gone.tolist()} | {*back.tolist()})
    for _ in range(2):  # before and after it takes its place
        assert busy.keys().tolist() == wanted
        assert sorted(found(busy).keys.tolist()) == wanted
        assert found(busy, int(6000 - back[1]), 1, 0.99).keys.tolist() == [back[1]]
        gate.opened.set()
        quiet(busy)
    raw = b"".join(path.read_bytes() for path in opener.place.glob("*.segment"))
    assert not any(secret in raw for secret in secrets)
    again = opener()
    assert again.last_sealed == back[0] - 1  # what came again is in memory alone
    kept = set(again.keys().tolist())
    assert kept == set(wanted) - {*back.tolist(), *new.tolist()}
    lost = np.setdiff1d(wanted, sorted(kept))
    again.add(lost, VECTORS[lost])
    assert again.keys().tolist() == wanted


def test_much_that_goes_while_a_file_is_made_is_gone_from_it(busy, gate, opener):
    gone = busy.keys()[::2]
    for keys in np.array_split(gone, 40):
        busy.remove(keys)
    wanted = np.setdiff1d(busy.keys(), gone).tolist()
    gate.opened.set()
    quiet(busy)
    assert busy.keys().tolist() == opener().keys().tolist() == wanted


def test_dropped_while_a_file_is_made_nothing_is_left(busy, gate, opener, caplog):
    busy.drop()
    other = opener()
    other.add(np.arange(9000, 9000 + SEAL), VECTORS[:SEAL])  # another begins in its place
    gate.opened.set()
    quiet(busy)
    assert len(busy) == 0
    assert files(other) == ["0-0.segment"]
    assert opener().keys().tolist() == other.keys().tolist() == list(range(9000, 9000 + SEAL))
    assert caplog.text == ""


def test_dropped_while_a_file_is_made_there_is_no_folder(busy, gate, opener):
    busy.drop()
    gate.opened.set()
    quiet(busy)
    assert not opener.place.exists()


def test_a_disk_that_is_full_when_the_file_is_to_be_written_costs_nothing(busy, gate, opener):
    wanted = busy.keys().tolist()
    with full_disk():
        gate.opened.set()
        quiet(busy)
    assert busy.keys().tolist() == wanted
    assert not any(name.endswith(".draft") for name in files(busy))
    busy.add(np.array([9000]), VECTORS[:1])
    busy.remove(np.array([9000]))
    quiet(busy)
    assert opener().keys().tolist() == wanted


def test_who_adds_more_than_can_be_sealed_waits(opener, gate, monkeypatch):
    gallery = opener(patience=60)
    gate.hold(monkeypatch)
    with ThreadPoolExecutor(1) as pool:
        adding = pool.submit(add, gallery, 0, 12 * SEAL)
        assert opener.housekeeper.awaited.wait(60)
        assert not adding.done()
        assert len(gallery) == WAITING * SEAL
        gate.opened.set()
        adding.result(60)
    assert gallery.last_sealed == 12 * SEAL - 1


def test_who_adds_is_not_kept_waiting_by_a_disk_that_is_full(opener):
    gallery = opener(patience=60)
    with full_disk():
        add(gallery, 0, 2 * SEAL)  # said, and not tried again for a minute
        for start in range(2 * SEAL, 12 * SEAL, SEAL):
            gallery.add(np.arange(start, start + SEAL), VECTORS[start : start + SEAL])
    assert len(gallery) == 12 * SEAL


def test_who_adds_while_it_is_closed_is_let_go(opener, gate, monkeypatch):
    gallery = opener(patience=60)
    gate.hold(monkeypatch)
    with ThreadPoolExecutor(2) as pool:
        adding = pool.submit(add_only, gallery, 0, 12 * SEAL)
        assert opener.housekeeper.awaited.wait(60)
        closing = pool.submit(opener.housekeeper.close)
        adding.result(60)
        assert not closing.done()  # the file is still being written
        gate.opened.set()
        closing.result(60)
    assert opener().keys().tolist() == list(range(SEAL))


def add_only(gallery: EmbeddedGallery, start: int, stop: int) -> None:
    for first in range(start, stop, SEAL):
        gallery.add(np.arange(first, first + SEAL), VECTORS[first : first + SEAL])


def test_a_lower_key_that_comes_while_higher_ones_are_sealed_is_asked_for_again(opener, gate, monkeypatch):
    gallery = opener()
    gate.hold(monkeypatch)
    gallery.add(np.arange(1000, 1000 + SEAL), VECTORS[:SEAL])
    assert gate.reached.wait(60)
    gallery.add(np.array([999]), VECTORS[999:1000])
    gate.opened.set()
    quiet(gallery)
    assert opener().last_sealed == gallery.last_sealed == 998
    add(gallery, 2000, 2000 + SEAL)
    assert opener().last_sealed == gallery.last_sealed == 2000 + SEAL - 1


def test_what_is_still_to_come_is_asked_for_until_it_has(opener):
    gallery = opener()
    add(gallery, 1000, 1000 + SEAL)
    gallery.add(np.arange(100), VECTORS[:100])  # in memory alone
    again = opener()
    assert again.last_sealed == 0
    add(again, 3000, 3000 + SEAL)  # others are sealed before all of those have come
    assert opener().last_sealed == again.last_sealed == 0
    again.add(np.arange(100), VECTORS[:100])
    again.loaded()
    add(again, 4000, 4000 + SEAL)
    assert opener().last_sealed == 4000 + SEAL - 1


def test_rows_that_come_go_and_are_sought_while_files_change_are_as_brute_force_says(opener):
    """Seals, joins and clears away all the time."""
    gallery, stop = opener(seal=32, patience=60), threading.Event()
    rng, held, batches = np.random.default_rng(0), set(range(50)), np.split(np.arange(50, 6050), 300)
    gallery.add(np.arange(50), VECTORS[:50])  # these stay

    def look(seed: int) -> int:
        rng, done = np.random.default_rng(seed), 0
        while not stop.is_set():
            row = int(rng.integers(50))
            hits = found(gallery, row, 20, 0.2)
            assert hits.keys[0] == row
            assert len(np.unique(hits.keys)) == len(hits.keys)
            np.testing.assert_allclose(hits.cosines, np.minimum(VECTORS[hits.keys] @ VECTORS[row], 1), atol=1e-3)
            done += 1
        return done

    with ThreadPoolExecutor(2) as pool:
        looks = [pool.submit(look, seed) for seed in range(2)]
        try:
            for turn, batch in enumerate(batches):
                gallery.add(batch, VECTORS[batch])
                held |= set(batch.tolist())
                young, old = batch[:5], rng.choice(sorted(held - set(range(50))), 12, replace=False)
                for gone in (young, old):
                    gallery.remove(gone)
                    held -= set(gone.tolist())
                if turn % 3 == 0:
                    gallery.add(old[:4], VECTORS[old[:4]])
                    held |= set(old[:4].tolist())
                if turn % 60 == 59:
                    assert gallery.keys().tolist() == sorted(held)
        finally:
            stop.set()
        assert all(each.result(60) > 0 for each in looks)
    quiet(gallery)
    keys = np.array(sorted(held))
    assert gallery.keys().tolist() == keys.tolist()
    again = opener(seal=32)
    missing = keys[keys > again.last_sealed]
    again.add(missing, VECTORS[missing])
    assert again.keys().tolist() == keys.tolist()
    for row in range(0, 50, 5):
        cosines = known().project(VECTORS[keys]).astype(np.float16).astype(np.float64) @ known().project(VECTORS[row])
        best = keys[np.lexsort((keys, -cosines))][:30]
        for each in (gallery, again):
            assert found(each, row, 30).keys.tolist() == best.tolist()
