from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import faiss
import numpy as np
import pytest
from likenesses import D, alike, known

from regard.domain.arrays import ByteArray, FloatArray
from regard.index.embedded.fast_scan import BLOCK, Coder, FastScan, trained


@pytest.fixture(scope="module")
def coder() -> Coder:
    return known().coder


def packed(coder: Coder, vectors: FloatArray) -> ByteArray:
    """Their codes, each with levels of its own."""
    choices, _ = coder.choose(vectors)
    return coder.pack(choices, levels(len(vectors)))


def levels(count: int) -> ByteArray:
    return np.random.default_rng(5).integers(1, 255, count).astype(np.uint8)


def nothing(probes: FloatArray) -> FloatArray:
    """Weights that leave the levels out."""
    return np.zeros((len(probes), 2), np.float32)


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 1000])
def test_codes_are_packed_as_faiss_packs_them(coder, count):
    vectors = known().project(alike(count))
    index, fits = coder.empty(), levels(count)
    if count:
        # As a vector, the levels of a row are what their centroids are.
        held = np.stack([known().levels[0, fits & 15], known().levels[1, fits >> 4]], axis=1)
        index.add(coder.probes(vectors, held.astype(np.float32)))
    theirs = faiss.vector_to_array(index.codes)
    codes = packed(coder, vectors)
    assert codes.size == -(-count // BLOCK) * BLOCK * coder.groups // 2
    mine, others = (unpacked(coder, each) for each in (codes, theirs[: codes.size]))
    assert mine[:, :-1].tolist() == others[:, :-1].tolist()
    same = known().levels[1, mine[:, -1]] == known().levels[1, others[:, -1]]  # two of these levels are alike
    assert same.all()


def test_what_choices_stand_for_is_a_row_and_something_apart_from_it(coder):
    vectors = known().project(alike(500)) * np.linspace(0.5, 1, 500, dtype=np.float32)[:, None]
    choices, coded = coder.choose(vectors)
    said = coder.stands_for(choices)
    apart = said - coded[:, :1] * vectors
    np.testing.assert_allclose(np.sum(apart * vectors, axis=1), 0, atol=1e-6)
    lengths = np.linalg.norm(apart, axis=1) / np.linalg.norm(vectors, axis=1)
    np.testing.assert_allclose(coded[:, 1], lengths, atol=1e-4)


def test_a_row_of_nothing_is_coded_without_a_fault(coder):
    assert np.isfinite(coder.choose(np.zeros((1, coder.width), np.float32))[1]).all()


def test_a_probe_weighs_the_levels_of_a_row(coder):
    vectors = known().project(alike(320))
    probes, weights = vectors[:5], np.array([[-0.4, 0.3], [0, 0], [1, 0], [0, 1], [-1, 0.5]], np.float32)
    scanner, fits = FastScan(coder, packed(coder, vectors)), levels(320)
    held = np.stack([known().levels[0, fits & 15], known().levels[1, fits >> 4]], axis=1)
    added = scanner.scores(probes, weights) - scanner.scores(probes, nothing(probes))
    np.testing.assert_allclose(added, weights @ held.T, atol=0.02)


def test_the_scores_of_all_are_those_of_a_search(coder):
    vectors = known().project(alike(500))
    scanner = FastScan(coder, packed(coder, vectors))
    scores, rows = scanner.search(vectors[:3], nothing(vectors[:3]), 40)
    np.testing.assert_array_equal(
        np.take_along_axis(scanner.scores(vectors[:3], nothing(vectors[:3])), rows, axis=1), scores
    )


def test_blanking_erases_exactly_those_rows(coder):
    vectors, gone = known().project(alike(200)), np.array([0, 16, 31, 32, 33, 100, 100, 191])
    codes = packed(coder, vectors)
    before = unpacked(coder, codes)
    coder.blank(codes, gone)
    after = unpacked(coder, codes)
    assert (after[gone] == 0).all()
    kept = np.setdiff1d(np.arange(len(before)), gone)
    assert (after[kept] == before[kept]).all()
    assert (before[gone] != 0).any(axis=1).all()


def unpacked(coder: Coder, codes: np.ndarray) -> np.ndarray:
    """The half-bytes of each row, as faiss finds them."""
    packer = coder.empty().get_CodePacker()
    blocks = codes.reshape(-1, BLOCK * coder.groups // 2)
    rows = [packer.unpack_1(blocks, row) for row in range(len(blocks) * BLOCK)]
    flat = np.array(rows, np.uint8).reshape(-1, coder.groups // 2)
    return np.stack([flat & 15, flat >> 4], axis=-1).reshape(len(flat), coder.groups)


def test_a_score_estimates_the_inner_product(coder):
    vectors = known().project(alike(4000))
    scanner = FastScan(coder, packed(coder, vectors))
    scores, rows = scanner.search(vectors[:8], nothing(vectors[:8]), 4000)
    exact = np.take_along_axis(vectors[:8] @ vectors.T, rows, axis=1)
    assert np.corrcoef(scores.ravel(), exact.ravel())[0, 1] > 0.95
    assert (np.diff(scores, axis=1) <= 0).all()
    assert [sorted(each) for each in rows.tolist()] == [list(range(4000))] * 8


@pytest.mark.parametrize("together", range(1, 20))
def test_probes_together_score_as_each_alone(coder, together):
    vectors = known().project(alike(640))
    scanner, probes = FastScan(coder, packed(coder, vectors)), vectors[:together]
    scores, _ = scanner.search(probes, nothing(probes), 600)
    for probe, line in zip(probes, scores, strict=True):
        np.testing.assert_array_equal(scanner.search(probe[None], nothing(probe[None]), 600)[0][0], line)


def test_threads_with_different_numbers_of_probes_do_not_disturb_each_other(coder):
    vectors = known().project(alike(6400))
    scanner = FastScan(coder, packed(coder, vectors))

    def search(count: int) -> bool:
        probes = vectors[:count]
        alone = scanner.search(probes, nothing(probes), 100)[0].tolist()
        return all(scanner.search(probes, nothing(probes), 100)[0].tolist() == alone for _ in range(30))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(search, (1, 2, 3, 4, 5, 8, 11, 16)))


def test_more_rows_than_there_are_are_refused(coder):
    scanner = FastScan(coder, packed(coder, known().project(alike(64))))
    assert len(scanner) == 64
    with pytest.raises(ValueError, match="65 of 64"):
        scanner.search(np.zeros((1, D), np.float32), np.zeros((1, 2), np.float32), 65)


def test_codes_may_be_blanked_while_they_are_searched(coder):
    vectors = known().project(alike(20_000))
    scanner, stop = FastScan(coder, packed(coder, vectors)), threading.Event()
    stays = np.arange(0, 20_000, 2)

    def search(row: int) -> int:
        done = 0
        while not stop.is_set():
            _, rows = scanner.search(vectors[row : row + 1], np.zeros((1, 2), np.float32), 500)
            assert row in rows[0]
            done += 1
        return done

    with ThreadPoolExecutor(3) as pool:
        searches = [pool.submit(search, row) for row in (0, 4000, 9998)]
        for part in np.array_split(np.setdiff1d(np.arange(20_000), stays), 50):
            coder.blank(scanner.codes, part)
        stop.set()
        assert all(each.result(timeout=30) > 0 for each in searches)


def test_training_is_the_same_every_time():
    vectors = alike(1000)
    np.testing.assert_array_equal(trained(vectors, 32), trained(vectors, 32))
