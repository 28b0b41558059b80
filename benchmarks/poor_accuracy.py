"""False matches among equally poor pictures, and mates missed, on people that nothing was fitted on: the second half of
`make bench-accuracy`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.markdown import table
from benchmarks.material import CalibrationFaces, models
from benchmarks.poor_faces import PoorFaces, Studio
from benchmarks.poor_pictures import FITTED, GOOD, OTHERS
from regard.domain.arrays import FloatArray, IntArray
from regard.engine.analysis.quality_filter import BARS
from regard.vision.faces import utility
from regard.vision.faces.calibration import Calibration, pair_utilities
from regard.vision.faces.utility import UtilityModel

THRESHOLDS = (80, 90, 99)
#: People photographed in each way, and in every third.
OFTEN, SELDOM = 75, 225
#: People are drawn again so often for the interval in which 95 of 100 such rates lie.
DRAWS = 200


@dataclass(frozen=True)
class Judged:
    """The pairs of strangers of one kind: the two people, Similarity with and without utility, and the utilities of
    their faces; and the Similarities of mates, each with another, good, photograph."""

    kind: str
    people: IntArray
    similarities: FloatArray
    plain: FloatArray
    poorer: FloatArray
    better: FloatArray
    mates: FloatArray
    plain_mates: FloatArray


class Judge:
    """Reads Similarity as a face model's card says; `good` are other photographs of the same people."""

    def __init__(self, calibration: Calibration, model: UtilityModel, good: PoorFaces) -> None:
        self._calibration = calibration
        self._model = model
        self._good = good

    def utilities(self, faces: PoorFaces) -> FloatArray:
        return self._model.of(faces.units, faces.lengths)

    def of(self, faces: PoorFaces) -> Judged:
        utilities, read = self.utilities(faces), self._calibration.similarity
        first, second = np.triu_indices(len(utilities), 1)
        cosines = (faces.units @ faces.units.T)[first, second]
        better = pair_utilities(utilities[first], utilities[second])
        poor, good = np.nonzero(faces.people[:, None] == self._good.people[None])
        mates = np.einsum("nd,nd->n", faces.units[poor], self._good.units[good])
        return Judged(
            kind=faces.kind,
            people=np.stack([faces.people[first], faces.people[second]], axis=1),
            similarities=read(cosines, better),
            plain=read(cosines),
            poorer=np.minimum(utilities[first], utilities[second]),
            better=better,
            mates=read(mates, pair_utilities(utilities[poor], self.utilities(self._good)[good])),
            plain_mates=read(mates),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--card", default="sface")
    loaded = models(embedder=parser.parse_args().card)
    model = utility.of(loaded.face_model.version)
    if model is None:
        raise SystemExit(f"{loaded.face_model.version} has no model of utility")
    studio = Studio(loaded, CalibrationFaces.load().halves()[1], OFTEN, SELDOM)
    judge = Judge(loaded.face_model.calibration, model, studio.others())
    every = enumerate((GOOD | FITTED | OTHERS).items())
    report(judge, [studio.photographed(number, *each) for number, each in every])


def report(judge: Judge, kinds: Sequence[PoorFaces]) -> None:
    seen = [faces for faces in kinds if len(faces.units) > 1]
    judged = [judge.of(faces) for faces in seen]
    columns = [
        "picture",
        "found",
        "utility",
        "AUTO keeps",
        "at 80, without utility",
        *(f"at {bar}" for bar in THRESHOLDS),
    ]
    columns += ["mates at 80", "without", "mates at 99", "without"]
    table("Strangers, and mates, %", columns, [_row(judge, *both) for both in zip(seen, judged, strict=True)])
    unseen = [f"{faces.kind} ({len(faces.units)} of {faces.tried})" for faces in kinds if len(faces.units) < 2]
    print("Not found:", ", ".join(unseen) or "none")
    for name in ("poorer", "better"):
        columns = ["utility", "pairs", *(f"at {bar}" for bar in THRESHOLDS), "at 80 without"]
        table(f"By the utility of the {name} face", columns, bands(judged, name))


def _row(judge: Judge, faces: PoorFaces, judged: Judged) -> list[str]:
    utilities, bar = judge.utilities(faces), BARS["AUTO"]
    kept = np.mean(utilities >= bar.utility) if bar else 1.0
    rates = [np.mean(judged.plain >= 80), *(np.mean(judged.similarities >= each) for each in THRESHOLDS)]
    mates = [np.mean(read >= bar) for bar in (80, 99) for read in (judged.mates, judged.plain_mates)]
    return [
        judged.kind + ("" if judged.kind in GOOD | FITTED else " ¹"),
        f"{len(faces.units)} of {faces.tried}",
        f"{np.median(utilities):.0f}",
        f"{100 * kept:.0f}",
        *(f"{100 * rate:.3f}" for rate in rates),
        *(f"{100 * rate:.1f}" for rate in mates),
    ]


def bands(judged: Sequence[Judged], name: str) -> list[list[str]]:
    """The rates in each band of ten, and the interval of each in which 95 of 100 draws of the same people lie."""
    utilities, similarities, plain, people = (
        np.concatenate([getattr(each, part) for each in judged]) for part in (name, "similarities", "plain", "people")
    )
    band = np.minimum(utilities // 10, 9).astype(np.int64)
    _, numbered = np.unique(people, return_inverse=True)
    first, second = numbered.reshape(people.shape).T
    most, chance = int(numbered.max()) + 1, np.random.default_rng(0)
    drawn = [np.bincount(chance.integers(0, most, most), minlength=most).astype(np.float64) for _ in range(DRAWS)]
    totals = np.array([np.bincount(band, times[first] * times[second], 10) for times in [np.ones(most), *drawn]])

    def rates(exceed: np.ndarray) -> list[str]:
        rows = np.flatnonzero(exceed)
        of_draws = [times[first[rows]] * times[second[rows]] for times in [np.ones(most), *drawn]]
        found = np.array([np.bincount(band[rows], each, 10) for each in of_draws]) / np.maximum(totals, 1)
        low, high = np.quantile(found[1:], (0.025, 0.975), axis=0)
        return [f"{found[0, at]:.1e} ({low[at]:.0e} to {high[at]:.0e})" for at in range(10)]

    columns = [rates(similarities >= bar) for bar in THRESHOLDS] + [rates(plain >= 80)]
    pairs = np.bincount(band, minlength=10)
    return [[f"{10 * at} to {10 * at + 10}", f"{pairs[at]:,}", *(each[at] for each in columns)] for at in range(10)]


if __name__ == "__main__":
    main()
