"""Who wears a mask: people with their faces. The door for DetectProtectiveEquipment.

No model with a permissive licence tells helmets or gloves: of those nothing is said, and whoever must wear one is
neither with nor without it, but unknown.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from regard.accountability.gate import Grant
from regard.domain.authority import Action
from regard.domain.equipment import Cover, EquipmentSummary, ProtectedPerson
from regard.domain.faces import Faces
from regard.domain.images import Box, Image, ObjectName
from regard.engine.analysis.face_owners import faces_of
from regard.engine.analysis.image_loader import FACES, ImageLoader
from regard.engine.analysis.label_analyzer import LabelAnalyzer
from regard.vision.cards import joint_version
from regard.vision.faces.face_attributes import masked
from regard.vision.models import FaceModels, Task

#: The kind of equipment that can be told.
FACE_COVER: Final = "FACE_COVER"
#: Rekognition's: the most persons, and the least confidence of anything.
MOST_PERSONS: Final = 15
LEAST_PERCENT: Final = 50.0
#: Rekognition takes smaller pictures for it than for anything else.
EQUIPMENT: Final = replace(FACES, shortest=64)
_PERSON: Final = "Person"
#: The part of a face's box, from its top, that a mask leaves free.
_BARE_PART: Final = 0.45


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """The persons of a picture, most certain first, and the models they were found by."""

    persons: tuple[ProtectedPerson, ...]
    model: str


class ProtectiveEquipment:
    """Looks for masks, and stores nothing."""

    def __init__(self, loader: ImageLoader, analyzer: LabelAnalyzer, models: FaceModels) -> None:
        self._loader = loader
        self._analyzer = analyzer
        self._models = models

    def detect(self, grant: Grant, picture: bytes | ObjectName) -> Equipment:
        """The persons of a picture. Raises what `ImageLoader.reading` raises, and ModelUnavailable."""
        grant.require(Action.DETECT)
        with self._loader.reading(picture, workload=EQUIPMENT) as (opened,):
            grant.note(pictures=[opened.image_id])
            image = opened.load().image
            persons = self._persons(image)
            grant.note(found=len(persons))
            return Equipment(persons=persons, model=self.version)

    @property
    def version(self) -> str:
        """What stands for the models of people, faces and masks."""
        return joint_version("equipment", [self._analyzer.version, *self._models.fingerprints(Task.MASK)])

    def _persons(self, image: Image) -> tuple[ProtectedPerson, ...]:
        found = self._analyzer.find(image, closely=False).instances.get(_PERSON, ())
        found = tuple(one for one in found if one.confidence >= LEAST_PERCENT)[:MOST_PERSONS]
        if not found:
            return ()
        (faces,) = self._models.detector().detect([image.pixels])
        rows = faces_of([one.box for one in found], [faces.box(row) for row in range(len(faces))])
        covers = self._covers(image, faces)
        return tuple(
            ProtectedPerson(box=one.box, confidence=one.confidence)
            if row is None
            else ProtectedPerson(
                box=one.box, confidence=one.confidence, face=faces.confidence(row), cover=covers.get(row)
            )
            for one, row in zip(found, rows, strict=True)
        )

    def _covers(self, image: Image, faces: Faces) -> dict[int, Cover]:
        """What covers the faces that something covers, by their rows."""
        if not len(faces):
            return {}
        height, width = image.pixels.shape[:2]
        corners = np.concatenate([faces.boxes[:, :2], faces.boxes[:, :2] + faces.boxes[:, 2:]], axis=1)
        pixels = (corners * np.array([width, height] * 2)).astype(np.float32)
        percents = 100 * masked(self._models.crop_model(Task.MASK), image.pixels, pixels)
        return {
            row: Cover(box=_lower(faces.box(row)), confidence=percent)
            for row, percent in enumerate(percents.tolist())
            if percent >= LEAST_PERCENT
        }


def summarised(persons: Sequence[ProtectedPerson], required: Collection[str], least: float) -> EquipmentSummary:
    """Who wears all kinds of equipment that are `required`, by what is at least so certain. Others are left out."""
    rows = [row for row, person in enumerate(persons) if person.confidence >= least]
    lacking = {row for row in rows if FACE_COVER in required and _is_bare(persons[row], least)}
    wearing = {row for row in rows if set(required) <= _worn(persons[row], least)}
    return EquipmentSummary(
        wearing=tuple(row for row in rows if row in wearing),
        lacking=tuple(row for row in rows if row in lacking),
        unknown=tuple(row for row in rows if row not in wearing | lacking),
    )


def _worn(person: ProtectedPerson, least: float) -> set[str]:
    return {FACE_COVER} if person.cover is not None and person.cover.confidence >= least else set()


def _is_bare(person: ProtectedPerson, least: float) -> bool:
    return person.face is not None and person.face >= least and person.cover is None


def _lower(face: Box) -> Box:
    top = face.top + _BARE_PART * face.height
    return Box(left=face.left, top=top, width=face.width, height=(1 - _BARE_PART) * face.height)
