from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from likenesses import D, alike, known

from regard.errors import SettingsError
from regard.store import codebook
from regard.store.codebook import Codebook
from regard.store.scanner import Scanner


def test_the_projection_keeps_cosines():
    vectors = alike(500)
    small = known().project(vectors)
    np.testing.assert_allclose(small @ small.T, vectors @ vectors.T, atol=1e-5)


def test_only_the_directions_in_use_are_kept():
    spread = np.linalg.qr(np.random.default_rng(0).standard_normal((128, D)))[0].T.astype(np.float32)
    vectors = alike(6000) @ spread
    made = codebook.train(vectors)
    assert (made.dimension, made.width, made.coder.groups) == (128, D, D // 2)
    small = made.project(vectors[:300])
    np.testing.assert_allclose(small @ small.T, vectors[:300] @ vectors[:300].T, atol=1e-5)


def test_hardly_a_pair_scores_below_its_floor():
    made, vectors = known(), known().project(alike(4000, seed=3))
    codes, coded = made.coder.encode(vectors)
    scores, cosines, fits = Scanner(made.coder, codes).scores(vectors), vectors @ vectors.T, made.fits(coded)
    below = scores < made.floors(fits[None], cosines)
    scanned = ~made.odd(fits)[None] & ~np.eye(4000, dtype=bool)
    for cosine in (0.3, 0.5, 0.7, 0.9, 0.95):
        of_it = scanned & (cosines >= cosine)
        assert of_it.sum() > 100 or cosine > 0.9
        assert np.count_nonzero(below[of_it]) <= 1e-4 * of_it.sum()


def test_a_floor_is_not_far_below_what_a_row_scores():
    made, vectors = known(), known().project(alike(1000, seed=3))
    codes, coded = made.coder.encode(vectors)
    cosines = vectors @ vectors.T
    slack = Scanner(made.coder, codes).scores(vectors)[:, :1000] - made.floors(made.fits(coded)[None], cosines)
    assert np.median(slack) < 0.2


@pytest.mark.parametrize("cosine", [-0.5, 0, 0.4, 1])
def test_bytes_say_no_more_good_of_a_row_than_is_true(cosine):
    made = known()
    coded = np.random.default_rng(0).uniform((0.5, 0), (1.4, 0.99), (1000, 2)).astype(np.float32)
    exact = coded[:, 0] * cosine - coded[:, 1] * np.sqrt(1 - cosine**2) * (4 * made.errors[1] - made.errors[0])
    given = made.floors(made.fits(coded), cosine)
    assert (given <= exact + 1e-6).all()
    assert np.median(exact - given) < 0.01


def test_a_worse_code_has_a_lower_floor_and_a_higher_threshold_a_higher_one():
    made = known()
    fits = made.fits(np.array([[0.95, 0.2], [0.85, 0.2], [0.95, 0.3]], np.float32))
    good, along, apart = made.floors(fits, 0.5)
    assert good > max(along, apart)
    assert (made.floors(fits, 0.6) > made.floors(fits, 0.5)).all()


@pytest.mark.parametrize("coded", [(0.3, 0.2), (0.9, 1.5)])
def test_what_a_byte_cannot_say_is_not_scanned(coded):
    assert known().odd(known().fits(np.array([coded], np.float32))).all()


def test_few_rows_are_not_coded():
    _, coded = known().coder.encode(known().project(alike(8000, seed=4)))
    assert 0.001 < np.mean(known().odd(known().fits(coded))) < 0.02


def test_what_is_saved_is_loaded_with_the_same_fingerprint(tmp_path):
    known().save(tmp_path / "one.npz")
    again = Codebook.load(tmp_path / "one.npz")
    assert again.fingerprint == known().fingerprint
    np.testing.assert_array_equal(again.errors, known().errors)


def test_the_fingerprint_changes_with_each_array():
    others = {
        replace(known(), **{name: getattr(known(), name) * np.float32(1.01)}).fingerprint
        for name in ("projection", "centroids", "errors")
    }
    assert len(others | {known().fingerprint}) == 4


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
        {"projection": np.eye(D), "centroids": np.zeros((D // 2, 16, 3)), "errors": np.ones(3)},
        {"projection": np.eye(D), "centroids": np.zeros((D // 2, 8, 2)), "errors": np.ones(3)},
        {"projection": np.eye(D), "centroids": np.zeros((D // 2, 16, 2)), "errors": np.ones(4)},
        {"projection": np.eye(D), "centroids": np.zeros((D // 2, 16, 2)), "errors": np.full(3, np.nan)},
        {"projection": np.ones(D), "centroids": np.zeros((D // 2, 16, 2)), "errors": np.ones(3)},
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


def test_vectors_that_are_not_alike_say_nothing_of_the_errors(make_units):
    with pytest.raises(ValueError, match="alike"):
        codebook.train(make_units(1000, 512))


def test_there_is_none_for_an_unknown_embedder():
    assert codebook.of("nobody-knows-1") is None
