"""`/v1/models` and `/v1/accuracy`: which models there are, under which licences, and what their scores mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from regard.api.native_routes import Call, NativeRoute
from regard.api.shapes import Shown
from regard.domain.authority import Action
from regard.domain.model_facts import FaceModelInUse, InstalledModel


class Models(Protocol):
    """What knows a server's models."""

    def installed(self) -> Sequence[InstalledModel]: ...

    def in_use(self) -> Sequence[FaceModelInUse]: ...


class ModelFileShown(Shown):
    """A file of a model: its name, its SHA-256, and its size in bytes, null where the card does not say."""

    file: str
    sha256: str
    size: int | None


class ModelShown(Shown):
    """A model, as its card has it, and whether it is installed here."""

    name: str
    pack: str
    task: str
    licence: str
    non_commercial: bool
    provenance: str
    files: list[ModelFileShown]
    installed: bool


class ModelsShown(Shown):
    """Every model that there is a card for, pack by pack."""

    models: list[ModelShown]


class OperatingPointShown(Shown):
    """A similarity, the cosine that earns it, and how often two strangers reach it."""

    similarity: float
    cosine: float
    fmr: float


class FaceModelShown(Shown):
    """A face model in use. `points` are the [cosine, false match rate] of its card, `measured_on` says on what they
    were measured, null where the card does not. Without a card, `name` is null, and `points` are empty."""

    name: str | None
    version: str
    default: bool
    collections: int
    points: list[tuple[float, float]]
    at: list[OperatingPointShown]
    measured_on: str | None


class AccuracyShown(Shown):
    """The face model of new collections first, then those of the collections there are."""

    face_models: list[FaceModelShown]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRoutes:
    models: Models

    def routes(self) -> tuple[NativeRoute, ...]:
        return (
            NativeRoute("GET", "/models", self.all, Action.READ, "List the models with their licences"),
            NativeRoute("GET", "/accuracy", self.in_use, Action.READ, "Show what the scores of face models mean"),
        )

    def all(self, call: Call) -> ModelsShown:
        call.grant.require_all(Action.READ)
        return ModelsShown(models=[ModelShown.model_validate(each) for each in self.models.installed()])

    def in_use(self, call: Call) -> AccuracyShown:
        call.grant.require_all(Action.READ)
        return AccuracyShown(face_models=[FaceModelShown.model_validate(each) for each in self.models.in_use()])
