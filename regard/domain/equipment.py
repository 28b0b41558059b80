"""Who in a picture wears what protects: people, their faces, and what covers these."""

from __future__ import annotations

from dataclasses import dataclass

from regard.domain.images import Box


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """A mask over nose and mouth, where it is, and how sure that is, 0 to 100."""

    box: Box
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedPerson:
    """One person. `face` is how sure their face was seen, None if it was not; `cover` what covers it, None if nothing
    does."""

    box: Box
    confidence: float
    face: float | None = None
    cover: Cover | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EquipmentSummary:
    """The rows of persons who wear all that is required, who do not, and of whom it cannot be told."""

    wearing: tuple[int, ...]
    lacking: tuple[int, ...]
    unknown: tuple[int, ...]
