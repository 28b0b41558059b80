"""Whether the times of a transport stream rise, read without a decoder."""

from __future__ import annotations

import io

import pytest
from clips import Making, clip, numbered

from regard.media.transport_stream import times_rise

SECONDS, RATE = 8, 25


@pytest.fixture(scope="module")
def recording() -> bytes:
    return clip(numbered(SECONDS * RATE), Making(container="mpegts", options={"preset": "fast", "bf": "2"}))


def test_the_times_of_one_recording_rise_whatever_its_frames_order(recording: bytes) -> None:
    assert times_rise(io.BytesIO(recording))


@pytest.mark.parametrize("cut", [0, 100])
def test_those_of_joined_recordings_do_not_wherever_the_first_was_cut_off(recording: bytes, cut: int) -> None:
    assert not times_rise(io.BytesIO(recording[: len(recording) - cut] + recording))


@pytest.mark.parametrize("data", [b"", b"G", b"G" * 100_000, bytes(100_000)], ids=["empty", "short", "sync", "zeros"])
def test_what_tells_no_times_does_not_fall(data: bytes) -> None:
    assert times_rise(io.BytesIO(data))


def test_the_file_stays_where_it_was(recording: bytes) -> None:
    file = io.BytesIO(recording)
    file.seek(1234)
    times_rise(file)
    assert file.tell() == 1234
