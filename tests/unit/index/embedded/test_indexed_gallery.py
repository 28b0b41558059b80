from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from gallery_opener import SEAL, VECTORS, add, files, found, full_disk, quiet, remove

from regard.domain.galleries import Hits
from regard.index.embedded.sealing import MERGE_SEGMENTS as MERGE


def test_a_small_gallery_has_no_files(opener):
    gallery = opener()
    add(gallery, 0, SEAL - 1, 50)
    assert not opener.place.exists()
    assert (len(gallery), gallery.last_sealed) == (SEAL - 1, -1)


def test_sealing_changes_no_answer(opener):
    never, early = opener(seal=10_000), opener()
    add(never, 0, 3000)
    add(early, 0, 3000)
    assert not never.rows.segments
    assert early.rows.segments
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
    add(gallery, 0, (MERGE - 1) * SEAL)
    assert len(files(gallery)) == MERGE - 1
    add(gallery, (MERGE - 1) * SEAL, (MERGE + 2) * SEAL)
    assert files(gallery) == [
        f"0-{MERGE - 1}.segment",
        f"{MERGE}-{MERGE}.segment",
        f"{MERGE + 1}-{MERGE + 1}.segment",
    ]
    assert gallery.keys().tolist() == opener().keys().tolist() == list(range((MERGE + 2) * SEAL))


def test_a_large_one_that_shrank_is_not_joined_over_another(opener):
    gallery = opener()
    add(gallery, 0, 2 * MERGE * SEAL)
    gone = np.arange(0, MERGE * SEAL * 3 // 4)
    remove(gallery, gone)
    assert [segment.rows for segment in gallery.rows.segments] == [MERGE * SEAL // 4, MERGE * SEAL]
    add(gallery, 2 * MERGE * SEAL, 3 * MERGE * SEAL - SEAL)
    assert len(gallery.rows.segments) == MERGE + 1
    add(gallery, 3 * MERGE * SEAL - SEAL, 3 * MERGE * SEAL)
    assert [segment.rows for segment in gallery.rows.segments] == [
        MERGE * SEAL // 4,
        MERGE * SEAL,
        MERGE * SEAL,
    ]
    assert gallery.keys().tolist() == opener().keys().tolist() == list(range(len(gone), 3 * MERGE * SEAL))
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
    again.sealing.loaded()
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
    assert len(gallery.rows.growing) == 0
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
    add(gallery, 0, (MERGE - 1) * SEAL)
    with full_disk(100_000):
        for number in range(MERGE - 1, MERGE + 5):
            add(gallery, number * SEAL, (number + 1) * SEAL)
    assert len(files(gallery)) >= MERGE + 2
    add(gallery, (MERGE + 5) * SEAL, (MERGE + 6) * SEAL)
    assert files(gallery)[0] == f"0-{MERGE - 1}.segment"
    assert gallery.keys().tolist() == opener().keys().tolist() == list(range((MERGE + 6) * SEAL))


def test_a_full_disk_while_joining_keeps_the_parts(opener, caplog):
    gallery = opener()
    add(gallery, 0, (MERGE - 1) * SEAL)
    with full_disk(100_000):
        add(gallery, (MERGE - 1) * SEAL, MERGE * SEAL)
    assert len(files(gallery)) == MERGE
    assert "File too large" in caplog.text
    assert gallery.keys().tolist() == opener().keys().tolist() == list(range(MERGE * SEAL))
    add(gallery, MERGE * SEAL, (MERGE + 1) * SEAL)
    assert files(gallery) == [f"0-{MERGE - 1}.segment", f"{MERGE}-{MERGE}.segment"]


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
    add(gallery, 0, MERGE * SEAL)
    remove(gallery, np.arange(0, 1000))
    names = {line.split()[-1].rsplit("/", 1)[-1] for line in mapped(opener.place)}
    assert not any("deleted" in line for line in mapped(opener.place))
    assert len(names) <= 2


@pytest.mark.slow
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


@pytest.mark.slow
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
