"""What one chunk of a video shows of its shots and technical cues: marks, by frames counted from the chunk's first.

A chunk does not know what is before it and, beyond a few frames, behind it: `segments` puts the marks of all together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from regard.domain.arrays import ByteArray
from regard.engine.video.cuts import LOOKAHEAD, CutDetector
from regard.engine.video.technical_frames import BlackFrame, is_colour_bars
from regard.media.frames import Frame, Sound

#: Frames behind a chunk in which its cuts may still be: the next one has too few before them.
BEHIND: Final = LOOKAHEAD
#: As many must be read behind it, so that they can be judged.
READ_BEHIND: Final = 2 * LOOKAHEAD
#: Sound from this level on is heard: 60 dB below full scale.
_AUDIBLE: Final = 0.001
#: A frame of less contrast than this shows nothing, in levels; a fade takes so many frames at least.
_EMPTY, _FADE_FRAMES = 5.0, 4
BLACK, BARS, CONTENT = "BlackFrames", "ColorBars", "Content"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Frames of one kind, the first to the last, when those are shown, and for how many milliseconds there is sound."""

    cue: str
    first: int
    last: int
    from_ms: int
    to_ms: int
    loud_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fade:
    """A soft transition: its first frame and its last, and when those before it and after it are shown."""

    first: int
    last: int
    before_ms: int
    after_ms: int


class SegmentMarks:
    """Is given the frames of a chunk in their order, and then READ_BEHIND of what is behind it."""

    def __init__(self, black: BlackFrame, *, full_range: bool, begins: bool) -> None:
        """`begins` is whether the chunk is the video's first: another has no cuts before BEHIND."""
        self._black = black
        self._full_range = full_range
        self._first_cut = 1 if begins else BEHIND
        self._detector = CutDetector()
        self._cuts: list[dict[str, Any]] = []
        self._times: list[int] = []
        self._frames = 0
        self._runs: list[Run] = []
        self._fades = FadeDetector()
        self._loud: list[tuple[int, int]] = []

    def add(self, frame: Frame, thumbnail: ByteArray) -> None:
        self._frames += 1
        self._judge(thumbnail, frame.at)
        number = self._frames - 1
        cue = self._cue(frame, thumbnail)
        if self._runs and self._runs[-1].cue == cue:
            last = self._runs.pop()
            self._runs.append(Run(cue=cue, first=last.first, last=number, from_ms=last.from_ms, to_ms=frame.at))
        else:
            self._runs.append(Run(cue=cue, first=number, last=number, from_ms=frame.at, to_ms=frame.at))
        self._fades.add(number, frame.at, float(thumbnail[..., 0].std()))

    def add_behind(self, frame: Frame, thumbnail: ByteArray) -> None:
        """One of the frames after the chunk's last."""
        self._judge(thumbnail, frame.at)

    def hear(self, sound: Sound) -> None:
        if sound.level >= _AUDIBLE:
            self._loud.append((sound.from_ms, sound.to_ms))

    def items(self, from_ms: int, *, ends: bool) -> list[Mapping[str, Any]]:
        """The marks as a job's items. `ends` is whether the video has ended with them."""
        if ends:
            self._keep(self._detector.end())
        self._fades.end()
        runs = [{"at": run.from_ms, "mark": "run"} | asdict(self._with_sound(run)) for run in self._runs]
        fades = [{"at": each.before_ms, "mark": "fade"} | asdict(each) for each in self._fades.found]
        return [{"at": from_ms, "mark": "chunk", "frames": self._frames}, *runs, *fades, *self._cuts]

    def _cue(self, frame: Frame, thumbnail: ByteArray) -> str:
        if self._black.takes(frame, thumbnail, full_range=self._full_range):
            return BLACK
        return BARS if is_colour_bars(thumbnail) else CONTENT

    def _judge(self, thumbnail: ByteArray, at: int) -> None:
        self._times.append(at)
        cut = self._detector.add(thumbnail)
        self._keep([cut] if cut else [])

    def _keep(self, cuts: Sequence[Any]) -> None:
        for cut in cuts:
            if cut.frame >= self._first_cut and (cut.frame < self._frames + BEHIND):
                mark = {"at": self._times[cut.frame], "mark": "cut", "before_ms": self._times[cut.frame - 1]}
                self._cuts.append(mark | {"frame": cut.frame, "confidence": cut.confidence})

    def _with_sound(self, run: Run) -> Run:
        loud = sum(max(0, min(to, run.to_ms) - max(start, run.from_ms)) for start, to in self._loud)
        return Run(**(asdict(run) | {"loud_ms": loud}))


class FadeDetector:
    """Finds where pictures lose all contrast slowly, or gain it slowly after there was none."""

    def __init__(self) -> None:
        self.found: list[Fade] = []
        self._frames: list[tuple[int, int]] = []
        self._last = np.inf
        #: Where contrast has begun to fall, or to rise out of nothing; and where there is none.
        self._falling = 0
        self._begun: int | None = None
        self._rising: int | None = None
        self._slow = False

    def add(self, number: int, at: int, contrast: float) -> None:
        """The next frame; `contrast` is the standard deviation of its luma, in levels."""
        self._frames.append((number, at))
        here = len(self._frames) - 1
        if contrast < _EMPTY:
            self._darkened(here)
        elif self._begun is not None:
            self._brightened(here, contrast)
        elif contrast >= self._last:
            self._falling = here
        self._last = contrast

    def end(self) -> None:
        if self._begun is not None:
            self._close(len(self._frames) - 1)

    def _darkened(self, here: int) -> None:
        if self._begun is None:
            self._begun = self._falling + 1 if here - self._falling >= _FADE_FRAMES else here
            self._slow = here - self._falling >= _FADE_FRAMES
        self._rising = None

    def _brightened(self, here: int, contrast: float) -> None:
        if self._rising is None:
            self._rising = here
        elif contrast <= self._last:
            self._close(here - 1)
            self._falling = here - 1

    def _close(self, last: int) -> None:
        """The transition that ends with this frame at the latest, if any of it was slow."""
        rising = len(self._frames) if self._rising is None else self._rising
        rises = last - rising + 1 >= _FADE_FRAMES
        begun = self._begun or 0
        end = last if rises else rising - 1
        if self._slow or rises:
            before, after = self._frames[max(0, begun - 1)], self._frames[min(end + 1, len(self._frames) - 1)]
            first, final = self._frames[begun][0], self._frames[min(end, len(self._frames) - 1)][0]
            self.found.append(Fade(first=first, last=final, before_ms=before[1], after_ms=after[1]))
        self._begun = self._rising = None
