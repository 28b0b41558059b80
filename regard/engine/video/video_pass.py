"""One pass over a chunk of a video: decoded once, looked at by all who want to, each at their own pace."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final, Protocol

from regard.domain.faces import Detail
from regard.domain.videos import Span
from regard.engine.jobs.task import Beat, Item
from regard.engine.video.looks import FaceLooks, Look, Models, Pace
from regard.engine.video.read_ahead import read_ahead
from regard.engine.video.segment_marks import READ_BEHIND, SegmentMarks
from regard.engine.video.shot_starts import READ_BEHIND as CUTS_BEHIND
from regard.engine.video.shot_starts import ShotStarts
from regard.engine.video.sightings import See
from regard.media.frames import Clip, Sound

#: How long a frame is taken to last where a video does not say.
_FRAME_MS = 40.0
#: So much is read ahead at most: as many frames as are between two looks, or what memory there is for them.
_AHEAD_FRAMES: Final = 16
_AHEAD_BYTES: Final = 64 << 20
_PIXEL_BYTES: Final = 3


class Watcher(Protocol):
    """Looks at a chunk for one job, every `step_ms` (0 is every frame). `behind` is how many frames after the chunk it
    also wants to see, `hears` whether it wants its sound, `detail` what it asks of a face, `light` whether it runs no
    models but those of faces."""

    step_ms: float
    detail: Detail
    behind: int
    hears: bool
    light: bool

    def glance(self, look: Look) -> None:
        """Each frame of the chunk, whatever the step is, before it is seen."""

    def see(self, look: Look) -> None: ...

    def see_behind(self, look: Look) -> None: ...

    def hear(self, sound: Sound) -> None: ...

    def items(self, from_ms: int, *, ends: bool) -> Sequence[Item]:
        """What was found. `ends` is whether the video ended as well."""


class Sightings:
    """A watcher that tells of each look by itself."""

    behind = 0
    hears = False

    def __init__(self, see: See, step_ms: float, detail: Detail = Detail.NONE, *, light: bool = False) -> None:
        self._see = see
        self.light = light
        self._items: list[Item] = []
        self.step_ms = step_ms
        self.detail = detail

    def glance(self, look: Look) -> None: ...

    def see(self, look: Look) -> None:
        self._items += self._see(look)

    def see_behind(self, look: Look) -> None: ...

    def hear(self, sound: Sound) -> None: ...

    def items(self, from_ms: int, *, ends: bool) -> Sequence[Item]:
        del from_ms, ends
        return self._items


class Tracks(Protocol):
    def see(self, look: Look) -> None: ...

    def enter(self, shot: int) -> None:
        """What is seen now is in this shot: who goes on was seen in it before."""

    def items(self) -> list[Item]: ...


class Following:
    """A watcher that follows people through each shot. What is seen waits until it is known whether a shot begins with
    it."""

    behind = CUTS_BEHIND
    hears = False

    def __init__(self, tracks: Tracks, step_ms: float, detail: Detail, *, light: bool) -> None:
        self._tracks = tracks
        self.light = light
        self._shots = ShotStarts()
        self._waiting: deque[Look] = deque()
        self._beyond: int | None = None
        self.step_ms = step_ms
        self.detail = detail

    def glance(self, look: Look) -> None:
        self._shots.add(look.thumbnail, look.at)
        self._follow(self._shots.settled)

    def see(self, look: Look) -> None:
        self._waiting.append(look)

    def see_behind(self, look: Look) -> None:
        if self._beyond is None:
            self._beyond = look.at
        self.glance(look)

    def hear(self, sound: Sound) -> None: ...

    def items(self, from_ms: int, *, ends: bool) -> Sequence[Item]:
        del ends
        self._shots.end()
        if self._waiting:
            self._follow(self._waiting[-1].at)
        # Beyond the first frame behind, the next chunk tells.
        cuts = [at for at in self._shots.found if self._beyond is None or at <= self._beyond]
        return [{"at": from_ms, "mark": "chunk", "cuts": cuts}, *self._tracks.items()]

    def _follow(self, until: int) -> None:
        while self._waiting and self._waiting[0].at <= until:
            look = self._waiting.popleft()
            self._tracks.enter(self._shots.shot(look.at))
            self._tracks.see(look)


class Segmenting:
    """A watcher that looks for shots and technical cues."""

    step_ms = 0.0
    detail = Detail.NONE
    behind = READ_BEHIND
    hears = True
    light = True

    def __init__(self, marks: SegmentMarks) -> None:
        self._marks = marks

    def glance(self, look: Look) -> None: ...

    def see(self, look: Look) -> None:
        self._marks.add(look.frame, look.thumbnail)

    def see_behind(self, look: Look) -> None:
        self._marks.add_behind(look.frame, look.thumbnail)

    def hear(self, sound: Sound) -> None:
        self._marks.hear(sound)

    def items(self, from_ms: int, *, ends: bool) -> Sequence[Item]:
        return self._marks.items(from_ms, ends=ends)


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """A look, and who is to take it."""

    look: Look
    takers: Sequence[Watcher]


class VideoPass:
    """Shows a chunk to its watchers.

    While they look at one frame the next are decoded, and faces found in them, where there is memory for that: not
    where models run that take much more.
    """

    def __init__(self, clip: Clip, span: Span, watchers: Sequence[Watcher], models: Models) -> None:
        self._clip = clip
        self._span = span
        self._watchers = watchers
        self._models = models
        detail = Detail.NONE
        for each in watchers:
            detail |= each.detail
        self._face_looks = FaceLooks(models, detail)
        frame_ms = 1000 / clip.metadata.rate if clip.metadata.rate else _FRAME_MS
        self._paces = [Pace(each.step_ms, span.from_ms, frame_ms) if each.step_ms else None for each in watchers]

    def run(self, beat: Beat) -> list[Sequence[Item]]:
        """What each watcher found. Raises as `Clip.read`, what models raise, and Stopped as `beat` does."""
        left = max(each.behind for each in self._watchers)
        hearing = [each for each in self._watchers if each.hears]
        read = Span(from_ms=self._span.from_ms) if left else self._span
        ends = True
        with closing(self._shown(read, sound=bool(hearing))) as shown:
            for each in shown:
                if isinstance(each, Sound):
                    for watcher in hearing:
                        watcher.hear(each)
                elif self._is_behind(each.look):
                    if not left:
                        ends = False
                        break
                    left -= 1
                    for watcher in self._watchers:
                        watcher.see_behind(each.look)
                else:
                    beat(self._progress(each.look.at))
                    self._show(each)
        return [each.items(self._span.from_ms, ends=ends) for each in self._watchers]

    def _shown(self, read: Span, *, sound: bool) -> Generator[Sound | _Shown]:
        ahead = self._ahead()
        looks = self._looks(read, sound=sound, find=ahead > 0)
        return read_ahead(looks, ahead) if ahead else looks

    def _ahead(self) -> int:
        """How many frames are read ahead."""
        video = self._clip.metadata
        if not all(each.light for each in self._watchers):
            return 0
        return max(1, min(_AHEAD_FRAMES, _AHEAD_BYTES // (video.width * video.height * _PIXEL_BYTES)))

    def _looks(self, read: Span, *, sound: bool, find: bool) -> Generator[Sound | _Shown]:
        """All that is read; `find` is whether faces are found before they are asked for."""
        for each in self._clip.read(read, sound=sound):
            if isinstance(each, Sound):
                yield each
                continue
            look, takers = Look(each, self._models, self._face_looks), []
            if not self._is_behind(look):
                paced = zip(self._watchers, self._paces, strict=True)
                takers = [watcher for watcher, pace in paced if pace is None or pace.takes(look.at)]
            if find and any(watcher.detail for watcher in takers):
                _ = look.found
            yield _Shown(look, takers)

    def _is_behind(self, look: Look) -> bool:
        return self._span.to_ms is not None and look.at >= self._span.to_ms

    def _show(self, shown: _Shown) -> None:
        for watcher in self._watchers:
            watcher.glance(shown.look)
            if watcher in shown.takers:
                watcher.see(shown.look)

    def _progress(self, at: int) -> float:
        end = self._span.to_ms if self._span.to_ms is not None else self._clip.metadata.duration_ms
        length = min(end, self._clip.metadata.duration_ms or end) - self._span.from_ms
        return min(1.0, (at - self._span.from_ms) / length) if length > 0 else 0.0
