"""False matches among equally poor pictures, and mates missed, on people that nothing was fitted on: the second half of
`make bench-accuracy`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np

from benchmarks.material import CalibrationFaces, models
from benchmarks.poor_faces import PoorFaces, Studio
from benchmarks.poor_pictures import FITTED, GOOD, OTHERS
from regard.domain.arrays import FloatArray
from regard.engine.analysis.quality_filter import BARS
from regard.vision.faces import utility
from regard.vision.faces.calibration import Calibration, pair_utilities
from regard.vision.faces.utility import UtilityModel

THRESHOLDS = (80, 90, 99)
#: People photographed in each way.
PEOPLE = 200


@dataclass(frozen=True)
class Judged:
    """The pairs of strangers of one kind: Similarity, the same without utility, and the utilities of their faces."""

    kind: str
    similarities: FloatArray
    plain: FloatArray
    poorer: FloatArray
    better: FloatArray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--card", default="sface")
    loaded = models(embedder=parser.parse_args().card)
    model = utility.of(loaded.face_model.version)
    if model is None:
        raise SystemExit(f"{loaded.face_model.version} has no model of utility")
    studio = Studio(loaded, CalibrationFaces.load().halves()[1], PEOPLE)
    bar = BARS["AUTO"]
    print("| picture | found | utility | AUTO keeps | strangers at 80, without utility | at 80 | at 90 | at 99 |")
    print("|---|---|---|---|---|---|---|---|")
    judged = []
    for kind, spoil in (GOOD | FITTED | OTHERS).items():
        faces = studio.photographed(kind, spoil)
        if len(faces.units) < 2:
            print(f"| {kind} | {len(faces.units)} of {faces.tried} | | | | | | |", flush=True)
            continue
        utilities = model.of(faces.units, faces.lengths)
        judged.append(_judged(faces, model, loaded.face_model.calibration))
        kept = np.mean(utilities >= bar.utility) if bar else 1.0
        rates = " | ".join(f"{np.mean(judged[-1].similarities >= each):.3%}" for each in THRESHOLDS)
        print(
            f"| {kind}{'' if kind in GOOD | FITTED else ' ¹'} | {len(faces.units)} of {faces.tried} | "
            f"{np.median(utilities):.0f} | {kept:.0%} | {np.mean(judged[-1].plain >= 80):.3%} | {rates} |",
            flush=True,
        )
    for name in ("poorer", "better"):
        print(f"\n| utility of the {name} face | pairs | at 80 | at 90 | at 99 |\n|---|---|---|---|---|")
        of_all = np.concatenate([getattr(each, name) for each in judged])
        similarities = np.concatenate([each.similarities for each in judged])
        for least in range(0, 100, 10):
            inside = similarities[(of_all >= least) & ((of_all < least + 10) | (least == 90))]
            rates = " | ".join(f"{np.mean(inside >= each):.1e}" for each in THRESHOLDS)
            print(f"| {least} to {least + 10} | {len(inside):,} | {rates} |")


def _judged(faces: PoorFaces, model: UtilityModel, calibration: Calibration) -> Judged:
    utilities = model.of(faces.units, faces.lengths)
    first, second = np.triu_indices(len(utilities), 1)
    cosines = (faces.units @ faces.units.T)[first, second]
    better = pair_utilities(utilities[first], utilities[second])
    return Judged(
        kind=faces.kind,
        similarities=calibration.similarity(cosines, better),
        plain=calibration.similarity(cosines),
        poorer=np.minimum(utilities[first], utilities[second]),
        better=better,
    )


if __name__ == "__main__":
    main()
