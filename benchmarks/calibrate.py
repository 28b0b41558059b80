"""Measures an embedder's false match rates on the development and calibration faces and prints the table for its card.

    python -m benchmarks.calibrate                        the built-in embedder
    python -m benchmarks.calibrate --card NAME --cards models.toml    one of your own, before it has a table

`--curve docs/images/calibration.png` also draws it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

from benchmarks.material import CalibrationFaces, embed, zoo
from regard.domain.arrays import FloatArray
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.galleries import evaluation
from regard.vision.faces.calibration import Calibration
from regard.vision.faces.face_embedder import FaceEmbedder
from regard.vision.models import FaceModels
from regard.vision.session import OnnxSession

mpl.use("Agg")
UNCALIBRATED = Calibration(((-1.0, 1.0), (0.99, 1e-6)))


class Uncalibrated(FaceModels):
    """The face models with an embedder that may have no table yet."""

    def embedder(self) -> FaceEmbedder:
        return self._once(
            self._names["embedder"],
            lambda card: FaceEmbedder(OnnxSession(self._zoo.files(card.name)), card, UNCALIBRATED),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--card", default="sface")
    parser.add_argument("--cards", type=Path, help="your models.toml")
    parser.add_argument("--curve", type=Path, help="draw the curve into this picture")
    parser.add_argument("--embeddings", type=Path, help="the faces' embeddings, N×D, to save the time")
    options = parser.parse_args()
    people = CalibrationFaces.load()
    if options.embeddings:
        embeddings = np.load(options.embeddings)
    else:
        models = Uncalibrated(zoo(options.cards), detector="centerface", embedder=options.card)
        embeddings = embed(FaceAnalyzer(models), people.files)
    genuine, (impostor, weights) = evaluation.pairs(embeddings, people.people)[0], people.impostors(embeddings)
    table = evaluation.calibrate(impostor, weights)
    print(f"{len(people.files):,} photographs of {len(people.names):,} people, {len(impostor):,} pairs of strangers")
    print("calibration = [" + ", ".join(f"[{cosine}, {fmr:g}]" for cosine, fmr in table.points) + "]")
    if options.curve:
        draw(genuine, impostor, weights, table, options.curve)
        print(f"drew {options.curve}")


def draw(genuine: FloatArray, impostor: FloatArray, weights: FloatArray, table: Calibration, file: Path) -> None:
    """False match rate counted and fitted, and Similarity, over the cosine."""
    figure, left = plt.subplots(figsize=(9, 5), layout="constrained")
    order = np.argsort(-impostor)
    rates = np.cumsum(weights[order], dtype=np.float64) / weights.sum(dtype=np.float64)
    shown = np.unique(np.geomspace(1, len(rates), 4000).astype(np.int64)) - 1
    left.semilogy(impostor[order][shown], rates[shown], label="pairs of different people, counted", lw=2)
    points = np.array(table.points)
    left.semilogy(points[:, 0], points[:, 1], "o", ms=4, color="black", label="the card's table")
    left.semilogy(points[-3:, 0], points[-3:, 1], "--", color="black", lw=1, label="fitted tail")
    rising = np.sort(genuine)
    left.semilogy(rising, np.arange(1, len(rising) + 1) / len(rising), color="tab:green", label="mates missed (FNMR)")
    left.set(xlabel="cosine", ylabel="rate", ylim=(2e-7, 1.3), xlim=(-0.1, 1))
    left.grid(alpha=0.25)
    right = left.twinx()
    cosines = np.linspace(-0.1, 1, 500, dtype=np.float32)
    right.plot(cosines, table.similarity(cosines), color="tab:orange", label="Similarity")
    right.set(ylabel="Similarity", ylim=(0, 103), yticks=[0, 20, 40, 60, 80, 90, 99])
    handles = [*left.get_legend_handles_labels()[0], *right.get_legend_handles_labels()[0]]
    right.legend(handles=handles, loc="center left", framealpha=1)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=110)


if __name__ == "__main__":
    main()
