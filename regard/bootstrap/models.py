"""The models in the settings: their files, and the loaded models."""

from __future__ import annotations

from regard.config.settings import Settings
from regard.domain.reporting import Meter, Progress
from regard.files import make_folder
from regard.vision.cards import catalogue
from regard.vision.faces.face_model import FaceModel
from regard.vision.models import FaceModels
from regard.vision.zoo import Pulled, Zoo


def open_zoo(settings: Settings) -> Zoo:
    """The models' cards and files, without reading any file."""
    return Zoo(settings.models_folder, settings.models.mirror, catalogue(settings.home / "models.toml"))


def face_models(settings: Settings, zoo: Zoo | None = None, meter: Meter | None = None) -> FaceModels:
    """The face models in use; each is loaded when it is first needed."""
    chosen = settings.models
    return FaceModels(
        zoo or open_zoo(settings),
        detector=chosen.detector,
        embedder=chosen.embedder,
        threads=chosen.threads,
        meter=meter,
    )


def face_model(settings: Settings, zoo: Zoo | None = None) -> FaceModel:
    """What the embedder's card states about its vectors. Raises SettingsError if the card is not an embedder's."""
    return FaceModel.of((zoo or open_zoo(settings)).card(settings.models.embedder))


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
