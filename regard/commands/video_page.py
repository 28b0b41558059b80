"""A video's timeline as one HTML page that needs nothing else."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.metadata import version

from jinja2 import Environment, StrictUndefined

from regard.commands.terminal import percent
from regard.engine.video.lanes import Lane, Lanes, Place

_TEMPLATE = "video_page.html.jinja"
#: How a kind of lane is coloured.
_CLASSES = {"Shots": "shots", "Technical cues": "cues", "Possible matches": "match"}
#: Times that a ruler shows: the first of these steps that gives few enough marks.
_STEPS_MS = tuple(1_000 * each for each in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600))
_MOST_MARKS = 6
#: On a telephone the last time is as wide as this part of the ruler, and so is the one before it.
_END_PART = 0.22
#: Shots of which a picture is shown.
_MOST_STILLS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """`about` is a line about the video; `pictures` are JPEGs by their place."""

    name: str
    about: str
    duration_ms: int
    kinds: Sequence[Lanes]
    pictures: Mapping[Place, bytes]
    notices: Sequence[str] = ()


def places(kinds: Sequence[Lanes]) -> list[Place]:
    """Every picture that a page of these would show, in the order of time."""
    found = {lane.place for kind in kinds for lane in kind.lanes if lane.place is not None}
    stills = [each.place for kind in kinds for lane in kind.lanes for each in lane.stretches if each.place is not None]
    return sorted(found | set(stills[:_MOST_STILLS]), key=lambda place: place.at)


def html(page: Page) -> str:
    """Everything in it is escaped."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(resources.files(__package__).joinpath(_TEMPLATE).read_text("utf-8"))
    duration = max(1, page.duration_ms)

    @cache
    def picture(place: Place | None) -> str:
        content = None if place is None else page.pictures.get(place)
        return base64.b64encode(content).decode() if content else ""

    return template.render(
        page=page,
        classes=_CLASSES,
        marks=list(_marks(duration)),
        share=lambda at: f"{min(100.0, 100 * at / duration):.3f}",
        clock=clock,
        length=length,
        picture=picture,
        percent=percent,
        spoken=_spoken,
        version=version("regard"),
    )


def clock(at: int) -> str:
    """1:02:03.4, without hours where there are none."""
    minutes, seconds = divmod(at / 1000, 60)
    hours, minutes = divmod(int(minutes), 60)
    tenths = f"{int(seconds * 10) / 10:04.1f}"
    return f"{hours}:{minutes:02}:{tenths}" if hours else f"{minutes}:{tenths}"


def length(duration_ms: int) -> str:
    """A duration in words: 3.4 s, 2 min 5 s."""
    seconds = duration_ms / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds} s"


def _marks(duration: int) -> Iterator[int]:
    """The start, round times in between, and the end."""
    step = next((each for each in _STEPS_MS if duration / each <= _MOST_MARKS), _STEPS_MS[-1])
    yield from (at for at in range(0, duration, step) if at == 0 or duration - at > _END_PART * duration)
    yield duration


def _spoken(lane: Lane) -> str:
    """What the bars of a lane show, for those who do not see them."""
    first = ", ".join(f"{clock(each.from_ms)} to {clock(each.to_ms)}" for each in lane.stretches[:10])
    return f"{lane.title}: {first}" + (f" and {len(lane.stretches) - 10} more" if len(lane.stretches) > 10 else "")
