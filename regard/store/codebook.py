"""Codebooks: what is known of one embedder's vectors, so that a collection needs no training of its own."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from regard.domain import FloatArray, IntArray
from regard.errors import SettingsError
from regard.store.scanner import CHOICES, Coder, Scanner, trained

#: How far below its estimate, in standard deviations of the worst-coded row, a score may lie and still be looked at.
#: docs/performance.md has how often a row lies lower.
DOUBT = 4.0
#: Rows coded worse than this share of the training rows are not searched by their code but compared as they are.
CODED = 0.995
#: Dimensions in a group of the code.
_WIDTH = 2
_STEP = 16 * _WIDTH
_FIELDS = ("projection", "centroids", "errors")


@dataclass(frozen=True, eq=False)
class Codebook:
    """How vectors of D dimensions are made small.

    `projection`, D×K with orthonormal columns: the directions an embedder uses. `centroids`, M×16×W with M·W = K:
    the product code. `errors`: a row's score is slope · cosine + offset, with a standard deviation of spread · (how far
    from itself the row is coded); beyond reach it is not coded. Those four numbers.
    """

    projection: FloatArray
    centroids: FloatArray
    errors: FloatArray

    def __post_init__(self) -> None:
        shapes = [array.shape for array in (self.projection, self.centroids, self.errors)]
        if [len(shape) for shape in shapes] != [2, 3, 1] or shapes[2] != (4,):
            raise ValueError(f"its arrays are {shapes}")
        (dimension, width), (groups, choices, each) = shapes[0], shapes[1]
        if not (0 < width <= dimension and groups * each == width and groups % 2 == 0 and choices == CHOICES):
            raise ValueError(f"its arrays {shapes} do not fit each other")
        if not all(np.isfinite(array).all() for array in (self.projection, self.centroids, self.errors)):
            raise ValueError("it has numbers that are not finite")

    def project(self, vectors: FloatArray) -> FloatArray:
        """N×D to N×K. Inner products stay as they are, but for the energy outside the projection."""
        return np.asarray(vectors @ self.projection, np.float32)

    def floor(self, cosine: float) -> float:
        """The score below which no coded row of at least this cosine is expected."""
        slope, offset, spread, reach = self.errors.tolist()
        return float(slope * cosine + offset - DOUBT * spread * reach)

    @cached_property
    def coder(self) -> Coder:
        return Coder(self.centroids)

    @property
    def reach(self) -> float:
        return float(self.errors[3])

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
    sample = vectors if pairs is None else pairs
    return Codebook(projection, centroids, _errors(np.asarray(sample @ projection, np.float32), centroids))


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


def _errors(vectors: FloatArray, centroids: FloatArray) -> FloatArray:
    """Slope, offset, spread and reach, of pairs with cosines from 0.3 up; N×K vectors."""
    rows = vectors[np.random.default_rng(0).permutation(len(vectors))[:4096]]
    coder = Coder(centroids)
    codes, misfits = coder.encode(rows)
    scanner = Scanner(coder, codes)
    scores, found = scanner.search(rows, len(scanner))
    by_row = np.empty_like(scores)
    np.put_along_axis(by_row, found, scores, axis=1)
    cosines = rows @ rows.T
    alike = (cosines > 0.3) & ~np.eye(len(rows), dtype=bool)
    if alike.sum() < 1000:
        raise ValueError("too few of the vectors are alike to measure what their codes lose")
    true, score = cosines[alike], by_row[:, : len(rows)][alike]
    slope, offset = np.polyfit(true, score, 1)
    relative = (score - slope * true - offset) / np.broadcast_to(misfits, alike.shape)[alike]
    return np.array([slope, offset, relative.std(), np.quantile(misfits, CODED)], np.float32)
