"""Face embedders: aligned crops in, unit vectors out."""

from __future__ import annotations

import numpy as np

from regard.domain.arrays import ByteArray, FloatArray
from regard.errors import ModelUnavailable
from regard.vision.cards import ModelCard
from regard.vision.faces import utility
from regard.vision.faces.calibration import Calibration
from regard.vision.geometry import ALIGNED_SIDE, ARCFACE_LANDMARKS5, similarity_transforms, warp
from regard.vision.preprocess import Preprocess
from regard.vision.session import Session, run_in_chunks


def align(pixels: ByteArray, landmarks5: FloatArray) -> ByteArray:
    """The N×112×112×3 crops of N faces, turned and scaled so that N×5×2 `landmarks5` (pixels) lie on ArcFace's
    template."""
    return warp(pixels, similarity_transforms(landmarks5, ARCFACE_LANDMARKS5), ALIGNED_SIDE)


class FaceEmbedder:
    """An embedder of aligned 112×112 crops, with the calibration that gives its cosines a meaning."""

    def __init__(self, session: Session, card: ModelCard, calibration: Calibration) -> None:
        self._session = session
        self._preprocess = Preprocess(card.input)
        self._mirror = card.mirror
        #: What faces are aligned by.
        self.points = card.points
        self.dimension = card.dimension or 0
        self.calibration = calibration
        #: What a collection is bound to: the same name for the same bytes.
        self.version = card.version
        self._utility = utility.of(card.version)

    def check(self) -> None:
        """Try one black crop. Raises ModelUnavailable where the file is not what its card says."""
        shape = self.embed(np.zeros((1, ALIGNED_SIDE, ALIGNED_SIDE, 3), np.uint8)).shape
        if shape != (1, self.dimension):
            raise ModelUnavailable(f"{self.version} gives vectors of shape {shape[1:]}; its card says {self.dimension}")

    def embed(self, crops: ByteArray) -> FloatArray:
        """N×112×112×3 RGB crops to N×D unit rows."""
        return self.measured(crops)[0]

    def rated(self, crops: ByteArray) -> tuple[FloatArray, FloatArray | None]:
        """N×112×112×3 RGB crops to N×D unit rows, and N utilities, 0 to 100; None for an embedder without a model of
        them."""
        units, lengths = self.measured(crops)
        return units, None if self._utility is None else self._utility.of(units, lengths)

    def measured(self, crops: ByteArray) -> tuple[FloatArray, FloatArray]:
        """N×112×112×3 RGB crops to N×D unit rows, and the N lengths that the vectors had."""
        if not len(crops):
            return np.empty((0, self.dimension), np.float32), np.empty(0, np.float32)
        vectors = run_in_chunks(self._session, crops, self._preprocess)[0]
        lengths = np.asarray(np.linalg.norm(vectors, axis=1), np.float32)
        if self._mirror:
            mirrored = run_in_chunks(self._session, crops[:, :, ::-1], self._preprocess)[0]
            vectors = unit(vectors) + unit(mirrored)
        return unit(vectors), lengths


def unit(vectors: FloatArray) -> FloatArray:
    """Rows scaled to length 1."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)
