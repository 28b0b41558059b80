"""Segments of real clips, to the frame, by the conventions of Rekognition's own example."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from clips import Making, clip
from scenes import HEIGHT, WIDTH, bars, black, faded, shot
from videos import cues_of, segments_of, shots_of

from regard.engine.video.technical_frames import BlackFrame

NTSC = Fraction(30_000, 1001)


def test_segments_are_as_in_rekognitions_example() -> None:
    found = segments_of(clip([*black(300), *shot(1, 150)], Making(rate=NTSC)))
    assert cues_of(found) == [("BlackFrames", 0, 299), ("Content", 299, 449)]
    assert shots_of(found) == [(0, 299), (300, 449)]
    first = {name: value for name, value in found[0].items() if name[0].isupper()}
    assert first == {
        "Type": "TECHNICAL_CUE",
        "TechnicalCueSegment": {"Type": "BlackFrames", "Confidence": 100.0},
        "StartTimestampMillis": 0,
        "EndTimestampMillis": 9976,
        "DurationMillis": 9976,
        "StartTimecodeSMPTE": "00:00:00;00",
        "EndTimecodeSMPTE": "00:00:09;29",
        "DurationSMPTE": "00:00:09;29",
        "StartFrameNumber": 0,
        "EndFrameNumber": 299,
        "DurationFrames": 299,
    }
    assert found[3]["ShotSegment"]["Index"] == 1
    assert found[3]["StartTimecodeSMPTE"] == "00:00:10;00"
    assert found[3]["StartTimestampMillis"] == 10_010
    assert 50 <= found[3]["ShotSegment"]["Confidence"] <= 100


def test_the_kinds_come_in_the_order_they_were_asked_for_in() -> None:
    data = clip([*shot(1, 30), *shot(2, 30)])
    assert [each["Type"] for each in segments_of(data, kinds=("SHOT", "TECHNICAL_CUE"))] == [
        "SHOT",
        "SHOT",
        "TECHNICAL_CUE",
    ]
    assert {each["Type"] for each in segments_of(data, kinds=("SHOT",))} == {"SHOT"}


@pytest.mark.parametrize("seconds", [0.5, 1, 2, 4])
@pytest.mark.slow
def test_segments_do_not_depend_on_where_chunks_are_cut(seconds: float) -> None:
    frames = [*shot(1, 49), *shot(2, 30), *black(11), *shot(3, 13), *bars(26), *shot(4, 7), *shot(5, 60)]
    making = Making(options={"preset": "ultrafast", "g": "10", "sc_threshold": "0", "bf": "0"})
    data = clip(frames, making)
    assert segments_of(data, seconds=seconds) == segments_of(data)
    assert shots_of(segments_of(data)) == [
        *((0, 48), (49, 78), (79, 89), (90, 102), (103, 128), (129, 135), (136, 195)),
    ]
    assert cues_of(segments_of(data)) == [
        *(("Content", 0, 78), ("BlackFrames", 78, 89), ("Content", 89, 102)),
        *(("ColorBars", 102, 128), ("Content", 128, 195)),
    ]


def test_a_fade_belongs_to_no_shot() -> None:
    first, second = shot(1, 50), shot(2, 50)
    frames = [*first[:30], *faded(first[30:], out=True), *black(5), *faded(second[:20], out=False), *second[20:]]
    (one, two) = shots_of(segments_of(clip(frames)))
    assert one[0] == 0
    assert abs(one[1] - 29) <= 1
    assert abs(two[0] - 75) <= 1
    assert two[1] == 104


# -- black -------------------------------------------------------------------------------------------------------------


def planes(luma: int) -> np.ndarray:
    frame = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
    frame[:HEIGHT] = luma
    return frame


LOSSLESS = {"preset": "ultrafast", "qp": "0", "g": "25"}


@pytest.mark.parametrize(
    ("luma", "full_range", "threshold", "is_black"),
    [
        (59, False, 0.2, True),  # 16 + 0.2 × 219 = 59.8
        (60, False, 0.2, False),
        (51, True, 0.2, True),  # 0.2 × 255 = 51
        (52, True, 0.2, False),
        (16, False, 0.0, True),
        (17, False, 0.0, False),
        (235, False, 1.0, True),
    ],
)
def test_black_is_what_is_as_dark_as_asked_to_the_level(
    luma: int, full_range: bool, threshold: float, is_black: bool
) -> None:
    making = Making(options=LOSSLESS, full_range=full_range, pixels="yuvj420p" if full_range else "yuv420p")
    data = clip([planes(luma)] * 10, making)
    found = segments_of(data, black=BlackFrame(threshold=threshold, coverage=99))
    assert cues_of(found) == [("BlackFrames" if is_black else "Content", 0, 9)]


@pytest.mark.parametrize(("bright_rows", "is_black"), [(1, True), (2, False)])
def test_black_covers_as_much_as_asked(bright_rows: int, is_black: bool) -> None:
    frame = planes(16)
    frame[:bright_rows] = 200  # a row is 0.93 % of the picture
    data = clip([frame] * 10, Making(options=LOSSLESS))
    assert cues_of(segments_of(data)) == [("BlackFrames" if is_black else "Content", 0, 9)]


@pytest.mark.slow
def test_black_frames_with_sound_are_content() -> None:
    frames = [*shot(1, 50), *black(50), *shot(2, 50), *black(50)]
    loud = Making(spoken=[0.3] * 150 + [0.0] * 50)
    assert cues_of(segments_of(clip(frames, loud))) == [("Content", 0, 149), ("BlackFrames", 149, 199)]
    silent = Making(spoken=[0.0] * 200)
    assert cues_of(segments_of(clip(frames, silent))) == [
        *(("Content", 0, 49), ("BlackFrames", 49, 99), ("Content", 99, 149), ("BlackFrames", 149, 199)),
    ]


@pytest.mark.parametrize("strength", [0.75, 1.0])
def test_colour_bars_are_told_to_the_frame(strength: float) -> None:
    found = segments_of(clip([*bars(40, strength), *shot(1, 40)]))
    assert cues_of(found) == [("ColorBars", 0, 39), ("Content", 39, 79)]


def test_stripes_of_other_colours_are_no_colour_bars() -> None:
    frame = np.flip(bars(1)[0], axis=1)
    assert cues_of(segments_of(clip([frame] * 20))) == [("Content", 0, 19)]


def test_opencv_finds_the_same_shots() -> None:
    data = clip([*shot(1, 49), *shot(2, 30), *black(20)])
    assert segments_of(data, decoder="opencv") == segments_of(data)
