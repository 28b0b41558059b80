"""Are people found better by one vector than by their single faces? `make bench-users`.

Open-set identification on the development faces. Everyone with at least ENROLLED + 1 photographs is known: ENROLLED of
them, drawn again each time, are enrolled, the others are mate probes; everyone else's photographs are strangers. A
person is scored by one face (the first drawn), by the best of their faces (what SearchFaces finds), or by their vector
(what SearchUsers finds). Rates are means over some draws.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.material import DevelopmentFaces, embed, models
from regard.domain.arrays import FloatArray, IntArray
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.galleries.user_vectors import most_central, vector
from regard.vision.faces.calibration import Calibration

ENROLLED = (2, 3, 5)
SIMILARITIES = (80, 90, 99)
FPIRS = (0.01, 0.001)

console = Console(width=150)
#: N×D probes and P×K×D enrolled faces to N×P scores.
Score = Callable[[FloatArray, FloatArray], FloatArray]
SCORES: dict[str, Score] = {
    "one face": lambda probes, faces: probes @ faces[:, 0].T,
    "best face": lambda probes, faces: np.max([probes @ faces[:, row].T for row in range(faces.shape[1])], axis=0),
    "user vector": lambda probes, faces: probes @ np.stack([vector(each) for each in faces]).T,
}


@dataclass(frozen=True)
class Draw:
    """One choice of enrolled photographs: `faces` P×K×D; `mates` the row in it of each mate probe."""

    faces: FloatArray
    probes: FloatArray
    mates: IntArray
    strangers: FloatArray

    @staticmethod
    def made(embeddings: FloatArray, people: IntArray, enrolled: int, seed: int) -> Draw:
        rng = np.random.default_rng(seed)
        known = np.flatnonzero(np.bincount(people) > enrolled)
        chosen = np.stack([rng.permutation(np.flatnonzero(people == person))[:enrolled] for person in known])
        is_known = np.isin(people, known)
        probes = np.setdiff1d(np.flatnonzero(is_known), chosen)
        return Draw(
            faces=embeddings[chosen],
            probes=embeddings[probes],
            mates=np.searchsorted(known, people[probes]),
            strangers=embeddings[~is_known],
        )


def rates(draw: Draw, score: Score, calibration: Calibration) -> list[float]:
    """Rank-1; at each Similarity FNIR, FPIR and FMR over the nominal one; FNIR at each FPIR."""
    of_mates, of_strangers = score(draw.probes, draw.faces), score(draw.strangers, draw.faces)
    first = of_mates.argmax(axis=1) == draw.mates
    genuine, highest = of_mates[np.arange(len(draw.mates)), draw.mates], of_strangers.max(axis=1)
    found = [float(first.mean())]
    for similarity in SIMILARITIES:
        cosine = calibration.cosine(similarity)
        fmr = (of_strangers >= cosine).mean() / calibration.false_match_rate(similarity)
        found += [float(1 - (first & (genuine >= cosine)).mean()), float((highest >= cosine).mean()), float(fmr)]
    cosines = np.quantile(highest, [1 - fpir for fpir in FPIRS])
    return found + [float(1 - (first & (genuine >= cosine)).mean()) for cosine in cosines]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=20)
    count = parser.parse_args().draws
    people = DevelopmentFaces.load()
    loaded = models()
    embeddings = embed(FaceAnalyzer(loaded), people.files)
    calibration = loaded.face_model.calibration
    for enrolled in ENROLLED:
        draws = [Draw.made(embeddings, people.people, enrolled, seed) for seed in range(count)]
        show(draws, calibration)
        first_batch(draws, calibration)
        one_another(draws, calibration)


def show(draws: list[Draw], calibration: Calibration) -> None:
    one = draws[0]
    table = Table(
        title=f"{one.faces.shape[1]} faces each of {len(one.faces)} people enrolled, {len(one.probes)} mate probes, "
        f"{len(one.strangers)} strangers, {len(draws)} draws"
    )
    columns = ["scored by", "rank-1"]
    columns += [f"{name} at {similarity}" for similarity in SIMILARITIES for name in ("FNIR", "FPIR", "FMR ×")]
    for column in [*columns, *(f"FNIR, FPIR {fpir:.1%}" for fpir in FPIRS)]:
        table.add_column(column, justify="left" if column == "scored by" else "right")
    for name, score in SCORES.items():
        means = np.mean([rates(draw, score, calibration) for draw in draws], axis=0)
        ratios = {3 * place + 3 for place in range(len(SIMILARITIES))}
        cells = [f"{mean:.2f}" if place in ratios else f"{mean:.2%}" for place, mean in enumerate(means)]
        table.add_row(name, *cells)
    console.print(table)


def first_batch(draws: list[Draw], calibration: Calibration) -> None:
    """How often AssociateFaces, at its default threshold, refuses a person's own face among the first it is given."""
    cosine, enrolled = calibration.cosine(75), draws[0].faces.shape[1]
    people = [each for draw in draws for each in draw.faces]
    central = np.sum([each @ each[most_central(each)] < cosine for each in people])
    first = np.sum([each @ each[0] < cosine for each in people])
    others = len(people) * (enrolled - 1)
    console.print(
        f"AssociateFaces refuses {central / others:.2%} of a person's first {enrolled} faces; "
        f"compared with the first of them it would refuse {first / others:.2%}"
    )


def one_another(draws: list[Draw], calibration: Calibration) -> None:
    """How often two users reach Similarity 80, over how often two faces do."""
    users = [np.stack([vector(each) for each in draw.faces]) for draw in draws]
    reached = [(each @ each.T)[np.triu_indices(len(each), 1)] >= calibration.cosine(80) for each in users]
    ratio = np.mean(reached) / calibration.false_match_rate(80)
    console.print(f"Users compared with users, FMR × at 80: {ratio:.2f} ({len(reached[0]):,} pairs in a draw)\n")


if __name__ == "__main__":
    main()
