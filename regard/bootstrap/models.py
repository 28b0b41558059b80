"""The models in the settings: their files, and the loaded models."""

from __future__ import annotations

from collections.abc import Callable

from regard.config.settings import Settings
from regard.domain.reporting import Meter, Progress
from regard.errors import ModelUnavailable
from regard.files import make_folder
from regard.vision.cards import catalogue
from regard.vision.faces.face_model import FaceModel, KnownModels
from regard.vision.models import FaceModels
from regard.vision.zoo import Pulled, Zoo


def open_zoo(settings: Settings) -> Zoo:
    """The models' cards and files, without reading any file."""
    return Zoo(settings.models_folder, settings.models.mirror, catalogue(settings.home / "models.toml"))


def face_models(
    settings: Settings,
    zoo: Zoo | None = None,
    meter: Meter | None = None,
    takes: Callable[[int], None] | None = None,
) -> FaceModels:
    """The face models; each is loaded when it is first needed. `takes` as in `FaceModels`."""
    chosen = settings.models
    return FaceModels(
        zoo or open_zoo(settings),
        detector=chosen.detector,
        embedder=chosen.embedder,
        threads=chosen.threads,
        meter=meter,
        takes=takes,
    )


def face_model(settings: Settings, zoo: Zoo | None = None) -> FaceModel:
    """What the default embedder's card states about its vectors. Raises SettingsError if there is no such card, and
    ModelUnavailable if it is not an embedder's."""
    return FaceModel.of((zoo or open_zoo(settings)).card(settings.models.embedder))


def known_models(settings: Settings, zoo: Zoo | None = None) -> KnownModels:
    """Every face model that there is a card for, and the default. Raises as `face_model`."""
    found = zoo or open_zoo(settings)
    return KnownModels(found.cards, found.card(settings.models.embedder))


def with_face_model(settings: Settings, version: str) -> Settings:
    """These settings with that face model as the default. Raises ModelUnavailable if there is no card for it."""
    found = known_models(settings).find(version)
    if found is None:
        raise ModelUnavailable(f"There is no card for the face model {version}; add one to models.toml.")
    return settings.with_embedder(found.name)


def missing_models(settings: Settings) -> list[str]:
    """The models that are needed and not installed."""
    zoo = open_zoo(settings)
    return [name for name in face_models(settings, zoo).names if name not in zoo.installed]


def pull_models(settings: Settings, names: list[str], progress: Progress) -> list[Pulled]:
    """Fetch models into the home. Raises ModelUnavailable."""
    make_folder(settings.home)
    if settings.models_folder.parent == settings.home:
        make_folder(settings.models_folder)
    return open_zoo(settings).pull(names, progress=progress)
