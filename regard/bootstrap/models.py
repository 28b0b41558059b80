"""The models in the settings: their files, and the loaded models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from regard.config.sections import split
from regard.config.settings import Settings
from regard.domain.reporting import Meter, Progress
from regard.errors import ModelUnavailable
from regard.files import make_folder
from regard.vision.cards import catalogue
from regard.vision.faces.face_model import FaceModel, KnownModels
from regard.vision.model_loader import ModelLoader
from regard.vision.models import FaceModels
from regard.vision.sources import Clients
from regard.vision.zoo import Pulled, Zoo

#: The pack that every server has before it starts.
FACES = "faces"
#: What stored video is looked at with has no models of its own.
VIDEO = "video"
_MADE_OF: Final[Mapping[str, tuple[str, ...]]] = {VIDEO: (FACES, "images", "text")}


def open_zoo(settings: Settings, clients: Clients | None = None) -> Zoo:
    """The models' cards and files, without reading any file."""
    cards = catalogue(settings.home / "models.toml")
    return Zoo(settings.models_folder, settings.models.mirror, cards, clients=clients)


def chosen_packs(settings: Settings, zoo: Zoo) -> list[str]:
    """The packs beside that of faces that the settings name, in that order, as far as there are cards for them."""
    packs = spelled_out(split(settings.models.packs))
    return [pack for pack in packs if pack != FACES and pack in zoo.packs]


def spelled_out(names: Iterable[str]) -> list[str]:
    """Names of packs and models, each once: for a pack that has no models of its own those it is made of."""
    return list(dict.fromkeys(part for name in names for part in _MADE_OF.get(name, (name,))))


def model_loader(
    settings: Settings,
    zoo: Zoo | None = None,
    meter: Meter | None = None,
    takes: Callable[[int], None] | None = None,
) -> ModelLoader:
    """What loads the models of packs beyond faces. `takes` as in `ModelLoader`."""
    return ModelLoader(zoo or open_zoo(settings), threads=settings.models.threads, meter=meter, takes=takes)


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
    """The models that faces need and that are not installed."""
    zoo = open_zoo(settings)
    return [name for name in face_models(settings, zoo).names if name not in zoo.installed]


def missing_of_pack(settings: Settings, pack: str) -> list[str]:
    """The models of that pack that are not installed."""
    return list(open_zoo(settings).missing(pack))


def pull_models(settings: Settings, names: list[str], progress: Progress) -> list[Pulled]:
    """Fetch models into the home. Raises ModelUnavailable."""
    make_folder(settings.home)
    if settings.models_folder.parent == settings.home:
        make_folder(settings.models_folder)
    return open_zoo(settings).pull(names, progress=progress)
