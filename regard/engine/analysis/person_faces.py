"""Faces in people's boxes: one tells that what detectors are in doubt about is a person."""

from __future__ import annotations

from typing import Final

import numpy as np

from regard.domain.arrays import FloatArray, IntArray
from regard.domain.faces import Faces
from regard.engine.analysis.object_names import PERSON, names_of
from regard.vision.images.object_decoders import Candidates
from regard.vision.images.object_detector import LEAST_FUSED

#: A face, in percent, that can be relied on; and one that is likelier there than not, which is evidence for a person
#: and for nothing else.
SURE_FACE: Final = 90.0
LIKELY_FACE: Final = 50.0
#: Where in a person's box the middle of a face is, from the top.
_HEAD_PART: Final = 0.6


def faces_from(faces: Faces, least: float) -> Faces:
    """Those of at least so many percent."""
    return faces.take(np.array([row for row in range(len(faces)) if faces.confidence(row) >= least], np.int64))


def own_faces(found: Candidates, faces: Faces) -> FloatArray:
    """How probable it is, 0..1, that each of N objects, best first, is a person with a face of their own: its middle is
    in the upper part of the box, and no better person has it. Who may have a sure one has no other."""
    owned = np.zeros(len(found.scores), np.float32)
    middles = (faces.boxes[:, :2] + faces.boxes[:, 2:] / 2).tolist()
    percents = [faces.confidence(row) for row in range(len(faces))]
    free = sorted(range(len(faces)), key=lambda row: percents[row] < SURE_FACE)
    for row, name in enumerate(names_of(found)):
        left, top, right, bottom = found.boxes[row].tolist()
        lowest = top + _HEAD_PART * (bottom - top)
        inside = (face for face in free if left <= middles[face][0] <= right and top <= middles[face][1] <= lowest)
        if name == PERSON and (mine := next(inside, None)) is not None:
            owned[row] = 1 if percents[mine] >= SURE_FACE else percents[mine] / 100
            free.remove(mine)
    return owned


def rows_to_tell(found: Candidates, owned: FloatArray) -> IntArray:
    """What detectors are sure enough of, and people who are told by their faces alone."""
    return np.flatnonzero((found.scores >= LEAST_FUSED) | (owned > 0))
