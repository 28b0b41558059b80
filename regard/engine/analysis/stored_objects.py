"""What is in the buckets, for people who look: listed by page, pictures made small, films piece by piece."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from regard.accountability.gate import Grant
from regard.domain.authority import Action
from regard.domain.buckets import ObjectPage
from regard.domain.images import ObjectName
from regard.engine.analysis.image_loader import ImageLoader, Workload
from regard.errors import InternalServerError, RegardError
from regard.media.blobs import Buckets
from regard.media.thumbnails import small

#: Pixels that are decoded for one answer; the picture that passes it is the last.
_MOST_PIXELS = 200_000_000
_BY_ITSELF = "The pictures before it are very large: ask for it again by itself."


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPicture:
    """A picture as JPEG, and the sides of the upright original in pixels; or why it cannot be shown."""

    name: str
    content: bytes = b""
    width: int = 0
    height: int = 0
    fault: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """The bytes of an object from `start` on; it has `size` in all."""

    start: int
    size: int
    content: bytes


class StoredObjects:
    """Lists and shows what the buckets hold, and changes nothing."""

    def __init__(self, blobs: Buckets, loader: ImageLoader) -> None:
        self._blobs = blobs
        self._loader = loader

    def buckets(self, grant: Grant) -> list[str]:
        """The names of all that may be listed."""
        grant.require(Action.READ)
        return self._blobs.buckets()

    def page(self, grant: Grant, bucket: str, prefix: str, after: str, most: int) -> ObjectPage:
        """Up to `most` objects and folders whose names begin with `prefix`, from where the page before said.

        Raises InvalidS3Object if there is no such bucket.
        """
        grant.require(Action.READ)
        return self._blobs.page(bucket, prefix, after, most)

    def small(self, grant: Grant, bucket: str, names: Sequence[str], longest: int) -> list[ShownPicture]:
        """Pictures of a bucket, each once, whose longer sides have `longest` pixels at most. What is wrong with one is
        told in its place; so it is of those that are left when the others had many pixels."""
        grant.require(Action.READ)
        seen: list[str] = []
        shown: list[ShownPicture] = []
        pixels = 0
        for name in dict.fromkeys(names):
            if pixels < _MOST_PIXELS:
                shown.append(self._small(ObjectName(bucket=bucket, name=name), longest, seen))
                pixels += shown[-1].width * shown[-1].height
            else:
                shown.append(ShownPicture(name=name, fault=_BY_ITSELF))
        grant.note(pictures=seen)
        return shown

    def piece(self, grant: Grant, place: ObjectName, start: int, most: int) -> Piece:
        """Up to `most` bytes of an object from `start` on, or from so many before its end if that is negative; none
        where it has ended before. Raises InvalidS3Object."""
        grant.require(Action.READ)
        grant.note(object=f"{place.bucket}/{place.name}")
        stored = self._blobs.head(place.bucket, place.name, place.version)
        start = start if start >= 0 else max(0, stored.size + start)
        if start >= stored.size:
            return Piece(start=start, size=stored.size, content=b"")
        with closing(self._blobs.open(stored)) as reader:
            reader.seek(start)
            return Piece(start=start, size=stored.size, content=reader.read(most))

    def _small(self, place: ObjectName, longest: int, seen: list[str]) -> ShownPicture:
        # Pillow's own copy of the pixels, and what is made of it.
        workload = Workload(longest=longest, bytes_for=lambda height, width: 4 * height * width + 6 * longest**2)
        try:
            with self._loader.reading(place, workload=workload) as (opened,):
                image = opened.load().image
                seen.append(opened.image_id)
                return ShownPicture(
                    name=place.name, content=small(image, longest), width=image.width, height=image.height
                )
        except InternalServerError:
            raise
        except RegardError as error:
            return ShownPicture(name=place.name, fault=error.public)
