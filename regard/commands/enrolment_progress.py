"""The progress of an enrolment, its rate and the time left: estimated from a sample, then updated as it runs."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, SpinnerColumn, TextColumn
from rich.progress import Progress as Bars
from rich.table import Column

from regard.commands import terminal
from regard.engine.bulk.folder_walk import Photo

#: Time between two lines of progress where no bar can be drawn.
_LINE_SECONDS = 10.0
#: The rate is measured over this time: pictures differ from folder to folder.
_RATE_SECONDS = 120.0
#: A sample is taken only from a list at least this many times as long.
_SAMPLE_RATIO = 4


def spread(photos: Sequence[Photo], most: int) -> tuple[list[Photo], list[Photo]]:
    """A sample of `most` from all over the list, and the others in order; no sample of a short list."""
    if len(photos) < _SAMPLE_RATIO * most:
        return [], list(photos)
    chosen = {number * len(photos) // most for number in range(most)}
    return [photos[row] for row in sorted(chosen)], [each for row, each in enumerate(photos) if row not in chosen]


def forecast(left: int, total: int, rate: float, workers: str) -> str:
    """How long `left` photographs of `total` take at `rate` a second."""
    which = f"{total:,} photographs" if left == total else f"{left:,} of {total:,} photographs are left"
    return f"{which}, about {duration(left / rate)} at {rate:.1f}/s on {workers}."


def duration(seconds: float) -> str:
    """In words, with two units at most: "2 h 30 min"."""
    minutes = round(seconds / 60)
    if seconds < 100:
        return f"{seconds:.0f} s"
    if minutes < 100:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 10:
        return f"{hours} h {minutes} min"
    return f"{round(hours + minutes / 60)} h" if hours < 72 else f"{hours / 24:.1f} days"


class Pace:
    """Files a second, over the last two minutes."""

    def __init__(self) -> None:
        self._marks = deque([(time.monotonic(), 0)])

    def add(self, files: int) -> None:
        now = time.monotonic()
        self._marks.append((now, self._marks[-1][1] + files))
        while len(self._marks) > 2 and now - self._marks[1][0] > _RATE_SECONDS:
            self._marks.popleft()

    @property
    def rate(self) -> float:
        """0 until something is done."""
        (began, before), (now, done) = self._marks[0], self._marks[-1]
        return (done - before) / max(now - began, 1e-9)


class Watch(Protocol):
    """Shows the progress of an enrolment."""

    def add(self, files: int, faces: int) -> None:
        """`files` more are done, and `faces` were enrolled in all so far."""

    def say(self, text: str) -> None: ...


@contextmanager
def watched(total: int) -> Iterator[Watch]:
    """A bar with rate and time left; if the output is not a terminal, a line now and then."""
    console = terminal.err()
    if not console.is_terminal:
        yield _Lines(total)
        return
    faces = TextColumn("{task.fields[faces]:,} faces")
    with Bars(SpinnerColumn(), BarColumn(), MofNCompleteColumn(), faces, _Rate(), console=console) as bars:
        yield _Bar(bars, total)


class _Bar:
    def __init__(self, bars: Bars, total: int) -> None:
        self._bars = bars
        self._pace = Pace()
        self._task = bars.add_task("", total=total, faces=0, pace=self._pace)

    def add(self, files: int, faces: int) -> None:
        self._pace.add(files)
        self._bars.update(self._task, advance=files, faces=faces)

    def say(self, text: str) -> None:
        self._bars.console.print(escape(text), style="dim", soft_wrap=True)


class _Lines:
    def __init__(self, total: int) -> None:
        self._total, self._done = total, 0
        self._pace = Pace()
        self._last_line = time.monotonic()

    def say(self, text: str) -> None:
        terminal.note(text)

    def add(self, files: int, faces: int) -> None:
        self._pace.add(files)
        self._done += files
        now = time.monotonic()
        if now - self._last_line < _LINE_SECONDS and self._done < self._total:
            return
        self._last_line = now
        speed = _speed(self._pace, self._total - self._done)
        terminal.note(f"{self._done:,} of {self._total:,} files, {faces:,} faces, {speed}")


class _Rate(ProgressColumn):
    """Rate and time left."""

    def __init__(self) -> None:
        super().__init__(Column(no_wrap=True))

    def render(self, task: Any) -> str:
        return _speed(task.fields["pace"], task.remaining)


def _speed(pace: Pace, left: float) -> str:
    rate = pace.rate
    return f"{rate:.1f} images/s, {duration(left / rate)} left" if rate else "– images/s"
