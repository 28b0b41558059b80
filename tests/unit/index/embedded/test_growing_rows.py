from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from regard.domain.arrays import FloatArray, IntArray
from regard.domain.galleries import Hits
from regard.index.embedded.growing_rows import GrowingRows
from regard.index.exact_search import Best, best, compared


def search(rows: GrowingRows, probes: FloatArray, limit: int, threshold: float) -> list[Hits]:
    return rows.rows.search(probes, np.full(len(probes), limit), np.full(len(probes), threshold, np.float32))


def filled(vectors: FloatArray, keys: IntArray | None = None) -> GrowingRows:
    rows = GrowingRows(vectors.shape[1])
    rows.add(np.arange(len(vectors)) if keys is None else keys, vectors)
    return rows


def test_a_search_over_several_blocks_finds_what_one_block_would(make_units):
    vectors, probe = make_units(150_000, 8, seed=1), make_units(1, 8, seed=2)
    (hits,) = search(filled(vectors), probe, 20, -1)
    assert hits.keys.tolist() == np.argsort(-(vectors @ probe[0]), kind="stable")[:20].tolist()


def test_the_same_vectors_give_the_same_cosines_wherever_their_rows_lie(make_units):
    vectors, probes = make_units(5000, 512, seed=3), make_units(7, 512, seed=4)
    forward, backward = filled(vectors), filled(vectors[::-1].copy(), np.arange(5000)[::-1].copy())
    for probe, hits in zip(probes, search(forward, probes, 50, -1), strict=True):
        (alone,) = search(backward, probe[None], 50, -1)
        assert alone.keys.tolist() == hits.keys.tolist()
        assert alone.cosines.tolist() == hits.cosines.tolist()


def test_each_probe_has_its_own_limit_and_threshold(make_units):
    vectors = make_units(500, 16)
    rows, cosines = filled(vectors), vectors[:2] @ vectors.T
    first, second = rows.rows.search(vectors[:2], np.array([3, 400]), np.array([-1, 0.2], np.float32))
    assert first.keys.tolist() == np.argsort(-cosines[0])[:3].tolist()
    assert second.keys.tolist() == [key for key in np.argsort(-cosines[1]) if cosines[1][key] >= 0.2]


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_of_nothing_finds_nothing(make_units, limit):
    assert search(filled(make_units(5)), make_units(1), limit, -1)[0].keys.tolist() == []


def test_live_rows_come_in_the_order_of_their_keys(make_units):
    vectors, keys = make_units(100), np.random.default_rng(0).permutation(100)
    rows = filled(vectors, keys)
    rows.remove(np.array([3, 50, 1000, -1]))
    held, live = rows.live()
    wanted = np.setdiff1d(np.arange(100), [3, 50])
    assert held.tolist() == wanted.tolist() == rows.keys().tolist()
    np.testing.assert_array_equal(live, vectors[np.argsort(keys)][wanted])
    assert len(rows) == 98


def test_room_is_given_back(make_units):
    rows = filled(make_units(20_000))
    before = rows.memory
    rows.remove(np.arange(100, 20_000))
    assert rows.memory < before / 50
    assert rows.keys().tolist() == list(range(100))


def test_what_is_seen_at_one_moment_stays_what_it_was(make_units):
    vectors = make_units(200)
    rows = filled(vectors[:100])
    seen = rows.rows
    rows.add(np.arange(100, 200), vectors[100:])
    (hits,) = seen.search(vectors[150:151], np.array([200]), np.array([-1], np.float32))
    assert sorted(hits.keys.tolist()) == list(range(100))


def test_keys_never_show_a_removed_one(make_units):
    rows, stop = filled(make_units(5000)), threading.Event()

    def read() -> int:
        lowest = 0
        while not stop.is_set():
            lowest = min(lowest, int(rows.keys()[0]))
        return lowest

    with ThreadPoolExecutor(2) as pool:
        reads = [pool.submit(read) for _ in range(2)]
        for key in range(1200):
            rows.remove(np.array([key]))
        stop.set()
        assert [each.result(30) for each in reads] == [0, 0]


def test_half_precision_vectors_are_compared_as_they_are(make_units):
    vectors, probes = make_units(3000, 16).astype(np.float16), make_units(3, 16, seed=1)
    keys = np.where(np.arange(3000) % 3, np.arange(3000), -1)
    found = compared(vectors, keys, probes, np.full(3, 10), np.full(3, -1, np.float32))
    for probe, hits in zip(probes, found, strict=True):
        exact = np.where(keys >= 0, vectors.astype(np.float64) @ probe, -2)
        assert hits.keys.tolist() == np.argsort(-exact, kind="stable")[:10].tolist()
        np.testing.assert_allclose(hits.cosines, exact[hits.keys], atol=1e-7)


def test_the_floor_is_the_last_of_a_full_list():
    weighed = Best(np.array([1, 0], np.float32), limit=2, threshold=0.1)
    assert weighed.floor == 0.1
    vectors = np.array([[0.9, 0], [0.5, 0], [0.7, 0]], np.float32)
    weighed.offer(vectors[:1], np.array([1]), vectors[:1, 0])
    assert weighed.floor == 0.1
    weighed.offer(vectors[1:], np.array([2, 3]), vectors[1:, 0])
    assert weighed.floor == pytest.approx(0.7)
    assert weighed.hits.keys.tolist() == [1, 3]


def test_the_best_are_by_cosine_then_key():
    hits = best(np.array([9, 4, 2, 7]), np.array([0.5, 0.5, 0.1, 0.9], np.float32), 3)
    assert hits.keys.tolist() == [7, 4, 9]


def test_it_knows_which_keys_it_holds_and_that_none_is_lower(make_units):
    rows = GrowingRows(8)
    assert rows.lowest > 10**18
    assert rows.holds(np.array([-1, 0, 5])).tolist() == [False] * 3
    rows.add(np.array([7, 5, 9]), make_units(3, 8))
    rows.remove(np.array([5]))
    assert rows.holds(np.array([9, -1, 5, 7, 100])).tolist() == [True, False, False, True, False]
    assert rows.lowest == 5
