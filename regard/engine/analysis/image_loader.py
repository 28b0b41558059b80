"""From a request's image, sent or stored, to pixels, within the memory there is for pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from regard.domain.images import Image, ObjectName
from regard.engine.analysis.face_analyzer import WORKING_SIDE, analysis_bytes
from regard.engine.analysis.memory_budget import MemoryBudget
from regard.media.blobs import BlobStore
from regard.media.image_decoder import EncodedImage, examine
from regard.media.image_header import MIN_SIDE

#: The largest stored object that is read (Rekognition, "Guidelines and quotas"); the wire limits images in requests.
MOST_BYTES = 15 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedImage:
    """A decoded image, and its id, which the same bytes have everywhere."""

    image: Image
    image_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """Bytes of a picture's pixels, with the smaller copies that large faces are cut from; and what decoding or
    analysing it takes besides, whichever is more."""

    held: int
    peak: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What an analyzer does with a picture: the longest side that it has use for, the bytes that it takes for a picture
    of a height and width, beside the pixels, and the least side that it takes."""

    longest: int
    bytes_for: Callable[[int, int], int]
    shortest: int = MIN_SIDE


FACES = Workload(longest=WORKING_SIDE, bytes_for=analysis_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture whose header was read, to be decoded at the size that the analyzer works at."""

    encoded: EncodedImage
    image_id: str
    workload: Workload = FACES
    #: What was sent or stored; not of a file of a folder, of which nobody asks for the digest.
    content: bytes = field(default=b"", repr=False)

    @property
    def sha256(self) -> str:
        """Of the bytes that were sent or stored."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def needs(self) -> Needs:
        encoded = self.encoded
        return Needs(
            held=encoded.pixel_bytes * 4 // 3,
            peak=max(encoded.decoding_bytes - encoded.pixel_bytes, self.workload.bytes_for(*encoded.shape)),
        )

    def load(self) -> LoadedImage:
        """Raises InvalidImageFormat."""
        return LoadedImage(image=self.encoded.decode(), image_id=self.image_id)


def bytes_needed(pictures: Iterable[Needs]) -> int:
    """What it takes to hold all these pictures, and to decode and analyse one at a time."""
    pictures = list(pictures)
    return sum(each.held for each in pictures) + max((each.peak for each in pictures), default=0)


class ImageLoader:
    """Reads images that are in the request or in a bucket. `memory` is for pictures, `objects` for stored bytes."""

    def __init__(
        self, blobs: BlobStore, memory: MemoryBudget | None = None, objects: MemoryBudget | None = None
    ) -> None:
        self._blobs = blobs
        self._memory = memory or MemoryBudget.unlimited()
        self._objects = objects or MemoryBudget.unlimited()

    @contextmanager
    def reading(self, *references: bytes | ObjectName, workload: Workload = FACES) -> Iterator[list[Picture]]:
        """The pictures, and the memory to decode and analyse them all; let go of the pixels inside.

        Raises InvalidS3Object, InvalidImageFormat, ImageTooLarge, InvalidParameter (too small), or Throttling if there
        was no memory for long.
        """
        stored = sum(isinstance(each, ObjectName) for each in references)
        # First all stored bytes, then all pixels: two requests never wait for what the other holds.
        with self._objects.hold(stored * MOST_BYTES):
            pictures = [open_picture(self._content(each), workload) for each in references]
            with self._memory.hold(bytes_needed(each.needs for each in pictures)):
                yield pictures

    def _content(self, reference: bytes | ObjectName) -> bytes:
        if isinstance(reference, ObjectName):
            return self._blobs.read(reference.bucket, reference.name, reference.version, limit=MOST_BYTES)
        return reference


def open_picture(data: bytes, workload: Workload = FACES) -> Picture:
    """Read the header. Raises InvalidImageFormat, ImageTooLarge or InvalidParameter (too small)."""
    encoded = examine(data, longest=workload.longest, shortest=workload.shortest)
    return Picture(encoded=encoded, image_id=uuid_of(b"image", data), workload=workload, content=data)


def load(data: bytes) -> LoadedImage:
    """Decode `data` at the size that the analyzer works at."""
    return open_picture(data).load()


def uuid_of(kind: bytes, content: bytes) -> str:
    """An id computed from content, so the same everywhere: the layout of version 5 (RFC 9562), with SHA-256."""
    digest = hashlib.sha256(kind + b"\0")
    digest.update(content)
    return str(UUID(bytes=digest.digest()[:16], version=5))
