"""How loud the sound of a video is, by PyAV."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np

from regard.media.frames import Sound


class Ear:
    """Hears one track. `start` is the time of the first frame of the pictures, in seconds. For one thread."""

    def __init__(self, stream: Any, start: Fraction) -> None:
        self.index: int = stream.index
        self._start = start

    def hear(self, packet: Any) -> Iterator[Sound]:
        """What is in a packet of the track; nothing where it is damaged."""
        try:
            for frame in packet.decode():
                if frame.pts is not None:
                    yield self._heard(frame)
        except (av.error.FFmpegError, ValueError):
            return

    def _heard(self, frame: Any) -> Sound:
        begin = (frame.pts * frame.time_base - self._start) * 1000
        length = Fraction(frame.samples * 1000, frame.sample_rate)
        samples = frame.to_ndarray()  # by channel, or all in one row
        kind = samples.dtype
        silence, full = (
            (128, 128.0) if kind == np.uint8 else (0, 1.0 if kind.kind == "f" else float(np.iinfo(kind).max))
        )
        level = np.sqrt(np.mean(np.square((samples.astype(np.float32) - silence) / full), axis=1)).max(initial=0.0)
        return Sound(from_ms=int(begin // 1), to_ms=int((begin + length) // 1), level=float(level))
