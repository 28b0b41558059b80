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
from benchmarks.small_network import fitted
from regard.domain.arrays import FloatArray, IntArray
from regard.vision.faces.calibration import GOOD as GOOD_UTILITY
from regard.vision.faces.calibration import Calibration
from regard.vision.faces.utility import UtilityModel

FOLDER = ROOT / "regard" / "vision" / "faces" / "utilities"
#: People photographed in each way, and in every third, once each.
OFTEN, SELDOM = 110, 290
#: Of ways in which fewer faces are found, one in a hundred strangers is nobody.
FEWEST = 20
#: Utility = LEAST + a hundred times the lead: at LEAST a face is no nearer to itself than strangers are.
LEAST = 30
#: The utilities at which false matches are counted, and the reach of each to both sides.
AT, REACH = range(0, int(GOOD_UTILITY), 10), 7.5
#: From here on, where many good photographs are, the excess is taken to be that of good ones: a wider one costs more
#: mates at Similarity 99 than false matches are seen there.
NEARLY_GOOD = 80
#: Their tail is fitted above the first of these rates, and given at the second.
FITTED_ABOVE, GIVEN_AT = 3e-3, 3e-4
#: The people are divided into so many parts, each of which is judged by what was fitted on the others.
PARTS = 3
#: People are drawn again so often, and of what is found this share is lower than what is promised.
DRAWS, SURE = 30, 0.9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--card", default="sface")
    loaded = models(embedder=parser.parse_args().card)
    fitting, _ = CalibrationFaces.load().halves()
    studio = Studio(loaded, fitting, OFTEN, SELDOM)
    taken = [studio.photographed(number, *each) for number, each in enumerate((GOOD | FITTED).items())]
    kinds = [faces for faces in taken if len(faces.units) >= FEWEST]
    model = fit(kinds)
    FOLDER.mkdir(exist_ok=True)
    model.save(FOLDER / f"{loaded.face_model.version}.npz")
    rows = [f"[{at:g}, {start:g}, {excess:g}]" for at, start, excess in bands(kinds, loaded.face_model.calibration)]
    print(f"bands = [{', '.join(rows)}]")


def fit(kinds: Sequence[PoorFaces]) -> UtilityModel:
    """From the direction of the vector, its length and the square of that to the lead."""
    features = np.concatenate([np.column_stack([each.units, each.lengths, each.lengths**2]) for each in kinds])
    leads = np.concatenate([each.own - each.reach for each in kinds])
    network = fitted(features.astype(np.float64), leads.astype(np.float64))
    hidden = len(network.answers)
    return UtilityModel(
        direction=network.weights[:-2].astype(np.float32),
        length=np.concatenate([network.biases.reshape(1, hidden), network.weights[-2:]]).astype(np.float32),
        answers=(100 * network.answers).astype(np.float32),
        constant=np.array([100 * network.constant + LEAST], np.float32),
    )


def bands(kinds: Sequence[PoorFaces], calibration: Calibration) -> list[tuple[float, float, float]]:
    """Utility; the cosine that 3 in 10,000 pairs of strangers exceed whose better face has it; the mean excess over it.

    The strangers of a pair were photographed in the same way, and are not among those whom their utility was fitted on.
    Both numbers are what is not exceeded in SURE of draws of people.
    """
    cosines, better, people = _strangers([faces for faces in kinds if faces.kind not in GOOD], kinds)
    names, numbered = np.unique(people, return_inverse=True)
    numbered, chance = numbered.reshape(people.shape), np.random.default_rng(0)
    drawn = [np.bincount(chance.integers(0, len(names), len(names)), minlength=len(names)) for _ in range(DRAWS)]
    found = [(GOOD_UTILITY, *calibration.tail)]
    for at in reversed(AT):
        near = np.flatnonzero(np.abs(better - at) <= REACH)
        near = near[np.argsort(-cosines[near])]
        first, second = numbered[near].T
        tails = np.array([_tail(cosines[near], (times[first] * times[second]).astype(np.float64)) for times in drawn])
        start, excess = np.quantile(tails, SURE, axis=0)
        # A poorer face never promises more.
        start, excess = max(start, found[-1][1]), max(excess if at < NEARLY_GOOD else 0.0, found[-1][2])
        found.append((at, min(float(start), 1.0), float(excess)))
    return [(at, round(start, 4), round(excess, 4)) for at, start, excess in found[:0:-1]]


def _strangers(poor: Sequence[PoorFaces], kinds: Sequence[PoorFaces]) -> tuple[FloatArray, FloatArray, IntArray]:
    """Of pairs within each part of the people: the cosine, the better utility by what was fitted on the other parts,
    and the two people."""
    found = []
    for part in range(PARTS):
        model = fit([faces.take(faces.people % PARTS != part) for faces in kinds])
        found += [faces.take(faces.people % PARTS == part).strangers(model) for faces in poor]
    cosines, better, people = zip(*found, strict=True)
    return np.concatenate(cosines), np.concatenate(better), np.concatenate(people)


def _tail(falling: FloatArray, counts: FloatArray) -> tuple[float, float]:
    """The exponential tail above FITTED_ABOVE of falling cosines: the cosine at GIVEN_AT, and the mean excess."""
    above = np.cumsum(counts) <= FITTED_ABOVE * counts.sum()
    start = falling[above][-1]
    excess = float(np.average(falling[above] - start, weights=counts[above]))
    return float(start + excess * np.log(FITTED_ABOVE / GIVEN_AT)), excess


if __name__ == "__main__":
    main()
