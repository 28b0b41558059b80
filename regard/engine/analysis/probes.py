"""Probes: faces of a picture to compare or search with."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import astuple, dataclass

import numpy as np

from regard.domain.arrays import FloatArray
from regard.domain.faces import Detail, Faces
from regard.domain.images import Box, Image, ObjectName
from regard.engine.analysis.face_analyzer import MOST_FACES, FaceAnalyzer
from regard.engine.analysis.image_loader import ImageLoader, Picture
from regard.engine.analysis.quality_filter import JUDGED, select, told, utility_reasons
from regard.errors import InvalidParameter
from regard.vision.geometry import overlaps


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """A picture, some of its faces, and their embeddings: N×D unit rows."""

    image: Image
    faces: Faces
    embeddings: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One face of a person, and enough of the picture around it to embed it."""

    image: Image
    face: Faces


_DETAIL = "No face that the quality filter lets pass was found in the image; send another."


class NoFace(InvalidParameter):
    """There are no faces in the image. Should be at least 1."""

    def __init__(self, image: Image, message: str | None = None, *, detail: str | None = None) -> None:
        super().__init__(message, detail=detail or _DETAIL)
        #: The picture without a usable face.
        self.image = image


class ProbeReader:
    """Reads the faces of a picture that pass a quality filter."""

    def __init__(self, loader: ImageLoader, analyzer: FaceAnalyzer) -> None:
        self._loader = loader
        self._analyzer = analyzer

    def using(self, face_model: str) -> ProbeReader:
        """This reader, but its embeddings are of the face model of that version. Raises ModelUnavailable."""
        return ProbeReader(self._loader, self._analyzer.using(face_model))

    def reading(self, *pictures: bytes | ObjectName) -> AbstractContextManager[list[Picture]]:
        """As `ImageLoader.reading`: everything else is done inside."""
        return self._loader.reading(*pictures)

    def of(
        self,
        image: Image,
        level: str = "NONE",
        *,
        most: int = 1,
        detail: Detail = Detail.NONE,
        counted: Callable[[int], None] | None = None,
        chosen: Box | None = None,
    ) -> Probes:
        """Those of the `most` largest faces that pass `level`, largest first, with what `detail` asks for; the one at
        `chosen` comes before all others. `counted` is told how many there are in all, before more is found out about
        any.

        Raises NoFace if there are none, or none at `chosen`.
        """
        if counted is not None:
            counted(len(self.found(image, Detail.NONE)))
        judged = detail if level == "NONE" else detail | JUDGED
        limit = most if chosen is None else MOST_FACES
        faces = _in_front(image, self._analyzer.faces([image], judged, limit=limit)[0], chosen).take(slice(most))
        faces = faces.take(select(faces, image, level, most).kept)
        if not len(faces):
            raise NoFace(image)
        probes = self.embedded(image, faces)
        kept = np.flatnonzero([not failed for failed in utility_reasons(probes.faces, level)])
        if not len(kept):
            raise NoFace(image)
        return Probes(image=image, faces=told(probes.faces.take(kept), detail), embeddings=probes.embeddings[kept])

    def found(self, image: Image, detail: Detail, chosen: Box | None = None) -> Faces:
        """Every face, largest first but for the one at `chosen`, with what `detail` asks for and without an embedding.

        Raises NoFace if there is none at `chosen`.
        """
        return _in_front(image, self._analyzer.faces([image], detail)[0], chosen)

    def embedded(self, image: Image, faces: Faces) -> Probes:
        """These faces of the picture, embedded."""
        (found,) = self._analyzer.embedded([image], [faces])
        if found.embeddings is None:
            raise ValueError("the analyzer returned no embeddings")
        return Probes(image=image, faces=found, embeddings=found.embeddings)


def _in_front(image: Image, faces: Faces, chosen: Box | None) -> Faces:
    """The face that overlaps `chosen` most, before the others. Raises NoFace if none does."""
    if chosen is None:
        return faces
    shares = overlaps(_corners(faces.boxes), _corners(np.array([astuple(chosen)], np.float32)))[:, 0]
    if not shares.any():
        raise NoFace(image, "No face was found where the chosen one is said to be. Look for the faces again.")
    best = int(shares.argmax())
    return faces.take(np.array([best, *(row for row in range(len(faces)) if row != best)]))


def _corners(boxes: FloatArray) -> FloatArray:
    """N×4 of left, top, right and bottom."""
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
