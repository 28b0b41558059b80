from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from likenesses import D, alike, known

from regard.domain.arrays import FloatArray
from regard.errors import SettingsError
from regard.index.embedded import codebook
from regard.index.embedded.codebook import BoolArray, Codebook
from regard.index.embedded.fast_scan import FastScan


@pytest.mark.slow
def test_the_projection_keeps_cosines():
    vectors = alike(500)
    small = known().project(vectors)
    np.testing.assert_allclose(small @ small.T, vectors @ vectors.T, atol=1e-5)


@pytest.mark.slow
def test_only_the_directions_in_use_are_kept():
    spread = np.linalg.qr(np.random.default_rng(0).standard_normal((128, D)))[0].T.astype(np.float32)
    vectors = alike(6000) @ spread
    made = codebook.train(vectors)
    assert (made.dimension, made.width, made.coder.groups) == (128, D, D // 2 + 2)
    small = made.project(vectors[:300])
    np.testing.assert_allclose(small @ small.T, vectors[:300] @ vectors[:300].T, atol=1e-5)


COSINES = (0.3, 0.5, 0.7, 0.9, 0.95, 1)


@pytest.fixture(scope="module")
def many() -> tuple[FloatArray, FloatArray]:
    """Four thousand vectors, and the cosine of each with each."""
    vectors = known().project(alike(4000, seed=3))
    return vectors, vectors @ vectors.T


def asked(made: Codebook, vectors: FloatArray, cosine: float) -> tuple[FloatArray, BoolArray]:
    """What each row scores for each as the probe, asked for this cosine; and which rows are scanned."""
    codes, fits = made.encode(vectors)
    weights = made.weights(np.full(len(vectors), cosine, np.float32))
    return FastScan(made.coder, codes).scores(vectors, weights)[:, : len(vectors)], ~made.outliers(fits)[None]


@pytest.mark.parametrize("cosine", COSINES)
@pytest.mark.slow
def test_hardly_a_row_of_a_cosine_scores_less_than_is_expected(cosine, many):
    vectors, cosines = many
    scores, scanned = asked(known(), vectors, cosine)
    of_it = scanned & (cosines >= cosine - 1e-6)
    assert of_it.sum() > 3900
    assert np.count_nonzero(scores[of_it] < known().least_score(cosine, cosine)) <= 1e-4 * of_it.sum()


@pytest.fixture(scope="module")
def asked_for_less(many) -> tuple[FloatArray, BoolArray]:
    """What the many score, asked for a cosine of 0.4, whatever theirs is."""
    return asked(known(), many[0], 0.4)


@pytest.mark.parametrize("cosine", [-0.2, 0, 0.2, 0.4, 0.55, 0.9])
def test_nor_than_what_is_expected_of_another_cosine(cosine, many, asked_for_less):
    (scores, scanned), (_, cosines) = asked_for_less, many
    of_it = scanned & (cosines >= cosine) & ~np.eye(4000, dtype=bool)
    assert np.count_nonzero(scores[of_it] < known().least_score(0.4, cosine)) <= 1e-4 * of_it.sum()


def test_what_is_expected_is_not_far_below_what_a_row_scores():
    made, vectors = known(), known().project(alike(1000, seed=3))
    scores, scanned = asked(made, vectors, 0.5)
    near = scanned & (np.abs(vectors @ vectors.T - 0.5) < 0.01)
    assert 0 < np.median(scores[near]) < 0.2


def test_more_is_expected_of_a_higher_cosine():
    assert -0.01 < known().least_score(0.4, 0.4) < 0
    expected = [known().least_score(0.4, cosine) for cosine in (-1, -0.5, 0, 0.2, 0.4, 0.5, 0.8, 1)]
    assert expected == sorted(expected)


def test_a_byte_says_no_more_good_of_a_row_than_is_true():
    made = known()
    coded = np.random.default_rng(0).uniform((0.5, 0), (1.4, 0.99), (10_000, 2)).astype(np.float32)
    fits = made.error_codes(coded)
    kept, fits = coded[~made.outliers(fits)], fits[~made.outliers(fits)]
    assert len(kept) > 100
    along, apart = made.levels[0, fits & 15], made.levels[1, fits >> 4]
    steps = np.diff(made.levels[:, :-1], axis=1)[:, 0]
    for less in (kept[:, 0] - along, (apart - kept[:, 1])[kept[:, 1] >= made.levels[1, 0]]):
        assert less.min() >= 0
    assert (kept[:, 0] - along).max() <= steps[0] + 1e-6
    assert (apart - kept[:, 1])[kept[:, 1] >= made.levels[1, 0]].max() <= steps[1] + 1e-6


@pytest.mark.parametrize("coded", [(0.3, 0.2), (0.9, 1.5), (2, 0.2)])
def test_what_a_byte_cannot_say_is_not_scanned(coded):
    assert known().outliers(known().error_codes(np.array([coded], np.float32))).all()


def test_few_rows_are_not_coded():
    _, fits = known().encode(known().project(alike(8000, seed=4)))
    assert 0.001 < np.mean(known().outliers(fits)) < 0.02


def test_what_is_saved_is_loaded_with_the_same_fingerprint(tmp_path):
    known().save(tmp_path / "one.npz")
    again = Codebook.load(tmp_path / "one.npz")
    assert again.fingerprint == known().fingerprint
    np.testing.assert_array_equal(again.errors, known().errors)


def test_the_fingerprint_changes_with_each_array():
    others = {
        replace(known(), **{name: getattr(known(), name) * np.float32(1.01)}).fingerprint
        for name in ("projection", "centroids", "levels", "errors")
    }
    assert len(others | {known().fingerprint}) == 5


WHOLE = {
    "projection": np.eye(D),
    "centroids": np.zeros((D // 2, 16, 2)),
    "levels": np.zeros((2, 16)),
    "errors": np.ones(3),
}


def spoil_zip(data: bytes) -> bytes:
    return data[: len(data) // 2]


def spoil_content(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(byte ^ 255 for byte in data[middle : middle + 64]) + data[middle + 64 :]


@pytest.mark.parametrize("spoil", [spoil_zip, spoil_content, lambda data: b"", lambda data: b"not a codebook"])
def test_a_file_that_is_no_codebook_is_refused(tmp_path, spoil):
    file = tmp_path / "one.npz"
    known().save(file)
    file.write_bytes(spoil(file.read_bytes()))
    with pytest.raises(SettingsError, match=r"one\.npz is not a codebook"):
        Codebook.load(file)


@pytest.mark.parametrize(
    "arrays",
    [
        {"projection": np.eye(D, dtype=np.float32)},
        WHOLE | {"centroids": np.zeros((D // 2, 16, 3))},
        WHOLE | {"centroids": np.zeros((D // 2, 8, 2))},
        WHOLE | {"levels": np.zeros((2, 8))},
        WHOLE | {"errors": np.ones(2)},
        WHOLE | {"errors": np.full(3, np.nan)},
        WHOLE | {"projection": np.ones(D)},
    ],
)
def test_arrays_that_do_not_fit_each_other_are_refused(tmp_path, arrays):
    np.savez(tmp_path / "one.npz", **arrays)
    with pytest.raises(SettingsError, match="is not a codebook"):
        Codebook.load(tmp_path / "one.npz")


def test_an_array_alone_is_no_codebook(tmp_path):
    with (tmp_path / "one.npz").open("wb") as stream:
        np.save(stream, np.ones(3))
    with pytest.raises(SettingsError, match="is not a codebook"):
        Codebook.load(tmp_path / "one.npz")


def test_dimensions_that_would_be_lost_are_refused(make_units):
    with pytest.raises(ValueError, match="not a multiple of 32"):
        codebook.train(make_units(2000, 40))
    with pytest.raises(ValueError, match="not a multiple of 32"):
        codebook.train(make_units(2000, 16))


@pytest.mark.slow
def test_vectors_that_are_not_alike_say_nothing_of_the_errors(make_units):
    with pytest.raises(ValueError, match="alike"):
        codebook.train(make_units(1000, 512))


def test_there_is_none_for_an_unknown_embedder():
    assert codebook.of("nobody-knows-1") is None
