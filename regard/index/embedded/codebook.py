"""Codebooks: what is known of one embedder's vectors, so that a collection needs no training of its own."""

from __future__ import annotations

import hashlib
import math
import zipfile
import zlib
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from regard.domain.arrays import BoolArray, ByteArray, FloatArray, HalfArray, IntArray
from regard.errors import SettingsError
from regard.index.embedded.fast_scan import CHOICES, Coder, FastScan, trained

#: How far below its estimate, in standard deviations, a row's score may lie and still be looked at.
#: docs/performance.md has how often one lies lower.
CONFIDENCE = 4.0
#: The share of the rows it is measured on that the levels cover: the others are not searched by their code but compared
#: as they are.
CODED = 0.995
#: Instead of a level of the residual: the row is one of those, an outlier.
_OUTLIER = CHOICES - 1
#: Dimensions in a group of the code.
_WIDTH = 2
_STEP = 16 * _WIDTH
_FIELDS = ("projection", "centroids", "levels", "errors")


@dataclass(frozen=True, eq=False)
class Codebook:
    """How vectors of D dimensions are made small.

    `projection`, D×K with orthonormal columns: the directions an embedder uses. `centroids`, M×16×W with M·W = K:
    the product code. `levels`, 2×16 and rising: how a row fits its code is known as one of these, of its gain and of
    its residual (`Coder.choose`). `errors`: a score is gain · cosine plus the inner product of the residual with the
    rest of the probe, which is as that of random directions: mean and spread of it, where both have length 1, and by
    how much a scan rounds.
    """

    projection: FloatArray
    centroids: FloatArray
    levels: FloatArray
    errors: FloatArray

    def __post_init__(self) -> None:
        shapes = [array.shape for array in (self.projection, self.centroids, self.levels, self.errors)]
        if [len(shape) for shape in shapes[:2]] != [2, 3] or shapes[2:] != [(2, CHOICES), (3,)]:
            raise ValueError(f"its arrays are {shapes}")
        (dimension, width), (groups, choices, each) = shapes[0], shapes[1]
        if not (0 < width <= dimension and groups * each == width and groups % 2 == 0 and choices == CHOICES):
            raise ValueError(f"its arrays {shapes} do not fit each other")
        if not all(np.isfinite(array).all() for array in (self.projection, self.centroids, self.levels, self.errors)):
            raise ValueError("it has numbers that are not finite")

    def project(self, vectors: FloatArray) -> FloatArray:
        """N×D to N×K. Inner products stay as they are, but for the energy outside the projection."""
        return np.asarray(vectors @ self.projection, np.float32)

    def encode(self, vectors: FloatArray | HalfArray) -> tuple[ByteArray, ByteArray]:
        """The packed codes of N×K rows, filled up to whole blocks, and the error code of each row."""
        choices, coded = self.coder.choose(vectors)
        error_codes = self.error_codes(coded)
        return self.coder.pack(choices, error_codes), error_codes

    def error_codes(self, coded: FloatArray) -> ByteArray:
        """N×2 of `Coder.choose` as a byte each: the level of the gain, rounded down, and above it that of the residual,
        rounded up."""
        gain = np.searchsorted(self.levels[0], coded[:, 0], "right") - 1
        residual = np.searchsorted(self.levels[1, :_OUTLIER], coded[:, 1])
        outside = (gain < 0) | (coded[:, 0] >= self._extremes[1][0])
        return np.where(outside | (residual == _OUTLIER), _OUTLIER << 4, residual << 4 | gain).astype(np.uint8)

    def outliers(self, error_codes: ByteArray) -> BoolArray:
        """Which rows of these error codes fit too badly for a scan."""
        return np.asarray(error_codes >= _OUTLIER << 4, bool)

    def weights(self, cosines: FloatArray) -> FloatArray:
        """P×2 weights of the levels for a scan (`FastScan.search`) by probes of these P cosines: a row of at least that
        cosine, which is not negative, is expected to reach the `least_score`."""
        return np.stack([-cosines, self._allowance * _rests(cosines)], axis=1).astype(np.float32)

    def least_score(self, since: float, cosine: float) -> float:
        """With the weights of the cosine `since`, the least score that is expected of a row of at least `cosine`."""
        more, rest = cosine - since, self._allowance * (_rest(since) - _rest(cosine))
        least, most = self._extremes
        _, spread, rounding = self._errors
        known = spread * least[1] * _rest(cosine)
        unknown = CONFIDENCE * (math.hypot(known, rounding) - known)
        return min(least[0] * more, most[0] * more) + min(least[1] * rest, most[1] * rest) - unknown

    @cached_property
    def coder(self) -> Coder:
        return Coder(self.centroids, self.levels)

    @property
    def dimension(self) -> int:
        return int(self.projection.shape[0])

    @property
    def width(self) -> int:
        """K: how many numbers a vector is kept as."""
        return int(self.projection.shape[1])

    @cached_property
    def _extremes(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """What gain and residual of rows that are no outliers are not below, and what they are not above."""
        gain, residual = self.levels.tolist()
        return (gain[0], residual[0]), (2 * gain[-1] - gain[-2], residual[-1])

    @cached_property
    def _allowance(self) -> float:
        """By how much a score may fall short, as a share of residual · rest."""
        mean, spread, _ = self._errors
        return CONFIDENCE * spread - mean

    @cached_property
    def _errors(self) -> tuple[float, float, float]:
        mean, spread, rounding = self.errors.tolist()
        return mean, spread, rounding

    @cached_property
    def fingerprint(self) -> str:
        """Changes with every byte: what was written under another codebook is of no use."""
        parts = b"".join(np.ascontiguousarray(getattr(self, name)).tobytes() for name in _FIELDS)
        return hashlib.sha256(parts).hexdigest()[:16]

    def save(self, file: Path) -> None:
        np.savez_compressed(file, **{name: getattr(self, name) for name in _FIELDS})

    @classmethod
    def load(cls, file: Path) -> Codebook:
        """Raises SettingsError for a file that is no codebook."""
        try:
            with file.open("rb") as stream, np.load(stream) as stored:
                return cls(*(np.ascontiguousarray(stored[name], np.float32) for name in _FIELDS))
        except (OSError, EOFError, ValueError, TypeError, KeyError, zipfile.BadZipFile, zlib.error) as error:
            raise SettingsError(f"{file} is not a codebook: {error}") from error


@cache
def of(version: str | None) -> Codebook | None:
    """The codebook that comes with Regard for this version of an embedder, if there is one; benchmarks/codebook.py
    makes it."""
    file = Path(__file__).with_name("codebooks") / f"{version}.npz"
    return Codebook.load(file) if file.is_file() else None


def train(vectors: FloatArray, pairs: FloatArray | None = None, *, lost: float = 2e-5) -> Codebook:
    """A codebook for N×D unit vectors, N in the tens of thousands, that loses this share of their energy at most.

    Its errors are measured on pairs of `pairs` (or of `vectors`) that are alike. The directions are the principal
    ones, dealt out so that every group of the code has the same share of the variance (the parametric solution of Ge et
    al. 2014, "Optimized product quantization"): real embeddings use a third of their dimensions, and codes of the
    others would be wasted. Raises ValueError where more dimensions are in use than the largest multiple of 32 in D, and
    where too few vectors are alike.
    """
    energy, directions = np.linalg.eigh(np.asarray(vectors.T @ vectors, np.float64) / len(vectors))
    energy, directions = energy[::-1], directions[:, ::-1]
    kept = np.cumsum(energy) / energy.sum()
    wanted = int(np.searchsorted(kept, 1 - lost)) + 1
    width = min(-(-wanted // _STEP) * _STEP, len(energy) // _STEP * _STEP)
    if width == 0 or kept[width - 1] < 1 - lost:
        raise ValueError(f"{len(energy)} dimensions, all in use, are not a multiple of {_STEP}")
    order = _dealt(energy[:width])
    projection = np.ascontiguousarray(directions[:, :width][:, order], np.float32)
    centroids = trained(np.asarray(vectors @ projection, np.float32), width // _WIDTH)
    made = Codebook(projection, centroids, np.zeros((2, CHOICES), np.float32), np.zeros(3, np.float32))
    return _measured(made, made.project(vectors if pairs is None else pairs))


def _dealt(energy: FloatArray) -> IntArray:
    """Dimensions in the order of their groups: the next largest goes to the group with the least product so far."""
    groups = len(energy) // _WIDTH
    places: list[list[int]] = [[] for _ in range(groups)]
    products = np.zeros(groups)
    weights = np.log(np.maximum(energy / energy[0], 1e-9)) + 21  # above 0: a group with more members weighs more
    for dimension, weight in enumerate(weights):
        room = [group for group in range(groups) if len(places[group]) < _WIDTH]
        least = min(room, key=lambda group: products[group])
        places[least].append(dimension)
        products[least] += weight
    return np.array([dimension for group in places for dimension in group], np.int64)


def _measured(made: Codebook, vectors: FloatArray) -> Codebook:
    """`made` with the levels of N×K vectors, and with the errors of pairs of them with cosines from 0.3 up."""
    rows = vectors[np.random.default_rng(0).permutation(len(vectors))[:4096]]
    choices, coded = made.coder.choose(rows)
    scanner = FastScan(made.coder, made.coder.pack(choices, np.zeros(len(rows), np.uint8)))
    scores, cosines = scanner.scores(rows, np.zeros((len(rows), 2), np.float32))[:, : len(rows)], rows @ rows.T
    alike = (cosines > 0.3) & ~np.eye(len(rows), dtype=bool)
    if alike.sum() < 1000:
        raise ValueError("too few of the vectors are alike to measure what their codes lose")
    gain, residual = coded.T
    errors = ((scores - gain * cosines) / np.maximum(residual * _rests(cosines), 1e-6))[alike]
    rounding = (scores - rows @ made.coder.stands_for(choices).T).std()
    measured = np.array([errors.mean(), errors.std(), rounding], np.float32)
    return replace(made, levels=_levels(gain, residual), errors=measured)


def _levels(gain: FloatArray, residual: FloatArray) -> FloatArray:
    """In equal steps from the least to the most that is covered; the last of the residual stands for outliers."""
    outside = (1 - CODED) / 2
    of_gain = np.linspace(np.quantile(gain, outside), gain.max() + 1e-3, CHOICES, endpoint=False)
    of_residual = np.linspace(residual.min(), np.quantile(residual, 1 - outside), _OUTLIER)
    return np.stack([of_gain, np.append(of_residual, of_residual[-1])]).astype(np.float32)


def _rest(cosine: float) -> float:
    """Of a unit vector, how much is at right angles to one that it has this cosine with."""
    return math.sqrt(max(1 - cosine * cosine, 0))


def _rests(cosines: FloatArray) -> FloatArray:
    """`_rest` of each."""
    return np.asarray(np.sqrt(np.maximum(1 - np.square(cosines), 0)), np.float32)
