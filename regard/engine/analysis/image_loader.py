"""From a request's image, sent or stored, to pixels."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID

from regard.domain.images import Image, ObjectName
from regard.engine.analysis.face_analyzer import WORKING_SIDE
from regard.media.blobs import BlobStore
from regard.media.image_decoder import decode

#: The largest stored object that is read (Rekognition, "Guidelines and quotas"); the wire limits images in requests.
MOST_BYTES = 15 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedImage:
    """A decoded image, and its id, which the same bytes have everywhere."""

    image: Image
    image_id: str


class ImageLoader:
    """Reads images that are in the request or in a bucket."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def read(self, reference: bytes | ObjectName) -> LoadedImage:
        """Raises InvalidS3Object, InvalidImageFormat, ImageTooLarge or InvalidParameter (too small)."""
        if isinstance(reference, ObjectName):
            data = self._blobs.read(reference.bucket, reference.name, reference.version, limit=MOST_BYTES)
        else:
            data = reference
        return load(data)


def load(data: bytes) -> LoadedImage:
    """Decode `data` at the size that the analyzer works at."""
    return LoadedImage(image=decode(data, longest=WORKING_SIDE), image_id=uuid_of(b"image", data))


def uuid_of(kind: bytes, content: bytes) -> str:
    """An id computed from content, so the same everywhere: the layout of version 5 (RFC 9562), with SHA-256."""
    return str(UUID(bytes=hashlib.sha256(kind + b"\0" + content).digest()[:16], version=5))
