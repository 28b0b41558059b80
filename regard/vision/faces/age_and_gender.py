"""Age and gender as FaceRes reads them from one crop, and what its readings are worth.

Both tables were fitted on the people of `lfw-calibration` and measured on those of `lfw-dev` (docs/accuracy.md,
`make bench-attributes`). They are the model's: another needs others.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from regard.domain.arrays import ByteArray, FloatArray
from regard.vision.faces.face_attributes import CropModel
from regard.vision.geometry import crop_and_resize, detail_and_luma, squares

#: The crop's side in longer sides of the box; tighter and wider ones were read worse.
_CROP_SIDE: Final = 1.25
#: How far the model reads a face as female, and the share of women among the faces that read so, where there are as
#: many women as men. The first and last stand for all beyond them: more could not be measured.
_SHARES: Final = (
    (0.05, 0.01), (0.1, 0.06), (0.15, 0.14), (0.2, 0.24), (0.25, 0.37), (0.3, 0.49), (0.35, 0.60), (0.4, 0.70),
    (0.5, 0.84), (0.6, 0.92), (0.7, 0.97), (0.8, 0.99),
)  # fmt: skip
#: The model's estimate, and the ages between which eight in ten were. Below 15 and above 75 there were a handful of
#: people: there the widths are set by hand, no narrower than what was seen.
_RANGES: Final = (
    (0, 0, 6), (5, 2, 12), (10, 6, 17), (15, 10, 23), (20, 14, 30), (25, 17, 35), (30, 22, 39), (35, 23, 46),
    (40, 30, 55), (45, 36, 59), (50, 43, 63), (55, 49, 70), (60, 53, 76), (65, 58, 78), (70, 60, 81), (75, 63, 83),
    (80, 66, 87), (100, 80, 100),
)  # fmt: skip

#: Faces of 20 pixels, blurred with σ 3 or dark read 2 to 5 years younger, and the oldest of them more: by so many years
#: a range is longer at the bottom of these measures of the crop, and by none at their top.
_MOST_HIDDEN: Final = 8.0
_DETAIL_SIDE: Final = 112
_DETAIL: Final = (0.01, 0.05)
_LUMA: Final = (20.0, 60.0)


def read(model: CropModel, pixels: ByteArray, boxes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Of the faces at N corner boxes in pixels: N×2 ages in years, from and to, and N shares of women.

    A face's mirror image is not read too: it made 2 genders in 1,000 righter, and no age, at twice the time.
    """
    crops = squares(boxes, _CROP_SIDE)
    male, _, ages = model.run(pixels, crops)
    ranges = age_ranges(ages @ np.arange(1, ages.shape[1] + 1, dtype=np.float32))
    ranges[:, 1] += hidden_years(pixels, crops)
    return ranges, shares_of_women(1 - male[:, 0])


def age_ranges(estimates: FloatArray) -> FloatArray:
    """N×2 years: between which the age of most people with these N estimates is."""
    at, lows, highs = np.array(_RANGES, np.float32).T
    return np.stack([np.interp(estimates, at, lows), np.interp(estimates, at, highs)], axis=1).astype(np.float32)


def hidden_years(pixels: ByteArray, crops: FloatArray) -> FloatArray:
    """How much older than they look N faces may be, for want of detail or of light: neither shows a wrinkle."""
    detail, luma = detail_and_luma(crop_and_resize(pixels, crops, _DETAIL_SIDE))
    blurred = np.interp(np.log(np.maximum(detail, 1e-6)), np.log(_DETAIL), (_MOST_HIDDEN, 0))
    return np.maximum(blurred, np.interp(luma, _LUMA, (_MOST_HIDDEN, 0))).astype(np.float32)


def shares_of_women(readings: FloatArray) -> FloatArray:
    """N measured shares, 0..1, for N readings, 0 as male and 1 as female."""
    return np.interp(readings, *np.array(_SHARES, np.float32).T).astype(np.float32)
