"""People followed through a chunk, with their best looks; who they are is asked once for each, when the chunk ends.

Pixels and embeddings stay in memory and go with the chunk. What is kept of a track are its boxes and times, so that
`track_links` can join it with the one that goes on in the next chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from typing import Any, Final

import numpy as np

from regard.domain.arrays import FloatArray
from regard.domain.faces import Faces
from regard.domain.images import Box, Image
from regard.engine.analysis.probes import Look as FaceLook
from regard.engine.jobs.task import Item
from regard.engine.video.kept_looks import KeptLooks
from regard.engine.video.looks import Look
from regard.engine.video.spelling import Spelling
from regard.engine.video.tracker import Track, Tracker
from regard.vision.geometry import reduced

#: How much of the picture around a face is kept, in its widths, and how large.
_AROUND, _KEPT_PIXELS = 1.0, 256
#: A face of this width has all the pixels that an embedder is given.
_ENOUGH_PIXELS: Final = 112.0

#: Who somebody is: the members that tell it and the ids of the faces they name.
Told = tuple[Mapping[str, Any], Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """Who is told of some of a track's looks, by its row and theirs; None for nobody known."""

    track: int
    looks: Sequence[int]
    told: Told | None


#: Who is seen in the looks of each track: one for each track, or several where its looks are at several people.
Identify = Callable[[Sequence[Sequence[FaceLook]]], Sequence[Identified]]


@dataclass(frozen=True, slots=True)
class _Row:
    at: int
    box: FloatArray
    item: dict[str, Any]


@dataclass(slots=True, eq=False)
class _Person:
    index: int
    looks: KeptLooks = field(default_factory=KeptLooks)
    rows: list[_Row] = field(default_factory=list)

    def rows_of(self, looks: Sequence[int]) -> list[tuple[_Row, bool]]:
        """The rows to which one of these looks is the nearest in time; and whether so is it before and after, for in
        between the track may have gone over to somebody else."""
        times = np.array([each.at for each in self.looks.all()])
        order, mine = times.argsort(), np.isin(np.arange(len(times)), list(looks))
        found = []
        for row in self.rows:
            if mine[np.abs(times - row.at).argmin()]:
                after = int(np.searchsorted(times[order], row.at))
                beside = order[max(0, after - 1) : after + 1] if row.at not in times else order[after : after + 1]
                found.append((row, bool(mine[beside].all())))
        return found


class FaceTracks:
    """Follows faces and identifies whom they are of. `row` makes an item of a face that is seen; nobody whom `identify`
    does not know has any, if `known_only`."""

    def __init__(self, row: Callable[[Look, int], dict[str, Any]], identify: Identify, *, known_only: bool) -> None:
        self._row = row
        self._identify = identify
        self._known_only = known_only
        self._tracker = Tracker()
        self._people: dict[int, _Person] = {}

    def see(self, look: Look) -> None:
        found = look.faces
        scores = np.array([found.confidence(row) for row in range(len(found))], np.float32)
        for row, track in enumerate(self._tracker.update(found.boxes, scores, look.at)):
            if track is not None:
                person = self._people.setdefault(track.index, _Person(track.index))
                person.rows.append(_Row(look.at, track.box, self._row(look, row)))
                cut_out = partial(_cut_out, look.image, found, row)
                person.looks.offer(_worth(look.image, found, row), look.at, cut_out)

    def enter(self, shot: int) -> None:
        self._tracker.enter(shot)

    def items(self) -> list[Item]:
        """Who was seen, by time; first the marks of their tracks. A track that went over to somebody else is two."""
        people = list(self._people.values())
        seen = self._identify([[kept.look for kept in person.looks.all()] for person in people]) if people else []
        kept: list[Item] = []
        marks: list[Item] = []
        used: set[int] = set()
        others = count(len(people))  # tracks are numbered from 0
        for each in seen:
            person = people[each.track]
            index = next(others) if person.index in used else person.index
            used.add(index)
            rows = person.rows_of(each.looks)
            if self._known_only:
                rows = [(row, sure) for row, sure in rows if sure and each.told]
            if rows:
                (first, _), (last, _) = rows[0], rows[-1]
                marks.append(_mark(index, first.at, first.box, last.at, last.box))
            kept += [{"index": index} | _told(row.item, each.told if sure else None) for row, sure in rows]
        return [*marks, *sorted(kept, key=lambda item: int(item["at"]))]


class PersonTracks:
    """Follows people by their whole bodies, each with their face where it is seen."""

    def __init__(self, spelling: Spelling) -> None:
        self._spelling = spelling
        self._tracker = Tracker()
        self._tracks: dict[int, Track] = {}
        self._items: list[Item] = []

    def see(self, look: Look) -> None:
        bodies = look.findings.instances.get("Person", ())
        boxes = np.array([[b.box.left, b.box.top, b.box.width, b.box.height] for b in bodies], np.float32).reshape(
            -1, 4
        )
        scores = np.array([body.confidence for body in bodies], np.float32)
        free = list(range(len(look.faces)))
        for body, track in zip(bodies, self._tracker.update(boxes, scores, look.at), strict=True):
            if track is None:
                continue
            self._tracks[track.index] = track
            person = {"Index": track.index, "BoundingBox": self._spelling.box(body.box)}
            mine = next((row for row in free if _is_head_of(look.faces.box(row), body.box)), None)
            if mine is not None:
                free.remove(mine)
                person["Face"] = self._spelling.face(look.faces, mine, ("DEFAULT",))
            keys = {"at": look.at, "index": track.index, "confidence": body.confidence}
            self._items.append({**keys, "Timestamp": look.at, "Person": person})

    def enter(self, shot: int) -> None:
        self._tracker.enter(shot)

    def items(self) -> list[Item]:
        tracks = self._tracks.values()
        marks = [_mark(each.index, each.begun_ms, each.begun_box, each.seen_ms, each.box) for each in tracks]
        return [*marks, *self._items]


def _mark(index: int, first_ms: int, first_box: FloatArray, last_ms: int, last_box: FloatArray) -> Item:
    """Where a track begins and ends, for the chunks before and after."""
    return {
        "at": 0,
        "mark": "track",
        "index": index,
        "first_ms": first_ms,
        "last_ms": last_ms,
        "first_box": first_box.tolist(),
        "last_box": last_box.tolist(),
    }


def _told(item: Mapping[str, Any], told: Told | None) -> dict[str, Any]:
    """The item with what is told of whom it shows; of a member that both have, with all of what they say."""
    members, faces = told or ({}, ())
    merged = dict(item)
    for name, value in members.items():
        mine = item.get(name)
        merged[name] = {**mine, **value} if isinstance(mine, Mapping) and isinstance(value, Mapping) else value
    return merged | ({"faces": list(faces)} if faces else {})


def _worth(image: Image, faces: Faces, row: int) -> float:
    """How good a look is for telling who it is: large, sharp, from the front, and surely a face."""
    _, _, width, _ = faces.boxes[row].tolist()
    size = min(1.0, width * image.width / _ENOUGH_PIXELS)
    sharp = 1.0 if faces.quality is None else 0.2 + 0.8 * float(faces.quality[row, 1]) / 100
    front = 1.0 if faces.pose is None else max(0.1, 1 - float(np.abs(faces.pose[row, :2]).max()) / 90)
    return float(size * sharp * front * faces.confidence(row))


def _cut_out(image: Image, faces: Faces, row: int) -> FaceLook:
    """The face with what is around it, no larger than an embedder needs."""
    height, width = image.pixels.shape[:2]
    left, top, wide, high = (faces.boxes[row] * np.array([width, height, width, height])).tolist()
    edge = _AROUND * max(wide, high) / 2
    columns = slice(max(0, int(left - edge)), min(width, int(left + wide + edge) + 1))
    rows = slice(max(0, int(top - edge)), min(height, int(top + high + edge) + 1))
    pixels = reduced(np.ascontiguousarray(image.pixels[rows, columns]), _KEPT_PIXELS)
    cut = np.array([columns.stop - columns.start, rows.stop - rows.start], np.float32)
    start, scale = np.array([columns.start, rows.start], np.float32), np.array([width, height], np.float32)
    face = faces.take(np.array([row]))
    corner = (face.boxes[:, :2] * scale - start) / cut
    moved = replace(
        face,
        boxes=np.concatenate([corner, face.boxes[:, 2:] * scale / cut], axis=1).astype(np.float32),
        landmarks5=((face.landmarks5 * scale - start) / cut).astype(np.float32),
        landmarks68=None,
        landmarks30=None,
    )
    return FaceLook(image=Image(pixels=pixels, width=int(cut[0]), height=int(cut[1])), face=moved)


def _is_head_of(face: Box, body: Box) -> bool:
    """Whether the middle of a face is in the upper part of a body's box."""
    across, down = face.left + face.width / 2 - body.left, face.top + face.height / 2 - body.top
    return 0 <= across <= body.width and 0 <= down <= _HEAD_PART * body.height


#: As in the labels' own search for people with faces.
_HEAD_PART: Final = 0.6
