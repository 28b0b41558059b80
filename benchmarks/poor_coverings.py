"""Photographs of faces of which something is hidden."""

from __future__ import annotations

import cv2
import numpy as np
import PIL.ImageDraw

from benchmarks.poor_scenes import Scene, array
from regard.domain.arrays import ByteArray, FloatArray

_MASKS = ((235, 235, 240), (120, 170, 210), (30, 30, 35))


def masked(scene: Scene) -> ByteArray:
    """A mask drawn from ear to ear over nose and chin."""
    points = scene.landmarks68[[*range(2, 15), 28]]
    return _filled(scene, points, _MASKS[int(scene.chance.integers(len(_MASKS)))])


def barred(scene: Scene, height: float = 0.6) -> ByteArray:
    """A black bar over the eyes, so high in distances of the eyes."""
    left, right = _eyes(scene)
    along = (right - left) * 0.8
    across = np.array([-along[1], along[0]]) * height / 1.6
    return _filled(scene, np.stack([left - along - across, right + along - across, right + along + across,
                                    left - along + across]), (0, 0, 0))  # fmt: skip


def glasses(scene: Scene, size: float = 1.0) -> ByteArray:
    """Dark glasses."""
    pixels, (left, right) = scene.pixels.copy(), _eyes(scene)
    apart = float(np.linalg.norm(right - left)) * size
    for eye in (left, right):
        centre = (int(eye[0]), int(eye[1]))
        cv2.ellipse(pixels, centre, (int(0.38 * apart), int(0.3 * apart)), 0, 0, 360, (20, 20, 24), -1)
    cv2.line(pixels, left.astype(int).tolist(), right.astype(int).tolist(), (20, 20, 24), max(1, int(apart / 18)))
    return np.asarray(pixels, np.uint8)


def hatted(scene: Scene) -> ByteArray:
    """All above the brows in one colour."""
    width, _ = scene.size
    brow = scene.landmarks68[17:27].mean(axis=0)[1]
    colour = tuple(int(value) for value in scene.chance.integers(0, 200, 3))
    return _filled(scene, np.array([[0, 0], [width, 0], [width, brow], [0, brow]]), (colour[0], colour[1], colour[2]))


def held(scene: Scene) -> ByteArray:
    """A dark upright thing, as a telephone or a microphone, somewhere before the face."""
    width = scene.box[2] - scene.box[0]
    corner = scene.box[:2] + scene.chance.uniform(0.05, 0.5, 2) * (scene.box[2:] - scene.box[:2])
    sides = np.array([[0, 0], [0.4, 0], [0.4, 0.75], [0, 0.75]]) * width
    return _filled(scene, corner + sides, (25, 25, 28))


def fingers(scene: Scene) -> ByteArray:
    """Four bars of the skin's own colour over the mouth."""
    pixels, width = scene.pixels.copy(), float(scene.box[2] - scene.box[0])
    x, y = scene.landmarks68[[2, 14, 30]].mean(axis=0).astype(int)
    skin = pixels[max(0, y - 4) : y + 4, max(0, x - 8) : x + 8].reshape(-1, 3)
    colour = skin.mean(axis=0) if len(skin) else np.full(3, 150.0)
    for finger in range(4):
        middle = scene.landmarks68[48:68].mean(axis=0) + np.array([0, 0.12 * (finger - 1.5)]) * width
        start, end = (middle + np.array([side * width, 0]) for side in (-0.45, 0.3))
        shade = (colour * (0.92 if finger % 2 else 1.0)).tolist()
        cv2.line(pixels, start.astype(int).tolist(), end.astype(int).tolist(), shade, max(2, int(0.115 * width)))
    return np.asarray(pixels, np.uint8)


def halved(scene: Scene, side: str) -> ByteArray:
    """Half of the face black."""
    column, row = ((scene.box[:2] + scene.box[2:]) / 2).astype(int)
    half = {"upper": np.s_[:row], "lower": np.s_[row:], "left": np.s_[:, :column], "right": np.s_[:, column:]}[side]
    pixels = scene.pixels.copy()
    pixels[half] = 0
    return pixels


def fenced(scene: Scene, upright: bool) -> ByteArray:
    """Behind bars, which hide half of the picture."""
    pixels, step = scene.pixels.copy(), max(4, int(scene.side / 7))
    for start in range(0, max(scene.size), 2 * step):
        pixels[np.s_[:, start : start + step] if upright else np.s_[start : start + step]] = 40
    return pixels


def patched(scene: Scene, share: float) -> ByteArray:
    """Squares of noise in so many of sixteen times sixteen places."""
    pixels, side = scene.pixels.copy(), max(1, scene.size[0] // 16)
    for row in range(0, scene.size[1], side):
        for column in range(0, scene.size[0], side):
            if scene.chance.random() < share:
                place = pixels[row : row + side, column : column + side]
                place[:] = scene.chance.integers(0, 256, place.shape)
    return pixels


def written(scene: Scene) -> ByteArray:
    """Words across the face, as a mark of whose picture it is."""
    picture = scene.picture
    draw = PIL.ImageDraw.Draw(picture)
    x, y = (float(value) for value in scene.box[:2])
    side = scene.side
    for line in range(4):
        draw.text((x, y + side * (0.1 + 0.26 * line)), "PREVIEW", fill=(255, 255, 255), font_size=side / 4)
    return array(picture)


def profile(scene: Scene) -> ByteArray:
    """What a profile shows: one half of a face, and the background beyond its nose."""
    column = int(scene.landmarks68[27:31, 0].mean())
    pixels = scene.pixels.copy()
    pixels[:, column:] = pixels[:, -1:]
    return pixels


def _eyes(scene: Scene) -> tuple[FloatArray, FloatArray]:
    return scene.landmarks68[36:42].mean(axis=0), scene.landmarks68[42:48].mean(axis=0)


def _filled(scene: Scene, points: FloatArray, colour: tuple[int, int, int]) -> ByteArray:
    picture = scene.picture
    PIL.ImageDraw.Draw(picture).polygon([tuple(point) for point in points.tolist()], fill=colour)
    return array(picture)
