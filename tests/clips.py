"""Videos made for tests, by PyAV's encoders: the only place where Regard's code encodes any."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from tempfile import NamedTemporaryFile

import av
import numpy as np

#: Frames a second unless a test says otherwise.
RATE = 25


@dataclass(frozen=True, kw_only=True)
class Making:
    """How a clip is encoded. `options` are x264's, or the codec's own; `spoken` is how loud a tone is under it, 0..1 by
    frame, None for no track of sound."""

    codec: str = "libx264"
    container: str = "mp4"
    rate: Fraction = Fraction(RATE)
    pixels: str = "yuv420p"
    options: Mapping[str, str] = field(default_factory=lambda: {"preset": "ultrafast", "g": "25", "bf": "0"})
    spoken: Iterable[float] | None = None
    #: The time of each frame in units of 1 / 90000 s; a steady rate without.
    times: tuple[int, ...] | None = None
    #: Degrees that a player turns it, anticlockwise.
    turned: int = 0
    stretch: Fraction | None = None
    full_range: bool = False
    muxing: Mapping[str, str] = field(default_factory=dict)


MAKING = Making()


def clip(frames: Iterable[np.ndarray], making: Making = MAKING) -> bytes:
    """A video of H×W×3 RGB frames, or of frames that are YUV 4:2:0 planes, (H×3/2)×W."""
    with NamedTemporaryFile() as target:  # some of what muxers do needs a file that they can open once more
        _write(target.name, frames, making)
        return Path(target.name).read_bytes()


def _write(target: str, frames: Iterable[np.ndarray], making: Making) -> None:
    with av.open(target, "w", format=making.container, options=dict(making.muxing)) as output:
        first, *others = [_frame(each, making) for each in frames]
        stream = output.add_stream(making.codec, rate=making.rate, options=dict(making.options))
        stream.width, stream.height, stream.pix_fmt = first.width, first.height, making.pixels
        stream.codec_context.time_base = Fraction(1, 90_000) if making.times else 1 / making.rate
        if making.stretch:
            stream.codec_context.sample_aspect_ratio = making.stretch
        if making.full_range:
            stream.codec_context.color_range = 2
        if making.turned:
            stream.set_display_rotation(making.turned)
        sound = output.add_stream("aac", rate=48_000, layout="mono") if making.spoken is not None else None
        for number, frame in enumerate([first, *others]):
            frame.pts = making.times[number] if making.times else number
            frame.time_base = stream.codec_context.time_base
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if sound is not None:
            _speak(output, sound, making)


def _frame(pixels: np.ndarray, making: Making) -> av.VideoFrame:
    if pixels.ndim == 2:
        planes = "yuvj420p" if making.full_range else "yuv420p"
        return av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=planes)
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24").reformat(format=making.pixels)


def _speak(output: av.container.OutputContainer, sound: av.AudioStream, making: Making) -> None:
    each = int(48_000 / making.rate)
    loud = np.repeat(np.array(list(making.spoken or ()), np.float32), each)
    tone = (np.sin(np.arange(len(loud)) * 2 * np.pi * 440 / 48_000) * loud).astype(np.float32)
    for start in range(0, len(tone), 1024):
        frame = av.AudioFrame.from_ndarray(tone[None, start : start + 1024], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
        output.mux(sound.encode(frame))
    output.mux(sound.encode(None))


def numbered(count: int, width: int = 128, height: int = 96) -> list[np.ndarray]:
    """Frames that say which they are: bright and dark bars, the bits of their number."""
    frames = []
    for number in range(count):
        pixels = np.full((height, width, 3), 60, np.uint8)
        for bit in range(12):
            if number >> bit & 1:
                pixels[:, bit * width // 12 : (bit + 1) * width // 12] = 200
        frames.append(pixels)
    return frames


def number_of(luma: np.ndarray) -> int:
    """Which of `numbered` a frame is, by its luma."""
    row, width = luma.mean(axis=0), luma.shape[1]
    return sum((row[(2 * bit + 1) * width // 24] > 128) << bit for bit in range(12))


def saved(folder: Path, data: bytes, name: str = "clip.mp4") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path
