"""Faces of the same people, photographed well and badly, with what an embedder makes of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from rich.progress import track

from benchmarks.material import CalibrationFaces, central
from benchmarks.poor_pictures import Scene, Spoil
from regard.domain.arrays import ByteArray, FloatArray, IntArray
from regard.domain.faces import Detail
from regard.domain.images import Image
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.media.image_decoder import decode
from regard.vision.faces.utility import UtilityModel
from regard.vision.models import FaceModels


@dataclass(frozen=True)
class PoorFaces:
    """N faces, found in `tried` photographs that were taken in one way. `units` N×D and `lengths` N are the embedder's
    vectors, `own` N their cosines with those of the same photograph as it was."""

    kind: str
    people: IntArray
    units: FloatArray
    lengths: FloatArray
    own: FloatArray
    tried: int

    @property
    def reach(self) -> FloatArray:
        """The cosine that one in a hundred of the other people exceeds, for each face."""
        cosines = self.units @ self.units.T
        np.fill_diagonal(cosines, np.nan)
        return np.asarray(np.nanpercentile(cosines, 99, axis=1), np.float32)

    def strangers(self, model: UtilityModel) -> tuple[FloatArray, FloatArray]:
        """The cosines of all pairs, and the better of the two utilities."""
        utilities = model.of(self.units, self.lengths)
        first, second = np.triu_indices(len(self.units), 1)
        return (self.units @ self.units.T)[first, second], np.maximum(utilities[first], utilities[second])


class Studio:
    """Photographs at most `most` people once each, those first of whom there are more photographs."""

    def __init__(self, models: FaceModels, faces: CalibrationFaces, most: int) -> None:
        self._models = models
        self._analyzer = FaceAnalyzer(models)
        self.rows = faces.portraits()[:most]
        self._people = faces.people[self.rows]
        self._scenes = [_scene(self._analyzer, faces, row) for row in track(self.rows, description="Good pictures")]
        self._good = [self._measured(scene.pixels) for scene in self._scenes]

    def photographed(self, kind: str, spoil: Spoil) -> PoorFaces:
        """All of them in this way."""
        found = [self._measured(spoil(scene)) for scene in track(self._scenes, description=kind)]
        both = [(row, one, well) for row, (one, well) in enumerate(zip(found, self._good, strict=True)) if one and well]
        return PoorFaces(
            kind=kind,
            people=self._people[[row for row, _, _ in both]],
            units=np.array([one[0] for _, one, _ in both], np.float32).reshape(
                len(both), self._models.face_model.dimension
            ),
            lengths=np.array([one[1] for _, one, _ in both], np.float32),
            own=np.array([one[0] @ well[0] for _, one, well in both], np.float32),
            tried=len(self._scenes),
        )

    def _measured(self, pixels: ByteArray) -> tuple[FloatArray, float] | None:
        """The unit vector of the face nearest the middle, and its length; None without a face."""
        image = Image(pixels=pixels, width=pixels.shape[1], height=pixels.shape[0])
        (found,) = self._analyzer.faces([image], Detail.NONE)
        if not len(found):
            return None
        units, lengths = self._models.embedder().measured(self._analyzer.crops(image, central(found)))
        return units[0], float(lengths[0])


def _scene(analyzer: FaceAnalyzer, faces: CalibrationFaces, row: int) -> Scene:
    image = decode(faces.files[row].read_bytes())
    face = central(analyzer.faces([image], Detail.LANDMARKS68)[0])
    sides = np.array([image.width, image.height], np.float32)
    corners = np.concatenate([face.boxes[0, :2], face.boxes[0, :2] + face.boxes[0, 2:]]) * np.tile(sides, 2)
    points = np.zeros((68, 2), np.float32) if face.landmarks68 is None else face.landmarks68[0] * sides
    return Scene(image.pixels, corners, points, np.random.default_rng(row))
