"""A face model as the engine knows it: what its embedder's card says, without the file."""

from __future__ import annotations

from dataclasses import dataclass

from regard.errors import ModelUnavailable
from regard.vision.cards import ModelCard
from regard.vision.faces.calibration import Calibration


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceModel:
    """`version` is what a collection is bound to: the same name for the same bytes. Embeddings are `dimension` long."""

    version: str
    dimension: int
    calibration: Calibration

    @classmethod
    def of(cls, card: ModelCard) -> FaceModel:
        """Raises ModelUnavailable for a card that is not a face embedder's, or has no calibration."""
        if card.task != "face-embedder" or card.dimension is None or card.calibration is None:
            raise ModelUnavailable(f"{card.name} is not a face embedder with a calibration; see docs/guides/models.md")
        return cls(version=card.version, dimension=card.dimension, calibration=card.calibration)
