"""What a video may declare of itself, whichever decoder reads it: more would take all memory, or never end."""

from __future__ import annotations

from typing import Final

from regard.domain.videos import MOST_VIDEO_MS, VideoMetadata
from regard.media.frames import UnreadableVideo

#: Level 6.2 of H.264 and HEVC: 8192 × 4320.
MOST_PIXELS: Final = 8192 * 4320
MOST_SIDE: Final = 16_384
MOST_TRACKS: Final = 64
#: The codecs of pictures that are decoded, by FFmpeg's names.
CODECS: Final = (
    *("h264", "hevc", "av1", "vp8", "vp9", "vvc"),
    *("mpeg4", "mpeg2video", "mpeg1video", "h263", "msmpeg4v3", "mjpeg", "prores", "dnxhd", "ffv1", "rawvideo"),
)
#: Pixels that are wider than high, or higher than wide, by more than this are a mistake, and taken for square.
_MOST_STRETCH: Final = 4.0


def check_declared(metadata: VideoMetadata) -> None:
    """Raises UnreadableVideo for a video that says it is larger or longer than any that is analysed."""
    width, height = metadata.width, metadata.height
    if width * height > MOST_PIXELS or max(width, height) > MOST_SIDE:
        raise UnreadableVideo(f"The video's frames are {width} × {height} pixels; at most 8192 × 4320 are decoded.")
    if metadata.duration_ms > MOST_VIDEO_MS:
        hours = metadata.duration_ms / 3_600_000
        raise UnreadableVideo(
            f"The video is {hours:.1f} hours long; at most {MOST_VIDEO_MS // 3_600_000} are analysed."
        )


def square_width(width: int, ratio: float) -> int:
    """The width of a picture once its pixels, so much wider than high, are square."""
    return max(1, round(width * ratio)) if 1 / _MOST_STRETCH <= ratio <= _MOST_STRETCH else width
