"""Face detectors: pictures in, boxes, scores and five landmarks out. One decoder per family of models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from regard.domain.arrays import ByteArray, FloatArray
from regard.domain.faces import Faces
from regard.vision.cards import Input
from regard.vision.geometry import letterbox, nms
from regard.vision.preprocess import Preprocess
from regard.vision.session import Session

#: Longest side of the fine pass. Faces of 40 px in a 1920×1080 picture are 27 px there; 15 px are still found.
FINE_PIXELS = 1280
#: Longest side of the coarse pass, which finds faces that fill the frame; it is made only if the fine one is larger
#: than SINGLE_PASS_PIXELS. A smaller picture is enlarged to it, which places its landmarks better (TAR at FAR 1e-5 of
#: 250-pixel pictures: +0.2).
COARSE_PIXELS = 320
#: Up to here one pass finds everything: of 62 faces that filled a 640-pixel frame all were found, at 960 only 46.
SINGLE_PASS_PIXELS = 640
LEAST_SCORE = 0.5
#: What a run of `centerface` takes for each pixel of its canvas: 114 bytes, and what the arena cannot use.
RUN_BYTES_PER_PIXEL = 144
MOST_OVERLAP = 0.3


@dataclass(frozen=True, slots=True)
class Candidates:
    """Before suppression, in canvas pixels: boxes N×4 corners, scores N, landmarks5 N×5×2."""

    boxes: FloatArray
    scores: FloatArray
    landmarks5: FloatArray


Decoder = Callable[[Mapping[str, FloatArray], tuple[int, int], float], Candidates]


class FaceDetector:
    """A detector of faces at more than one scale. `detect` is safe from many threads."""

    def __init__(self, session: Session, family: str, model_input: Input) -> None:
        self._session = session
        self._decode = DECODERS[family]
        self._preprocess = Preprocess(model_input)

    def detect(self, pictures: Sequence[ByteArray]) -> list[Faces]:
        """The faces of each H×W×3 RGB picture, largest box first, in ratios of its sides."""
        return [self._detect(picture) for picture in pictures]

    def _detect(self, picture: ByteArray) -> Faces:
        found = [self._pass(picture, longest) for longest in passes(picture.shape[0], picture.shape[1])]
        boxes = np.concatenate([each.boxes for each in found])
        scores = np.concatenate([each.scores for each in found])
        landmarks = np.concatenate([each.landmarks5 for each in found])
        kept = nms(boxes, scores, MOST_OVERLAP)
        boxes, scores, landmarks = boxes[kept], scores[kept], landmarks[kept]
        order = np.argsort(-np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), kind="stable")
        sides = np.array([picture.shape[1], picture.shape[0]], np.float32)
        corners = boxes[order] / np.tile(sides, 2)
        return Faces(
            boxes=np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1),
            scores=scores[order],
            landmarks5=(landmarks[order] / sides).astype(np.float32),
        )

    def _pass(self, picture: ByteArray, longest: int) -> Candidates:
        canvas, scale = letterbox(picture, longest)
        outputs = dict(zip(self._session.outputs, self._session.run(self._preprocess(canvas[None])), strict=True))
        found = self._decode(outputs, (canvas.shape[0], canvas.shape[1]), LEAST_SCORE)
        boxes = np.asarray(found.boxes / np.tile(scale, 2), np.float32)
        return Candidates(boxes, found.scores, found.landmarks5 / scale)


def passes(height: int, width: int) -> tuple[int, ...]:
    """The longest side of each pass over a picture of this size."""
    longest = max(COARSE_PIXELS, min(max(height, width), FINE_PIXELS))
    return (longest,) if longest <= SINGLE_PASS_PIXELS else (longest, COARSE_PIXELS)


def detection_bytes(height: int, width: int) -> int:
    """The most memory that finding faces in a picture of this size takes."""
    longest = passes(height, width)[0]
    scale = longest / max(height, width)
    return RUN_BYTES_PER_PIXEL * longest * (round(min(height, width) * scale) + 32)


def decode_centerface(outputs: Mapping[str, FloatArray], _: tuple[int, int], threshold: float) -> Candidates:
    """CenterFace (Xu et al. 2019): a heat map of centres at stride 4; sizes as exp; points relative to the box."""
    heat, size, offset, marks = (outputs[name][0] for name in ("537", "538", "539", "540"))
    rows, columns = np.nonzero(heat[0] > threshold)
    sides = np.asarray(np.exp(size[::-1, rows, columns]).T * 4, np.float32)
    centres = (np.stack([columns, rows], -1) + offset[::-1, rows, columns].T + 0.5) * 4
    corners = (centres - sides / 2).astype(np.float32)
    relative = marks[:, rows, columns].T.reshape(-1, 5, 2)[..., ::-1]
    points = relative * sides[:, None] + corners[:, None]
    return _joined([(np.concatenate([corners, corners + sides], axis=1), heat[0, rows, columns], points)])


def decode_scrfd(outputs: Mapping[str, FloatArray], size: tuple[int, int], threshold: float) -> Candidates:
    """SCRFD (Guo et al. 2021) as InsightFace exports it: three strides × (scores, distances, points), two anchors."""
    columns = list(outputs.values())
    found = []
    for level, stride in enumerate((8, 16, 32)):
        scores, distances, marks = (columns[level + 3 * kind].reshape(-1, k) for kind, k in enumerate((1, 4, 10)))
        centres = np.repeat(_grid(size, stride) * stride, 2, axis=0)
        chosen = np.nonzero(scores[:, 0] > threshold)[0]
        middle, reach = centres[chosen], distances[chosen] * stride
        boxes = np.concatenate([middle - reach[:, :2], middle + reach[:, 2:]], axis=1)
        points = middle[:, None] + marks[chosen].reshape(-1, 5, 2) * stride
        found.append((boxes, scores[chosen, 0], points))
    return _joined(found)


def decode_yunet(outputs: Mapping[str, FloatArray], size: tuple[int, int], threshold: float) -> Candidates:
    """YuNet 2023mar (Wu et al. 2023): score = sqrt(class × objectness); its points start at the subject's right eye."""
    found = []
    for stride in (8, 16, 32):
        classes, objects, boxes, marks = (
            outputs[f"{name}_{stride}"].reshape(-1, k) for name, k in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10))
        )
        scores = np.sqrt(np.clip(classes[:, 0], 0, 1) * np.clip(objects[:, 0], 0, 1))
        chosen = np.nonzero(scores > threshold)[0]
        cell = _grid(size, stride)[chosen]
        centres = (cell + boxes[chosen, :2]) * stride
        sides = np.exp(boxes[chosen, 2:]) * stride
        points = (cell[:, None] + marks[chosen].reshape(-1, 5, 2)) * stride
        found.append((np.concatenate([centres - sides / 2, centres + sides / 2], axis=1), scores[chosen], points))
    return _joined(found)


def _grid(size: tuple[int, int], stride: int) -> FloatArray:
    """The (x, y) of every cell, row by row."""
    rows, columns = np.mgrid[: size[0] // stride, : size[1] // stride]
    return np.stack([columns, rows], -1).reshape(-1, 2).astype(np.float32)


def _joined(found: list[tuple[FloatArray, FloatArray, FloatArray]]) -> Candidates:
    boxes, scores, points = (np.concatenate(column).astype(np.float32) for column in zip(*found, strict=True))
    return Candidates(boxes, scores, points)


DECODERS: dict[str, Decoder] = {
    "centerface": decode_centerface,
    "scrfd": decode_scrfd,
    "yunet": decode_yunet,
}
