from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from likenesses import alike, known

from regard.domain.arrays import FloatArray, IntArray
from regard.domain.galleries import Hits
from regard.index.embedded import segment_file
from regard.index.embedded.codebook import Codebook
from regard.index.embedded.sealed_segment import Sealed, SealedSegment
from regard.index.embedded.segment_file import SegmentFile
from regard.index.exact_search import TOMBSTONE, Best

N = 12_000


def keys_of(count: int) -> IntArray:
    return 3 * np.arange(count) + 7


def sealed(folder: Path, vectors: FloatArray, *, number: int = 0, codebook: Codebook | None = None) -> SealedSegment:
    keys = keys_of(len(vectors)) + 100_000 * number
    last = int(keys[-1]) if len(keys) else 100_000 * number
    codebook = codebook or known()
    where = Sealed(oldest=number, newest=number, last=last)
    return SealedSegment.write(folder, where, codebook, keys, codebook.project(vectors)).publish()


def search(segment: SealedSegment, probes: FloatArray, limit: int, threshold: float) -> list[Hits]:
    return segment.search(probes, np.full(len(probes), limit), np.full(len(probes), threshold, np.float32))


def brute(segment: SealedSegment, probe: FloatArray, limit: int, threshold: float) -> Hits:
    keys, vectors = segment.live()
    cosines = (vectors.astype(np.float64) @ probe.astype(np.float64)).astype(np.float32)
    order = [row for row in np.lexsort((keys, -cosines)) if cosines[row] >= np.float32(threshold)][:limit]
    return Hits(keys=keys[order], cosines=cosines[order])


@pytest.fixture(scope="module")
def probes() -> FloatArray:
    return known().project(alike(N)[::1000])


@pytest.fixture(scope="module")
def segment(tmp_path_factory) -> SealedSegment:
    return sealed(tmp_path_factory.mktemp("segment"), alike(N))


@pytest.mark.parametrize("limit", [1, 100, 4096])
@pytest.mark.parametrize("threshold", [0.95, 0.6, 0.4, 0.2, -1.0])
def test_nothing_at_the_threshold_or_above_is_missed(segment, probes, limit, threshold):
    for probe, hits in zip(probes, search(segment, probes, limit, threshold), strict=True):
        wanted = brute(segment, probe, limit, threshold)
        assert hits.keys.tolist() == wanted.keys.tolist()
        np.testing.assert_array_equal(hits.cosines, np.clip(wanted.cosines, -1, 1))


def test_more_than_there_are_finds_all_that_reach_it(segment, probes):
    (hits,) = search(segment, probes[:1], 10 * N, -1)
    assert sorted(hits.keys.tolist()) == keys_of(N).tolist()


def test_a_threshold_of_one_finds_at_most_the_vector_itself(segment, probes):
    exact = segment.live()[1][[0, 5000]].astype(np.float32)
    exact /= np.linalg.norm(exact.astype(np.float64), axis=1, keepdims=True)
    for row, hits in zip((0, 5000), search(segment, exact, 10, 0.9999), strict=True):
        assert hits.keys[0] == keys_of(N)[row]
    assert all(len(hits.keys) <= 1 for hits in search(segment, probes, 10, 1.0))


@pytest.mark.slow
def test_rows_are_found_by_themselves_however_much_is_asked(segment):
    exact = segment.live()[1][::10].astype(np.float32)
    exact /= np.linalg.norm(exact.astype(np.float64), axis=1, keepdims=True)
    found = search(segment, exact, 1, 0.9999)
    for probe, hits in zip(exact, found, strict=True):
        assert hits.keys.tolist() == brute(segment, probe, 1, 0.9999).keys.tolist()
    assert sum(len(hits.keys) for hits in found) > 600


def test_each_probe_has_its_own_limit_and_threshold(segment, probes):
    limits, thresholds = np.array([1, 4096, 3]), np.array([0.9, -1, 0.2], np.float32)
    for number, hits in enumerate(segment.search(probes[:3], limits, thresholds)):
        wanted = brute(segment, probes[number], int(limits[number]), float(thresholds[number]))
        assert hits.keys.tolist() == wanted.keys.tolist()


def test_many_probes_that_look_deep_are_taken_a_few_at_a_time(segment, probes, monkeypatch):
    whole = search(segment, probes, 200, 0.1)
    monkeypatch.setattr("regard.index.embedded.sealed_segment._SCANNED_ROWS", 600)
    for one, other in zip(whole, search(segment, probes, 200, 0.1), strict=True):
        assert one.keys.tolist() == other.keys.tolist()


def test_a_scan_never_has_to_return_more_than_a_quarter_of_the_rows(segment, probes, monkeypatch):
    depths, scan = [], segment._scan.search
    monkeypatch.setattr(segment._scan, "search", lambda *asked: depths.append(asked[-1]) or scan(*asked))
    search(segment, probes[:2], N, -1)
    assert depths
    assert max(depths) <= N / 4


def test_an_ordinary_search_compares_few_rows(segment, probes, monkeypatch):
    compared = []
    compare = SealedSegment._compare
    monkeypatch.setattr(
        SealedSegment, "_compare", lambda self, *given: compared.append(len(given[2])) or compare(self, *given)
    )
    search(segment, probes, 10, 0.5)
    assert sum(compared) / len(probes) < 0.05 * N


def test_rows_that_the_code_describes_badly_are_found_all_the_same(tmp_path):
    rng = np.random.default_rng(1)
    vectors = alike(8000, seed=9)
    strange = rng.choice(8000, 60, replace=False)
    vectors[strange] = np.eye(64, dtype=np.float32)[rng.integers(0, 64, 60)]  # one direction alone: far off the code
    segment = sealed(tmp_path, vectors)
    assert len(np.intersect1d(segment._outliers, strange)) > 40
    for row in strange[:20]:
        (hits,) = search(segment, known().project(vectors[row][None]), 500, 0.9)
        assert keys_of(8000)[row] in hits.keys


def test_where_no_row_can_be_coded_the_answer_is_the_same(tmp_path, probes):
    nothing = replace(known(), levels=known().levels + np.float32([[2], [0]]))
    segment = sealed(tmp_path, alike(4000), codebook=nothing)
    assert len(segment._outliers) == 4000
    (hits,) = search(segment, probes[:1], 20, 0.2)
    assert hits.keys.tolist() == brute(segment, probes[0], 20, 0.2).keys.tolist()


def test_what_is_removed_is_in_no_answer_and_not_in_the_file(tmp_path, probes):
    segment = sealed(tmp_path, alike(8000))
    gone = keys_of(8000)[::3]
    vectors, codes = segment.live()[1][::3].copy(), segment._scan.codes.copy()
    assert segment.remove(np.append(gone, [1, 8, -1, 10**9])) == len(gone)
    assert segment.remove(gone) == 0
    assert len(segment) == 8000 - len(gone)
    raw = segment.file.path.read_bytes()
    assert not any(vector.tobytes() in raw for vector in vectors)
    np.testing.assert_array_equal(segment._scan.codes, segment.file.codes)
    assert not np.array_equal(codes, segment.file.codes)
    assert not segment._outlier_vectors[np.isin(segment._keys[segment._outliers], gone)].any()
    for threshold in (-1.0, 0.4):
        for probe, hits in zip(probes[:4], search(segment, probes[:4], 8000, threshold), strict=True):
            assert hits.keys.tolist() == brute(segment, probe, 8000, threshold).keys.tolist()
    again = SealedSegment(SegmentFile(segment.file.path, known().fingerprint), known())
    assert again.keys().tolist() == segment.keys().tolist() == np.setdiff1d(keys_of(8000), gone).tolist()
    again.file.verify()


def test_it_knows_which_keys_it_holds(tmp_path):
    segment = sealed(tmp_path, alike(100))
    segment.remove(keys_of(100)[[0, 1, 50, 99]])
    asked = np.arange(-5, 400)
    assert asked[segment.holds(asked)].tolist() == np.delete(keys_of(100), [0, 1, 50, 99]).tolist()
    again = SealedSegment(SegmentFile(segment.file.path, known().fingerprint), known())
    assert asked[again.holds(asked)].tolist() == asked[segment.holds(asked)].tolist()
    assert segment.holds(np.empty(0, np.int64)).tolist() == []


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)], ids=["in order", "one came late"])
def test_joined_they_answer_as_their_parts(tmp_path, probes, order):
    vectors = alike(9000)
    parts = []
    for place, number in enumerate(order):
        part = sealed(tmp_path, vectors[3000 * number :][: 2990 + number], number=number)
        part.remove(part.keys()[[0, 5, 700, -1]])
        where = Sealed(oldest=place, newest=place, last=250_000 + place)
        parts.append(SealedSegment.write(tmp_path, where, known(), *part.live()).publish())
    whole = SealedSegment.merged(tmp_path, known(), parts).publish()
    whole.file.verify()
    assert whole.sealed == Sealed(oldest=0, newest=2, last=250_002)
    assert whole.file.path.name == "0-2.segment"
    assert whole.keys().tolist() == sorted(key for part in parts for key in part.keys().tolist())
    for threshold in (-1.0, 0.4):
        found = [search(part, probes[:5], 9000, threshold) for part in parts]
        for hits, *each in zip(search(whole, probes[:5], 9000, threshold), *found, strict=True):
            wanted = {key: value for part in each for key, value in zip(part.keys, part.cosines, strict=True)}
            assert dict(zip(hits.keys, hits.cosines, strict=True)) == wanted


def test_made_without_its_dead_rows_it_answers_the_same(tmp_path, probes):
    segment = sealed(tmp_path, alike(40_000))  # more rows than are copied at once
    segment.remove(keys_of(40_000)[5:39_000:2])
    smaller = SealedSegment.compacted(tmp_path, known(), [segment]).publish()
    smaller.file.verify()
    assert smaller.sealed == segment.sealed
    assert smaller.rows == -(-len(segment) // 32) * 32
    assert smaller.keys().tolist() == segment.keys().tolist()
    for threshold in (-1.0, 0.4):
        for one, other in zip(*(search(each, probes[:4], 50, threshold) for each in (segment, smaller)), strict=True):
            assert one.keys.tolist() == other.keys.tolist()
            assert one.cosines.tolist() == other.cosines.tolist()


def test_a_draft_is_no_segment_until_it_is_published(tmp_path):
    draft = SealedSegment.write(
        tmp_path, Sealed(oldest=0, newest=0, last=9), known(), np.arange(10), np.zeros((10, 64))
    )
    assert [path.name for path in tmp_path.iterdir()] == ["0-0.draft"]
    draft.remove(np.array([3]))
    draft.publish()
    assert [path.name for path in tmp_path.iterdir()] == ["0-0.segment"]
    again = SealedSegment(SegmentFile(tmp_path / "0-0.segment", known().fingerprint), known())
    assert again.keys().tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9]


@pytest.mark.parametrize("how", [SealedSegment.merged, SealedSegment.compacted])
def test_what_goes_while_parts_are_joined_goes_from_the_whole_too(tmp_path, how, monkeypatch):
    """Before the vectors are copied, of which some are gone then and some not; the keys were read already."""
    vectors = alike(4000)
    parts = [sealed(tmp_path, vectors[2000 * number :][:2000], number=number) for number in range(2)]
    before, meanwhile = parts[0].keys()[[1, 7]], parts[1].keys()[[0, 500, 1999]]
    secrets = [vector.tobytes() for part in parts for vector in part.live()[1][[0, 1, 7, 500, 1999]]]
    parts[0].remove(before)
    write = segment_file.write

    def slow(*given: Any) -> SegmentFile:
        parts[1].remove(meanwhile)
        return write(*given)

    monkeypatch.setattr(segment_file, "write", slow)
    whole = how(tmp_path, known(), parts)
    whole.remove(meanwhile)
    whole.publish().file.verify()
    wanted = np.setdiff1d(np.concatenate([keys_of(2000), keys_of(2000) + 100_000]), [*before, *meanwhile])
    assert whole.keys().tolist() == wanted.tolist()
    raw = whole.file.path.read_bytes()
    assert [secret in raw for secret in secrets] == [True, False, False, True, True, False, True, True, False, False]
    assert SealedSegment(SegmentFile(whole.file.path, known().fingerprint), known()).keys().tolist() == wanted.tolist()


def test_a_row_that_is_half_gone_when_parts_are_joined_leaves_no_vector(tmp_path):
    """Its key is overwritten first; the copy may be made just then."""
    segment = sealed(tmp_path, alike(200))
    secret = segment.live()[1][7].tobytes()
    segment.file.keys[7] = TOMBSTONE
    whole = SealedSegment.merged(tmp_path, known(), [segment]).publish()
    assert secret not in whole.file.path.read_bytes()
    assert whole.file.codes[: 32 * 16].tobytes() != segment.file.codes[: 32 * 16].tobytes()
    whole.file.verify()


def test_an_empty_one_stands_for_its_sealings(tmp_path, probes):
    empty = sealed(tmp_path, alike(0), number=0)
    full = sealed(tmp_path, alike(100), number=1)
    assert (len(empty), empty.keys().tolist()) == (0, [])
    assert not empty.holds(np.arange(-3, 10)).any()
    assert search(empty, probes[:1], 5, -1)[0].keys.tolist() == []
    assert SealedSegment.merged(tmp_path, known(), [empty, full]).publish().keys().tolist() == full.keys().tolist()


def test_a_row_that_goes_while_it_is_compared_is_not_found(tmp_path, probes):
    segment, rows = sealed(tmp_path, alike(300)), np.arange(300)
    vectors, best = segment.live()[1].astype(np.float32), Best(probes[0], 300, -1)
    segment.remove(keys_of(300)[:40])
    segment._compare(best, probes[0], rows, vectors)
    assert sorted(best.hits.keys.tolist()) == keys_of(300)[40:].tolist()


@pytest.mark.slow
def test_a_removed_face_is_never_shown_with_a_wrong_cosine(tmp_path):
    vectors = alike(6000)
    segment, stop = sealed(tmp_path, vectors), threading.Event()
    small = segment.live()[1].astype(np.float32)

    def look(row: int) -> float:
        worst = 0.0
        while not stop.is_set():
            for threshold in (-1.0, 0.3):
                (hits,) = search(segment, small[row : row + 1], 6000, threshold)
                exact = small[(hits.keys - 7) // 3] @ small[row]
                worst = max(worst, float(np.abs(np.clip(exact, -1, 1) - hits.cosines).max(initial=0)))
        return worst

    with ThreadPoolExecutor(3) as pool:
        looks = [pool.submit(look, row) for row in (10, 3000, 5000)]
        for part in np.array_split(np.random.default_rng(0).permutation(keys_of(6000)), 60):
            segment.remove(part)
        stop.set()
        assert max(each.result(60) for each in looks) < 1e-5
    assert len(segment) == 0
