"""Codebooks: what is known of one embedder's vectors, so that a collection needs no training of its own."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from regard.domain import ByteArray, FloatArray, IntArray
from regard.errors import SettingsError
from regard.store.scanner import CHOICES, Coder, Scanner, trained

BoolArray = NDArray[np.bool_]

#: How far below its estimate, in standard deviations, a row's score may lie and still be looked at.
#: docs/performance.md has how often one lies lower.
DOUBT = 4.0
#: Rows whose scores would have to be looked at further down than those of this share of the rows it is measured on are
#: not searched by their code but compared as they are.
CODED = 0.995
#: The cosine at which that is decided.
_USUAL = 0.4
#: How a row is coded, as two bytes: `along` from the lowest in steps, rounded down, and `apart` in steps, rounded up.
_LOWEST, _STEPS = 0.5, 256.0
#: Dimensions in a group of the code.
_WIDTH = 2
_STEP = 16 * _WIDTH
_FIELDS = ("projection", "centroids", "errors")


@dataclass(frozen=True, eq=False)
class Codebook:
    """How vectors of D dimensions are made small.

    `projection`, D×K with orthonormal columns: the directions an embedder uses. `centroids`, M×16×W with M·W = K:
    the product code. `errors`: three numbers. A score is known to be along · cosine (`Coder.encode`) plus the inner
    product of what is apart with the rest of the probe, which is as that of random directions: mean and spread of it,
    where both have length 1. The third is the floor below which, at a cosine of 0.4, a row is not coded.
    """

    projection: FloatArray
    centroids: FloatArray
    errors: FloatArray

    def __post_init__(self) -> None:
        shapes = [array.shape for array in (self.projection, self.centroids, self.errors)]
        if [len(shape) for shape in shapes] != [2, 3, 1] or shapes[2] != (3,):
            raise ValueError(f"its arrays are {shapes}")
        (dimension, width), (groups, choices, each) = shapes[0], shapes[1]
        if not (0 < width <= dimension and groups * each == width and groups % 2 == 0 and choices == CHOICES):
            raise ValueError(f"its arrays {shapes} do not fit each other")
        if not all(np.isfinite(array).all() for array in (self.projection, self.centroids, self.errors)):
            raise ValueError("it has numbers that are not finite")

    def project(self, vectors: FloatArray) -> FloatArray:
        """N×D to N×K. Inner products stay as they are, but for the energy outside the projection."""
        return np.asarray(vectors @ self.projection, np.float32)

    def fits(self, coded: FloatArray) -> ByteArray:
        """N×2 of `Coder.encode` as bytes."""
        steps = (coded - (_LOWEST, 0)) * _STEPS
        return np.asarray(np.clip(np.stack([np.floor(steps[:, 0]), np.ceil(steps[:, 1])], axis=1), 0, 255), np.uint8)

    def floors(self, fits: ByteArray, cosines: float | FloatArray) -> FloatArray:
        """For each of N×2 fits the score below which a row of at least this cosine, or its own of N, is not
        expected."""
        mean, spread, _ = self.errors
        along = _LOWEST + (fits[..., 0] + np.less(cosines, 0)) / np.float32(_STEPS)
        apart = fits[..., 1] / np.float32(_STEPS)
        rest = np.sqrt(np.maximum(1 - np.square(cosines), 0))
        return np.asarray(along * cosines - apart * rest * (DOUBT * spread - mean), np.float32)

    def odd(self, fits: ByteArray) -> BoolArray:
        """Which of N×2 fits are too bad for a scan."""
        return np.asarray(self.floors(fits, _USUAL) < self.errors[2], bool)

    @cached_property
    def coder(self) -> Coder:
        return Coder(self.centroids)

    @property
    def dimension(self) -> int:
        return int(self.projection.shape[0])

    @property
    def width(self) -> int:
        """K: how many numbers a vector is kept as."""
        return int(self.projection.shape[1])

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
    made = Codebook(projection, centroids, np.zeros(3, np.float32))
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
    """`made` with the errors of pairs of N×K vectors with cosines from 0.3 up."""
    rows = vectors[np.random.default_rng(0).permutation(len(vectors))[:4096]]
    codes, coded = made.coder.encode(rows)
    scores, cosines = Scanner(made.coder, codes).scores(rows)[:, : len(rows)], rows @ rows.T
    alike = (cosines > 0.3) & ~np.eye(len(rows), dtype=bool)
    if alike.sum() < 1000:
        raise ValueError("too few of the vectors are alike to measure what their codes lose")
    along, apart = coded.T
    rest = apart * np.sqrt(np.maximum(1 - cosines**2, 1e-6))
    errors = ((scores - along * cosines) / np.maximum(rest, 1e-6))[alike]
    measured = replace(made, errors=np.array([errors.mean(), errors.std(), -1], np.float32))
    lowest = np.quantile(measured.floors(measured.fits(coded), _USUAL), 1 - CODED)
    return replace(made, errors=np.array([*measured.errors[:2], lowest], np.float32))
