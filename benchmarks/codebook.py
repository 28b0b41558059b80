"""Makes the codebook of an embedder that Regard ships: `make codebook` (CARD=fr-feature for another).

The development faces say which directions the embedder uses, and how the faces of one person and of different people
vary; faces drawn from a Gaussian with those covariances, and the real ones, train the code. Its errors are measured on
the real ones, all pairs of cosine 0.3 and more: those of one person, and the likest strangers.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.material import ROOT, DevelopmentFaces, embed, models
from regard.domain.arrays import FloatArray, IntArray
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.index.embedded import codebook
from regard.index.embedded.codebook import Codebook
from regard.index.embedded.fast_scan import FastScan

FOLDER = ROOT / "regard" / "index" / "embedded" / "codebooks"
DRAWN, REPEATED = 30_000, 6
#: Cosines for which the report says what would be missed.
LEAST = (0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.9, 0.99)

console = Console(width=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--embeddings", type=Path, help="their embeddings, N×D, to save the time")
    parser.add_argument("--card", default="sface")
    options = parser.parse_args()
    people, loaded = DevelopmentFaces.load(), models(embedder=options.card)
    real = np.load(options.embeddings) if options.embeddings else embed(FaceAnalyzer(loaded), people.files)
    drawn = Population(real, people.people).faces(DRAWN, seed=0)
    made = codebook.train(np.concatenate([drawn, np.repeat(real, REPEATED, axis=0)]), real)
    FOLDER.mkdir(exist_ok=True)
    made.save(FOLDER / f"{loaded.face_model.version}.npz")
    report(options.card, made, real)


class Population:
    """Draws faces that vary as N×D real ones of `people` do: each of a new person unless persons are given."""

    def __init__(self, real: FloatArray, people: IntArray) -> None:
        counts = np.bincount(people)
        means = np.zeros((len(counts), real.shape[1]))
        np.add.at(means, people, real)
        means /= counts[:, None]
        apart = (real - means[people])[counts[people] > 1]
        within = apart.T @ apart / (len(apart) - np.count_nonzero(counts > 1))
        self._mean = real.mean(axis=0)
        self._within, self._between = _root(within), _root(np.cov(real.T) - within)

    def people(self, count: int, seed: int) -> FloatArray:
        """Persons, as N×D centres."""
        drawn = np.random.default_rng(seed).standard_normal((count, len(self._mean)), dtype=np.float32)
        return np.asarray(drawn @ self._between + self._mean, np.float32)

    def pictures(self, people: FloatArray, seed: int) -> FloatArray:
        """A unit vector for each of the centres."""
        drawn = np.random.default_rng(seed).standard_normal(people.shape, dtype=np.float32)
        faces = people + drawn @ self._within
        return np.asarray(faces / np.linalg.norm(faces, axis=1, keepdims=True), np.float32)

    def faces(self, count: int, seed: int) -> FloatArray:
        return self.pictures(self.people(count, seed), seed + 1)


def _root(covariance: FloatArray) -> FloatArray:
    """The symmetric square root, without what noise has made negative."""
    energy, directions = np.linalg.eigh(covariance)
    return np.asarray((directions * np.sqrt(np.maximum(energy, 0))) @ directions.T, np.float32)


def report(card: str, made: Codebook, real: FloatArray) -> None:
    small = made.project(real)
    _, coded = made.coder.choose(small)
    codes, error_codes = made.encode(small)
    cosines, scanner, outliers = small @ small.T, FastScan(made.coder, codes), made.outliers(error_codes)
    pairs = np.repeat(~outliers[None], len(real), axis=0)  # a face with itself too: its cosine is 1
    missed = {}
    for least in LEAST:
        scores = scanner.scores(small, made.weights(np.full(len(small), least, np.float32)))[:, : len(real)]
        alike = pairs & (cosines >= least)
        missed[least] = (
            f"{np.count_nonzero(alike & (scores < made.least_score(least, least))):,} of {np.count_nonzero(alike):,}"
        )
    mean, spread, rounding = made.errors.tolist()
    table = Table(title=f"The codebook of {card}, on the development faces")
    table.add_column("what")
    table.add_column("", justify="right")
    for name, value in {
        "dimensions": f"{made.dimension}, of which {made.width} are kept",
        "energy left out by the projection": f"{1 - np.mean(np.sum(small**2, axis=1)):.1e}",
        "largest change of a cosine by it": f"{np.abs(cosines - real @ real.T).max():.1e}",
        "bytes of code a face": str(made.coder.groups // 2),
        "gain of a row in its code": f"{np.median(coded[:, 0]):.3f}, of 99 % above "
        f"{np.quantile(coded[:, 0], 0.01):.3f}",
        "and at right angles to itself": f"{np.median(coded[:, 1]):.3f}, of 99 % below "
        f"{np.quantile(coded[:, 1], 0.99):.3f}",
        "what that adds to a score, of what it could": f"{mean:+.4f} ± {spread:.4f}",
        "what the scan rounds": f"± {rounding:.4f}",
        "rows that are not coded": f"{np.mean(outliers):.2%}",
        **{f"pairs of cosine {least:g} and more not looked at when asked for": each for least, each in missed.items()},
    }.items():
        table.add_row(name, value)
    console.print(table)


if __name__ == "__main__":
    main()
