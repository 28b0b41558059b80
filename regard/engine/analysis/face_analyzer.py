"""From images to faces: detection, alignment, and the details requested."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from regard.domain.arrays import ByteArray, FloatArray
from regard.domain.faces import Detail, Faces
from regard.domain.images import Image
from regard.domain.reporting import Meter
from regard.engine.analysis.face_description import described
from regard.engine.analysis.upright_faces import described_upright
from regard.vision.faces.face_detector import detection_bytes
from regard.vision.faces.face_embedder import align
from regard.vision.faces.face_points import mixed_points
from regard.vision.geometry import detail_and_luma
from regard.vision.models import FaceModels

#: The most faces of an image, the largest ones, that a call handles (Rekognition, "Guidelines and quotas").
MOST_FACES = 100
#: Longest side that a larger JPEG is scaled down to while it is decoded.
WORKING_SIDE = 1920
#: Fine detail of an aligned face at Sharpness 0 and at 100, logarithmic between. Of 200 development faces the median
#: is 0.088, that is 79; blurred with sigma 1, 2 and 3 pixels it falls to 55, 32 and 18.
BLURRED, CRISP = 0.004, 0.2


#: Faces whose crops, 38 kB each, are held at once where several images are embedded together.
_MOST_CROPS = 256
#: What the models of faces take for a chunk of them: `fr-feature` 84 MB, `sface` 92 MB.
_FACES_BYTES = 92 << 20


def analysis_bytes(height: int, width: int) -> int:
    """The most memory that analysing a picture of this size takes, beside its pixels."""
    return max(detection_bytes(height, width), _FACES_BYTES)


class FaceAnalyzer:
    """Finds and describes faces, and reports their number to `meter`. Thread-safe; list in, list out."""

    def __init__(self, models: FaceModels, meter: Meter | None = None, face_model: str | None = None) -> None:
        """`face_model` is the version of the model to embed with; the default one unless given."""
        self._models = models
        self._meter = meter
        self._face_model = face_model

    def using(self, face_model: str) -> FaceAnalyzer:
        """This analyzer, but it embeds with the face model of that version. Raises ModelUnavailable."""
        self._models.embedder(face_model)  # now, before a picture takes memory
        return FaceAnalyzer(self._models, self._meter, face_model)

    def faces(self, images: Sequence[Image], detail: Detail, *, limit: int = MOST_FACES) -> list[Faces]:
        """The `limit` largest faces of each image, largest first, with the columns that `detail` names."""
        found = self.find(images, limit=limit)
        found = [self.describe(image, faces, detail) for image, faces in zip(images, found, strict=True)]
        return self.embedded(images, found) if Detail.EMBEDDING in detail else found

    def find(self, images: Sequence[Image], *, limit: int = MOST_FACES) -> list[Faces]:
        """Where the `limit` largest faces of each image are, largest first."""
        found = [faces.take(slice(limit)) for faces in self._models.detector().detect([i.pixels for i in images])]
        if self._meter:
            self._meter.faces_found(sum(map(len, found)))
        return found

    def find_again(self, image: Image, seen: Faces) -> Faces | None:
        """Where the faces are of an image that shows almost what another did in which these were `seen` a moment ago;
        None if they are not surely all there: then look at the whole image. Others may be there, too."""
        return self._models.detector().again(image.pixels, seen)

    def describe(self, image: Image, found: Faces, detail: Detail) -> Faces:
        """Faces that were found in the image, with the columns that `detail` names, but for embeddings."""
        return described_upright(partial(self._described, detail=detail), image, found)

    def embedded(self, images: Sequence[Image], found: Sequence[Faces]) -> list[Faces]:
        """The same faces with their embeddings; the faces of many images share the embedder's batches."""
        return [faces for some in _together(found) for faces in self._embedded(images[some], found[some])]

    def _embedded(self, images: Sequence[Image], found: Sequence[Faces]) -> list[Faces]:
        crops = [self.crops(image, faces) for image, faces in zip(images, found, strict=True)]
        vectors, utilities = self._models.embedder(self._face_model).rated(np.concatenate(crops))
        ends = np.cumsum([len(faces) for faces in found])
        parts = [slice(end - len(faces), end) for faces, end in zip(found, ends, strict=True)]
        return [
            replace(faces, embeddings=vectors[part], utility=None if utilities is None else utilities[part])
            for faces, part in zip(found, parts, strict=True)
        ]

    def crops(self, image: Image, faces: Faces) -> ByteArray:
        """What the embedder is given, N×112×112×3; the contour is found only for faces that do not have it yet."""
        if self._models.embedder(self._face_model).points == "detector" or not len(faces):
            return _aligned(image, faces)
        if faces.landmarks68 is None:
            faces = described_upright(partial(described, self._models, detail=Detail.LANDMARKS68), image, faces)
        if faces.landmarks68 is None:
            raise ValueError("the contour was not told")
        sides, widths = _sides(image), faces.boxes[:, 2] * image.pixels.shape[1]
        return align(image.pixels, mixed_points(faces.landmarks5 * sides, faces.landmarks68 * sides, widths))

    def _described(self, image: Image, faces: Faces, detail: Detail) -> Faces:
        if not len(faces):
            return faces
        if Detail.QUALITY in detail:
            faces = replace(faces, quality=quality(_aligned(image, faces)))
        return described(self._models, image, faces, detail)


def quality(crops: ByteArray) -> FloatArray:
    """N×2 brightness and sharpness, 0..100, of N aligned crops."""
    detail, luma = detail_and_luma(crops)
    sharpness = np.log(np.maximum(detail, 1e-9) / BLURRED) / np.log(CRISP / BLURRED)
    return np.stack([luma / 255, np.clip(sharpness, 0, 1)], axis=1).astype(np.float32) * 100


def _together(found: Sequence[Faces]) -> Iterator[slice]:
    """The images in runs of at most _MOST_CROPS faces, or of one image."""
    start = crops = 0
    for row, faces in enumerate(found):
        if row > start and crops + len(faces) > _MOST_CROPS:
            yield slice(start, row)
            start, crops = row, 0
        crops += len(faces)
    if found:
        yield slice(start, len(found))


def _aligned(image: Image, faces: Faces) -> ByteArray:
    return align(image.pixels, faces.landmarks5 * _sides(image))


def _sides(image: Image) -> FloatArray:
    """(width, height) of the pixels at hand, which may be a scaled decode."""
    return np.array([image.pixels.shape[1], image.pixels.shape[0]], np.float32)
