"""From a picture to words for what is in it: objects with their boxes, and what it shows as a whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from regard.domain.arrays import ByteArray, FloatArray
from regard.domain.faces import Faces
from regard.domain.images import Box, Image
from regard.domain.labels import Instance, Label
from regard.engine.analysis.object_names import PERSON, better_name, closer_look, looked_at, names_of
from regard.engine.analysis.person_faces import LIKELY_FACE, SURE_FACE, faces_from, own_faces, rows_to_tell
from regard.vision.cards import joint_version
from regard.vision.geometry import halved, reduced
from regard.vision.images.detail import has_detail, is_in_focus
from regard.vision.images.image_models import ImageModels
from regard.vision.images.label_confidence import label_confidence
from regard.vision.images.object_confidence import Evidence
from regard.vision.images.object_decoders import Candidates
from regard.vision.images.scene_confidence import scene_percents
from regard.vision.images.taxonomy import GARMENTS, taxonomy
from regard.vision.models import FaceModels

#: The longest side of the picture that all models are given: twice what the finest sees. It is reduced once for all.
SEEN_PIXELS: Final = 1024
#: The longest side of the picture in which faces are looked for: they need only tell a person from clothes.
_FACE_PIXELS: Final = 480
#: What is less certain is not told, however little is asked for: there would be a word for everything.
_LEAST_PERCENT: Final = 10.0
_FACE: Final = "Face"


@dataclass(frozen=True)
class Findings:
    """What the models say of one picture: N objects, their names, corners N×4 in ratios and confidences, best first;
    faces that are sure; and by label how certain it is of the picture as a whole, of none where that shows nothing."""

    names: tuple[str, ...]
    boxes: FloatArray
    percents: FloatArray
    faces: Faces
    scenes: Mapping[str, float]

    @cached_property
    def instances(self) -> Mapping[str, tuple[Instance, ...]]:
        """The objects of each name, most certain first."""
        found = defaultdict(list)
        for name, (left, top, right, bottom), percent in zip(self.names, self.boxes, self.percents, strict=True):
            box = Box(left=float(left), top=float(top), width=float(right - left), height=float(bottom - top))
            found[name].append(Instance(box=box, confidence=float(percent)))
        for row in range(len(self.faces)):
            found[_FACE].append(Instance(box=self.faces.box(row), confidence=self.faces.confidence(row)))
        return {name: tuple(sorted(each, key=lambda one: -one.confidence)) for name, each in found.items()}

    def labels(self, least: float) -> list[Label]:
        """Every label of at least `least` confidence with all of its ancestors, which are as certain as it is; most
        certain first, by name where they are equal."""
        least = max(least, _LEAST_PERCENT)
        known, best = taxonomy(), {name: percent for name, percent in self.scenes.items() if percent >= least}
        for name, instances in self.instances.items():
            best[name] = max(best.get(name, 0.0), instances[0].confidence)
        for name, percent in list(best.items()):
            for ancestor in known.ancestors(name):
                best[ancestor] = max(best.get(ancestor, 0.0), percent)
        return [
            Label(
                name=name,
                confidence=percent,
                instances=tuple(one for one in self.instances.get(name, ()) if one.confidence >= least),
                parents=tuple(sorted(known.ancestors(name))),
                aliases=known.entries[name].aliases,
                category=known.categories[name],
            )
            for name, percent in sorted(best.items(), key=lambda pair: (-pair[1], pair[0]))
            if percent >= least
        ]


class LabelAnalyzer:
    """Finds what is in pictures. Safe for threads."""

    def __init__(self, models: ImageModels, faces: FaceModels) -> None:
        self._models = models
        self._faces = faces

    @property
    def version(self) -> str:
        """What stands for all that labels come from: models, the detector of faces, taxonomy and calibration."""
        return joint_version("labels", [self._models.version, *self._faces.fingerprints()])

    def find(self, image: Image, *, closely: bool = True) -> Findings:
        """Objects other than people are looked at `closely`, or are as the detectors say. Raises ModelUnavailable."""
        pixels, known, scenes = reduced(image.pixels, SEEN_PIXELS), taxonomy(), self._models.scenes()
        coarse = _halved_for(pixels, longest=_FACE_PIXELS, shortest=scenes.side)
        probabilities = scenes.probabilities([coarse])
        (found,) = self._models.objects().detect([pixels])
        likely = faces_from(self._faces_of(coarse), LIKELY_FACE)
        faces, owned = faces_from(likely, SURE_FACE), own_faces(found, likely)
        rows = rows_to_tell(found, owned)
        found, owned = found.take(rows), owned[rows]
        whole = dict(zip(known.names, known.of_scenes(probabilities)[0].tolist(), strict=True))
        looks = {row: closer_look(pixels, found.boxes[row], scenes) for row in (looked_at(found) if closely else ())}
        names = [better_name(name, looks[row]) if row in looks else name for row, name in enumerate(names_of(found))]
        garment = 0.0 if len(faces) else max(whole[name] for name in GARMENTS)
        percents = _evidence(found, names, owned, whole, looks, garment).percent()
        order = np.argsort(-percents, kind="stable")
        shows = has_detail(coarse) and (len(faces) > 0 or is_in_focus(coarse))
        certain = scene_percents(probabilities[0], portrait=_is_portrait(faces)).tolist() if shows else ()
        return Findings(
            names=tuple(names[row] for row in order),
            boxes=found.boxes[order],
            percents=percents[order],
            faces=faces,
            scenes=dict(zip(known.names, certain, strict=False)),
        )

    def is_portrait(self, pixels: ByteArray) -> bool:
        """Whether a face is large in a picture. Raises ModelUnavailable."""
        return _is_portrait(faces_from(self._faces_of(pixels), SURE_FACE))

    def _faces_of(self, pixels: ByteArray) -> Faces:
        (faces,) = self._faces.detector().detect([reduced(pixels, _FACE_PIXELS)])
        return faces


def _halved_for(pixels: ByteArray, *, longest: int, shortest: int) -> ByteArray:
    """A picture, or half of it, once for all who would halve it themselves: those who see that much of its sides."""
    sides = pixels.shape[:2]
    return halved(pixels) if max(sides) > 2 * longest and min(sides) > 2 * shortest else pixels


def _is_portrait(faces: Faces) -> bool:
    return bool((np.prod(faces.boxes[:, 2:], axis=1) >= label_confidence().scenes.portrait_part).any())


def _evidence(
    found: Candidates,
    names: Sequence[str],
    owned: FloatArray,
    whole: Mapping[str, float],
    looks: Mapping[int, Mapping[str, float]],
    garment: float,
) -> Evidence:
    """`owned` is how probable it is that each has a face, `whole` how probable each label is of the picture as a whole,
    `looks` of objects by themselves."""
    known = taxonomy()
    kinds = [
        max(shown[each] for shown in (whole, looks.get(row, whole)) for each in (name, *known.ancestors(name)))
        for row, name in enumerate(names)
    ]
    return Evidence(
        scores=found.scores,
        persons=np.array([name == PERSON for name in names], bool),
        faces=owned,
        kinds=np.array(kinds, np.float32),
        garment=garment,
    )
