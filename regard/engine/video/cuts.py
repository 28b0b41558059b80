"""Where one shot ends and another begins, to the frame: an adaptive content detector on small thumbnails.

A cut is where every frame before is far from every frame after in its pixels, by more than frames here differ anyway,
and either so in how often it has each brightness and colour, or what is seen is nowhere in what was seen. So a flash is
none, for what comes after it is what was before; nor is a camera that moves fast, for the colours stay and the pictures
are much alike; nor one that jerks or a light that is switched on, for the picture is the one that it was, if elsewhere;
nor a fade, for its frames all differ alike.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from regard.domain.arrays import ByteArray, FloatArray

#: The thumbnails that frames are compared by.
WIDTH, HEIGHT = 64, 36
#: Frames before a cut and after it that are all compared with each other: a flash is shorter.
_SIDE: Final = 4
#: Frames on each side whose differences say how much frames here differ anyway.
_AROUND: Final = 5
#: How many frames must have come after one before it is judged; and before it, where there are that many.
LOOKAHEAD: Final = _AROUND + 1
# The four bars were set on two generated videos and are measured on others by `make bench-video`.
#: The least difference of a cut: of pixels in levels of 255, of the shares of colours as the area between histograms.
_LEAST_PIXELS, _LEAST_COLOURS = 9.0, 0.3
#: How many times as much as usual both must be, multiplied, and the pixels alone.
_TIMES, _PIXELS_TIMES = 2.6, 1.15
#: Added to the usual differences: there is noise.
_PIXEL_NOISE, _COLOUR_NOISE = 1.0, 0.05
#: From this correlation on, a picture is the same one in another light; and the least contrast that correlates.
_SAME, _CONTRAST = 0.85, 4.0
#: From this correlation on, it is the same one moved. Below the other it is another whatever its colours, if the pixels
#: differ by so many levels, and by so many times as much as usual.
_MOVED, _UNLIKE, _UNLIKE_PIXELS, _UNLIKE_TIMES = 0.9, 0.65, 15.0, 2.0
#: How far it may have moved, across and down, on thumbnails of half the sides; and how much of it must be left.
_ACROSS, _DOWN, _LEFT = 12, 9, 0.35
#: How many times the bar a difference must be to be beyond doubt.
_CERTAIN_TIMES: Final = 8.0
_BINS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A shot begins with this frame, counted as frames were added. `confidence` is 50, at the bar, to 100."""

    frame: int
    confidence: float


@dataclass(frozen=True, slots=True)
class _Seen:
    """A frame: its thumbnail, its histograms 3×_BINS, and how far both are from the frame before."""

    thumbnail: FloatArray
    histogram: FloatArray
    pixels: float = 0.0
    colours: float = 0.0


class CutDetector:
    """Is given all frames in their order, and tells a cut LOOKAHEAD frames after it."""

    def __init__(self) -> None:
        self._next = 0
        self._seen: deque[_Seen] = deque(maxlen=2 * _AROUND + 3)

    def add(self, thumbnail: ByteArray) -> Cut | None:
        """The next frame's thumbnail, HEIGHT×WIDTH×3 of luma and two of colour. A cut that is certain by now."""
        values, histogram = thumbnail.astype(np.float32), _histogram(thumbnail)
        seen = _Seen(values, histogram)
        if self._seen:
            last = self._seen[-1]
            seen = _Seen(values, histogram, _pixels(last, seen), _colours(last, seen))
        self._seen.append(seen)
        self._next += 1
        return self._judged(len(self._seen) - 1 - LOOKAHEAD, self._next - 1 - LOOKAHEAD)

    def end(self) -> list[Cut]:
        """The cuts among the last frames, judged by as many as there are."""
        judged = [self._judged(len(self._seen) - left, self._next - left) for left in range(LOOKAHEAD, 0, -1)]
        return [cut for cut in judged if cut]

    def _judged(self, at: int, frame: int) -> Cut | None:
        """Whether there is a cut before what is at this place."""
        seen = list(self._seen)
        if at < 1 or seen[at].pixels < _LEAST_PIXELS:
            return None
        around = seen[max(1, at - _AROUND) : at], seen[at + 1 : at + 1 + _AROUND]
        usual = max(_usual([each.pixels for each in side]) for side in around) + _PIXEL_NOISE
        least = max(_LEAST_PIXELS, _PIXELS_TIMES * usual)
        if seen[at].pixels < least:
            return None
        pairs = [(one, two) for one in reversed(seen[max(0, at - _SIDE) : at]) for two in seen[at : at + _SIDE]]
        pixels = min(_pixels(*pair) for pair in pairs)
        if pixels < least:
            return None
        times = pixels / usual
        one, two = seen[at - 1].thumbnail, seen[at].thumbnail
        alike = 1.0 if is_same(one, two) else _alike(one, two)
        if alike >= _MOVED:
            return None
        colours = min(_colours(*pair) for pair in pairs)
        bars = times * colours / (max(_usual([each.colours for each in side]) for side in around) + _COLOUR_NOISE)
        if colours >= _LEAST_COLOURS and bars >= _TIMES:
            return _cut(frame, bars / _TIMES)
        another = alike < _UNLIKE and pixels >= _UNLIKE_PIXELS and times >= _UNLIKE_TIMES
        return _cut(frame, times / _UNLIKE_TIMES) if another else None


def _cut(frame: int, times: float) -> Cut:
    """A cut whose difference is so many times the bar."""
    return Cut(frame=frame, confidence=float(50 + 50 * min(1.0, np.log(times) / np.log(_CERTAIN_TIMES))))


def is_same(one: ByteArray | FloatArray, two: ByteArray | FloatArray) -> bool:
    """Whether two thumbnails are one picture, if in another light. Those that show hardly anything never are."""
    return _correlation(one[..., 0].astype(np.float32), two[..., 0].astype(np.float32)) >= _SAME


def _pixels(one: _Seen, two: _Seen) -> float:
    """The mean difference of two thumbnails, in levels; each of the two colours counts half."""
    luma, blue, red = np.abs(one.thumbnail - two.thumbnail).reshape(-1, 3).mean(axis=0).tolist()
    return float(luma + (blue + red) / 2)


def _colours(one: _Seen, two: _Seen) -> float:
    """By how much the shares of brightnesses and colours differ: 0 to 3."""
    return float(np.abs(one.histogram - two.histogram).sum() / 2)


def _histogram(thumbnail: ByteArray) -> FloatArray:
    """How many of the pixels are in each bin, and half as many of those of its neighbours."""
    bins = (thumbnail.reshape(-1, 3) // (256 // _BINS)).T
    shares = np.stack([np.bincount(channel, minlength=_BINS) for channel in bins]) / bins.shape[1]
    wide = np.pad(shares, ((0, 0), (1, 1)), mode="edge")
    return ((wide[:, :-2] + 2 * wide[:, 1:-1] + wide[:, 2:]) / 4).astype(np.float32)


def _usual(steps: Sequence[float]) -> float:
    """How much neighbours differ, whatever two of them that are a flash do."""
    return sorted(steps)[max(0, len(steps) - 3)] if steps else 0.0


def _correlation(one: FloatArray, two: FloatArray) -> float:
    if min(one.std(), two.std()) < _CONTRAST:
        return 0.0
    return float(np.corrcoef(one.ravel(), two.ravel())[0, 1])


def _alike(one: FloatArray, two: FloatArray) -> float:
    """How much two thumbnails correlate where one is moved over the other as it fits best. Of those that show hardly
    anything it is not known: then _UNLIKE."""
    first, second = _halved(one), _halved(two)
    height, width = first.shape
    best = -1.0
    for down in range(-_DOWN, _DOWN + 1):
        for across in range(-_ACROSS, _ACROSS + 1):
            high, wide = height - abs(down), width - abs(across)
            if high * wide >= _LEFT * height * width:
                top, left = max(0, down), max(0, across)
                part = first[top : top + high, left : left + wide].ravel()
                other = second[top - down : top - down + high, left - across : left - across + wide].ravel()
                best = max(best, _correlated(part - part.mean(), other - other.mean()))
    return best if best > -1.0 else _UNLIKE


def _halved(thumbnail: FloatArray) -> FloatArray:
    """Its luma, half as wide and as high."""
    luma = thumbnail[..., 0]
    return np.asarray((luma[::2, ::2] + luma[1::2, ::2] + luma[::2, 1::2] + luma[1::2, 1::2]) / 4, np.float32)


def _correlated(one: FloatArray, two: FloatArray) -> float:
    """The correlation of values whose means are 0; -1 where either hardly differ from it."""
    mine, others, least = float(one @ one), float(two @ two), len(one) * _CONTRAST**2
    return -1.0 if min(mine, others) < least else float(one @ two) / float(np.sqrt(mine * others))
