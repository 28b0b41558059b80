"""What the small face models say of a face: its 68 points, its pose, a mask, glasses.

Each takes the picture and corner boxes N×4 in pixels. How each box is cut was chosen on the development faces: the
models' own authors cropped around another detector's boxes (docs/accuracy.md has what was measured).
"""

from __future__ import annotations

import numpy as np

from regard.domain.arrays import ByteArray, FloatArray
from regard.errors import ModelUnavailable
from regard.vision.cards import Input
from regard.vision.geometry import crop_and_resize, letterboxed_crops, rectangles, to_whole_pixels, warp
from regard.vision.preprocess import Preprocess
from regard.vision.session import CHUNK_ROWS, Session, run_in_chunks

_GLASSES_HEADS = 5


class CropModel:
    """A model of one crop per face."""

    def __init__(self, session: Session, model_input: Input, chunk: int = CHUNK_ROWS) -> None:
        """`chunk` is the most crops of one run."""
        self._session = session
        self._chunk = chunk
        self._preprocess = Preprocess(model_input)

    def run(self, pixels: ByteArray, boxes: FloatArray, *, mirrored: bool = False) -> list[FloatArray]:
        """Every output of the model for the N crops at `boxes`, N rows each."""

        def prepared(some: FloatArray) -> FloatArray:
            crops = crop_and_resize(pixels, some, self._preprocess.side)
            return self._preprocess(crops[:, :, ::-1] if mirrored else crops)

        return run_in_chunks(self._session, boxes, prepared, size=self._chunk)

    @property
    def side(self) -> int:
        """The width of its crops in pixels."""
        return self._preprocess.side

    @property
    def name(self) -> str:
        """The name of its file."""
        return self._session.name

    def run_letterboxed(self, pixels: ByteArray, boxes: FloatArray) -> list[FloatArray]:
        """As `run`, for crops that keep their proportions, in the middle of black."""

        def prepared(some: FloatArray) -> FloatArray:
            return self._preprocess(letterboxed_crops(pixels, some, self.side))

        return run_in_chunks(self._session, boxes, prepared, size=self._chunk)

    def run_warped(self, pixels: ByteArray, transforms: FloatArray, *, mirrored: bool = False) -> dict[str, FloatArray]:
        """As `run`, by the outputs' names, for the crops that N×2×3 affine `transforms` cut out of the picture."""

        def prepared(some: FloatArray) -> FloatArray:
            crops = warp(pixels, some, self.side)
            return self._preprocess(crops[:, :, ::-1] if mirrored else crops)

        outputs = run_in_chunks(self._session, transforms, prepared, size=self._chunk)
        return dict(zip(self._session.outputs, outputs, strict=True))


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


def masked(model: CropModel, pixels: ByteArray, boxes: FloatArray) -> FloatArray:
    """N probabilities, as the model has them, of a mask over nose and mouth. Crops larger than the box read worse."""
    return np.asarray(model.run(pixels, boxes)[0][:, 0], np.float32)


def glasses(model: CropModel, pixels: ByteArray, boxes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """N probabilities of eyeglasses and N of sunglasses, as the model has them (Qualcomm's FaceAttribNet).

    Raises ModelUnavailable for a model with other outputs.
    """
    outputs = model.run_letterboxed(pixels, boxes)
    heads = np.concatenate([output.reshape(len(boxes), -1) for output in outputs], axis=1)
    if heads.shape[1] != _GLASSES_HEADS:
        raise ModelUnavailable(
            f"{model.name} gives {heads.shape[1]} numbers a face; one that tells glasses gives {_GLASSES_HEADS}: left "
            "eye open, right eye open, eyeglasses, mask, sunglasses"
        )
    shares = np.clip(heads, 0, 1).astype(np.float32)
    return shares[:, 2], shares[:, 4]


def softmax(logits: FloatArray) -> FloatArray:
    """Over the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), np.float32)
