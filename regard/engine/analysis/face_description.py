"""What the attribute models say of the faces of one picture, column by column."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, Final

import numpy as np

from regard.domain.arrays import FloatArray
from regard.domain.faces import Detail, Faces
from regard.domain.images import Image
from regard.vision.faces import age_and_gender, expression, face_attributes, face_mesh, measured_shares
from regard.vision.faces.face_mesh import Mesh
from regard.vision.models import FaceModels, Task


def described(models: FaceModels, image: Image, faces: Faces, detail: Detail) -> Faces:
    """The same faces, one at least, with the columns that `detail` names and that the models can tell."""
    reading = _Reading(models, image, faces)
    columns: dict[str, Any] = {}
    for flag, read in _COLUMNS.items():
        if flag in detail:
            columns |= read(reading)
    return replace(faces, **columns)


def tellable(models: FaceModels) -> Detail:
    """All that the models at hand can tell of a face."""
    return ~Detail.NONE if Task.GLASSES in models.tasks else ~Detail.GLASSES


class _Reading:
    """Each method runs its model; what several columns are read from is read once."""

    def __init__(self, models: FaceModels, image: Image, faces: Faces) -> None:
        self._model = models.crop_model
        self._optional = models.optional_model
        self._pixels = image.pixels
        self._sides = np.array([image.pixels.shape[1], image.pixels.shape[0]], np.float32)
        self._points = faces.landmarks5 * self._sides
        corners = np.concatenate([faces.boxes[:, :2], faces.boxes[:, :2] + faces.boxes[:, 2:]], axis=1)
        self._corners = corners * np.tile(self._sides, 2)

    @cached_property
    def _outline(self) -> FloatArray:
        return face_attributes.landmarks68(self._model(Task.LANDMARKS), self._pixels, self._corners)

    @cached_property
    def _mesh(self) -> Mesh:
        return face_mesh.read(self._model(Task.MESH), self._pixels, self._corners, self._points)

    @cached_property
    def _ages_and_women(self) -> tuple[FloatArray, FloatArray]:
        return age_and_gender.read(self._model(Task.AGE_AND_GENDER), self._pixels, self._corners)

    def pose(self) -> dict[str, FloatArray]:
        return {"pose": face_attributes.pose(self._model(Task.POSE), self._pixels, self._corners, self._points)}

    def landmarks68(self) -> dict[str, FloatArray]:
        return {"landmarks68": self._outline / self._sides}

    def landmarks30(self) -> dict[str, FloatArray]:
        return {"landmarks30": self._mesh.landmarks30(self._points, self._outline) / self._sides}

    def eye_direction(self) -> dict[str, FloatArray]:
        return {"eye_direction": self._mesh.eye_direction()}

    def eyes_open(self) -> dict[str, FloatArray]:
        return {"eyes_open": measured_shares.share(measured_shares.EYES_OPEN, self._mesh.eye_gap())}

    def mouth_open(self) -> dict[str, FloatArray]:
        return {"mouth_open": measured_shares.share(measured_shares.MOUTH_OPEN, self._mesh.mouth_gap())}

    def smile(self) -> dict[str, FloatArray]:
        return {"smile": measured_shares.share(measured_shares.SMILE, self._mesh.mouth_width())}

    def occluded(self) -> dict[str, FloatArray]:
        masked = face_attributes.masked(self._model(Task.MASK), self._pixels, self._corners)
        return {"occluded": measured_shares.share(measured_shares.OCCLUDED, self._mesh.covered(masked))}

    def glasses(self) -> dict[str, FloatArray]:
        model = self._optional(Task.GLASSES)
        if model is None:
            return {}
        eyeglasses, sunglasses = face_attributes.glasses(model, self._pixels, self._corners)
        return {"eyeglasses": eyeglasses, "sunglasses": sunglasses}

    def age(self) -> dict[str, FloatArray]:
        return {"age_range": self._ages_and_women[0]}

    def gender(self) -> dict[str, FloatArray]:
        return {"female": self._ages_and_women[1]}

    def emotions(self) -> dict[str, FloatArray]:
        return {"emotions": expression.read(self._model(Task.EXPRESSION), self._pixels, self._corners)}


_COLUMNS: Final[Mapping[Detail, Callable[[_Reading], dict[str, FloatArray]]]] = {
    Detail.POSE: _Reading.pose,
    Detail.LANDMARKS68: _Reading.landmarks68,
    Detail.LANDMARKS30: _Reading.landmarks30,
    Detail.EYE_DIRECTION: _Reading.eye_direction,
    Detail.EYES_OPEN: _Reading.eyes_open,
    Detail.MOUTH_OPEN: _Reading.mouth_open,
    Detail.SMILE: _Reading.smile,
    Detail.OCCLUDED: _Reading.occluded,
    Detail.GLASSES: _Reading.glasses,
    Detail.AGE: _Reading.age,
    Detail.GENDER: _Reading.gender,
    Detail.EMOTIONS: _Reading.emotions,
}
