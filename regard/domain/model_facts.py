"""What is told of models: where they come from, under which licence, and how often a face model errs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """A file of a model; `size` in bytes, None where its card does not say."""

    file: str
    sha256: str
    size: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledModel:
    """A model by its card, and whether its files are here."""

    name: str
    pack: str
    task: str
    licence: str
    non_commercial: bool
    provenance: str
    files: Sequence[ModelFile]
    installed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """A similarity (0 to 100), the cosine that earns it, and how often two strangers reach it."""

    similarity: float
    cosine: float
    fmr: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceModelInUse:
    """A face model of new collections (`default`) or of some there are. `points` are (cosine, false match rate), as its
    card has them; `measured_on` says on what, None where the card does not. Without a card there are no points."""

    name: str | None
    version: str
    default: bool
    collections: int
    points: Sequence[tuple[float, float]]
    at: Sequence[OperatingPoint]
    measured_on: str | None
