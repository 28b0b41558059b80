"""Judging the content of one picture. The door for DetectModerationLabels."""

from __future__ import annotations

from dataclasses import dataclass

from regard.accountability.gate import Grant
from regard.domain.authority import Action
from regard.domain.images import ObjectName
from regard.domain.moderation import ModerationLabel
from regard.engine.analysis.image_loader import ImageLoader, Workload
from regard.vision.images.moderation import RUN_BYTES, WHOLE_PIXELS, ModerationModels

#: The least confidence of labels that are told unless a client says otherwise (Rekognition, DetectModerationLabels).
LEAST_CONFIDENCE = 50.0
#: The one label of Rekognition's taxonomy (version 7) that the model's one class is.
EXPLICIT = "Explicit"
MODERATION = Workload(longest=2 * WHOLE_PIXELS, bytes_for=lambda _, __: RUN_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeratedPicture:
    """The labels of a picture, the surest first; `model` is the version of the model that gave them."""

    labels: list[ModerationLabel]
    model: str


class Moderation:
    """Judges pictures, and stores nothing."""

    def __init__(self, loader: ImageLoader, models: ModerationModels) -> None:
        self._loader = loader
        self._models = models

    def version(self, grant: Grant) -> str:
        """The version of the model that will judge. Raises ResourceNotReady if it is not installed."""
        grant.require(Action.DETECT)
        self._models.require()
        return self._models.version

    def detect(self, grant: Grant, picture: bytes | ObjectName, least: float) -> ModeratedPicture:
        """The labels of a picture with a confidence (0..100) of `least` or more.

        The confidence is the model's score: no pictures were at hand to calibrate it. Raises what
        `ImageLoader.reading` raises, and ResourceNotReady if the model is not installed.
        """
        grant.require(Action.DETECT)
        model = self._models.explicit_content()  # before the picture takes memory
        with self._loader.reading(picture, workload=MODERATION) as (opened,):
            grant.note(pictures=[opened.image_id])
            confidence = 100 * model.score(opened.load().image.pixels)
        labels = [ModerationLabel(name=EXPLICIT, confidence=confidence)] if confidence >= least else []
        grant.note(found=len(labels))
        return ModeratedPicture(labels=labels, model=self._models.version)
