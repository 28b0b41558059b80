"""A frame by PyAV: its pixels are converted when they are asked for."""

from __future__ import annotations

from threading import Lock
from typing import Any, Final

import numpy as np
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter

from regard.domain.arrays import ByteArray
from regard.media.frames import reduced_size
from regard.media.video_limits import square_width

#: HD is coded by BT.709 where it is not said, what is smaller by BT.601 (the two recommendations' own sizes).
_HD_HEIGHT: Final = 720
_UNSPECIFIED: Final = 2


class Conversion:
    """What all frames of a clip are converted by. `turns` is how many quarters they are to be turned anticlockwise,
    `ratio` how wide a pixel is against its height. Safe for threads."""

    def __init__(self, turns: int, ratio: float) -> None:
        self.turns = turns
        self.ratio = ratio
        # One for each size that is asked for: what was worked out for the last frame is used for the next.
        self._small, self._colours = VideoReformatter(), VideoReformatter()
        self._turn = Lock()

    def thumbnail(self, frame: Any, width: int, height: int) -> ByteArray:
        with self._turn:
            small = self._small.reformat(frame, width, height, "yuv444p", interpolation=Interpolation.AREA, threads=1)
        return np.asarray(np.moveaxis(small.to_ndarray(), 0, 2), np.uint8)

    def rgb(self, frame: Any, width: int, height: int) -> ByteArray:
        unsaid = frame.colorspace == _UNSPECIFIED and frame.height >= _HD_HEIGHT
        space, area = Colorspace.ITU709 if unsaid else None, Interpolation.AREA
        with self._turn:
            converted = self._colours.reformat(
                frame, width, height, "rgb24", src_colorspace=space, interpolation=area, threads=1
            )
        pixels = np.asarray(converted.to_ndarray(), np.uint8)
        return np.ascontiguousarray(np.rot90(pixels, self.turns)) if self.turns else pixels


class PyAvFrame:
    """A `Frame`."""

    def __init__(self, frame: Any, at: int, conversion: Conversion) -> None:
        self.at = at
        self._frame = frame
        self._conversion = conversion
        self.width: int
        self.height: int
        wide, high = square_width(frame.width, conversion.ratio), frame.height
        self.width, self.height = (high, wide) if conversion.turns % 2 else (wide, high)

    def luma(self) -> ByteArray:
        frame = self._frame
        if not frame.format.name.startswith(_PLANAR):
            frame = frame.reformat(format="yuv420p")
        plane, bits = frame.planes[0], frame.format.components[0].bits
        rows = np.frombuffer(plane, np.uint8)[: plane.line_size * frame.height].reshape(frame.height, plane.line_size)
        if bits == 8:
            return rows[:, : frame.width]
        order = ">" if frame.format.name.endswith("be") else "<"
        words = rows.view(f"{order}u2")[:, : frame.width]
        # P010 and its like hold their bits at the top of each word.
        return (words >> (8 if frame.format.name.startswith("p0") else bits - 8)).astype(np.uint8)

    def thumbnail(self, width: int, height: int) -> ByteArray:
        return self._conversion.thumbnail(self._frame, width, height)

    def rgb(self, longest: int) -> ByteArray:
        width, height = reduced_size(self.width, self.height, longest)
        return self._conversion.rgb(self._frame, *((height, width) if self._conversion.turns % 2 else (width, height)))


#: The names of pixel formats whose first plane is the luma.
_PLANAR: Final = ("yuv4", "yuvj4", "yuva4", "gray", "nv12", "nv16", "nv21", "p010", "p012", "p016")
