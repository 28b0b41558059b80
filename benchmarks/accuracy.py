"""Accuracy on the development faces, through the engine's own path: `make bench-accuracy`.

Verification on `pairs.tsv` and on all pairs; identification in a gallery of everyone with two photographs or more,
the others as non-mates; and a mosaic of a hundred known people, each named against a gallery of a hundred.
"""

from __future__ import annotations

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.material import DevelopmentFaces, models, mosaic, rated
from regard.domain.arrays import FloatArray
from regard.domain.faces import Detail
from regard.domain.images import Image
from regard.engine.analysis.face_analyzer import MOST_FACES, FaceAnalyzer
from regard.engine.galleries import evaluation
from regard.vision.faces.calibration import Calibration, pair_utilities

RATES = (1e-3, 1e-4, 1e-5)
#: What `fr-feature`, the default before, was measured to do on the same photographs.
FR_FEATURE = {"pairs": 0.9940, 1e-3: 0.9918, 1e-4: 0.9756, 1e-5: 0.9405}
TILE, ACROSS = 75, 10
#: Similarities that programs filter at.
THRESHOLDS = (70, 80, 85, 90, 95, 98, 99, 99.5, 99.9)
#: The share of a photograph's sides that its person's head takes.
HEAD = 0.6

console = Console(width=110)


def main() -> None:
    people = DevelopmentFaces.load()
    loaded = models()
    analyzer = FaceAnalyzer(loaded)
    embeddings, utilities = rated(analyzer, people.files)
    verification(people, embeddings)
    thresholds(people, embeddings, utilities, loaded.face_model.calibration)
    identification(people, embeddings, loaded.face_model.calibration)
    for share in (HEAD, 1):
        for seed in range(3):
            crowd(people, embeddings, analyzer, seed, share)


def verification(people: DevelopmentFaces, embeddings: FloatArray) -> None:
    cosines = np.sum(embeddings[people.pairs[:, 0]] * embeddings[people.pairs[:, 1]], axis=1)
    accuracy, threshold = evaluation.best_accuracy(cosines, people.same)
    genuine, impostor = evaluation.pairs(embeddings, people.people)
    table = Table(title=f"Verification, {len(people.files)} photographs, {len(impostor):,} impostor pairs")
    for column in ("measure", "cosine", "regard", "fr-feature", "difference"):
        table.add_column(column, justify="left" if column == "measure" else "right")
    rows = [("accuracy on pairs.tsv", threshold, accuracy, FR_FEATURE["pairs"])]
    rows += [
        (f"TAR at FAR {point.fmr:g}", point.cosine, point.tar, FR_FEATURE[point.fmr])
        for point in evaluation.operating_points(genuine, impostor, RATES)
    ]
    for name, cosine, found, before in rows:
        table.add_row(name, f"{cosine:.3f}", f"{found:.2%}", f"{before:.1%}", f"{100 * (found - before):+.2f}")
    console.print(table)


def thresholds(
    people: DevelopmentFaces, embeddings: FloatArray, utilities: FloatArray, calibration: Calibration
) -> None:
    """What programs that were written for Rekognition's scale would get (docs/guides/from-rekognition.md)."""
    first, second = np.triu_indices(len(embeddings), 1)
    pairs = pair_utilities(utilities[first], utilities[second])
    similarities = calibration.similarity((embeddings @ embeddings.T)[first, second], pairs)
    same = people.people[first] == people.people[second]
    genuine, impostor = similarities[same], similarities[~same]
    table = Table(title=f"Thresholds, {len(genuine):,} pairs of mates, {len(impostor):,} of different people")
    for column in ("similarity", "mates at or above", "different people at or above"):
        table.add_column(column, justify="right")
    for threshold in THRESHOLDS:
        rows = (genuine >= threshold).mean(), int((impostor >= threshold).sum())
        table.add_row(f"{threshold:g}", f"{rows[0]:.1%}", f"{rows[1]:,}")
    console.print(table)


def identification(people: DevelopmentFaces, embeddings: FloatArray, calibration: Calibration) -> None:
    """Gallery: the first photograph of everyone; probes: their others; non-mates: people left out of the gallery."""
    counts = np.bincount(people.people)
    known = np.flatnonzero(counts > 1)
    first = np.array([np.flatnonzero(people.people == person)[0] for person in known])
    row_of = {int(person): row for row, person in enumerate(known)}
    probes = np.setdiff1d(np.arange(len(embeddings)), first)
    mates = np.array([row_of.get(int(person), -1) for person in people.people[probes]])
    table = Table(
        title=f"Identification, gallery {len(known)}, {np.sum(mates >= 0)} mate probes, {np.sum(mates < 0)} non-mates"
    )
    for column in ("Similarity", "cosine", "rank-1", "FNIR", "FPIR", "FPIR expected (N × FMR)"):
        table.add_column(column, justify="right")
    for similarity, fmr in ((80, 1e-4), (90, 1e-5), (99, 1e-6)):
        cosine = calibration.cosine(similarity)
        found = evaluation.identify(embeddings[first], embeddings[probes], mates, cosine)
        expected = len(known) * fmr
        table.add_row(
            str(similarity), f"{cosine:.3f}", f"{found.rank1:.2%}", f"{found.fnir:.2%}", f"{found.fpir:.2%}",
            f"{expected:.2%}",
        )  # fmt: skip
    console.print(table)


def crowd(people: DevelopmentFaces, embeddings: FloatArray, analyzer: FaceAnalyzer, seed: int, share: float) -> None:
    """Everyone in the mosaic has another photograph in the gallery; a face is named by its tile.

    With the middle `share` of each photograph a tile is a head, and the engine's own limit of 100 faces holds; of whole
    photographs, which show bystanders too, the detector alone is asked.
    """
    chosen = np.random.default_rng(seed).permutation(np.flatnonzero(np.bincount(people.people) > 1))[: ACROSS**2]
    rows = [np.flatnonzero(people.people == person)[:2] for person in chosen]
    gallery = embeddings[[enrolled for enrolled, _ in rows]]
    pixels = mosaic([people.files[shown] for _, shown in rows], ACROSS, TILE, share)
    image = Image(pixels=pixels, width=pixels.shape[1], height=pixels.shape[0])
    everyone = analyzer.faces([image], Detail.EMBEDDING, limit=10_000 if share == 1 else MOST_FACES)[0]
    middles = (everyone.boxes[:, :2] + everyone.boxes[:, 2:] / 2) * ACROSS
    found = named = 0
    for tile in range(ACROSS**2):
        inside = np.abs(middles - (tile % ACROSS + 0.5, tile // ACROSS + 0.5)).max(axis=1)
        if (inside < 0.25).any() and everyone.embeddings is not None:
            found += 1
            named += int(np.argmax(gallery @ everyone.embeddings[inside.argmin()])) == tile
    largest = len(set(map(tuple, np.floor(middles[:100]).astype(int).tolist())))
    kind = "whole photographs" if share == 1 else "heads"
    console.print(
        f"Mosaic {seed} of {kind}: {found} of {ACROSS**2} people found, {named} named ({named / max(found, 1):.1%}); "
        f"{len(everyone)} faces in all with those in the background, {largest} people among the 100 largest"
    )


if __name__ == "__main__":
    main()
