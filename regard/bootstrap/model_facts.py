"""What this server's models are: the cards there are, and the face models that its collections are bound to."""

from __future__ import annotations

from dataclasses import dataclass

from regard.bootstrap.engine import Engine
from regard.domain.model_facts import FaceModelInUse, InstalledModel, ModelFile, OperatingPoint
from regard.vision.cards import ModelCard
from regard.vision.faces.face_model import FaceModel

#: Similarities that clients use (docs/accuracy.md).
_SIMILARITIES = (80.0, 90.0, 99.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerModels:
    engine: Engine

    def installed(self) -> list[InstalledModel]:
        """Every model that there is a card for, pack by pack."""
        zoo = self.engine.zoo
        here = frozenset(zoo.installed)
        cards = sorted(zoo.cards.values(), key=lambda card: zoo.packs.index(card.pack))
        return [_installed(card, card.name in here) for card in cards]

    def in_use(self) -> list[FaceModelInUse]:
        """The face model of new collections, then those of the collections there are."""
        counts, default = self.engine.stores.collections.face_models(), self.engine.known_models.default.version
        return [self._of(version, counts.get(version, 0)) for version in dict.fromkeys((default, *counts))]

    def _of(self, version: str, collections: int) -> FaceModelInUse:
        known = self.engine.known_models.find(version)
        card = None if known is None else self.engine.zoo.card(known.name)
        return FaceModelInUse(
            name=None if known is None else known.name,
            version=version,
            default=version == self.engine.known_models.default.version,
            collections=collections,
            points=() if known is None else known.calibration.points,
            at=() if known is None else _operating_points(known),
            measured_on=None if card is None else card.calibrated_on,
        )


def _operating_points(model: FaceModel) -> list[OperatingPoint]:
    calibration = model.calibration
    return [
        OperatingPoint(similarity=each, cosine=calibration.cosine(each), fmr=calibration.false_match_rate(each))
        for each in _SIMILARITIES
    ]


def _installed(card: ModelCard, here: bool) -> InstalledModel:
    return InstalledModel(
        name=card.name,
        pack=card.pack,
        task=str(card.task),
        licence=card.licence,
        non_commercial=card.non_commercial,
        provenance=card.provenance,
        files=[ModelFile(file=each.file, sha256=each.sha256, size=each.size) for each in card.downloads],
        installed=here,
    )
