"""The face models of one server: each loaded when first needed, once, and kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import RLock
from typing import TypeVar, cast

from regard.domain.reporting import Meter
from regard.errors import ModelUnavailable
from regard.vision.cards import ModelCard
from regard.vision.faces.face_attributes import CropModel
from regard.vision.faces.face_detector import DECODERS, Detector
from regard.vision.faces.face_embedder import Embedder
from regard.vision.session import OnnxSession
from regard.vision.zoo import Zoo

T = TypeVar("T")

#: The cards behind each attribute; a detector and an embedder are named by the settings.
ATTRIBUTE_CARDS = ("fr-landmark", "fr-pose", "fr-eye", "fr-gender", "fr-age", "fr-expression")


class FaceModels:
    """Loads what is asked for, under one lock, from verified files; `meter` is told of every run, by card."""

    def __init__(self, zoo: Zoo, *, detector: str, embedder: str, threads: int = 0, meter: Meter | None = None) -> None:
        self._zoo = zoo
        self._names = {"detector": detector, "embedder": embedder}
        self._threads = threads
        self._meter = meter
        self._lock = RLock()
        self._loaded: dict[str, object] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Every card these models need."""
        return (*self._names.values(), *ATTRIBUTE_CARDS)

    def detector(self) -> Detector:
        return self._once(self._names["detector"], self._load_detector)

    def embedder(self) -> Embedder:
        return self._once(self._names["embedder"], self._load_embedder)

    def crop_model(self, name: str) -> CropModel:
        return self._once(name, lambda card: CropModel(self._session(card), card.input))

    def load(self) -> None:
        """Load everything now, so that the first request does not wait for it."""
        self.detector()
        self.embedder()
        for name in ATTRIBUTE_CARDS:
            self.crop_model(name)

    def _load_detector(self, card: ModelCard) -> Detector:
        if card.task != "face-detector" or card.family not in DECODERS:
            raise ModelUnavailable(f"{card.name} is no face detector; the families are {', '.join(DECODERS)}")
        return Detector(self._session(card, free_sides=True), card.family, card.input)

    def _load_embedder(self, card: ModelCard) -> Embedder:
        if card.task != "face-embedder" or card.calibration is None:
            raise ModelUnavailable(f"{card.name} is no face embedder with a calibration; see docs/guides/models.md")
        embedder = Embedder(self._session(card), card, card.calibration)
        embedder.check()
        return embedder

    def _session(self, card: ModelCard, *, free_sides: bool = False) -> OnnxSession:
        ran = partial(self._meter.model_ran, card.name) if self._meter else None
        return OnnxSession(self._zoo.path(card.name), threads=self._threads, free_sides=free_sides, ran=ran)

    def _once(self, name: str, load: Callable[[ModelCard], T]) -> T:
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = load(self._zoo.card(name))
            return cast(T, self._loaded[name])
