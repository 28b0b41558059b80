"""Videos by PyAV, which brings FFmpeg: the only import of it. It comes with the extra `video`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from os import SEEK_END
from typing import Any, Final, NoReturn

import av
from av.stream import Disposition

from regard.domain.videos import AudioTrack, Span, VideoMetadata
from regard.media.frame_times import FrameTimes
from regard.media.frames import Frame, FrameLimit, SeekableFile, Sound, UnreadableVideo, key_frame_spans
from regard.media.pyav_frame import Conversion, PyAvFrame
from regard.media.pyav_sound import Ear
from regard.media.video_limits import CODECS, MOST_PIXELS, MOST_TRACKS, check_declared

#: What decodes sound; other sound is as good as none.
_SOUND_CODECS: Final = (
    *("aac", "mp3", "mp3float", "ac3", "eac3", "opus", "libopus", "vorbis", "libvorbis", "flac", "alac"),
    *("pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_f32le", "pcm_u8", "pcm_mulaw", "pcm_alaw"),
)
_DECODERS: Final = (*CODECS, "libdav1d", "libaom-av1", "libvpx-vp9", "libvpx")
#: What no FFmpeg may do with our file: guess its format, or open another.
_CLOSED: Final = {
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts",
    "protocol_whitelist": "",
    "codec_whitelist": ",".join((*_DECODERS, *_SOUND_CODECS)),
    "max_streams": str(MOST_TRACKS),
}
#: Packets among which there must be one that becomes a frame.
_PROBED_PACKETS: Final = 300
#: In how many places of a stream it is looked whether times rise, and by how many milliseconds packets are out of turn.
_TRIED_PLACES: Final = 24
_MOST_FALL_MS: Final = 1_000
#: By how much a seek is tried earlier, in milliseconds, until it is before what is wanted.
_STEPS_BACK: Final = (0, 2_000, 15_000, 120_000)
_FULL_RANGE: Final = 2
#: What the wheel's own libraries ask for: it contains x264 and x265, which Regard never calls.
LICENCE: Final = "GPL-3.0-or-later, for x264 and x265 are linked into its wheel; decoding alone needs LGPL-3.0"


def version() -> str:
    """Of PyAV and of the FFmpeg in it."""
    return f"{av.__version__}, FFmpeg's libavcodec {'.'.join(map(str, av.library_versions['libavcodec']))}"


class PyAvClip:
    """A `Clip`. `file` is read and sought, never written; it stays open when the clip is closed."""

    def __init__(self, file: SeekableFile, container: str, *, threads: int) -> None:
        """`container` is what the file is (`container_of`). Raises UnreadableVideo."""
        self.decoded = self.lost = self.damaged = 0
        self._file, self._format, self._threads = file, container, threads
        self._open()
        with ExitStack() as faulty:
            faulty.callback(self.close)
            first = self._first_frame()
            self._unit = self._stream.time_base
            self._start = self._stream.start_time if self._stream.start_time is not None else (first.pts or 0)
            # AVI has no times but the packets' order. FFmpeg's guess is wrong where frames are coded out of turn.
            self._ordered = container == "avi"
            self._first = (first.dts or 0) if self._ordered else self._start
            self._conversion = Conversion(round(first.rotation / 90) % 4, float(self._stream.sample_aspect_ratio or 1))
            self.metadata = self._described(first)
            self.lost = self.damaged = 0
            check_declared(self.metadata)
            faulty.pop_all()

    def spans(self, seconds: float) -> list[Span]:
        if self._format == "mpegts" and not self._times_rise():
            return [Span()]  # recordings one after another: a time does not say where it is
        starts: list[int] = []
        wanted, last = seconds * 1000, self.metadata.duration_ms
        while wanted < last:
            at = self._key_frame(math.ceil(wanted))
            if at is None:
                break
            if at >= (starts[-1] if starts else 0) + seconds * 500:
                starts.append(at)
            wanted = max(wanted, at) + seconds * 1000
        return key_frame_spans(starts)

    def read(self, span: Span, *, sound: bool = False) -> Iterator[Frame | Sound]:
        heard = self._heard() if sound else None
        ear = None if heard is None else Ear(heard, self._start * self._unit)
        limit, times, packets = FrameLimit(span), FrameTimes(self.metadata.rate), 0
        for packet in self._packets_from(span.from_ms, sound=sound):
            if ear and packet.stream.index == ear.index:
                yield from ear.hear(packet)
                continue
            packets += packet.size > 0
            for frame in self._frames(packet, times):
                limit.count(frame.at)
                if span.to_ms is not None and frame.at >= span.to_ms:
                    return
                if frame.at >= span.from_ms:
                    self.decoded += 1
                    yield frame
        if packets and not self.decoded:
            self._lose(packets)

    def close(self) -> None:
        self._container.close()

    def _open(self) -> None:
        self._file.seek(0)
        try:
            self._container: Any = av.open(self._file, format=self._format, options=_CLOSED, io_open=_open_nothing)
        except (av.error.FFmpegError, ValueError) as error:
            raise UnreadableVideo(detail=f"The video cannot be opened: {_words(error)}.") from error
        with ExitStack() as faulty:
            faulty.callback(self.close)
            self._stream = self._picture_stream()
            context = self._stream.codec_context
            context.options = {"max_pixels": str(MOST_PIXELS)}
            context.thread_type, context.thread_count = "AUTO", self._threads
            faulty.pop_all()

    # -- opening ---------------------------------------------------------------------------------------------------

    def _picture_stream(self) -> Any:
        streams = [each for each in self._container.streams.video if not each.disposition & Disposition.attached_pic]
        for stream in streams:
            if stream.codec_context is not None and stream.codec_context.codec.canonical_name in CODECS:
                return stream
        if streams:
            raise UnreadableVideo(detail="The video's pictures are coded in a way that Regard does not decode.")
        raise UnreadableVideo(detail="The file has no pictures that move, only sound, text or a cover.")

    def _first_frame(self) -> Any:
        for number, packet in enumerate(self._demuxed(None)):
            try:
                if decoded := packet.decode():
                    return decoded[0]
            except av.error.FFmpegError:
                continue
            if number == _PROBED_PACKETS:
                break
        raise UnreadableVideo(detail="No frame at the beginning of the video can be decoded.")

    def _described(self, first: Any) -> VideoMetadata:
        stream, context = self._stream, self._stream.codec_context
        width, height = context.width, context.height
        if self._conversion.turns % 2:
            width, height = height, width
        rate = stream.average_rate or stream.guessed_rate or stream.base_rate or 0
        return VideoMetadata(
            codec=context.codec.canonical_name,
            format=self._container.format.long_name,
            duration_ms=self._duration(stream),
            rate=float(rate),
            width=width,
            height=height,
            full_range=first.color_range == _FULL_RANGE or first.format.name.startswith(("yuvj", "rgb", "gbr", "bgr")),
            audio=tuple(
                AudioTrack(
                    codec=each.codec_context.name,
                    duration_ms=self._duration(each),
                    rate=each.codec_context.sample_rate,
                    channels=each.codec_context.channels,
                )
                for each in self._container.streams.audio
                if each.codec_context is not None
            ),
        )

    def _duration(self, stream: Any) -> int:
        if stream.duration is not None:
            return int(stream.duration * stream.time_base * 1000)
        return int(self._container.duration / 1000) if self._container.duration else 0

    # -- reading ---------------------------------------------------------------------------------------------------

    def _time(self, packet: Any) -> int | None:
        """When a packet's frame is shown, as far as its container can tell."""
        return self._since(packet.dts if self._ordered else packet.pts, self._start)

    def _since(self, ticks: int | None, start: int) -> int | None:
        return None if ticks is None else int((ticks - start) * self._unit.numerator * 1000 // self._unit.denominator)

    def _seek(self, at: int) -> bool:
        """To the last key frame up to the end of that millisecond, as far as the container can tell. Whether it can: if
        not, to the beginning, which a seek would miss in some containers."""
        ticks = int((at + 1) * self._unit.denominator // (1000 * self._unit.numerator))
        if at > 0:
            with suppress(av.error.FFmpegError):
                self._container.seek(self._start + ticks, stream=self._stream)
                return True
        self.close()
        self._open()
        return False

    def _key_frame(self, at: int) -> int | None:
        """When the key frame is shown that a seek to this time arrives at."""
        if not self._seek(at):
            return None
        for packet in self._demuxed(None):
            if packet.is_keyframe and (shown := self._time(packet)) is not None:
                return shown
        return None

    def _times_rise(self) -> bool:
        """Whether times rise from place to place in the file."""
        size, last = self._file.seek(0, SEEK_END), None
        for part in range(_TRIED_PLACES):
            self._container.seek(size * part // _TRIED_PLACES, unsupported_byte_offset=True)
            at = next((self._time(packet) for packet in self._demuxed(None) if packet.pts is not None), None)
            if at is not None and last is not None and at < last - _MOST_FALL_MS:
                return False
            last = at if at is not None else last
        return True

    def _packets_from(self, at: int, *, sound: bool) -> Iterator[Any]:
        """The packets from a key frame that is shown at that time or before."""
        # Where only the order is known, frames that are shown before a key frame and coded behind it look like its own.
        for back in _STEPS_BACK[1:] if self._ordered else _STEPS_BACK:
            found = self._seek(at - back)
            packets = self._demuxed(self._heard() if sound else None)
            before = list(self._up_to_key_frame(packets))
            shown = self._time(before[-1]) if before else None
            if not found or (shown is not None and shown <= at):
                break
        yield from before
        yield from packets

    def _up_to_key_frame(self, packets: Iterator[Any]) -> Iterator[Any]:
        for number, packet in enumerate(packets):
            yield packet
            if number == _PROBED_PACKETS or (packet.stream.index == self._stream.index and packet.is_keyframe):
                return

    def _heard(self) -> Any:
        """The track of sound that is heard, if there is one."""
        return next((each for each in self._container.streams.audio if each.codec_context is not None), None)

    def _demuxed(self, heard: Any) -> Iterator[Any]:
        packets = self._container.demux(*(each for each in (self._stream, heard) if each is not None))
        while True:
            try:
                yield next(packets)
            except StopIteration:
                return
            except av.error.FFmpegError:  # the container itself is damaged here: what is left of it cannot be found
                self._lose(1)
                return

    def _lose(self, frames: int) -> None:
        self.lost += frames
        self.damaged += frames

    def _frames(self, packet: Any, times: FrameTimes) -> Iterator[PyAvFrame]:
        try:
            decoded = packet.decode()
        except av.error.FFmpegError:
            self._lose(1)
            return
        for frame in decoded:
            self.damaged += bool(frame.is_corrupt)
            at = times.shown(self._since(frame.dts if self._ordered else frame.pts, self._first))
            yield PyAvFrame(frame, at, self._conversion)


def _open_nothing(url: str, *_: object) -> NoReturn:
    raise PermissionError(f"a video may not open {url}")


def _words(error: Exception) -> str:
    """What FFmpeg says, without the name that it gives our file."""
    return getattr(error, "strerror", None) or str(error)
