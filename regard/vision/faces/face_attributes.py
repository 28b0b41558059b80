"""What the small face models say of a face: its 68 points, its pose, its eyes and mouth.

Each takes the picture and corner boxes N×4 in pixels. How each box is cut was chosen on the development faces: the
models' own authors cropped around another detector's boxes (docs/accuracy.md has what was measured).
"""

from __future__ import annotations

import numpy as np

from regard.domain.arrays import ByteArray, FloatArray
from regard.vision.cards import Input
from regard.vision.geometry import crop_and_resize, rectangles, to_whole_pixels
from regard.vision.preprocess import Preprocess
from regard.vision.session import Session, run_in_chunks


class CropModel:
    """A model of one crop per face."""

    def __init__(self, session: Session, model_input: Input) -> None:
        self._session = session
        self._preprocess = Preprocess(model_input)

    def run(self, pixels: ByteArray, boxes: FloatArray, *, mirrored: bool = False) -> list[FloatArray]:
        """Every output of the model for the N crops at `boxes`, N rows each."""

        def prepared(some: FloatArray) -> FloatArray:
            crops = crop_and_resize(pixels, some, self._preprocess.side)
            return self._preprocess(crops[:, :, ::-1] if mirrored else crops)

        return run_in_chunks(self._session, boxes, prepared)


def landmarks68(model: CropModel, pixels: ByteArray, boxes: FloatArray) -> FloatArray:
    """The N×68×2 points (iBUG 300-W) in pixels."""
    wide = rectangles(boxes, (boxes[:, 2:] - boxes[:, :2]) * np.array([1.1, 1.0], np.float32))
    crops = to_whole_pixels(wide).astype(np.float32)
    relative = model.run(pixels, crops)[0].reshape(-1, 68, 2)
    return np.asarray(relative * (crops[:, None, 2:] - crops[:, None, :2]) + crops[:, None, :2], np.float32)


def pose(model: CropModel, pixels: ByteArray, boxes: FloatArray, landmarks5: FloatArray) -> FloatArray:
    """N×3 yaw, pitch, roll in degrees. Yaw and pitch are the model's (66 bins of 3°, as Ruiz et al. 2018);

    roll is the slope of the line through the eyes, which N×5×2 `landmarks5` give exactly.
    """
    crops = rectangles(boxes, (boxes[:, 2:] - boxes[:, :2]) * 1.5)
    yaw, pitch, _ = (softmax(bins) @ np.arange(66, dtype=np.float32) * 3 - 99 for bins in model.run(pixels, crops))
    across = landmarks5[:, 1] - landmarks5[:, 0]
    roll = np.degrees(np.arctan2(across[:, 1], across[:, 0]))
    return np.stack([-yaw, pitch, roll], axis=1).astype(np.float32)


def eyes_open(model: CropModel, pixels: ByteArray, outline: FloatArray) -> FloatArray:
    """N probabilities that the eyes are open: the mean of both, from the N×68×2 `outline`."""
    both = []
    for corner in (36, 42):
        eye = outline[:, corner : corner + 6]
        side = np.maximum(eye[:, 3, 0] - eye[:, 0, 0], 2.0)[:, None] * 1.6
        centre = eye[:, [1, 2, 4, 5]].mean(axis=1)
        boxes = np.concatenate([centre - side / 2, centre + side / 2], axis=1).astype(np.float32)
        both.append(softmax(model.run(pixels, boxes)[0])[:, 1])
    return np.asarray((both[0] + both[1]) / 2, np.float32)


def mouth_gap(outline: FloatArray) -> FloatArray:
    """N gaps between the inner lips as ratios of the mouth's inner width."""
    gap = np.linalg.norm(outline[:, 66] - outline[:, 62], axis=1)
    width = np.linalg.norm(outline[:, 64] - outline[:, 60], axis=1)
    return np.asarray(gap / np.maximum(width, 1e-6), np.float32)


def softmax(logits: FloatArray) -> FloatArray:
    """Over the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), np.float32)
