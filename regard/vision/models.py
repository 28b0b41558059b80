"""The face models of one server: each loaded when first needed, once, and kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cached_property, partial
from pathlib import Path
from threading import RLock
from typing import Final, TypeVar, cast

from regard.domain.reporting import Meter
from regard.errors import ModelUnavailable
from regard.vision import quantisation
from regard.vision.cards import ModelCard, is_shipped
from regard.vision.faces.face_attributes import CropModel
from regard.vision.faces.face_decoders import DECODERS
from regard.vision.faces.face_detector import FaceDetector
from regard.vision.faces.face_embedder import FaceEmbedder
from regard.vision.faces.face_model import FaceModel
from regard.vision.graph_trial import try_card
from regard.vision.quantisation import Quantisation
from regard.vision.session import CHUNK_ROWS, OnnxSession, providers
from regard.vision.zoo import Zoo

T = TypeVar("T")


class Task(StrEnum):
    """What a model says of one crop per face, as cards call it."""

    LANDMARKS = "face-landmarks"
    POSE = "face-pose"
    MESH = "face-mesh"
    MASK = "face-mask"
    AGE_AND_GENDER = "age-and-gender"
    EXPRESSION = "expression"
    GLASSES = "glasses"


#: The card for each task that is always done; the settings name a detector and an embedder.
_CARDS: Final[Mapping[Task, str]] = {
    Task.LANDMARKS: "fr-landmark",
    Task.POSE: "fr-pose",
    Task.MESH: "facemesh-attention-pinto",
    Task.MASK: "face-mask",
    Task.AGE_AND_GENDER: "faceres",
    Task.EXPRESSION: "emotion",
}
#: Crops a run where eight would take more memory than the embedder's: each takes the classifier of masks 14 MB.
_CHUNKS: Final[Mapping[Task, int]] = {Task.MASK: 4}
ATTRIBUTE_CARDS: Final = tuple(_CARDS.values())
#: A model that Regard does not ship may take so long for a run, which is eight crops or a picture.
_RUN_SECONDS: Final = 60.0
#: What a loaded embedder keeps, for each byte of its file: `sface` 87 of 39 MB.
_MEMORY_RATIO: Final = 2.5
#: A file's time of change, in nanoseconds, and its size; None if there is none.
_Stamp = tuple[int, int] | None


class FaceModels:
    """Loads what is asked for, under one lock, from verified files; `meter` is told of every run, by card.

    `embedder` is the card of the default face model. Others are loaded when they are needed, and `takes` is told how
    many bytes of memory each will keep.
    """

    def __init__(
        self,
        zoo: Zoo,
        *,
        detector: str,
        embedder: str,
        threads: int = 0,
        meter: Meter | None = None,
        takes: Callable[[int], None] | None = None,
    ) -> None:
        self._zoo = zoo
        self._names = {"detector": detector, "embedder": embedder}
        self._threads = threads
        self._meter = meter
        self._takes = takes
        self._lock = RLock()
        self._loaded: dict[str, object] = {}
        self._failed: dict[str, tuple[_Stamp, ModelUnavailable]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Every card needed without collections of other face models, and those used because they are installed."""
        return (*self._names.values(), *ATTRIBUTE_CARDS, *self._optional_cards.values())

    @property
    def tasks(self) -> frozenset[Task]:
        """What can be told of a crop."""
        return frozenset({*_CARDS, *self._optional_cards})

    @cached_property
    def _optional_cards(self) -> dict[Task, str]:
        """The installed card for each task that is not always done; a card of the user's own before a built-in one."""
        installed = {str(self._zoo.card(name).task): name for name in self._zoo.installed}
        return {task: installed[task] for task in Task if task not in _CARDS and task in installed}

    @property
    def face_model(self) -> FaceModel:
        """What the default embedder's card says; nothing is loaded. Raises ModelUnavailable or SettingsError."""
        return FaceModel.of(self._zoo.card(self._names["embedder"]))

    def fingerprints(self, *tasks: Task) -> list[str]:
        """What stands for the bytes of the detector's model and of those of `tasks`; nothing is loaded."""
        names = (self._names["detector"], *(_CARDS.get(task) or self._optional_cards[task] for task in tasks))
        return [self._zoo.card(name).fingerprint for name in names]

    def detector(self) -> FaceDetector:
        return self._once(self._names["detector"], self._load_detector)

    def embedder(self, version: str | None = None) -> FaceEmbedder:
        """The embedder of that face model, or the default one. Raises ModelUnavailable.

        What failed before fails at once, until its file changes: a request must not pay for it again.
        """
        name = self._names["embedder"] if version is None else self._name_of(version)
        if name in self._loaded:
            return cast(FaceEmbedder, self._loaded[name])
        with self._lock:
            stamp = _stamp(self._zoo.directory / self._zoo.card(name).file)
            if name in self._failed and self._failed[name][0] == stamp:
                error = self._failed[name][1]
                raise ModelUnavailable(error.message, public=error.public)
            try:
                return self._once(name, self._load_embedder)
            except ModelUnavailable as error:
                self._failed[name] = stamp, error
                raise

    def crop_model(self, task: Task) -> CropModel:
        name = _CARDS.get(task) or self._optional_cards[task]
        return self._once(name, lambda card: CropModel(self._session(card), card.input, _CHUNKS.get(task, CHUNK_ROWS)))

    def optional_model(self, task: Task) -> CropModel | None:
        """As `crop_model`, for a task whose card need not be installed; None if it is not."""
        return self.crop_model(task) if task in self.tasks else None

    def load(self) -> None:
        """Load everything now, so that the first request does not wait for it."""
        self.detector()
        self.embedder()
        for task in self.tasks:
            self.crop_model(task)

    def trouble(self, name: str) -> str | None:
        """What keeps an installed model from being loaded, if anything; one that Regard ships is not opened for it."""
        card = self._zoo.card(name)
        try:
            if not is_shipped(card):
                self._session(card)
        except ModelUnavailable as error:
            return error.message
        return None

    def _load_detector(self, card: ModelCard) -> FaceDetector:
        if card.task != "face-detector" or card.family not in DECODERS:
            families = ", ".join(DECODERS)
            raise ModelUnavailable(f"{card.name} is not a face detector of a family that Regard reads: {families}")
        how = _quantisation(card)
        first = self._session(card, how) if how else None
        return FaceDetector(self._session(card), card.family, card.input, card.confidence, first=first)

    def _load_embedder(self, card: ModelCard) -> FaceEmbedder:
        calibration = FaceModel.of(card).calibration  # before the file is looked for
        embedder = FaceEmbedder(self._session(card), card, calibration)
        embedder.check()
        if self._takes and card.name != self._names["embedder"]:
            self._takes(int(_MEMORY_RATIO * (self._zoo.directory / card.file).stat().st_size))
        return embedder

    def _name_of(self, version: str) -> str:
        for card in self._zoo.cards.values():
            if card.version == version:
                return card.name
        public = "there is no card for it; add one to models.toml"
        raise ModelUnavailable(f"the face model {version}: {public}", public=public)

    def _session(self, card: ModelCard, how: Quantisation | None = None) -> OnnxSession:
        files, shipped = self._zoo.files(card.name), is_shipped(card)
        try:
            if not shipped:
                try_card(card, files)
            return OnnxSession(
                files,
                threads=self._threads,
                free_sides=card.task == "face-detector",
                quantisation=how,
                ran=partial(self._meter.model_ran, card.name) if self._meter else None,
                run_seconds=None if shipped else _RUN_SECONDS,
            )
        except ModelUnavailable as error:
            raise ModelUnavailable(f"the model {card.name!r}: {error.message}") from error

    def _once(self, name: str, load: Callable[[ModelCard], T]) -> T:
        if name in self._loaded:  # nobody waits for another model to be loaded
            return cast(T, self._loaded[name])
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = load(self._zoo.card(name))
            return cast(T, self._loaded[name])


def _quantisation(card: ModelCard) -> Quantisation | None:
    """How the model computes in bytes: on processors, and where it was measured. Accelerators are faster in floats."""
    return quantisation.of(card.version) if providers()[0] == "CPUExecutionProvider" else None


def _stamp(file: Path) -> _Stamp:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
