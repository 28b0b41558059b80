"""`/v1/buckets`: what is stored, for people who look through it. Nothing in a bucket is changed."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Annotated, Literal

from fastapi import Header, Path, Query
from pydantic import Field, model_validator
from starlette.responses import Response

from regard.api.native_routes import Call, NativeRoute
from regard.api.shapes import Bucket, Given, ObjectKey, Shown
from regard.domain.authority import Action
from regard.domain.buckets import ListedObject
from regard.domain.images import ObjectName
from regard.edge.turns import Lane
from regard.engine.analysis.stored_objects import StoredObjects
from regard.errors import InvalidParameter

BucketInPath = Annotated[Bucket, Path()]
#: Pixels of a side times a side, of all pictures of one answer: two of the largest, or a screen full of small ones.
_MOST_SQUARES = 2 * 2048 * 2048
_MOST_PICTURES, _LEAST_SIDE, _LONGEST_SIDE = 64, 64, 2048
_PICTURES = frozenset({".jpg", ".jpeg", ".png"})
#: Films by the ending of their name, and as what a browser is to play them.
_FILMS: Mapping[str, str] = {
    ".avi": "video/x-msvideo",
    ".m4v": "video/mp4",
    ".mkv": "video/x-matroska",
    ".mov": "video/mp4",
    ".mp4": "video/mp4",
    ".mts": "video/mp2t",
    ".ts": "video/mp2t",
    ".webm": "video/webm",
}
#: Lists of pictures for bulk analysis, as AWS's own tools name them.
_MANIFESTS = frozenset({".jsonl", ".manifest"})
#: Bytes of a film in one answer: a browser asks for the next by itself.
_PIECE_BYTES = 4 << 20
_RANGE = re.compile(r"bytes=(?:(?P<start>\d{1,18})-(?P<end>\d{0,18})|-(?P<last>\d{1,18}))")
_PARTIAL, _NOT_SATISFIABLE = 206, 416

Kind = Literal["picture", "film", "manifest", "other"]


class BucketsShown(Shown):
    """The names of the buckets that may be listed: a store may keep others to itself, which are read by their name."""

    buckets: list[str]


class ObjectShown(Shown):
    """An object; `kind` goes by how its name ends."""

    name: str
    kind: Kind
    size: int
    changed_at: datetime

    @classmethod
    def of(cls, found: ListedObject) -> ObjectShown:
        return cls(name=found.name, kind=_kind(found.name), size=found.size, changed_at=found.changed_at)


class ObjectsShown(Shown):
    """A page of a bucket, by name; `next` is the `after` of the page behind it."""

    folders: list[str]
    objects: list[ObjectShown]
    next: str | None


class PicturesGiven(Given):
    """Pictures of a bucket, by their names, and how many pixels their longer sides are to have at most."""

    names: Annotated[list[ObjectKey], Field(min_length=1, max_length=_MOST_PICTURES)]
    longest: Annotated[int, Field(ge=_LEAST_SIDE, le=_LONGEST_SIDE)] = 256

    @model_validator(mode="after")
    def _bounded(self) -> PicturesGiven:
        if len(self.names) * self.longest**2 > _MOST_SQUARES:
            raise ValueError(f"{len(self.names)} pictures of {self.longest} pixels are too many at once; ask for fewer")
        return self


class PictureShown(Shown):
    """A picture as JPEG in base64, upright, and the sides of the original in pixels; or why it cannot be shown."""

    name: str
    image: str | None
    width: int
    height: int
    fault: str | None


class PicturesShown(Shown):
    pictures: list[PictureShown]


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketRoutes:
    objects: StoredObjects

    def routes(self) -> tuple[NativeRoute, ...]:
        one = "/buckets/{bucket}"
        return (
            NativeRoute("GET", "/buckets", self.all, Action.READ, "List the buckets"),
            NativeRoute("GET", f"{one}/objects", self.page, Action.READ, "List a page of a bucket"),
            NativeRoute(
                "POST", f"{one}/pictures", self.pictures, Action.READ, "Show pictures, made small", lane=Lane.MODEL
            ),
            NativeRoute(
                "GET", f"{one}/film", self.film, Action.READ, "Play a film", media=tuple(sorted({*_FILMS.values()}))
            ),
        )

    def all(self, call: Call) -> BucketsShown:
        return BucketsShown(buckets=self.objects.buckets(call.grant))

    def page(
        self,
        call: Call,
        bucket: BucketInPath,
        prefix: Annotated[str, Query(max_length=1024)] = "",
        after: Annotated[str, Query(max_length=2048)] = "",
        most: Annotated[int, Query(ge=1, le=1000)] = 200,
    ) -> ObjectsShown:
        found = self.objects.page(call.grant, bucket, prefix, after, most)
        return ObjectsShown(
            folders=list(found.folders), objects=[ObjectShown.of(each) for each in found.objects], next=found.next
        )

    def pictures(self, call: Call, bucket: BucketInPath, given: PicturesGiven) -> PicturesShown:
        found = self.objects.small(call.grant, bucket, given.names, given.longest)
        return PicturesShown(
            pictures=[
                PictureShown(
                    name=each.name,
                    image=None if each.fault else base64.b64encode(each.content).decode(),
                    width=each.width,
                    height=each.height,
                    fault=each.fault,
                )
                for each in found
            ]
        )

    def film(
        self,
        call: Call,
        bucket: BucketInPath,
        name: Annotated[ObjectKey, Query()],
        wanted: Annotated[str, Header(alias="range", max_length=100)] = "bytes=0-",
    ) -> Response:
        """A piece of it, however much was asked for."""
        media = _FILMS.get(_ending(name))
        if media is None:
            raise InvalidParameter(f"{name} is no film by its name, which is to end with {', '.join(sorted(_FILMS))}.")
        start, most = _span(wanted)
        piece = self.objects.piece(call.grant, ObjectName(bucket=bucket, name=name), start, most)
        headers = {"Accept-Ranges": "bytes", "X-Content-Type-Options": "nosniff"}
        if not piece.content:
            return Response(b"", _NOT_SATISFIABLE, headers | {"Content-Range": f"bytes */{piece.size}"}, media)
        told = f"bytes {piece.start}-{piece.start + len(piece.content) - 1}/{piece.size}"
        return Response(piece.content, _PARTIAL, headers | {"Content-Range": told}, media)


def _span(wanted: str) -> tuple[int, int]:
    """Where a range begins, from the end of the object if negative, and the most bytes that are answered: none of the
    last none. What is no range is taken for the whole (RFC 9110, 14.1.1 and 14.2)."""
    match = _RANGE.fullmatch(wanted)
    if match is None:
        return 0, _PIECE_BYTES
    if match["last"]:
        last = int(match["last"])
        return -last, min(_PIECE_BYTES, last)
    start, end = int(match["start"]), match["end"]
    if end and int(end) < start:
        return 0, _PIECE_BYTES
    return start, min(_PIECE_BYTES, int(end) + 1 - start) if end else _PIECE_BYTES


def _ending(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _kind(name: str) -> Kind:
    ending = _ending(name)
    if ending in _MANIFESTS:
        return "manifest"
    return "picture" if ending in _PICTURES else "film" if ending in _FILMS else "other"
