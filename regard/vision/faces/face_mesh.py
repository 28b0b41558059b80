"""What the face mesh says of a face: its pupils, eyes and lips, where it looks, and how far eyes and mouth are open.

The model is MediaPipe's face mesh with attention (Grishchenko et al. 2020), of which the fine points of the lips, of
the eyes and of the irises are read. A face is read together with its mirror image: each reading alone leans to a side
of its own, and how far the two are apart says how sure they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import numpy as np

from regard.domain.arrays import ByteArray, FloatArray
from regard.domain.faces import LANDMARK_TYPES
from regard.vision.faces.face_attributes import CropModel
from regard.vision.geometry import level_squares, unwarp

#: The crop is a square of this many times the box's longer side, as MediaPipe cuts it.
_GROW: Final = 1.5
#: The output that has a point, and its row there. This file's left eye is the one on the left of the picture.
_POINTS: Final[Mapping[str, tuple[str, int]]] = {
    "leftEyeLeft": ("output_left_eye", 0),
    "leftEyeRight": ("output_left_eye", 8),
    "leftEyeUp": ("output_left_eye", 12),
    "leftEyeDown": ("output_left_eye", 4),
    "leftPupil": ("output_left_iris", 0),
    "rightEyeLeft": ("output_right_eye", 8),
    "rightEyeRight": ("output_right_eye", 0),
    "rightEyeUp": ("output_right_eye", 12),
    "rightEyeDown": ("output_right_eye", 4),
    "rightPupil": ("output_right_iris", 0),
    "mouthLeft": ("output_lips", 0),
    "mouthRight": ("output_lips", 10),
    "mouthUp": ("output_lips", 15),
    "mouthDown": ("output_lips", 5),
    "lipsLeft": ("output_lips", 20),
    "lipsRight": ("output_lips", 30),
    "lipsUp": ("output_lips", 35),
    "lipsDown": ("output_lips", 25),
}
#: Which of the 68 points (or the mean of which two) each landmark is that is not read from the mesh.
_OUTLINE: Final[Mapping[str, tuple[int, ...]]] = {
    "leftEyeBrowLeft": (17,),
    "leftEyeBrowUp": (19,),
    "leftEyeBrowRight": (21,),
    "rightEyeBrowLeft": (22,),
    "rightEyeBrowUp": (24,),
    "rightEyeBrowRight": (26,),
    "noseLeft": (31,),
    "noseRight": (35,),
    "upperJawlineLeft": (0,),
    "midJawlineLeft": (4,),
    "chinBottom": (8,),
    "midJawlineRight": (12,),
    "upperJawlineRight": (16,),
}
#: How high above the line through its corners a pupil is that looks ahead, in widths of the eye: the median of the
#: development faces.
_LEVEL: Final = 0.054
#: The output that tells whether it sees a face.
_LIKENESS: Final = "conv_faceflag"
#: What a mask's probability is held within before its log odds are taken.
_LEAST_PROBABILITY: Final = 1e-5
#: An eyeball's radius as a ratio of the eye's width: 12 mm of 30.
_EYEBALL: Final = 0.4


class Mesh:
    """The points of N faces, each read twice, as it is and mirrored; in the pixels of the levelled crops."""

    def __init__(self, ways: FloatArray, likeness: FloatArray, transforms: FloatArray) -> None:
        """`ways` are 2×N×K×2 points, `likeness` the N log odds that the model gives to seeing a face at all."""
        self._ways = ways
        self._likeness = likeness
        self._transforms = transforms

    def landmarks30(self, landmarks5: FloatArray, outline: FloatArray) -> FloatArray:
        """N×30×2 in the picture's pixels, in the order of LANDMARK_TYPES.

        Eyes and lips are the mesh's: it is steadier there than the N×68×2 `outline`, which is steadier elsewhere. The
        first five are `landmarks5`, N×5×2.
        """
        mesh = unwarp(self._ways.mean(axis=0), self._transforms)
        further = LANDMARK_TYPES[landmarks5.shape[1] :]
        points = [
            outline[:, list(_OUTLINE[name])].mean(axis=1) if name in _OUTLINE else mesh[:, _ROWS[name]]
            for name in further
        ]
        return np.concatenate([landmarks5, np.stack(points, axis=1)], axis=1).astype(np.float32)

    def eye_direction(self) -> FloatArray:
        """N×3: yaw and pitch of the eyes in degrees, as of the head, and by how many degrees the two readings differ.

        Yaw is positive where the eyes look to the right of the picture, pitch where they look up.
        """
        degrees = np.stack([_direction(way) for way in self._ways])
        apart = np.abs(degrees[0] - degrees[1]).max(axis=1)
        return np.concatenate([degrees.mean(axis=0), apart[:, None]], axis=1).astype(np.float32)

    def covered(self, masked: FloatArray) -> FloatArray:
        """N numbers that rise with how much of the face is covered, from N probabilities of a mask: their log odds less

        the mesh's own that it sees a face, which fall when a hand, a black bar or the edge of the picture hides a part.
        """
        sure = np.clip(masked, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
        return np.asarray(np.log(sure / (1 - sure)) - self._likeness, np.float32)

    def mouth_gap(self) -> FloatArray:
        """N gaps between the lips, as ratios of the mouth's inner width."""
        points = self._ways.mean(axis=0)
        return _length(points, "lipsUp", "lipsDown") / _length(points, "lipsLeft", "lipsRight")

    def mouth_width(self) -> FloatArray:
        """N widths of the mouth, as ratios of the distance between the eyes."""
        points = self._ways.mean(axis=0)
        left, right = (points[:, _rows(f"{side}EyeLeft", f"{side}EyeRight")].mean(axis=1) for side in ("left", "right"))
        return _length(points, "mouthLeft", "mouthRight") / _norm(right - left)

    def eye_gap(self) -> FloatArray:
        """N gaps between the lids, as ratios of the eye's width; the mean of both eyes."""
        points = self._ways.mean(axis=0)
        gaps = [
            _length(points, f"{side}EyeUp", f"{side}EyeDown") / _length(points, f"{side}EyeLeft", f"{side}EyeRight")
            for side in ("left", "right")
        ]
        return np.asarray((gaps[0] + gaps[1]) / 2, np.float32)


def read(model: CropModel, pixels: ByteArray, boxes: FloatArray, landmarks5: FloatArray) -> Mesh:
    """The mesh of N faces with corner boxes N×4 and points N×5×2, in pixels."""
    transforms = level_squares(boxes, landmarks5[:, 0], landmarks5[:, 1], _GROW, model.side)
    plain, mirrored = (model.run_warped(pixels, transforms, mirrored=each) for each in (False, True))
    back = _points(mirrored)[:, _MIRRORED]
    back[..., 0] = model.side - 1 - back[..., 0]
    likeness = (plain[_LIKENESS] + mirrored[_LIKENESS]).reshape(len(boxes)) / np.float32(2)
    return Mesh(np.stack([_points(plain), back]), np.asarray(likeness, np.float32), transforms)


def _points(outputs: Mapping[str, FloatArray]) -> FloatArray:
    return np.stack(
        [outputs[name].reshape(len(outputs[name]), -1, 2)[:, row] for name, row in _POINTS.values()], axis=1
    )


def _direction(points: FloatArray) -> FloatArray:
    """N×2 yaw and pitch, by how far each pupil is from the middle of its eye; the wider, nearer eye counts more."""
    offsets, widths = [], []
    for side in ("left", "right"):
        left, right, pupil = (points[:, _ROWS[f"{side}{part}"]] for part in ("EyeLeft", "EyeRight", "Pupil"))
        across = right - left
        width = _norm(across)[:, None]
        along = across / width
        up = np.stack([along[:, 1], -along[:, 0]], axis=1)
        away = (pupil - (left + right) / 2) / width
        offsets.append(np.stack([(away * along).sum(axis=1), (away * up).sum(axis=1) - _LEVEL], axis=1))
        widths.append(width)
    offset = (offsets[0] * widths[0] + offsets[1] * widths[1]) / (widths[0] + widths[1])
    return np.degrees(np.arcsin(np.clip(offset / _EYEBALL, -1, 1))).astype(np.float32)


def _length(points: FloatArray, first: str, second: str) -> FloatArray:
    return _norm(points[:, _ROWS[first]] - points[:, _ROWS[second]])


def _norm(vectors: FloatArray) -> FloatArray:
    return np.asarray(np.maximum(np.linalg.norm(vectors, axis=-1), 1e-6), np.float32)


def _rows(*names: str) -> list[int]:
    return [_ROWS[name] for name in names]


def _other_side(name: str) -> str:
    """The point of a mirror image that is `name` of the face."""
    return re.sub("[Ll]eft|[Rr]ight", lambda side: _SIDES[side[0]], name)


_SIDES: Final = {"left": "right", "right": "left", "Left": "Right", "Right": "Left"}
_ROWS: Final = {name: row for row, name in enumerate(_POINTS)}
_MIRRORED: Final = _rows(*map(_other_side, _POINTS))
