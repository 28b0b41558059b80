"""What detectors of each family say, read into boxes, scores and five landmarks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from regard.domain.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Candidates:
    """Before suppression, in pixels: boxes N×4 corners, scores N, landmarks5 N×5×2."""

    boxes: FloatArray
    scores: FloatArray
    landmarks5: FloatArray

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, rows: IntArray) -> Candidates:
        return Candidates(self.boxes[rows], self.scores[rows], self.landmarks5[rows])

    @staticmethod
    def joined(parts: Sequence[Candidates]) -> Candidates:
        """The candidates of all `parts`, one at least, in their order."""
        boxes, scores, landmarks5 = (
            np.concatenate([getattr(part, name) for part in parts]).astype(np.float32)
            for name in ("boxes", "scores", "landmarks5")
        )
        return Candidates(boxes, scores, landmarks5)


Decoder = Callable[[Mapping[str, FloatArray], tuple[int, int], float], Candidates]


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
    return Candidates.joined([Candidates(*each) for each in found])


DECODERS: dict[str, Decoder] = {
    "centerface": decode_centerface,
    "scrfd": decode_scrfd,
    "yunet": decode_yunet,
}
