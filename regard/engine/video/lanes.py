"""What was found in a video, put in order for a person: one lane for each thing, with the stretches it is seen in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from regard.domain.images import Box

Item = Mapping[str, Any]
#: One look later, and it is still the same stretch, though a look or two found nothing.
_GAP_MS = 2_000
#: How many lanes of a kind are shown: those that are seen longest.
_MOST_LANES = 40
#: Looks are so far apart where there are too few to tell, in milliseconds.
_USUAL_STEP_MS = 500

_CUES = {"BlackFrames": "Black frames", "ColorBars": "Colour bars", "Content": "Content"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a picture of it is: a time and, of a part of the frame, a box."""

    at: int
    box: Box | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Times are in milliseconds."""

    from_ms: int
    to_ms: int
    words: str = ""
    place: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One thing. `sure` is 0 to 100, how sure it is at best; `measure` what that number is."""

    title: str
    stretches: Sequence[Stretch]
    sure: float | None = None
    measure: str = "Confidence"
    place: Place | None = None

    @property
    def seen_ms(self) -> int:
        return sum(each.to_ms - each.from_ms for each in self.stretches)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lanes:
    """Lanes of one kind; `left_out` is how many more there are."""

    title: str
    lanes: Sequence[Lane]
    left_out: int = 0


@dataclass(slots=True)
class _Sightings:
    """The looks that saw one thing."""

    times: list[int] = field(default_factory=list)
    best: float = -1.0
    place: Place | None = None

    def add(self, at: int, worth: float, place: Place) -> None:
        self.times.append(at)
        if worth > self.best:
            self.best, self.place = worth, place


def of_kind(kind: str, items: Sequence[Item]) -> list[Lanes]:
    """What a job of that kind found, in lanes; none of a kind that has no time."""
    if kind == "SEGMENT_DETECTION":
        return [shots(items), cues(items)]
    lanes = _BY_KIND.get(kind)
    return [] if lanes is None else [lanes(items, _step_ms(items))]


def _step_ms(items: Sequence[Item]) -> int:
    """How far apart looks are, as the least distance between two that found something."""
    times = sorted({int(each["Timestamp"]) for each in items})
    return min((later - earlier for earlier, later in pairwise(times)), default=_USUAL_STEP_MS)


def shots(segments: Iterable[Item]) -> Lanes:
    """All shots in one lane, each with a picture from its middle."""
    found = [each for each in segments if each["Type"] == "SHOT"]
    stretches = [
        Stretch(
            from_ms=each["StartTimestampMillis"],
            to_ms=each["EndTimestampMillis"],
            words=f"Shot {each['ShotSegment']['Index'] + 1}",
            place=Place(at=(each["StartTimestampMillis"] + each["EndTimestampMillis"]) // 2),
        )
        for each in found
    ]
    return Lanes(title="Shots", lanes=[Lane(title=_counted(len(found), "shot"), stretches=stretches)] if found else [])


def cues(segments: Iterable[Item]) -> Lanes:
    """A lane for each kind of technical cue."""
    kinds: dict[str, list[Stretch]] = {}
    for each in segments:
        if each["Type"] == "TECHNICAL_CUE":
            kind = each["TechnicalCueSegment"]["Type"]
            stretch = Stretch(from_ms=each["StartTimestampMillis"], to_ms=each["EndTimestampMillis"])
            kinds.setdefault(_CUES.get(kind, kind), []).append(stretch)
    return Lanes(title="Technical cues", lanes=[Lane(title=kind, stretches=found) for kind, found in kinds.items()])


def people(persons: Iterable[Item], step_ms: int) -> Lanes:
    """A lane for each person who was followed, in the order of their first appearance."""
    seen = _by(persons, lambda each: str(each["Person"]["Index"]), _person_worth, _person_place)
    lanes = [_lane(f"Person {number}", one, step_ms, sure=None) for number, one in enumerate(seen.values(), 1)]
    return _cut("People", lanes)


def matches(persons: Iterable[Item], step_ms: int) -> Lanes:
    """A lane for each enrolled face that somebody may be, the likeliest first."""
    looks = [
        {"Timestamp": each["Timestamp"], "Person": each["Person"], **match}
        for each in persons
        for match in each.get("FaceMatches", ())
    ]
    seen = _by(looks, _match_name, lambda each: each["Similarity"], _person_place)
    lanes = [_lane(name, one, step_ms, sure=one.best, measure="Similarity") for name, one in seen.items()]
    return _cut("Possible matches", sorted(lanes, key=lambda lane: -(lane.sure or 0)))


def labels(found: Iterable[Item], step_ms: int) -> Lanes:
    """A lane for each label, what is seen longest first."""
    seen = _by(found, lambda each: each["Label"]["Name"], lambda each: each["Label"]["Confidence"], _frame)
    lanes = [_lane(name, one, step_ms, sure=one.best) for name, one in seen.items()]
    return _cut("Labels", sorted(lanes, key=lambda lane: -lane.seen_ms))


def texts(found: Iterable[Item], step_ms: int) -> Lanes:
    """A lane for each line that was read, whatever its case, in the order of first appearance."""
    lines = [each for each in found if each["TextDetection"]["Type"] == "LINE"]
    words = {each["TextDetection"]["DetectedText"].casefold(): each["TextDetection"]["DetectedText"] for each in lines}
    seen = _by(
        lines,
        lambda each: each["TextDetection"]["DetectedText"].casefold(),
        lambda each: each["TextDetection"]["Confidence"],
        lambda each: Place(at=each["Timestamp"], box=_box(each["TextDetection"]["Geometry"])),
    )
    return _cut("Text", [_lane(words[name], one, step_ms, sure=one.best) for name, one in seen.items()])


def faces(found: Iterable[Item], step_ms: int) -> Lanes:
    """One lane of when there are faces: who is not told."""
    looks = [{"Timestamp": each["Timestamp"], "Person": {"Face": each["Face"]}} for each in found]
    seen = _by(looks, lambda _: "Faces", _person_worth, _person_place)
    return Lanes(title="Faces", lanes=[_lane(name, one, step_ms, sure=None) for name, one in seen.items()])


def celebrities(found: Iterable[Item], step_ms: int) -> Lanes:
    """A lane for each who was recognised, the likeliest first."""
    named = [
        {"Timestamp": each["Timestamp"], "Person": each["Celebrity"]} for each in found if each["Celebrity"].get("Name")
    ]
    seen = _by(
        named,
        lambda each: each["Person"]["Name"],
        lambda each: each["Person"].get("Confidence") or 0.0,
        lambda each: Place(at=each["Timestamp"], box=_box(each["Person"].get("Face") or {})),
    )
    lanes = [_lane(name, one, step_ms, sure=one.best) for name, one in seen.items()]
    return _cut("Celebrities", sorted(lanes, key=lambda lane: -(lane.sure or 0)))


def moderation(found: Iterable[Item], step_ms: int) -> Lanes:
    """A lane for each label of content that is to be looked at."""
    seen = _by(
        found,
        lambda each: each["ModerationLabel"]["Name"],
        lambda each: each["ModerationLabel"]["Confidence"],
        _frame,
    )
    return _cut("Moderation", [_lane(name, one, step_ms, sure=one.best) for name, one in seen.items()])


def _by(
    found: Iterable[Item],
    name: Callable[[Item], str],
    worth: Callable[[Item], float],
    place: Callable[[Item], Place],
) -> dict[str, _Sightings]:
    seen: dict[str, _Sightings] = {}
    for each in found:
        seen.setdefault(name(each), _Sightings()).add(each["Timestamp"], worth(each), place(each))
    return seen


def _lane(title: str, seen: _Sightings, step_ms: int, *, sure: float | None, measure: str = "Confidence") -> Lane:
    return Lane(title=title, stretches=_stretches(seen.times, step_ms), sure=sure, measure=measure, place=seen.place)


def _stretches(times: Iterable[int], step_ms: int) -> list[Stretch]:
    """Looks that follow each other, joined; one lasts until the next would have been."""
    joined: list[tuple[int, int]] = []
    for at in sorted(set(times)):
        if joined and at - joined[-1][1] <= _GAP_MS:
            joined[-1] = joined[-1][0], at + step_ms
        else:
            joined.append((at, at + step_ms))
    return [Stretch(from_ms=start, to_ms=end) for start, end in joined]


def _cut(title: str, lanes: Sequence[Lane]) -> Lanes:
    return Lanes(title=title, lanes=lanes[:_MOST_LANES], left_out=max(0, len(lanes) - _MOST_LANES))


def _person_place(item: Item) -> Place:
    return Place(at=item["Timestamp"], box=_body(item))


def _person_worth(item: Item) -> float:
    """How much of somebody there is to see: of two looks that with a face, and then the larger."""
    box = _body(item)
    return (box.width * box.height if box else 0.0) + (1.0 if item["Person"].get("Face") else 0.0)


def _body(item: Item) -> Box | None:
    """The face of somebody, or else all that was seen of them."""
    person = item["Person"]
    return _box(person.get("Face") or person)


def _box(shape: Item) -> Box | None:
    found = shape.get("BoundingBox")
    return found and Box(left=found["Left"], top=found["Top"], width=found["Width"], height=found["Height"])


def _match_name(item: Item) -> str:
    face = item["Face"]
    return str(face.get("ExternalImageId") or face["FaceId"])


def _frame(item: Item) -> Place:
    return Place(at=item["Timestamp"])


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


_BY_KIND: Mapping[str, Callable[[Sequence[Item], int], Lanes]] = {
    "CELEBRITY_RECOGNITION": celebrities,
    "CONTENT_MODERATION": moderation,
    "FACE_DETECTION": faces,
    "FACE_SEARCH": matches,
    "LABEL_DETECTION": labels,
    "PERSON_TRACKING": people,
    "TEXT_DETECTION": texts,
}
