"""Videos by OpenCV, whose wheel has FFmpeg under the LGPL: for those who do not want PyAV's.

It tells no sound and no colour range, and its luma is worked out from colours, which may be off by one.
OpenCV 5.0 gives noise for interlaced video, and does not say so; and some damaged files end its process.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Final

import cv2
import numpy as np

from regard.domain.arrays import ByteArray
from regard.domain.videos import Span, VideoMetadata
from regard.media.frame_times import FrameTimes
from regard.media.frames import Frame, FrameLimit, SeekableFile, Sound, UnreadableVideo, key_frame_spans, reduced_size
from regard.media.transport_stream import times_rise
from regard.media.video_limits import CODECS, check_declared, square_width

#: What the container is called by the decoder that could say so.
_FORMATS: Final = {
    "mov": "QuickTime / MOV",
    "matroska": "Matroska",
    "avi": "AVI (Audio Video Interleaved)",
    "mpegts": "MPEG-TS (MPEG-2 Transport Stream)",
}
#: FFmpeg's names by what containers write.
_FOURCC: Final = {
    **dict.fromkeys(("avc1", "h264", "x264", "davc"), "h264"),
    **dict.fromkeys(("hvc1", "hev1", "hevc"), "hevc"),
    **dict.fromkeys(("mp4v", "fmp4", "xvid", "divx", "dx50"), "mpeg4"),
    **dict.fromkeys(("mjpg", "jpeg"), "mjpeg"),
    **dict.fromkeys(("apcn", "apch", "apcs", "apco", "ap4h"), "prores"),
    "av01": "av1",
    "vp80": "vp8",
    "vp90": "vp9",
    "vp09": "vp9",
    "mpg2": "mpeg2video",
    "ffv1": "ffv1",
}
#: By how much a seek is tried earlier, in milliseconds, until it is before what is wanted.
_STEPS_BACK: Final = (0, 2_000, 15_000, 120_000)
#: How many frames in a row may fail before the video is at its end.
_MOST_FAILED: Final = 25
LICENCE: Final = "Apache-2.0; the FFmpeg in its wheel LGPL-2.1"


def version() -> str:
    return str(cv2.__version__)


class _Reader(io.BufferedIOBase):
    """Our file, as OpenCV reads it: of no other class, and never as a whole."""

    def __init__(self, file: SeekableFile) -> None:
        self._file = file

    def read(self, size: int | None = -1, /) -> bytes:
        return self._file.read(-1 if size is None else size)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)


class OpenCvClip:
    """A `Clip`. `file` is read and sought, never written; it stays open when the clip is closed."""

    def __init__(self, file: SeekableFile, container: str, *, threads: int) -> None:
        """`container` is what the file is (`container_of`). Raises UnreadableVideo."""
        self.decoded = self.lost = self.damaged = 0
        # Held, for OpenCV does not.
        self._reader = _Reader(file)
        self._file, self._format, self._threads = file, container, threads
        self._video = cv2.VideoCapture()
        with ExitStack() as faulty:
            faulty.callback(self.close)
            self._open()
            self.metadata = self._described(container)
            check_declared(self.metadata)
            if self._next() is None:
                raise UnreadableVideo(detail="No frame at the beginning of the video can be decoded.")
            faulty.pop_all()

    def spans(self, seconds: float) -> list[Span]:
        """Key frames are not told, so that these begin at even times."""
        if self._format == "mpegts" and not times_rise(self._file):
            return [Span()]  # recordings one after another: a time does not say where it is
        count = int(self.metadata.duration_ms / 1000 // seconds)
        return key_frame_spans([int(number * seconds * 1000) for number in range(1, count)])

    def read(self, span: Span, *, sound: bool = False) -> Iterator[Frame | Sound]:  # noqa: ARG002 - there is none
        limit, times = FrameLimit(span), FrameTimes(self.metadata.rate)
        for frame in self._frames_from(span.from_ms):
            frame.at = times.shown(frame.at)
            limit.count(frame.at)
            if span.to_ms is not None and frame.at >= span.to_ms:
                return
            if frame.at >= span.from_ms:
                self.decoded += 1
                yield frame

    def close(self) -> None:
        self._video.release()

    def _open(self) -> None:
        self._reader.seek(0)
        reader: Any = self._reader  # what OpenCV's stubs call it is not what it takes
        if not self._video.open(reader, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, self._threads]):
            raise UnreadableVideo(detail="The video cannot be opened.")

    def _frames_from(self, at: int) -> Iterator[OpenCvFrame]:
        for back in _STEPS_BACK:
            if at > back:
                self._video.set(cv2.CAP_PROP_POS_MSEC, at - back)
            else:
                self._open()  # a seek would miss the beginning in some containers
            frame = self._next()
            if frame is None or frame.at <= at or at <= back:
                break
        failed = 0
        while failed < _MOST_FAILED:
            if frame is None:
                failed += 1
            else:
                self._lose(failed)
                failed = 0
                yield frame
            frame = self._next()
        if not self.decoded:
            self._lose(failed)

    def _lose(self, frames: int) -> None:
        self.lost += frames
        self.damaged += frames

    def _next(self) -> OpenCvFrame | None:
        if not self._video.grab():
            return None
        at = max(0, int(self._video.get(cv2.CAP_PROP_POS_MSEC) + 1e-6))
        read, pixels = self._video.retrieve()
        return OpenCvFrame(np.asarray(pixels, np.uint8), at, self._ratio) if read else None

    def _described(self, container: str) -> VideoMetadata:
        get = self._video.get
        code = int(get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").decode("latin-1").lower()
        codec = _FOURCC.get(code, code)
        if codec not in CODECS:
            raise UnreadableVideo(detail="The video's pictures are coded in a way that Regard does not decode.")
        rate = get(cv2.CAP_PROP_FPS)
        above, below = get(cv2.CAP_PROP_SAR_NUM), get(cv2.CAP_PROP_SAR_DEN)
        self._ratio = above / below if above > 0 and below > 0 else 1.0
        return VideoMetadata(
            codec=codec,
            format=_FORMATS[container],
            duration_ms=max(0, int(get(cv2.CAP_PROP_FRAME_COUNT) / rate * 1000)) if rate > 0 else 0,
            rate=rate,
            width=int(get(cv2.CAP_PROP_FRAME_WIDTH)),
            height=int(get(cv2.CAP_PROP_FRAME_HEIGHT)),
            full_range=False,
        )


class OpenCvFrame:
    """A `Frame`."""

    def __init__(self, pixels: ByteArray, at: int, ratio: float) -> None:
        self.at = at
        self._pixels = pixels
        self.height, self.width = pixels.shape[0], square_width(pixels.shape[1], ratio)

    def luma(self) -> ByteArray:
        height, width = (side // 2 * 2 for side in self._pixels.shape[:2])
        return np.asarray(cv2.cvtColor(self._pixels[:height, :width], cv2.COLOR_BGR2YUV_I420)[:height], np.uint8)

    def thumbnail(self, width: int, height: int) -> ByteArray:
        small = cv2.resize(self._pixels, (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2YUV), np.uint8)

    def rgb(self, longest: int) -> ByteArray:
        size = reduced_size(self.width, self.height, longest)
        pixels = self._pixels
        if size != (pixels.shape[1], pixels.shape[0]):
            pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
