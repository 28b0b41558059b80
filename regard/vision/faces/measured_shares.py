"""What a reading of a face is worth: the share of faces, of those that read alike, of which it is true.

Measured on faces of the development set that were told by eye (docs/accuracy.md; `make bench-signals`). Each table has
the mean reading of a band of faces, and the share in it; a share lies on the line between two bands, and beyond the
first and last it is theirs: no band is so large that it could promise more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from regard.domain.arrays import FloatArray

Table = Sequence[tuple[float, float]]

#: By the gap between the lips, in widths of the mouth.
MOUTH_OPEN: Final[Table] = (
    (0.001, 0.07), (0.003, 0.17), (0.007, 0.18), (0.044, 0.48),
    (0.113, 0.73), (0.157, 0.85), (0.215, 0.96), (0.351, 0.98),
)  # fmt: skip
#: By the width of the mouth, in distances between the eyes.
SMILE: Final[Table] = (
    (0.71, 0.01), (0.809, 0.1), (0.853, 0.14), (0.884, 0.21),
    (0.917, 0.4), (0.972, 0.62), (1.047, 0.96), (1.128, 0.98),
)  # fmt: skip
#: By the gap between the lids, in widths of the eye.
EYES_OPEN: Final[Table] = (
    (0.055, 0.12), (0.092, 0.64), (0.114, 0.66), (0.132, 0.71),
    (0.146, 0.97), (0.3, 0.99),
)  # fmt: skip
#: By `Mesh.covered`, where one face in five is covered: by a mask, a hand, a phone, sunglasses, or black over its
#: upper, lower or left half, each as often.
OCCLUDED: Final[Table] = (
    (-36.4, 0.01), (-31.9, 0.03), (-28.6, 0.05), (-25.1, 0.2),
    (-21.0, 0.48), (-18.1, 0.64), (-14.8, 0.95), (-8.2, 0.97),
)  # fmt: skip


def share(table: Table, readings: FloatArray) -> FloatArray:
    """The N shares, 0..1, of N readings."""
    points = np.array(table, np.float32)
    return np.asarray(np.interp(readings, points[:, 0], points[:, 1]), np.float32)
