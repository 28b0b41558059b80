from __future__ import annotations

import pytest

from regard.engine.video.timecodes import timecode

NTSC, FILM, DOUBLE = 30_000 / 1001, 24_000 / 1001, 60_000 / 1001


@pytest.mark.parametrize(
    ("frame", "rate", "said"),
    [
        (0, 25.0, "00:00:00:00"),
        (49, 25.0, "00:00:01:24"),
        (25 * 3600, 25.0, "01:00:00:00"),
        (47, FILM, "00:00:01:23"),
        (24 * 60, FILM, "00:01:00:00"),  # nothing is dropped at 23.976
        (299, NTSC, "00:00:09;29"),
        (300, NTSC, "00:00:10;00"),
        (1799, NTSC, "00:00:59;29"),
        (1800, NTSC, "00:01:00;02"),
        (17_981, NTSC, "00:09:59;29"),
        (17_982, NTSC, "00:10:00;00"),
        (107_892, NTSC, "01:00:00;00"),
        (3599, DOUBLE, "00:00:59;59"),
        (3600, DOUBLE, "00:01:00;04"),
        (30, 30.0, "00:00:01:00"),
        (7, 0.0, "00:00:07:00"),
    ],
)
def test_a_frame_has_the_timecode_of_smpte_12m(frame: int, rate: float, said: str) -> None:
    assert timecode(frame, rate) == said


def test_no_two_frames_have_one_timecode() -> None:
    said = [timecode(frame, NTSC) for frame in range(20_000)]
    assert len(set(said)) == len(said)
    assert said == sorted(said)
