"""What may happen while a file of a gallery is being made."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from gallery_opener import SEAL, VECTORS, Gate, Opener, add, files, found, full_disk, quiet
from likenesses import known

from regard.index.embedded.indexed_gallery import IndexedGallery
from regard.index.embedded.sealing import MERGE_SEGMENTS as MERGE
from regard.index.embedded.sealing import PENDING_SEGMENTS


def sealing(gallery: IndexedGallery) -> None:
    gallery.add(np.arange(0, 4000), VECTORS[:4000])


def joining(gallery: IndexedGallery) -> None:
    for start in range(0, MERGE * SEAL, SEAL):
        if start == (MERGE - 1) * SEAL:
            quiet(gallery)
        keys = np.arange(start, start + SEAL)
        gallery.add(keys, VECTORS[keys])


def clearing_away(gallery: IndexedGallery) -> None:
    add(gallery, 0, 4000, 4000)
    gallery.remove(np.arange(0, 4000, 3))


@pytest.fixture(params=[sealing, joining, clearing_away])
def busy(request: pytest.FixtureRequest, opener: Opener, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> IndexedGallery:
    """A gallery of which a file is about to be written, and will not be before the gate opens."""
    gallery: IndexedGallery = opener()
    last = {sealing: "0-0", joining: f"0-{MERGE - 1}", clearing_away: "0-0"}[request.param]
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
        assert opener.maintenance.awaited.wait(60)
        assert not adding.done()
        assert len(gallery) == PENDING_SEGMENTS * SEAL
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
        assert opener.maintenance.awaited.wait(60)
        assert gate.reached.wait(60)
        closing = pool.submit(opener.maintenance.close)
        adding.result(60)
        assert not closing.done()  # the file is still being written
        gate.opened.set()
        closing.result(60)
    assert opener().keys().tolist() == list(range(SEAL))


def add_only(gallery: IndexedGallery, start: int, stop: int) -> None:
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
    again.sealing.loaded()
    add(again, 4000, 4000 + SEAL)
    assert opener().last_sealed == 4000 + SEAL - 1


@pytest.mark.slow
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
