"""What objects are called: a closer look at those that detectors found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from regard.domain.arrays import ByteArray, FloatArray
from regard.vision.images.object_decoders import Candidates
from regard.vision.images.scene_classifier import SceneClassifier
from regard.vision.images.taxonomy import taxonomy

PERSON: Final = "Person"
#: The classifier looks at so many objects of a picture by themselves, those that detectors are surest of, if they give
#: them that score; and so much of an object's sides around it.
MOST_LOOKS: Final = 5
_LEAST_SCORE: Final = 0.3
_MARGIN: Final = 0.1
#: It renames an object if another name is so probable, and the detectors' so little.
_LIKELY, _UNLIKELY = 0.5, 0.1


def names_of(found: Candidates) -> list[str]:
    """The labels of N objects, as the detectors say."""
    return [taxonomy().object_names[number] for number in found.classes.tolist()]


def looked_at(found: Candidates) -> list[int]:
    """The rows of the objects that are worth a closer look: no people, whom the classifier does not know."""
    worth = (row for row, name in enumerate(names_of(found)) if name != PERSON and found.scores[row] >= _LEAST_SCORE)
    return sorted(worth, key=lambda row: -float(found.scores[row]))[:MOST_LOOKS]


def crop_of(pixels: ByteArray, box: FloatArray) -> ByteArray:
    """What a box, corners in ratios, has of a picture, with a margin."""
    height, width = pixels.shape[:2]
    margin = np.tile((box[2:] - box[:2]) * _MARGIN, 2) * [-1, -1, 1, 1]
    left, top, right, bottom = (np.clip(box + margin, 0, 1) * [width, height, width, height]).tolist()
    left, top = min(int(left), width - 1), min(int(top), height - 1)
    return pixels[top : max(top + 1, round(bottom)), left : max(left + 1, round(right))]


def closer_look(pixels: ByteArray, box: FloatArray, scenes: SceneClassifier) -> Mapping[str, float]:
    """How probable each label is of what is in the box."""
    known = taxonomy()
    (sums,) = known.of_scenes(scenes.probabilities([crop_of(pixels, box)]))
    return dict(zip(known.names, sums.tolist(), strict=True))


def better_name(name: str, shown: Mapping[str, float]) -> str:
    """Another name of the same kind if the object shows that rather: a dog that detectors took for a horse."""
    known = taxonomy()
    kind = known.ancestors(name)
    alike = [each for each in known.object_names.values() if known.ancestors(each) & kind]
    likeliest = max(alike, key=lambda each: shown[each], default=name)
    return likeliest if shown[likeliest] >= _LIKELY and shown[name] < _UNLIKELY else name
