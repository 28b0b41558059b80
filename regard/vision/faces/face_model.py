"""Face models as the engine knows them: what an embedder's card says, without the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from regard.errors import ModelUnavailable
from regard.vision.cards import ModelCard
from regard.vision.faces.calibration import Calibration


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceModel:
    """`version` is what a collection is bound to: the same name for the same bytes. Embeddings are `dimension` long.
    `name` is the card's."""

    name: str
    version: str
    dimension: int
    calibration: Calibration

    @classmethod
    def of(cls, card: ModelCard) -> FaceModel:
        """Raises ModelUnavailable for a card that is not a face embedder's, or has no calibration."""
        if card.task != "face-embedder" or card.dimension is None or card.calibration is None:
            raise ModelUnavailable(f"{card.name} is not a face embedder with a calibration; see docs/guides/models.md")
        calibration = replace(card.calibration, bands=card.bands)
        return cls(name=card.name, version=card.version, dimension=card.dimension, calibration=calibration)


class KnownModels:
    """The face models that there are cards for, and the `default`: that of new collections."""

    def __init__(self, cards: Mapping[str, ModelCard], default: ModelCard) -> None:
        """Raises ModelUnavailable if `default` is not a face model's card."""
        self.default = FaceModel.of(default)
        usable = (card for card in cards.values() if card.task == "face-embedder" and card.calibration is not None)
        self._by_version = {card.version: FaceModel.of(card) for card in usable}

    def find(self, version: str) -> FaceModel | None:
        """The face model of that version, if there is a card for it."""
        return self._by_version.get(version)

    @property
    def versions(self) -> tuple[str, ...]:
        """Every version that there is a card for."""
        return tuple(self._by_version)
