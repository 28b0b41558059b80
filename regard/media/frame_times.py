"""When the frames of a video are shown, where it does not say so as it should."""

from __future__ import annotations

#: How long a frame is taken to last where a video does not say, in milliseconds.
_FRAME_MS = 40.0


class FrameTimes:
    """Times that never fall. A frame is shown when it says; if it does not say, or says a time before the last one's,
    as where two recordings were joined, it is shown one frame after the last."""

    def __init__(self, rate: float) -> None:
        """`rate` is frames a second; 0 if that is not known."""
        self._each = 1000 / rate if rate else _FRAME_MS
        self._last = 0.0
        self._next = 0.0

    def shown(self, said: float | None) -> int:
        """Milliseconds from the video's beginning, rounded down, of the next frame that was decoded."""
        self._last = self._next if said is None or said < self._last else said
        self._next = self._last + self._each
        return int(self._last)
