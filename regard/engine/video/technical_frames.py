"""Frames that are black, and frames that are colour bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from regard.domain.arrays import ByteArray, FloatArray
from regard.media.frames import Frame

#: The ends of luma in limited range (ITU-R BT.601), and of full range.
_LIMITED, _FULL = (16, 235), (0, 255)
#: By how much a thumbnail's mean may be off.
_ROUNDING: Final = 4
#: The middle of each bar, and the rows that only have bars in every pattern, as parts of the picture.
_BAR_PART, _BAR_ROWS = 0.5, (0.1, 0.55)
#: How far a bar may be from its colour, and how far from even, in levels.
_MOST_OFF, _MOST_UNEVEN = 22.0, 8.0
#: R, G, B of the bars from left to right; EBU's have a black one behind.
_BARS: Final = ((1, 1, 1), (1, 1, 0), (0, 1, 1), (0, 1, 0), (1, 0, 1), (1, 0, 0), (0, 0, 1))
_BLACK_BAR: Final = (0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlackFrame:
    """What a black frame is: `coverage` percent of its pixels at least are no brighter than `threshold`, 0 to 1 of the
    way from black to white (Rekognition, BlackFrame)."""

    threshold: float = 0.2
    coverage: float = 99.0

    def takes(self, frame: Frame, thumbnail: ByteArray, *, full_range: bool) -> bool:
        """Whether a frame is black; `thumbnail` spares looking at most that are not."""
        darkest, brightest = _FULL if full_range else _LIMITED
        most = darkest + self.threshold * (brightest - darkest)
        share = self.coverage / 100
        if thumbnail[..., 0].mean() > share * most + (1 - share) * 255 + _ROUNDING:
            return False
        luma = frame.luma()
        return bool(np.count_nonzero(luma <= most) >= share * luma.size)


def is_colour_bars(thumbnail: ByteArray) -> bool:
    """Whether a thumbnail of luma and two of colour shows the bars of SMPTE, or of the EBU, in any usual strength."""
    rows = [int(part * thumbnail.shape[0]) for part in _BAR_ROWS]
    picture = thumbnail[rows[0] : rows[1]].astype(np.float32)
    return any(_shows(picture, number) for number in (7, 8))


def _shows(picture: FloatArray, number: int) -> bool:
    wide = picture.shape[1] / number
    margin = wide * (1 - _BAR_PART) / 2
    bars = [picture[:, round(bar * wide + margin) : round((bar + 1) * wide - margin)] for bar in range(number)]
    if max(float(bar.std(axis=(0, 1)).max()) for bar in bars) > _MOST_UNEVEN:
        return False
    means = np.stack([bar.mean(axis=(0, 1)) for bar in bars])
    return any(float(np.abs(means - expected[:number]).max()) <= _MOST_OFF for expected in _EXPECTED)


def _expected(strength: float, white: float, red: float, blue: float) -> FloatArray:
    """8×3 luma and colour of the bars in limited range, by a standard's weights of red and blue."""
    rgb = np.array([*_BARS, _BLACK_BAR], np.float32) * strength
    rgb[0] = white
    luma = red * rgb[:, 0] + (1 - red - blue) * rgb[:, 1] + blue * rgb[:, 2]
    first, second = (rgb[:, 2] - luma) / (2 - 2 * blue), (rgb[:, 0] - luma) / (2 - 2 * red)
    return np.stack([16 + 219 * luma, 128 + 224 * first, 128 + 224 * second], axis=1).astype(np.float32)


_EXPECTED: Final = [
    _expected(strength, white, red, blue)
    for strength in (0.75, 1.0)
    for white in {strength, 1.0}
    for red, blue in ((0.299, 0.114), (0.2126, 0.0722))
]
