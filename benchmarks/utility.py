"""Fits what utility is read from, and how Similarity depends on it: `make utility`.

Half of the people of the development and calibration faces are photographed badly (`poor_pictures.FITTED`), and what a
face is still worth is measured on them: how near it comes to its own good photograph, less how near one in a hundred
equally poor strangers comes. Utility is that, predicted from the embedding alone. Then the false matches among equally
poor strangers are counted by the better of two utilities.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from benchmarks.material import ROOT, CalibrationFaces, models
from benchmarks.poor_faces import PoorFaces, Studio
from benchmarks.poor_pictures import FITTED, GOOD
from regard.domain.arrays import FloatArray
from regard.vision.faces.calibration import GOOD as GOOD_UTILITY
from regard.vision.faces.utility import UtilityModel

FOLDER = ROOT / "regard" / "vision" / "faces" / "utilities"
#: People photographed in each way, once each.
PEOPLE = 450
#: Utility = LEAST + a hundred times the lead: at LEAST a face is no nearer to itself than strangers are.
LEAST = 30
#: What the ridge adds, as a share of the mean variance of what is fitted on.
RIDGE = 0.01
#: The utilities at which false matches are counted, and the reach of each to both sides.
AT, REACH = range(0, int(GOOD_UTILITY), 10), 7.5
#: Their tail is fitted above the first of these rates, and given at the second.
FITTED_ABOVE, GIVEN_AT = 3e-3, 3e-4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--card", default="sface")
    loaded = models(embedder=parser.parse_args().card)
    fitting, _ = CalibrationFaces.load().halves()
    studio = Studio(loaded, fitting, PEOPLE)
    kinds = [studio.photographed(kind, spoil) for kind, spoil in (GOOD | FITTED).items()]
    model = fit(kinds)
    FOLDER.mkdir(exist_ok=True)
    model.save(FOLDER / f"{loaded.face_model.version}.npz")
    rows = [f"[{at:g}, {start:g}, {excess:g}]" for at, start, excess in bands(model, kinds)]
    print(f"bands = [{', '.join(rows)}]")


def fit(kinds: Sequence[PoorFaces]) -> UtilityModel:
    """The ridge regression of the lead on the direction of the vector, its length and the square of that."""
    features = np.concatenate([np.column_stack([each.units, each.lengths, each.lengths**2]) for each in kinds])
    leads = np.concatenate([each.own - each.reach for each in kinds]).astype(np.float64)
    middle, spread = features.mean(axis=0, dtype=np.float64), features.std(axis=0, dtype=np.float64)
    scaled = (features - middle) / spread
    square = scaled.T @ scaled + RIDGE * len(scaled) * np.eye(scaled.shape[1])
    slopes = np.linalg.solve(square, scaled.T @ (leads - leads.mean())) / spread
    constant = leads.mean() - slopes @ middle
    numbers = 100 * np.array([constant, *slopes])
    return UtilityModel(
        direction=numbers[1:-2].astype(np.float32),
        length=np.array([numbers[0] + LEAST, *numbers[-2:]], np.float32),
    )


def bands(model: UtilityModel, kinds: Sequence[PoorFaces]) -> list[tuple[float, float, float]]:
    """Utility; the cosine that 3 in 10,000 pairs of strangers exceed whose better face has it; the mean excess over it.

    The strangers of a pair were photographed in the same way. Good photographs count as much as all poor ones.
    """
    pairs = [each.strangers(model) for each in kinds]
    poor = sum(len(cosines) for each, (cosines, _) in zip(kinds, pairs, strict=True) if each.kind not in GOOD)
    weights = [
        np.full(len(cosines), poor / len(cosines) if each.kind in GOOD else 1.0)
        for each, (cosines, _) in zip(kinds, pairs, strict=True)
    ]
    cosines, better = (np.concatenate(column) for column in zip(*pairs, strict=True))
    weight = np.concatenate(weights)
    found: list[tuple[float, float, float]] = []
    for at in reversed(AT):
        near = np.abs(better - at) <= REACH
        start, excess = _tail(cosines[near], weight[near])
        if found:  # a poorer face never promises more
            start, excess = max(start, found[-1][1]), max(excess, found[-1][2])
        found.append((at, round(start, 4), round(excess, 4)))
    return found[::-1]


def _tail(cosines: FloatArray, weights: FloatArray) -> tuple[float, float]:
    """The exponential tail above FITTED_ABOVE: the cosine at GIVEN_AT, and the mean excess."""
    order = np.argsort(-cosines)
    falling, counts = cosines[order], weights[order]
    above = np.cumsum(counts) <= FITTED_ABOVE * counts.sum()
    start = falling[above][-1]
    excess = float(np.average(falling[above] - start, weights=counts[above]))
    return float(start + excess * np.log(FITTED_ABOVE / GIVEN_AT)), excess


if __name__ == "__main__":
    main()
