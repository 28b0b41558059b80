"""The one door to videos: opened from a seekable file by the decoder that is chosen and installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from regard.errors import ModelUnavailable
from regard.media import opencv_clip
from regard.media.frames import Clip, SeekableFile
from regard.media.opencv_clip import OpenCvClip
from regard.media.video_containers import container_of

#: `auto` is PyAV where it is installed, and OpenCV otherwise.
DECODERS = ("auto", "av", "opencv")


@contextmanager
def open_clip(file: SeekableFile, decoder: str = "auto", *, threads: int = 1) -> Iterator[Clip]:
    """The video in a seekable file, which is never read as a whole.

    Raises UnreadableVideo if it is none, or none that is decoded; and ModelUnavailable if the decoder is not installed.
    """
    container = container_of(file)
    clip: Clip
    if chosen(decoder) == "av":
        from regard.media.pyav_clip import PyAvClip  # noqa: PLC0415 - PyAV is an extra

        clip = PyAvClip(file, container, threads=threads)
    else:
        clip = OpenCvClip(file, container, threads=threads)
    try:
        yield clip
    finally:
        clip.close()


def chosen(decoder: str) -> str:
    """The decoder that this setting means here: av or opencv. Raises ModelUnavailable if it is not installed."""
    there = find_spec("av") is not None
    if decoder == "av" and not there:
        raise ModelUnavailable(
            "video_decoder is av, which is not installed. `pip install 'regard[video]'` installs it; or set "
            'video_decoder = "opencv".'
        )
    return "av" if there and decoder != "opencv" else "opencv"


def about(decoder: str) -> str:
    """Which decoder this setting means here, with its version and its licence."""
    if chosen(decoder) == "av":
        from regard.media import pyav_clip  # noqa: PLC0415 - PyAV is an extra

        return f"PyAV {pyav_clip.version()}; {pyav_clip.LICENCE}"
    return f"OpenCV {opencv_clip.version()}; {opencv_clip.LICENCE}"
