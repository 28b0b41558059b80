from __future__ import annotations

import numpy as np

from regard.vision.images.object_decoders import CLASSES, DECODERS, Candidates
from regard.vision.images.object_detector import MOST_OBJECTS, fused


def candidates(*rows: tuple[float, float, float, float, float, int]) -> Candidates:
    """Corners, score and class of each."""
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Candidates(table[:, :4], table[:, 4], table[:, 5].astype(np.int64))


def test_what_two_models_found_is_one_object_at_the_mean_of_their_boxes() -> None:
    found = fused([candidates((0.1, 0.1, 0.5, 0.5, 0.9, 3)), candidates((0.12, 0.1, 0.52, 0.5, 0.3, 3))])
    np.testing.assert_allclose(found.boxes, [[0.105, 0.1, 0.505, 0.5]], atol=1e-6)
    np.testing.assert_allclose(found.scores, [0.6])
    assert found.classes.tolist() == [3]


def test_what_one_model_alone_found_counts_half_and_too_little_is_dropped() -> None:
    found = fused([candidates((0, 0, 0.4, 0.4, 0.8, 1), (0.6, 0.6, 1, 1, 0.3, 2)), candidates()])
    assert found.classes.tolist() == [1]
    np.testing.assert_allclose(found.scores, [0.4])


def test_people_that_little_speaks_for_are_kept_after_all_else() -> None:
    faint = [(0.6, 0.6, 1, 1, 0.26, 0), (0, 0.6, 0.4, 1, 0.26, 2), (0, 0, 0.4, 0.4, 0.5, 2), (0.6, 0, 1, 0.4, 0.18, 0)]
    found = fused([candidates(*faint), candidates()])
    assert found.classes.tolist() == [2, 0]
    np.testing.assert_allclose(found.scores, [0.25, 0.13])


def test_two_names_for_one_object_become_the_likelier() -> None:
    cow, horse = (0.1, 0.1, 0.5, 0.5, 0.6, 19), (0.1, 0.1, 0.5, 0.5, 0.9, 17)
    assert fused([candidates(cow, horse), candidates(cow, horse)]).classes.tolist() == [17]


def test_neighbours_of_one_class_stay_apart() -> None:
    many = [(x / 12, 0.2, (x + 1) / 12, 0.8, 0.8, 0) for x in range(12)]
    found = fused([candidates(*many), candidates(*many)])
    assert len(found.scores) == 12


def test_one_tie_is_not_two_because_half_of_it_was_found_again() -> None:
    tie, beside = (0.62, 0.83, 0.76, 1.0, 0.6, 27), (0.67, 0.84, 0.82, 1.0, 0.31, 27)
    within = (0.64, 0.85, 0.72, 0.95, 0.3, 27)
    found = fused([candidates(tie, beside, within)] * 2)
    np.testing.assert_allclose(found.boxes, [tie[:4]])


def test_neighbours_that_overlap_stay_if_they_are_as_certain_or_people_or_of_another_class() -> None:
    first, second = (0.1, 0.2, 0.5, 0.8), (0.28, 0.2, 0.68, 0.8)
    for classes, scores in (((17, 17), (0.8, 0.6)), ((0, 0), (0.8, 0.31)), ((17, 19), (0.8, 0.31))):
        both = candidates((*first, scores[0], classes[0]), (*second, scores[1], classes[1]))
        assert fused([both, both]).classes.tolist() == list(classes)
    apart = candidates((*first, 0.8, 17), (0.32, 0.2, 0.72, 0.8, 0.31, 17))
    assert len(fused([apart, apart]).scores) == 2


def test_a_hundred_objects_that_overlap_are_a_hundred_at_most_and_inside_the_picture() -> None:
    random = np.random.default_rng(0)
    middles, sides = random.random((400, 2)), random.random((400, 2)) * 0.4
    boxes = np.concatenate([middles - sides / 2, middles + sides / 2], axis=1).astype(np.float32)
    crowd = Candidates(boxes, random.uniform(0.5, 1, 400).astype(np.float32), random.integers(0, CLASSES, 400))
    found = fused([crowd, crowd])
    assert 50 < len(found.scores) <= MOST_OBJECTS
    assert found.boxes.min() >= 0
    assert found.boxes.max() <= 1
    assert (np.diff(found.scores) <= 0).all()


def test_nothing_is_nothing() -> None:
    assert len(fused([candidates(), candidates()]).scores) == 0


def test_centernets_rows_are_corners_in_pixels() -> None:
    rows = np.array([[[51.2, 102.4, 256, 512, 0.7, 16], [0, 0, 10, 10, 0.05, 3]]], np.float32)
    found = DECODERS["centernet"]({"tower_0/detections": rows}, 512, 0.1)
    np.testing.assert_allclose(found.boxes, [[0.1, 0.2, 0.5, 1.0]])
    assert (found.scores.tolist(), found.classes.tolist()) == ([np.float32(0.7)], [16])


def test_nanodets_distances_are_the_expectation_over_their_bins() -> None:
    """In a grid of 4×4 cells the one in row 1, column 2 sees a cup: 1 stride to the left, half a stride up, 2 right."""
    scores = np.zeros((1, 16, CLASSES), np.float32)
    scores[0, 6, 41] = 0.9
    bins = np.full((4, 11), -50, np.float32)
    bins[0, 1] = bins[2, 2] = bins[3, 1] = 50
    bins[1, [0, 1]] = 50
    distances = np.zeros((1, 16, 44), np.float32)
    distances[0, 6] = bins.ravel()
    found = DECODERS["nanodet"]({"a": scores, "b": distances}, 416, 0.1)
    np.testing.assert_allclose(found.boxes, [[(2.5 - 1) / 4, (1.5 - 0.5) / 4, (2.5 + 2) / 4, (1.5 + 1) / 4]], atol=1e-6)
    assert found.classes.tolist() == [41]
