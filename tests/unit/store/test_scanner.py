from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import faiss
import numpy as np
import pytest
from likenesses import D, alike, known

from regard.store.scanner import BLOCK, Coder, Scanner, trained


@pytest.fixture(scope="module")
def coder() -> Coder:
    return known().coder


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 1000])
def test_codes_are_packed_as_faiss_packs_them(coder, count):
    vectors = known().project(alike(count))
    codes, _ = coder.encode(vectors)
    index = coder.empty()
    if count:
        index.add(vectors)
    theirs = faiss.vector_to_array(index.codes)
    assert codes.size == -(-count // BLOCK) * BLOCK * coder.groups // 2
    assert codes.tolist() == theirs[: codes.size].tolist()


def test_codes_do_not_depend_on_how_many_are_encoded_at_once(coder, monkeypatch):
    vectors = known().project(alike(1000))
    codes, coded = coder.encode(vectors)
    monkeypatch.setattr("regard.store.scanner._AT_ONCE", 96)
    again, coded_again = coder.encode(vectors)
    assert codes.tolist() == again.tolist()
    np.testing.assert_array_equal(coded, coded_again)


def test_a_code_stands_for_its_row_and_something_apart_from_it(coder):
    vectors = known().project(alike(500)) * np.linspace(0.5, 1, 500, dtype=np.float32)[:, None]
    _, coded = coder.encode(vectors)
    index = coder.empty()
    index.add(vectors)
    said = index.sa_decode(index.sa_encode(vectors))
    apart = said - coded[:, :1] * vectors
    np.testing.assert_allclose(np.sum(apart * vectors, axis=1), 0, atol=1e-6)
    lengths = np.linalg.norm(apart, axis=1) / np.linalg.norm(vectors, axis=1)
    np.testing.assert_allclose(coded[:, 1], lengths, atol=1e-4)


def test_a_row_of_nothing_is_coded_without_a_fault(coder):
    assert np.isfinite(coder.encode(np.zeros((1, coder.width), np.float32))[1]).all()


def test_the_scores_of_all_are_those_of_a_search(coder):
    vectors = known().project(alike(500))
    scanner = Scanner(coder, coder.encode(vectors)[0])
    scores, rows = scanner.search(vectors[:3], 40)
    np.testing.assert_array_equal(np.take_along_axis(scanner.scores(vectors[:3]), rows, axis=1), scores)


def test_blanking_erases_exactly_those_rows(coder):
    vectors, gone = known().project(alike(200)), np.array([0, 16, 31, 32, 33, 100, 100, 191])
    codes, _ = coder.encode(vectors)
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
    flat = np.stack([packer.unpack_1(blocks, row) for row in range(len(blocks) * BLOCK)])
    return np.stack([flat & 15, flat >> 4], axis=-1).reshape(len(flat), -1)


def test_a_score_estimates_the_inner_product(coder):
    vectors = known().project(alike(4000))
    scanner = Scanner(coder, coder.encode(vectors)[0])
    scores, rows = scanner.search(vectors[:8], 4000)
    exact = np.take_along_axis(vectors[:8] @ vectors.T, rows, axis=1)
    assert np.corrcoef(scores.ravel(), exact.ravel())[0, 1] > 0.95
    assert (np.diff(scores, axis=1) <= 0).all()
    assert [sorted(each) for each in rows.tolist()] == [list(range(4000))] * 8


def test_probes_together_score_as_each_alone(coder):
    vectors = known().project(alike(2000))
    scanner = Scanner(coder, coder.encode(vectors)[0])
    together, _ = scanner.search(vectors[:20], 600)
    for probe, scores in zip(vectors[:20], together, strict=True):
        np.testing.assert_array_equal(scanner.search(probe[None], 600)[0][0], scores)


def test_more_rows_than_there_are_are_refused(coder):
    scanner = Scanner(coder, coder.encode(known().project(alike(64)))[0])
    assert len(scanner) == 64
    with pytest.raises(ValueError, match="65 of 64"):
        scanner.search(np.zeros((1, D), np.float32), 65)


def test_codes_may_be_blanked_while_they_are_searched(coder):
    vectors = known().project(alike(20_000))
    scanner, stop = Scanner(coder, coder.encode(vectors)[0]), threading.Event()
    stays = np.arange(0, 20_000, 2)

    def search(row: int) -> int:
        done = 0
        while not stop.is_set():
            _, rows = scanner.search(vectors[row : row + 1], 500)
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
