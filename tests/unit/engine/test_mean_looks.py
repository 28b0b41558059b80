from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from regard.engine.analysis.mean_looks import MOST_LOOKS, mean_looks
from regard.engine.analysis.probes import Look

ADA, BOB = np.eye(8, dtype=np.float32)[:2]


class Reading:
    """Embeds a look as what is written where its picture would be."""

    def embedded(self, image: np.ndarray, _: object) -> SimpleNamespace:
        unit = image / np.linalg.norm(image)
        return SimpleNamespace(embeddings=unit[None], faces=SimpleNamespace(utility=None))


def told(*people: list[np.ndarray]) -> list[tuple[int, tuple[int, ...], list[float]]]:
    looks = [[Look(image=each, face=None) for each in person] for person in people]  # type: ignore[arg-type]
    found = mean_looks(Reading(), looks, 0.25)  # type: ignore[arg-type]
    return [(each.person, each.looks, each.embedding[:2].astype(float).round(3).tolist()) for each in found]


def test_looks_at_one_person_are_one_search_and_those_at_another_one_of_their_own() -> None:
    assert told([ADA, BOB, ADA, BOB, BOB], [BOB]) == [
        (0, (0, 2), [1.0, 0.0]),
        (0, (1, 3, 4), [0.0, 1.0]),
        (1, (0,), [0.0, 1.0]),
    ]


def test_looks_that_differ_as_those_at_one_person_do_are_averaged() -> None:
    ((_, looks, mean),) = told([ADA, ADA + BOB])
    assert looks == (0, 1)
    assert mean == [0.924, 0.383]


def test_the_best_are_averaged_and_the_others_are_only_known_to_be_of_the_same() -> None:
    ((_, looks, mean),) = told([*[ADA] * MOST_LOOKS, ADA + BOB])
    assert looks == (*range(MOST_LOOKS), MOST_LOOKS)
    assert mean == [1.0, 0.0]
