"""Stored videos: what one is, and parts of it. Times are milliseconds from the first frame, rounded down."""

from __future__ import annotations

from dataclasses import dataclass

#: The longest video that is analysed (Rekognition, "Guidelines and quotas").
MOST_VIDEO_MS = 6 * 3600 * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioTrack:
    """One track of sound. `rate` is samples a second."""

    codec: str
    duration_ms: int
    rate: int
    channels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoMetadata:
    """A video as its container declares it; `width` and `height` are those of the upright picture, in pixels.

    `format` is the container's name in words. `rate` is frames a second, on average where it varies. `full_range` says
    that black is 0 and not 16.
    """

    codec: str
    format: str
    duration_ms: int
    rate: float
    width: int
    height: int
    full_range: bool
    audio: tuple[AudioTrack, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The frames of a video from `from_ms` on and before `to_ms`; to its end if that is None."""

    from_ms: int = 0
    to_ms: int | None = None

    def __post_init__(self) -> None:
        if self.from_ms < 0 or (self.to_ms is not None and self.to_ms <= self.from_ms):
            raise ValueError(f"a span ends after it begins: {self.from_ms} to {self.to_ms}")
