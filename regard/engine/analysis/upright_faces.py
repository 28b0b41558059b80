"""Turned faces as the models of one crop expect them: each cut out upright, and what they say turned back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from regard.domain.arrays import FloatArray
from regard.domain.faces import Faces
from regard.domain.images import Image
from regard.vision.geometry import inverted, transformed, turns_and_misfits, upright_portraits, warp

#: Degrees that a head may lean as it is: the models have learned from heads that lean a little.
MOST_LEAN: Final = 20.0
#: The portraits' sides, in pixels; the models look at 64 to 224 pixels of them.
_PORTRAIT_SIDE: Final = 448

Describe = Callable[[Image, Faces], Faces]


def described_upright(describe: Describe, image: Image, faces: Faces) -> Faces:
    """`describe`'s columns for all `faces`; one that leans by more than MOST_LEAN is shown to it upright."""
    turns, _ = turns_and_misfits(faces.landmarks5 * _sides(image))
    leaning = np.abs(turns) > MOST_LEAN
    if not leaning.any():
        return describe(image, faces)
    parts = [describe(image, faces.take(np.flatnonzero(~leaning)))] if not leaning.all() else []
    parts += [_described(describe, image, faces.take(np.array([row]))) for row in np.flatnonzero(leaning)]
    rows = np.concatenate([np.flatnonzero(~leaning), np.flatnonzero(leaning)])
    return Faces.joined(parts).take(np.argsort(rows))


def _described(describe: Describe, image: Image, face: Faces) -> Faces:
    sides = _sides(image)
    points = np.asarray(face.landmarks5 * sides, np.float32)
    matrices, box = upright_portraits(points, _PORTRAIT_SIDE)
    portrait = Image(
        pixels=warp(image.pixels, matrices, _PORTRAIT_SIDE)[0], width=_PORTRAIT_SIDE, height=_PORTRAIT_SIDE
    )
    inside = np.asarray(transformed(points, matrices) / _PORTRAIT_SIDE, np.float32)
    upright = replace(face, boxes=box[None], landmarks5=inside)
    described = replace(describe(portrait, upright), boxes=face.boxes, landmarks5=face.landmarks5)
    for name in ("landmarks68", "landmarks30"):
        if (inside_portrait := getattr(described, name)) is not None:
            back = transformed(np.asarray(inside_portrait * _PORTRAIT_SIDE, np.float32), inverted(matrices))
            described = replace(described, **{name: np.asarray(back / sides, np.float32)})
    if described.pose is not None:
        described = replace(described, pose=np.concatenate([described.pose[:, :2], _roll(points)], axis=1))
    return described


def _roll(points: FloatArray) -> FloatArray:
    across = points[:, 1] - points[:, 0]
    return np.asarray(np.degrees(np.arctan2(across[:, 1:], across[:, :1])), np.float32)


def _sides(image: Image) -> FloatArray:
    """(width, height) of the pixels at hand, which may be a scaled decode."""
    return np.array([image.pixels.shape[1], image.pixels.shape[0]], np.float32)
