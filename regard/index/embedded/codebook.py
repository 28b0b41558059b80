"""Codebooks: what is known of one embedder's vectors, so that a collection needs no training of its own."""

from __future__ import annotations

import hashlib
import math
import zipfile
import zlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from regard.domain.arrays import BoolArray, ByteArray, FloatArray, HalfArray, IntArray
from regard.errors import SettingsError
from regard.index.embedded.fast_scan import CHOICES, Coder, FastScan, trained

#: How far below its estimate, in standard deviations, a row's score may lie and still be looked at.
#: docs/performance.md has how often one lies lower.
DOUBT = 4.0
#: The share of the rows it is measured on that the levels cover: the others are not searched by their code but compared
#: as they are.
CODED = 0.995
#: Instead of a level of `apart`: the row is one of those.
_ODD = CHOICES - 1
#: Dimensions in a group of the code.
_WIDTH = 2
_STEP = 16 * _WIDTH
_FIELDS = ("projection", "centroids", "levels", "errors")


@dataclass(frozen=True, eq=False)
class Codebook:
    """How vectors of D dimensions are made small.

    `projection`, D×K with orthonormal columns: the directions an embedder uses. `centroids`, M×16×W with M·W = K:
    the product code. `levels`, 2×16 and rising: how a row fits its code is known as one of these, of `along` and of
    `apart`. `errors`: a score is known to be along · cosine (`Coder.choose`) plus the inner product of what is apart
    with the rest of the probe, which is as that of random directions: mean and spread of it, where both have length 1,
    and by how much a scan rounds.
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
        """The packed codes of N×K rows, filled up to whole blocks, and the byte of each row that says how it fits."""
        choices, coded = self.coder.choose(vectors)
        fits = self.fits(coded)
        return self.coder.pack(choices, fits), fits

    def fits(self, coded: FloatArray) -> ByteArray:
        """N×2 of `Coder.choose` as a byte each: the level of `along`, rounded down, and above it that of `apart`,
        rounded up."""
        along = np.searchsorted(self.levels[0], coded[:, 0], "right") - 1
        apart = np.searchsorted(self.levels[1, :_ODD], coded[:, 1])
        outside = (along < 0) | (coded[:, 0] >= self._extremes[1][0])
        return np.where(outside | (apart == _ODD), _ODD << 4, apart << 4 | along).astype(np.uint8)

    def odd(self, fits: ByteArray) -> BoolArray:
        """Which rows of these bytes fit too badly for a scan."""
        return np.asarray(fits >= _ODD << 4, bool)

    def weights(self, cosines: FloatArray) -> FloatArray:
        """P×2 weights of the levels for a scan (`FastScan.search`) by probes of these P cosines: a row of at least that
        cosine, which is not negative, is expected to score `rise` or more."""
        return np.stack([-cosines, self._doubt * _rests(cosines)], axis=1).astype(np.float32)

    def rise(self, since: float, cosine: float) -> float:
        """With the weights of the cosine `since`, the least score that is expected of a row of at least `cosine`."""
        more, rest = cosine - since, self._doubt * (_rest(since) - _rest(cosine))
        least, most = self._extremes
        _, spread, rounding = self._errors
        known = spread * least[1] * _rest(cosine)
        unknown = DOUBT * (math.hypot(known, rounding) - known)
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
        """What `along` and `apart` of rows that are not odd are not below, and what they are not above."""
        along, apart = self.levels.tolist()
        return (along[0], apart[0]), (2 * along[-1] - along[-2], apart[-1])

    @cached_property
    def _doubt(self) -> float:
        """How much of what may be added to a score may be wanting in it, as a share."""
        mean, spread, _ = self._errors
        return DOUBT * spread - mean

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


def of(version: str) -> Codebook | None:
    """The codebook that comes with Regard for this version of an embedder; benchmarks/codebook.py makes it."""
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
    along, apart = coded.T
    errors = ((scores - along * cosines) / np.maximum(apart * _rests(cosines), 1e-6))[alike]
    rounding = (scores - rows @ made.coder.stands_for(choices).T).std()
    measured = np.array([errors.mean(), errors.std(), rounding], np.float32)
    return replace(made, levels=_levels(along, apart), errors=measured)


def _levels(along: FloatArray, apart: FloatArray) -> FloatArray:
    """In equal steps from the least to the most that is covered; the last of `apart` means that none is."""
    outside = (1 - CODED) / 2
    of_along = np.linspace(np.quantile(along, outside), along.max() + 1e-3, CHOICES, endpoint=False)
    of_apart = np.linspace(apart.min(), np.quantile(apart, 1 - outside), _ODD)
    return np.stack([of_along, np.append(of_apart, of_apart[-1])]).astype(np.float32)


def _rest(cosine: float) -> float:
    """Of a unit vector, how much is at right angles to one that it has this cosine with."""
    return math.sqrt(max(1 - cosine * cosine, 0))


def _rests(cosines: FloatArray) -> FloatArray:
    """`_rest` of each."""
    return np.asarray(np.sqrt(np.maximum(1 - np.square(cosines), 0)), np.float32)
