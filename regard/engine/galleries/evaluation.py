"""How accurate a face model is: verification, identification, and the calibration of its cosines.

Terms are those of ISO/IEC 19795-1: FMR and TAR (1 − FNMR) are of 1:1 comparisons; FPIR and FNIR of gallery searches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import FloatArray, IntArray
from regard.vision.faces.calibration import Calibration

Flags = NDArray[np.bool_]

#: Rates counted on the pairs themselves; at the last, a million impostor pairs leave a hundred to count.
COUNTED = (0.9, 0.5, 0.2, 0.1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4)
#: Rates with too few pairs to count: their cosines come from the fitted tail.
FITTED = (1e-5, 1e-6)
#: The tail that is fitted: the impostor pairs above this rate.
TAIL = 3e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """One operating point: the false match rate, the cosine threshold for it, and the share of mates accepted there."""

    fmr: float
    cosine: float
    tar: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Identification:
    """Open-set search: the share of mates not ranked first or below the threshold (FNIR), and of non-mates with any
    candidate (FPIR)."""

    rank1: float
    fnir: float
    fpir: float


def pairs(embeddings: FloatArray, people: IntArray) -> tuple[FloatArray, FloatArray]:
    """The cosines of all genuine and all impostor pairs among N×D unit rows of N `people`; N(N−1)/2 in all."""
    upper = np.triu_indices(len(embeddings), 1)
    cosines = (embeddings @ embeddings.T)[upper]
    same = people[upper[0]] == people[upper[1]]
    return cosines[same], cosines[~same]


def best_accuracy(cosines: FloatArray, same: Flags) -> tuple[float, float]:
    """The accuracy at the best threshold for these same pairs, and that threshold."""
    order = np.argsort(-cosines, kind="stable")
    right = np.cumsum(np.where(same[order], 1, -1)) + np.count_nonzero(~same)
    best = int(np.argmax(right))
    return float(right[best] / len(cosines)), float(cosines[order[best]])


def operating_points(genuine: FloatArray, impostor: FloatArray, rates: Sequence[float]) -> list[OperatingPoint]:
    """TAR at each false match rate."""
    falling = np.sort(impostor)[::-1]
    points = []
    for rate in rates:
        cosine = float(falling[max(int(rate * len(falling)) - 1, 0)])
        points.append(OperatingPoint(fmr=rate, cosine=cosine, tar=float((genuine >= cosine).mean())))
    return points


def calibrate(impostor: FloatArray, weights: FloatArray | None = None) -> Calibration:
    """The table from cosine to false match rate: counted where there are enough pairs, a fitted tail beyond. `weights`
    say how much each pair counts, so that one person with many photographs does not decide the rates.

    The tail is exponential above the rate TAIL: the limit law of excesses (Pickands 1975) with shape 0, whose one
    parameter is their mean. Fits that leave the shape free find it within 0.08 of 0, mostly below, which would promise
    fewer false matches than this does. Raises ValueError for too few pairs.
    """
    if len(impostor) * COUNTED[-1] < 100:
        raise ValueError(f"{len(impostor)} impostor pairs are too few: a calibration needs a million (1,500 faces)")
    order = np.argsort(-impostor, kind="stable")
    falling = impostor[order].astype(np.float64)
    counts = np.ones(len(falling)) if weights is None else weights[order].astype(np.float64)
    rates = np.cumsum(counts) / counts.sum()
    at = {rate: float(falling[np.searchsorted(rates, rate)]) for rate in COUNTED}
    above = falling > at[TAIL]
    scale = float(np.average(falling[above] - at[TAIL], weights=counts[above]))
    at |= {rate: at[TAIL] + scale * float(np.log(TAIL / rate)) for rate in FITTED}
    lowest = float(np.floor(falling[-1] * 10) / 10)
    return Calibration(((lowest, 1.0), *((round(cosine, 4), rate) for rate, cosine in at.items())))


def identify(gallery: FloatArray, probes: FloatArray, mates: IntArray, threshold: float) -> Identification:
    """Search each of M×D probes in the N×D gallery; `mates` holds each probe's row in it, −1 for a non-mate."""
    cosines = probes @ gallery.T
    first, best = cosines.argmax(axis=1), cosines.max(axis=1)
    has_mate = mates >= 0
    right = first[has_mate] == mates[has_mate]
    return Identification(
        rank1=float(right.mean()),
        fnir=float(1 - (right & (best[has_mate] >= threshold)).mean()),
        fpir=float((best[~has_mate] >= threshold).mean()) if (~has_mate).any() else 0.0,
    )
