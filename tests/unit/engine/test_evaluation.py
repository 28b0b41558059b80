from __future__ import annotations

import numpy as np
import pytest

from regard.engine.galleries import evaluation


def test_pairs_are_every_two_faces_once_parted_by_whose_they_are() -> None:
    embeddings = np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32)
    genuine, impostor = evaluation.pairs(embeddings, np.array([0, 1, 0]))
    assert genuine == pytest.approx([0.6])
    assert impostor == pytest.approx([0.0, 0.8])


def test_the_best_accuracy_is_that_of_the_threshold_that_errs_least() -> None:
    cosines = np.array([0.9, 0.8, 0.3, 0.5, 0.1], np.float32)
    same = np.array([True, True, True, False, False])
    assert evaluation.best_accuracy(cosines, same) == (0.8, pytest.approx(0.8))


def test_an_operating_point_counts_the_mates_at_the_cosine_that_lets_the_rate_of_impostors_pass() -> None:
    impostor = np.linspace(0, 0.999, 1000, dtype=np.float32)
    (point,) = evaluation.operating_points(np.array([0.5, 0.995], np.float32), impostor, [0.01])
    assert point.cosine == pytest.approx(0.99, abs=1e-3)
    assert point.tar == 0.5


def test_a_calibration_finds_the_rates_of_a_known_distribution() -> None:
    impostor = np.random.default_rng(0).exponential(0.05, 1_500_000).astype(np.float32)
    table = evaluation.calibrate(impostor)
    for cosine, rate in table.points[1:]:
        assert cosine == pytest.approx(-0.05 * np.log(rate), rel=0.06, abs=1e-3), rate


def test_a_pair_counts_by_its_weight() -> None:
    impostor = np.random.default_rng(0).exponential(0.05, 1_500_000).astype(np.float32)
    repeated = np.concatenate([impostor, np.repeat(impostor[impostor > 0.5], 99)])
    weights = np.ones(len(repeated), np.float32)
    weights[(repeated > 0.5)] = 0.01
    alone = [cosine for cosine, _ in evaluation.calibrate(impostor).points[:-2]]
    assert [cosine for cosine, _ in evaluation.calibrate(repeated, weights).points[:-2]] == pytest.approx(
        alone, abs=0.005
    )
    assert evaluation.calibrate(repeated).points[-3][0] > alone[-1] + 0.05


def test_too_few_pairs_are_refused_rather_than_read_as_a_promise() -> None:
    with pytest.raises(ValueError, match="too few"):
        evaluation.calibrate(np.zeros(10_000, np.float32))


def test_a_search_counts_mates_missed_and_strangers_named() -> None:
    gallery = np.eye(3, dtype=np.float32)
    probes = np.array([[1, 0, 0], [0.3, 0.5, 0], [0, 0.7, 0.1], [0, 0, 0.9], [0.1, 0, 0]], np.float32)
    found = evaluation.identify(gallery, probes, np.array([0, 1, 2, -1, -1]), threshold=0.6)
    assert found.rank1 == pytest.approx(2 / 3)
    assert found.fnir == pytest.approx(2 / 3)
    assert found.fpir == 0.5
