"""Analyses of videos for tests, without jobs: every chunk of a clip shown to watchers, and what they found."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from regard.engine.video.segment_marks import SegmentMarks
from regard.engine.video.segments import segments
from regard.engine.video.technical_frames import BlackFrame
from regard.engine.video.video_pass import Segmenting, VideoPass
from regard.media.clip import open_clip

FILTERS: Mapping[str, Any] = {
    "TechnicalCueFilter": {"MinSegmentConfidence": 50.0},
    "ShotFilter": {"MinSegmentConfidence": 50.0},
}
KINDS = ("TECHNICAL_CUE", "SHOT")


def segments_of(
    data: bytes,
    *,
    seconds: float = 60,
    black: BlackFrame | None = None,
    kinds: Sequence[str] = KINDS,
    decoder: str = "av",
) -> list[Mapping[str, Any]]:
    """The segments of a video that is cut into chunks of about so long."""
    marks: list[Mapping[str, Any]] = []
    with open_clip(io.BytesIO(data), decoder) as clip:
        for span in clip.spans(seconds):
            found = SegmentMarks(black or BlackFrame(), full_range=clip.metadata.full_range, begins=span.from_ms == 0)
            (items,) = VideoPass(clip, span, [Segmenting(found)], models=None).run(lambda _: None)  # type: ignore[arg-type]
            marks += items
        return list(segments(marks, clip.metadata.rate, FILTERS, kinds))


def shots_of(found: Sequence[Mapping[str, Any]]) -> list[tuple[int, int]]:
    """First and last frame of each shot."""
    return [(each["StartFrameNumber"], each["EndFrameNumber"]) for each in found if each["Type"] == "SHOT"]


def cues_of(found: Sequence[Mapping[str, Any]]) -> list[tuple[str, int, int]]:
    """Kind, first and last frame of each technical cue."""
    return [
        (each["TechnicalCueSegment"]["Type"], each["StartFrameNumber"], each["EndFrameNumber"])
        for each in found
        if each["Type"] == "TECHNICAL_CUE"
    ]
