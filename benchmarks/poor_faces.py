"""Faces of the same people, photographed well and badly, with what an embedder makes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from rich.progress import track

from benchmarks.material import CalibrationFaces, central
from benchmarks.poor_scenes import Scene, Spoil
from regard.domain.arrays import BoolArray, ByteArray, FloatArray, IntArray
from regard.domain.faces import Detail
from regard.domain.images import Image
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.media.image_decoder import decode
from regard.vision.faces.utility import UtilityModel
from regard.vision.models import FaceModels

_THIRD = 3


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

    def take(self, chosen: BoolArray) -> PoorFaces:
        """Those faces of it."""
        columns = {name: getattr(self, name)[chosen] for name in ("people", "units", "lengths", "own")}
        return replace(self, **columns)

    def strangers(self, model: UtilityModel) -> tuple[FloatArray, FloatArray, IntArray]:
        """The cosines of all pairs, the better of the two utilities, and the two people."""
        utilities = model.of(self.units, self.lengths)
        first, second = np.triu_indices(len(self.units), 1)
        cosines = (self.units @ self.units.T)[first, second]
        people = np.stack([self.people[first], self.people[second]], axis=1)
        return cosines, np.maximum(utilities[first], utilities[second]), people


class Studio:
    """Photographs people once each, those first of whom there are more photographs: `often` of them in every way, and
    `seldom` more in every third, so that more people are seen in the same time."""

    def __init__(self, models: FaceModels, faces: CalibrationFaces, often: int, seldom: int) -> None:
        self._models = models
        self._analyzer = FaceAnalyzer(models)
        self._faces = faces
        self._often = often
        self.rows = faces.portraits()[: often + seldom]
        self._people = faces.people[self.rows]
        self._scenes = [_scene(self._analyzer, faces, row) for row in track(self.rows, description="Good pictures")]
        self._good = [self._measured(scene.pixels) for scene in self._scenes]

    def photographed(self, number: int, kind: str, spoil: Spoil) -> PoorFaces:
        """Whose turn it is in the way of this number."""
        rows = [row for row in range(len(self.rows)) if row < self._often or (row + number) % _THIRD == 0]
        found = [(row, self._measured(spoil(self._scenes[row]))) for row in track(rows, description=kind)]
        both = [(row, one, well) for row, one in found if one and (well := self._good[row])]
        return PoorFaces(
            kind=kind,
            people=self._people[[row for row, _, _ in both]],
            units=np.array([one[0] for _, one, _ in both], np.float32).reshape(
                len(both), self._models.face_model.dimension
            ),
            lengths=np.array([one[1] for _, one, _ in both], np.float32),
            own=np.array([one[0] @ well[0] for _, one, well in both], np.float32),
            tried=len(rows),
        )

    def others(self, most: int = 2) -> PoorFaces:
        """Other photographs of the same people, as they are; at most so many of each."""
        of_each = [np.flatnonzero(self._faces.people == person) for person in self._people]
        kept = [row for rows in of_each for row in np.setdiff1d(rows, self.rows)[:most]]
        found = [self._measured(decode(self._faces.files[row].read_bytes()).pixels) for row in kept]
        both = [(row, one) for row, one in zip(kept, found, strict=True) if one]
        return PoorFaces(
            kind="other photographs",
            people=self._faces.people[[row for row, _ in both]],
            units=np.array([one[0] for _, one in both], np.float32),
            lengths=np.array([one[1] for _, one in both], np.float32),
            own=np.full(len(both), np.nan, np.float32),
            tried=len(kept),
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
