"""What the small face models say of a face: its 68 points, its pose, its eyes and mouth, its age, gender, expression.

Each takes the picture and corner boxes N×4 in pixels. How each box is cut was chosen on the development faces: the
models' own authors cropped around another detector's boxes (docs/accuracy.md has what was measured).
"""

from __future__ import annotations

import numpy as np

from regard.domain.arrays import ByteArray, FloatArray
from regard.vision.cards import Input
from regard.vision.geometry import crop_and_resize, rectangles, squares, to_whole_pixels
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


def age(model: CropModel, pixels: ByteArray, boxes: FloatArray) -> FloatArray:
    """N ages in years."""
    return np.asarray(_both_ways(model, pixels, boxes) * 101, np.float32)


def female(model: CropModel, pixels: ByteArray, boxes: FloatArray) -> FloatArray:
    """N numbers 0..1: how far the model reads the face as female rather than male."""
    return np.asarray(1 - np.clip(_both_ways(model, pixels, boxes), 0, 1), np.float32)


def emotions(model: CropModel, pixels: ByteArray, boxes: FloatArray) -> FloatArray:
    """N×7 probabilities in the order of `domain.EMOTIONS`."""
    return softmax(model.run(pixels, squares(boxes, 1.4))[0])


def _both_ways(model: CropModel, pixels: ByteArray, boxes: FloatArray) -> FloatArray:
    """The mean of a face and its mirror image: the two differ by 5 years, which is noise."""
    crops = squares(boxes, 1.4, lift=0.1)
    both = soft_stages(model.run(pixels, crops)) + soft_stages(model.run(pixels, crops, mirrored=True))
    return np.asarray(both / 2, np.float32)


def soft_stages(outputs: list[FloatArray]) -> FloatArray:
    """SSR-Net's soft stagewise regression (Yang et al. 2018, eq. 4–6), in 0..1.

    `outputs`: three stages' probabilities N×3, three width changes N×1, three bin shifts N×3.
    """
    total, width = np.zeros(len(outputs[0]), np.float32), np.ones(len(outputs[0]), np.float32)
    for probability, change, shift in zip(outputs[:3], outputs[3:6], outputs[6:9], strict=True):
        bins = probability.shape[1]
        width = width / (bins * (1 + change[:, 0]))
        total = total + (probability * (np.arange(bins) + shift)).sum(axis=1) * width
    return np.asarray(total, np.float32)


def softmax(logits: FloatArray) -> FloatArray:
    """Over the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), np.float32)
