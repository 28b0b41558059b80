"""One suite for every implementation of VectorIndex, against brute force."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from likenesses import D, known
from milvus_server import TOKEN, MilvusServer

from regard.domain.arrays import FloatArray, IntArray
from regard.domain.galleries import Hits
from regard.index.embedded.embedded_index import EmbeddedIndex
from regard.index.milvus.milvus_index import Consistency, MilvusIndex, MilvusOptions
from regard.index.vector_index import VectorIndex


@dataclass(frozen=True)
class Implementation:
    """`make` with a folder of its own; `rounding`: how far from the true cosine one may be, 0 where only by float32;
    `rounds` of two writers at once, 8 n + 4."""

    make: Callable[[Path, ExitStack, pytest.FixtureRequest], VectorIndex]
    rounding: float = 0
    rounds: int = 52


def sealed(folder: Path, end: ExitStack, request: pytest.FixtureRequest) -> VectorIndex:
    index = EmbeddedIndex(lambda _: known(), folder / "index", seal=256, threads=2)
    end.callback(index.close)
    return index


def in_milvus(fixture: str) -> Callable[[Path, ExitStack, pytest.FixtureRequest], VectorIndex]:
    def cleared(folder: Path, end: ExitStack, request: pytest.FixtureRequest) -> VectorIndex:
        """One for all tests, for Milvus takes its time to make a collection."""
        index: MilvusIndex = request.getfixturevalue(fixture)
        end.callback(lambda: [index.drop(collection_key) for collection_key in index.collections()])
        return index

    return cleared


@pytest.fixture(scope="module")
def milvus_lite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusIndex]:
    index = MilvusIndex(MilvusOptions(uri=str(tmp_path_factory.mktemp("milvus") / "lite.db")), "faces")
    yield index
    index.close()


@pytest.fixture(scope="module")
def milvus_standalone(milvus: MilvusServer) -> Iterator[MilvusIndex]:
    options = MilvusOptions(uri=milvus.uri, token=TOKEN, consistency=Consistency.SESSION, timeout=60)
    index = MilvusIndex(options, milvus.name())
    yield index
    index.close()


IMPLEMENTATIONS: dict[str, Implementation] = {
    "embedded": Implementation(lambda folder, end, request: EmbeddedIndex()),
    "sealed": Implementation(sealed, rounding=2e-4),
    "milvus-lite": Implementation(in_milvus("milvus_lite"), rounds=4),
    "milvus": Implementation(in_milvus("milvus_standalone"), rounds=20),
}


_SLOW = ("milvus-lite", "milvus")


@pytest.fixture(params=[pytest.param(each, marks=[pytest.mark.slow] * (each in _SLOW)) for each in IMPLEMENTATIONS])
def implementation(request: pytest.FixtureRequest) -> Implementation:
    return IMPLEMENTATIONS[request.param]


@pytest.fixture
def rounding(implementation: Implementation) -> float:
    return implementation.rounding


@pytest.fixture
def index(implementation: Implementation, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[VectorIndex]:
    with ExitStack() as end:
        yield implementation.make(tmp_path, end, request)


def units(count: int, seed: int = 0) -> FloatArray:
    vectors = np.random.default_rng(seed).standard_normal((count, D), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def keys(*values: int) -> IntArray:
    return np.array(values, np.int64)


def brute(held: IntArray, vectors: FloatArray, probe: FloatArray, limit: int, threshold: float) -> Hits:
    cosines = (vectors.astype(np.float64) @ probe.astype(np.float64)).astype(np.float32)
    order = [row for row in np.lexsort((held, -cosines)) if cosines[row] >= threshold][:limit]
    return Hits(keys=held[order], cosines=cosines[order])


def assert_same(found: Hits, wanted: Hits, rounding: float = 0) -> None:
    """Those in `wanted`, in that order; where cosines are rounded another may stand for one that is nearly as near."""
    if not rounding:
        assert found.keys.tolist() == wanted.keys.tolist()
        np.testing.assert_allclose(found.cosines, wanted.cosines, atol=1e-6)
        return
    true = dict(zip(wanted.keys.tolist(), wanted.cosines.tolist(), strict=True))
    lowest = min(true.values(), default=0)
    assert {key for key, cosine in true.items() if cosine > lowest + 2 * rounding} <= set(found.keys.tolist())
    assert len(set(found.keys.tolist())) == len(found.keys)
    for key, cosine in zip(found.keys.tolist(), found.cosines.tolist(), strict=True):
        assert cosine == pytest.approx(true.get(key, lowest), abs=2 * rounding)
    assert (np.diff(found.cosines) <= 0).all()


@pytest.mark.parametrize("limit", [1, 7, 5000])
@pytest.mark.parametrize("threshold", [-1.0, 0.3, 0.999, 1.0])
def test_a_search_finds_what_brute_force_finds(index, limit, threshold, rounding):
    held, vectors, probes = np.arange(10, 3010), units(3000), units(5, seed=1)
    index.add(1, held, vectors)
    found = index.search(1, probes, limit=limit, threshold=threshold)
    assert len(found) == 5
    for hits, probe in zip(found, probes, strict=True):
        wanted = brute(held, vectors, probe, limit, threshold)
        assert_same(hits, wanted, rounding)
        if threshold == -1:
            assert len(hits.keys) == len(wanted.keys)


def test_a_search_for_nothing_or_of_no_probes_finds_nothing(index):
    index.add(1, np.arange(300), units(300))
    assert [len(hits.keys) for hits in index.search(1, units(2), limit=0, threshold=-1)] == [0, 0]
    assert [len(hits.keys) for hits in index.search(1, units(2), limit=0, threshold=0.99)] == [0, 0]
    assert index.search(1, units(0), limit=5, threshold=-1) == []


def test_a_gallery_of_which_nothing_is_left_finds_nothing(index):
    index.add(1, np.arange(600), units(600))
    index.remove(1, np.arange(600))
    assert len(index.search(1, units(1), limit=5, threshold=-1)[0].keys) == 0
    assert index.keys(1).tolist() == []


@pytest.mark.parametrize("size", [83, 300, 3000])
def test_keys_may_come_in_any_order_and_again(index, size, rounding):
    vectors, probe = units(3000), units(1, seed=1)
    order = np.random.default_rng(2).permutation(3000)
    for start in range(0, 3000, size):
        part = order[start : start + size]
        index.add(1, part, vectors[part])
        index.add(1, part[::-1].copy(), np.roll(vectors[part], 1, axis=0))  # those keep what they have
    assert index.keys(1).tolist() == list(range(3000))
    (hits,) = index.search(1, probe, limit=100, threshold=-1)
    assert_same(hits, brute(np.arange(3000), vectors, probe[0], 100, -1), rounding)


def test_the_vector_itself_is_found_first_with_cosine_one(index, rounding):
    vectors = units(200)
    index.add(1, np.arange(200), vectors)
    for row, hits in enumerate(index.search(1, vectors[:20], limit=3, threshold=0.9)):
        assert hits.keys[0] == row
        assert hits.cosines[0] == pytest.approx(1, abs=max(1e-6, rounding))
        assert hits.cosines[0] <= 1


def test_equals_are_ranked_by_key_also_where_the_limit_cuts(index):
    one = units(1)
    order = np.random.default_rng(5).permutation(500)
    for start in range(0, 500, 50):
        index.add(1, order[start : start + 50], np.repeat(one, 50, axis=0))
    (hits,) = index.search(1, one, limit=40, threshold=0.5)
    assert hits.keys.tolist() == list(range(40))


def test_a_cosine_at_the_threshold_counts(index, rounding):
    vectors = np.zeros((2, D), np.float32)
    vectors[0, :2] = (0.6, 0.8)
    vectors[1, :2] = (0.5990, 0.80075)
    index.add(1, keys(1, 2), vectors)
    probe = np.eye(1, D, dtype=np.float32)
    assert index.search(1, probe, limit=5, threshold=float(np.float32(0.6)) - rounding)[0].keys.tolist() == [1]


def test_an_unknown_gallery_holds_nothing(index):
    found = index.search(9, units(2), limit=5, threshold=-1)
    assert [len(hits.keys) for hits in found] == [0, 0]
    assert index.keys(9).tolist() == []
    assert list(index.collections()) == []
    index.remove(9, keys(1))
    index.drop(9)


def test_an_index_that_begins_resumes_nothing(index):
    assert (index.resume().deletion, dict(index.resume().sealed)) == (0, {})
    index.settle(7)
    assert list(index.collections()) == []


def test_what_it_would_resume_with_is_what_it_holds(index):
    index.add(1, np.arange(1, 1001), units(1000))
    index.add(2, np.arange(1, 11), units(10))
    for collection_key, last in index.resume().sealed.items():
        assert set(range(1, last + 1)) <= set(index.keys(collection_key).tolist())


def test_galleries_are_apart(index):
    index.add(1, keys(1), units(1))
    index.add(2, keys(2), units(1))
    assert index.search(1, units(1), limit=5, threshold=0.9)[0].keys.tolist() == [1]
    assert list(index.collections()) == [1, 2]


def test_a_key_already_there_keeps_its_vector(index):
    first, second = units(1, seed=1), units(1, seed=2)
    index.add(1, keys(5), first)
    index.add(1, keys(4, 5, 5), np.concatenate([second, second, second]))
    assert index.keys(1).tolist() == [4, 5]
    assert index.search(1, first, limit=5, threshold=0.99)[0].keys.tolist() == [5]


def test_adding_nothing_begins_nothing(index):
    index.add(1, keys(), units(0))
    assert list(index.collections()) == []


def test_another_dimension_is_refused_and_changes_nothing(index):
    index.add(1, keys(1), units(1))
    with pytest.raises(ValueError, match=f"D={D}"):
        index.add(1, keys(2), np.ones((1, D + 1), np.float32))
    with pytest.raises(ValueError, match=f"D={D}"):
        index.search(1, np.ones((1, D + 1), np.float32), limit=1, threshold=0)
    assert index.keys(1).tolist() == [1]


def test_a_refused_vector_begins_no_gallery(index):
    with pytest.raises(ValueError, match="N×D"):
        index.add(1, keys(1), np.ones(D, np.float32))
    index.add(1, keys(1), np.eye(1, 4, dtype=np.float32))
    assert index.keys(1).tolist() == [1]


def test_what_is_removed_is_not_found_again(index, rounding):
    held, vectors, probe = np.arange(1000), units(1000), units(1, seed=3)
    index.add(1, held, vectors)
    live = np.ones(1000, bool)
    for gone in np.array_split(np.random.default_rng(1).permutation(1000), 9):
        index.remove(1, np.append(gone, [5000, -1]))
        index.remove(1, gone)
        live[gone] = False
        assert index.keys(1).tolist() == held[live].tolist()
        found = index.search(1, probe, limit=30, threshold=-1)
        assert_same(found[0], brute(held[live], vectors[live], probe[0], 30, -1), rounding)
    assert list(index.collections()) == []


def test_a_removed_key_may_be_added_again(index):
    index.add(1, keys(1, 2, 3), units(3))
    index.remove(1, keys(2))
    index.add(1, keys(2), units(1, seed=7))
    assert index.search(1, units(1, seed=7), limit=1, threshold=0.99)[0].keys.tolist() == [2]


def test_a_dropped_gallery_is_empty_and_may_begin_again_with_another_dimension(index):
    index.add(1, keys(1, 2), units(2))
    index.drop(1)
    assert index.search(1, units(1), limit=5, threshold=-1)[0].keys.tolist() == []
    index.add(1, keys(3), np.eye(1, 4, dtype=np.float32))
    assert index.keys(1).tolist() == [3]


def test_the_callers_arrays_are_copied(index):
    held, vectors = np.arange(3), units(3)
    index.add(1, held, vectors)
    held += 100
    vectors[:] = 0
    assert index.keys(1).tolist() == [0, 1, 2]
    assert index.search(1, units(3)[:1], limit=1, threshold=0.99)[0].keys.tolist() == [0]


@pytest.mark.slow
def test_searches_adds_and_removals_at_once_never_show_a_wrong_face(index, implementation, rounding):
    vectors, rounds = units(4000), implementation.rounds
    stop = threading.Event()
    index.add(1, np.arange(200), vectors[:200])  # these stay

    def search(seed: int) -> int:
        rng, done = np.random.default_rng(seed), 0
        while not stop.is_set():
            row = int(rng.integers(200))
            (hits,) = index.search(1, vectors[row : row + 1], limit=10, threshold=0.2)
            assert hits.keys[0] == row
            exact = vectors[hits.keys] @ vectors[row]
            np.testing.assert_allclose(hits.cosines, exact, atol=1e-5 + rounding)
            assert len(set(hits.keys.tolist())) == len(hits.keys)
            done += 1
        return done

    def write(lane: int) -> None:
        mine = np.arange(200 + lane, 4000, 2)
        for turn in range(rounds):
            part = mine[turn % 4 :: 4]
            index.add(1, part, vectors[part])
            if turn % 8 >= 4:
                index.remove(1, part)

    with ThreadPoolExecutor(5) as pool:
        searches = [pool.submit(search, seed) for seed in range(3)]
        writers = [pool.submit(write, lane) for lane in range(2)]
        try:
            for writer in writers:
                writer.result(timeout=60)
        finally:
            stop.set()
        assert all(search.result(timeout=60) > 0 for search in searches)
    left = [row for lane in range(2) for turn in range(4) for row in range(200 + lane, 4000, 2)[turn::4]]
    # The last four turns are of the adding half: all four parts are in.
    assert index.keys(1).tolist() == sorted([*range(200), *left])
