from __future__ import annotations

import numpy as np

from regard.domain.faces import Faces
from regard.engine.analysis.person_faces import SURE_FACE, faces_from, own_faces, rows_to_tell
from regard.vision.images.object_decoders import Candidates

PERSON, HORSE = 0, 17
#: The person's box on the left, and one about its head and the head beside it.
LEFT, BOTH = (0.0, 0.0, 0.4, 1.0), (0.0, 0.0, 0.8, 0.6)


def found(*rows: tuple[tuple[float, float, float, float], float, int]) -> Candidates:
    boxes, scores, classes = zip(*rows, strict=True)
    return Candidates(np.array(boxes, np.float32), np.array(scores, np.float32), np.array(classes, np.int64))


def faces(*percents_at: tuple[float, float, float]) -> Faces:
    """Small faces: how certain, and their middles."""
    percents, x, y = np.array(percents_at, np.float32).reshape(-1, 3).T
    boxes = np.stack([x - 0.05, y - 0.05, np.full_like(x, 0.1), np.full_like(x, 0.1)], axis=1)
    return Faces(
        boxes=boxes,
        scores=percents / np.float32(100),
        landmarks5=np.zeros((len(x), 5, 2), np.float32),
        confidences=percents,
    )


def test_a_face_in_the_upper_part_of_a_persons_box_is_theirs_as_surely_as_it_is_one() -> None:
    one = found((LEFT, 0.5, PERSON))
    assert own_faces(one, faces((70, 0.2, 0.2))).tolist() == [np.float32(0.7)]
    assert own_faces(one, faces((SURE_FACE, 0.2, 0.2))).tolist() == [1]
    assert own_faces(one, faces((99, 0.2, 0.7))).tolist() == [0]
    assert own_faces(one, faces((99, 0.5, 0.2))).tolist() == [0]
    assert own_faces(found((LEFT, 0.5, HORSE)), faces((99, 0.2, 0.2))).tolist() == [0]
    assert own_faces(one, faces()).tolist() == [0]


def test_a_face_is_of_the_better_of_two_persons_alone() -> None:
    both = found((LEFT, 0.5, PERSON), (BOTH, 0.4, PERSON))
    assert own_faces(both, faces((99, 0.2, 0.2))).tolist() == [1, 0]
    assert own_faces(both, faces((99, 0.2, 0.2), (60, 0.6, 0.2))).tolist() == [1, np.float32(0.6)]


def test_a_person_has_the_surer_face_even_if_another_is_larger() -> None:
    assert own_faces(found((BOTH, 0.5, PERSON)), faces((60, 0.2, 0.2), (99, 0.6, 0.2))).tolist() == [1]


def test_what_little_speaks_for_is_told_if_it_has_a_face() -> None:
    all_of_them = found((LEFT, 0.5, PERSON), (LEFT, 0.2, HORSE), (BOTH, 0.15, PERSON), (LEFT, 0.12, PERSON))
    assert rows_to_tell(all_of_them, np.array([0, 0, 0.6, 0], np.float32)).tolist() == [0, 1, 2]


def test_faces_below_a_bar_are_left_out() -> None:
    assert len(faces_from(faces((49, 0.1, 0.1), (50, 0.2, 0.2), (95, 0.3, 0.3)), 50)) == 2
