"""By kind of job: who watches a chunk for it, and which orders its findings have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from regard.domain.galleries import Match
from regard.engine.analysis.mean_looks import MeanLook
from regard.engine.analysis.probes import Look as FaceLook
from regard.engine.analysis.quality_filter import DESCRIBED
from regard.engine.galleries.celebrities import Celebrities, RecognizedLooks
from regard.engine.galleries.face_search import FaceSearch, SearchOptions
from regard.engine.jobs.task import Found, Part
from regard.engine.video import sightings
from regard.engine.video.looks import Look
from regard.engine.video.segment_marks import SegmentMarks
from regard.engine.video.sightings import See
from regard.engine.video.spelling import Spelling
from regard.engine.video.technical_frames import BlackFrame
from regard.engine.video.tracks import FaceTracks, Identified, Identify, PersonTracks, Told
from regard.engine.video.video_orders import Orders, no_others, of_celebrities, of_labels, of_people, of_segments
from regard.engine.video.video_pass import Following, Segmenting, Sightings, Watcher
from regard.media.frames import Clip

#: How often everything but faces and people is looked for.
_STEP_MS: Final = 500.0
#: The most enrolled faces that are told for a person (Rekognition tells five).
_MOST_MATCHES: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Whom jobs ask who somebody is, how findings are spelled, and how often faces are looked for."""

    face_search: FaceSearch
    celebrities: Celebrities
    spelling: Spelling
    looks_per_second: float

    @property
    def step_ms(self) -> float:
        return 1000 / self.looks_per_second


def watcher(part: Part, clip: Clip, doors: Doors) -> Watcher:
    """Who watches this part's chunk of the clip. Raises KeyError for a kind of job that is not one of KINDS."""
    return KINDS[part.job.kind].watch(part, clip, doors)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    watch: Callable[[Part, Clip, Doors], Watcher]
    orders: Callable[[Any, Found], Orders] = no_others


def _faces(part: Part, _: Clip, doors: Doors) -> Watcher:
    see = sightings.faces(part.job.request, doors.spelling)
    detail = doors.spelling.detail((part.job.request["FaceAttributes"],))
    return Sightings(see, doors.step_ms, detail, light=True)


def _sightings(make: Callable[[Mapping[str, Any], Spelling], See], part: Part, _: Clip, doors: Doors) -> Watcher:
    return Sightings(make(part.job.request, doors.spelling), _STEP_MS)


def _people(_: Part, __: Clip, doors: Doors) -> Watcher:
    return Following(PersonTracks(doors.spelling), doors.step_ms, DESCRIBED, light=False)


def _face_search(part: Part, _: Clip, doors: Doors) -> Watcher:
    spelling, grant, request = doors.spelling, part.grant, part.job.request
    options = SearchOptions(most=_MOST_MATCHES, threshold=float(request["FaceMatchThreshold"]))

    def row(look: Look, row: int) -> dict[str, Any]:
        face = spelling.face(look.faces, row, ("DEFAULT",))
        keys = {"at": look.at, "confidence": look.faces.confidence(row)}
        return {**keys, "Timestamp": look.at, "Person": {"Face": face}, "FaceMatches": []}

    def told(matches: Sequence[Match]) -> Told | None:
        # Under a profile with reviews these are aliases: the case knows whom they stand for.
        faces = [] if grant.reviewed else [each.face.face_id for each in matches]
        return ({"FaceMatches": [*map(spelling.match, matches)]}, faces) if matches else None

    def identify(people: Sequence[Sequence[FaceLook]]) -> Sequence[Identified]:
        found = doors.face_search.by_looks(grant, request["CollectionId"], people, options)
        return [_identified(mean, told(each)) for mean, each in zip(found.means, found.matches, strict=True)]

    return _face_tracks(row, identify, doors, known_only=grant.rules.people)


def _celebrities(part: Part, _: Clip, doors: Doors) -> Watcher:
    spelling = doors.spelling
    if not doors.celebrities.known:
        return Sightings(lambda _: (), _STEP_MS, light=True)  # nobody is known

    def row(look: Look, row: int) -> dict[str, Any]:
        face, box = spelling.face(look.faces, row, ("DEFAULT",)), spelling.box(look.faces.box(row))
        keys = {"at": look.at, "confidence": look.faces.confidence(row)}
        return {**keys, "Timestamp": look.at, "Celebrity": {"Face": face, "BoundingBox": box}}

    def identify(people: Sequence[Sequence[FaceLook]]) -> Sequence[Identified]:
        seen = doors.celebrities.recognize_looks(part.grant, people)
        return [_identified(mean, None if found is None else _celebrity(found)) for mean, found in seen]

    return _face_tracks(row, identify, doors, known_only=True)


def _identified(mean: MeanLook, told: Told | None) -> Identified:
    return Identified(track=mean.person, looks=mean.looks, told=told)


def _celebrity(found: RecognizedLooks) -> Told:
    known = found.celebrity
    shape = {"Id": known.id, "Name": known.name, "Urls": list(known.urls), "Confidence": found.similarity}
    return {"id": known.id, "confidence": found.similarity, "Celebrity": shape}, found.face_ids


def _face_tracks(
    row: Callable[[Look, int], dict[str, Any]], identify: Identify, doors: Doors, *, known_only: bool
) -> Watcher:
    return Following(FaceTracks(row, identify, known_only=known_only), doors.step_ms, DESCRIBED, light=True)


def _segments(part: Part, clip: Clip, _: Doors) -> Watcher:
    black = part.job.request["Filters"]["TechnicalCueFilter"]["BlackFrame"]
    marks = SegmentMarks(
        BlackFrame(threshold=black["MaxPixelThreshold"], coverage=black["MinCoveragePercentage"]),
        full_range=clip.metadata.full_range,
        begins=part.chunk.from_ms == 0,
    )
    return Segmenting(marks)


KINDS: Final[Mapping[str, _Kind]] = {
    "CELEBRITY_RECOGNITION": _Kind(watch=_celebrities, orders=of_celebrities),
    "CONTENT_MODERATION": _Kind(watch=partial(_sightings, sightings.moderation), orders=of_labels("ModerationLabel")),
    "FACE_DETECTION": _Kind(watch=_faces),
    "FACE_SEARCH": _Kind(watch=_face_search, orders=of_people),
    "LABEL_DETECTION": _Kind(watch=partial(_sightings, sightings.labels), orders=of_labels("Label")),
    "PERSON_TRACKING": _Kind(watch=_people, orders=of_people),
    "SEGMENT_DETECTION": _Kind(watch=_segments, orders=of_segments),
    "TEXT_DETECTION": _Kind(watch=partial(_sightings, sightings.text)),
}
