"""What a decoder of videos gives out, whichever it is: frames, and how loud it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from regard.domain.arrays import ByteArray
from regard.domain.videos import Span, VideoMetadata
from regard.errors import RegardError


class UnreadableVideo(RegardError):
    """Unsupported codec/format"""

    code = "InvalidParameterException"


class SeekableFile(Protocol):
    """What a video is read from."""

    def read(self, size: int = -1, /) -> bytes: ...

    def seek(self, offset: int, whence: int = 0, /) -> int: ...

    def tell(self) -> int: ...


class Frame(Protocol):
    """One frame. Its pixels are converted when they are asked for, and are upright, with square pixels, in `rgb`."""

    @property
    def at(self) -> int:
        """Milliseconds from the first frame of the video, rounded down."""

    @property
    def width(self) -> int:
        """Of the upright frame with square pixels; so is `height`."""

    @property
    def height(self) -> int: ...

    def luma(self) -> ByteArray:
        """H×W: how bright each pixel is, as it was coded."""

    def thumbnail(self, width: int, height: int) -> ByteArray:
        """height×width×3: luma and two of colour, as coded, each the mean of what it stands for. It is not turned."""

    def rgb(self, longest: int) -> ByteArray:
        """H×W×3, its longer side reduced to `longest` pixels where it has more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """How loud a stretch of about a frame's length is: the loudest channel's root mean square, 1 being full scale."""

    from_ms: int
    to_ms: int
    level: float


class Clip(Protocol):
    """An opened video, for one thread. It counts its frames so far: `decoded` those it gave out, `lost` those that
    could not be decoded, and `damaged` the latter and those that were decoded with faults."""

    metadata: VideoMetadata
    decoded: int
    lost: int
    damaged: int

    def spans(self, seconds: float) -> list[Span]:
        """The whole video in spans of at least so long, each begun at a key frame; the last is open-ended."""

    def read(self, span: Span, *, sound: bool = False) -> Iterator[Frame | Sound]:
        """The frames of a span in their order; `sound` also gives how loud it is, as it is come upon, if there is any
        sound and this decoder can tell.

        A damaged packet is skipped and counted. Raises UnreadableVideo for what is no video, and what reading the
        file raises.
        """

    def close(self) -> None: ...


def reduced_size(width: int, height: int, longest: int) -> tuple[int, int]:
    """The size of a picture whose longer side has at most `longest` pixels."""
    scale = min(1.0, longest / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


class FrameLimit:
    """Refuses what would never end: more frames than any camera takes in that time."""

    #: A second; slow motion at 960 frames a second is the most that cameras record.
    MOST_RATE = 1000

    def __init__(self, span: Span) -> None:
        self._start = span.from_ms
        self._frames = 0

    def count(self, at: int) -> None:
        """Raises UnreadableVideo when there are too many frames up to that time."""
        self._frames += 1
        if self._frames > self.MOST_RATE * (1 + max(0, at - self._start) / 1000):
            raise UnreadableVideo(f"The video has more than {self.MOST_RATE} frames a second.")


def key_frame_spans(starts: Sequence[int]) -> list[Span]:
    """Spans that begin at 0 and at these times, which rise."""
    edges = [0, *(start for start in starts if start > 0)]
    return [Span(from_ms=start, to_ms=end) for start, end in zip(edges, [*edges[1:], None], strict=True)]
