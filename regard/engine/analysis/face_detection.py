"""Detecting and describing the faces of one picture. The door for DetectFaces and `regard faces`."""

from __future__ import annotations

from dataclasses import dataclass

from regard.accountability.gate import Grant
from regard.domain.authority import Action
from regard.domain.faces import Detail, Faces
from regard.domain.images import Image, ObjectName
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.analysis.image_loader import ImageLoader


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectedFaces:
    """A picture and its faces, largest first."""

    image: Image
    faces: Faces


class FaceDetection:
    """Finds and describes faces, and stores nothing."""

    def __init__(self, loader: ImageLoader, analyzer: FaceAnalyzer) -> None:
        self._loader = loader
        self._analyzer = analyzer

    def detect(self, grant: Grant, picture: bytes | ObjectName, detail: Detail) -> DetectedFaces:
        """The faces of a picture with what `detail` asks for. Raises what `ImageLoader.reading` raises."""
        grant.require(Action.DETECT)
        with self._loader.reading(picture) as (opened,):
            grant.note(pictures=[opened.image_id])
            image = opened.load().image
            faces = self._analyzer.faces([image], detail)[0]
            grant.note(found=len(faces))
            return DetectedFaces(image=image, faces=faces)
