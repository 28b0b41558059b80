"""Shots and technical cues of a whole video, from the marks of its chunks, by Amazon Rekognition's conventions.

A shot ends with the frame before the next one's first; but a technical cue begins with the frame that the one before
ends with. A duration in frames is the last frame's number less the first one's. Frames of a soft transition belong to
no shot. (Rekognition, "Detecting video segments in stored video".)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from regard.engine.video.segment_marks import BLACK, CONTENT, Fade, Run
from regard.engine.video.timecodes import timecode

Mark = Mapping[str, Any]
CUES, SHOTS = "TECHNICAL_CUE", "SHOT"
#: Black frames with so much sound are content: a codec's own smear is no sound.
_LOUD_MS, _LOUD_PART = 100, 0.1
#: What is certain: every frame of these was looked at.
_CERTAIN: Final = 100.0


def segments(marks: Iterable[Mark], rate: float, filters: Mapping[str, Any], kinds: Sequence[str]) -> Iterator[Mark]:
    """The members of AWS's Segments: those of the first of `kinds`, then those of the other, by time each. `filters`
    are AWS's, with their defaults."""
    runs, fades, cuts = _gathered(marks)
    least = {
        CUES: filters["TechnicalCueFilter"]["MinSegmentConfidence"],
        SHOTS: filters["ShotFilter"]["MinSegmentConfidence"],
    }
    found = {CUES: lambda: _cues(runs, rate), SHOTS: lambda: _shots(runs, fades, cuts, rate, least[SHOTS])}
    for kind in kinds:
        yield from (each for each in found[kind]() if each["confidence"] >= least[kind])


def _gathered(marks: Iterable[Mark]) -> tuple[list[Run], list[Fade], list[Mark]]:
    """Runs, fades and cuts, by frames counted from the video's first."""
    runs: list[Run] = []
    fades: list[Fade] = []
    cuts: list[Mark] = []
    start = following = 0
    for mark in marks:
        said = {name: value for name, value in mark.items() if name not in ("at", "mark")}
        if mark["mark"] == "chunk":
            start, following = following, following + mark["frames"]
        elif mark["mark"] == "cut":
            cuts.append({**mark, "frame": start + mark["frame"]})
        elif mark["mark"] == "run":
            run = Run(**said)
            _join(runs, replace(run, first=start + run.first, last=start + run.last))
        else:
            fade = Fade(**said)
            _add_fade(fades, replace(fade, first=start + fade.first, last=start + fade.last))
    return runs, fades, sorted(cuts, key=lambda cut: int(cut["frame"]))


def _join(runs: list[Run], run: Run) -> None:
    if runs and runs[-1].cue == run.cue:
        last = runs.pop()
        run = replace(run, first=last.first, from_ms=last.from_ms, loud_ms=last.loud_ms + run.loud_ms)
    runs.append(run)


def _add_fade(fades: list[Fade], fade: Fade) -> None:
    """One that a chunk's end has cut in two is one."""
    if fades and fades[-1].last + 1 >= fade.first:
        last = fades.pop()
        fade = replace(fade, first=last.first, before_ms=last.before_ms)
    fades.append(fade)


def _cues(runs: Sequence[Run], rate: float) -> Iterator[Mark]:
    joined: list[Run] = []
    for run in runs:
        loud = run.loud_ms > max(_LOUD_MS, _LOUD_PART * (run.to_ms - run.from_ms))
        _join(joined, replace(run, cue=CONTENT, loud_ms=0) if run.cue == BLACK and loud else run)
    first, from_ms = 0, 0
    for run in joined:
        shape = {"Type": CUES, "TechnicalCueSegment": {"Type": run.cue, "Confidence": _CERTAIN}}
        yield _segment(shape, (first, run.last), (from_ms, run.to_ms), rate, _CERTAIN)
        first, from_ms = run.last, run.to_ms


def _shots(
    runs: Sequence[Run], fades: Sequence[Fade], cuts: Sequence[Mark], rate: float, least: float
) -> Iterator[Mark]:
    if not runs:
        return
    shots: list[tuple[int, int, int, int, float]] = []
    first, from_ms, confidence = runs[0].first, runs[0].from_ms, _CERTAIN
    edges = [(cut["frame"], cut["at"], cut["frame"] - 1, cut["before_ms"], cut["confidence"]) for cut in cuts]
    edges = [edge for edge in edges if edge[4] >= least and not any(f.first < edge[0] <= f.last + 1 for f in fades)]
    # A fade's own frames are left out on both sides of it.
    edges += [(fade.last + 1, fade.after_ms, fade.first - 1, fade.before_ms, _CERTAIN) for fade in fades]
    for following, following_ms, last, last_ms, sure in sorted(edges):
        if last >= first:
            shots.append((first, last, from_ms, last_ms, confidence))
        if following > first:
            first, from_ms, confidence = following, following_ms, sure
    if runs[-1].last >= first:
        shots.append((first, runs[-1].last, from_ms, runs[-1].to_ms, confidence))
    for index, (begin, end, begin_ms, end_ms, sure) in enumerate(shots):
        shape = {"Type": SHOTS, "ShotSegment": {"Index": index, "Confidence": sure}}
        yield _segment(shape, (begin, end), (begin_ms, end_ms), rate, sure)


def _segment(
    shape: dict[str, Any], frames: tuple[int, int], times: tuple[int, int], rate: float, sure: float
) -> dict[str, Any]:
    (first, last), (from_ms, to_ms) = frames, times
    return {
        "at": from_ms,
        "confidence": sure,
        **shape,
        "StartTimestampMillis": from_ms,
        "EndTimestampMillis": to_ms,
        "DurationMillis": to_ms - from_ms,
        "StartTimecodeSMPTE": timecode(first, rate),
        "EndTimecodeSMPTE": timecode(last, rate),
        "DurationSMPTE": timecode(last - first, rate),
        "StartFrameNumber": first,
        "EndFrameNumber": last,
        "DurationFrames": last - first,
    }
