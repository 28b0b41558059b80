"""What the classifier's probabilities mean as labels: the weights in `label_confidence.toml`, and how far they can be
believed. Part of `make bench-labels`.

Of labels of garments, portraits and photographs that were judged by eye a logistic regression is fitted on one half of
the pictures, by the CRC-32 of their names, and tried on the other, and the other way round: every label is judged by
weights that its picture had no part in.
"""

from __future__ import annotations

import tomllib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

from benchmarks.labels import Truth, Watcher
from benchmarks.markdown import bullet, table
from benchmarks.material import DATA, ROOT
from regard.domain.arrays import FloatArray
from regard.engine.analysis.image_loader import load
from regard.vision.images import scene_confidence
from regard.vision.images.label_confidence import label_confidence
from regard.vision.images.taxonomy import taxonomy

mpl.use("Agg")
DIAGRAM = ROOT / "docs" / "images" / "labels.png"
#: Labels of portraits were judged from this probability on, of others from this.
JUDGED_PORTRAITS, JUDGED = 0.2, 0.12
#: Of the weights' squares, for each label; keeps them small where there are few.
PENALTY, STEPS = 1e-5, 60
TOLD, BINS = 0.2, 10


@dataclass(frozen=True)
class Judged:
    """N labels: what is known of each (N×features), whether it is right, its picture's half, what kind of picture."""

    features: FloatArray
    right: FloatArray
    half: FloatArray
    kind: np.ndarray


def pictures(truth: Truth) -> Iterator[tuple[str, Path, set[str], float]]:
    """Kind, file, the labels that are right, and from which probability on they were judged."""
    for file in sorted((DATA / "clothing-dev").glob("*/*.jpg")):
        yield "garments", file, truth.labels(file), JUDGED
    for name, labels in truth.portraits.items():
        (file,) = (DATA / "lfw-dev").glob(f"*/{name}")
        yield "portraits", file, {"Clothing", *labels}, JUDGED_PORTRAITS
    for name, labels in truth.photographs.items():
        yield "photographs", DATA / "images" / name, set(labels), JUDGED


def judged(watcher: Watcher, truth: Truth) -> Judged:
    known, rows = taxonomy(), []
    for kind, file, right, least in pictures(truth):
        pixels = load(file.read_bytes()).image.pixels
        probabilities = watcher.models.scenes().probabilities([pixels])
        portrait = watcher.analyzer.is_portrait(pixels)
        evidence = scene_confidence.evidence(probabilities[0], portrait=portrait)
        half = zlib.crc32(file.name.encode()) % 2
        for column in np.flatnonzero(known.of_scenes(probabilities)[0] >= least).tolist():
            rows.append((evidence[column], known.names[column] in right, half, kind))
    features, right, half, kind = zip(*rows, strict=True)
    return Judged(np.array(features), np.array(right, float), np.array(half), np.array(kind))


def fitted(features: FloatArray, right: FloatArray) -> FloatArray:
    """The weights of a logistic regression, by Newton's steps; the first is the constant's, which is not held small."""
    weights, penalty = np.zeros(features.shape[1]), PENALTY * len(right) * np.eye(features.shape[1])
    penalty[0, 0] = 0
    for _ in range(STEPS):
        shares = 1 / (1 + np.exp(-features @ weights))
        spread = shares * (1 - shares) + 1e-9
        slope = features.T @ (right - shares) - penalty @ weights
        weights += np.linalg.solve((features * spread[:, None]).T @ features + penalty, slope)
    return weights


def calibration_error(told: FloatArray, right: FloatArray) -> float:
    inside = np.minimum((told * BINS).astype(int), BINS - 1)
    gaps = [abs(told[inside == each].sum() - right[inside == each].sum()) for each in set(inside.tolist())]
    return float(sum(gaps) / len(told))


def main() -> None:
    truth = Truth(**tomllib.loads((Path(__file__).parent / "label_truth.toml").read_text(encoding="utf-8")))
    found = judged(Watcher(threads=1), truth)
    told = np.zeros(len(found.right))
    for half in (0, 1):
        weights = fitted(found.features[found.half != half], found.right[found.half != half])
        told[found.half == half] = 1 / (1 + np.exp(-found.features[found.half == half] @ weights))
    shipped = 1 / (1 + np.exp(-found.features @ np.array(label_confidence().scenes.weights)))
    rows = []
    chosen = {"all": np.ones(len(told), bool)} | {each: found.kind == each for each in sorted(set(found.kind))}
    chosen |= {f"the {word} half": found.half == half for half, word in ((0, "even"), (1, "odd"))}
    for name, some in chosen.items():
        sure, ours = some & (told >= TOLD), some & (shipped >= TOLD)
        error, own = (
            calibration_error(told[sure], found.right[sure]),
            calibration_error(shipped[ours], found.right[ours]),
        )
        rows.append([name, str(sure.sum()), f"{error:.3f}", f"{own:.3f}"])
    table("Calibration error of labels of whole pictures", ["", "labels", "other half's weights", "as shipped"], rows)
    bullet(f"weights fitted on all: {np.round(fitted(found.features, found.right), 2).tolist()}")
    diagram(told[told >= TOLD], found.right[told >= TOLD])


def diagram(told: FloatArray, right: FloatArray) -> None:
    inside = np.minimum((told * BINS).astype(int), BINS - 1)
    bins = sorted(set(inside.tolist()))
    means, shares, counts = (
        [100 * told[inside == each].mean() for each in bins],
        [100 * right[inside == each].mean() for each in bins],
        [int((inside == each).sum()) for each in bins],
    )
    _, axes = plt.subplots(figsize=(5, 4.2))
    axes.plot([0, 100], [0, 100], color="grey", linewidth=1, linestyle="--")
    axes.plot(means, shares, marker="o", color="#1f5fa8")
    for mean, share, count in zip(means, shares, counts, strict=True):
        axes.annotate(str(count), (mean, share), textcoords="offset points", xytext=(7, -12), fontsize=8)
    axes.set(xlabel="Confidence told, mean of ten points", ylabel="right, %", xlim=(15, 100), ylim=(0, 100))
    plt.tight_layout()
    plt.savefig(DIAGRAM, dpi=110)


if __name__ == "__main__":
    main()
