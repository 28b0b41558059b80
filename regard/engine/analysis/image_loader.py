"""What a request calls an image, to pixels."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID

from regard.domain.images import Image, ObjectName
from regard.engine.analysis.face_analyzer import WORKING_SIDE
from regard.media.blobs import BlobStore
from regard.media.image_decoder import decode

#: The most bytes read of a stored object (Rekognition, "Guidelines and quotas"); the wire bounds those sent along.
MOST_BYTES = 15 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A decoded image and the id that its bytes have everywhere."""

    image: Image
    image_id: str


class ImageLoader:
    """Reads images sent along or kept in a bucket."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def read(self, reference: bytes | ObjectName) -> Picture:
        """Raises InvalidS3Object, InvalidImageFormat, ImageTooLarge or InvalidParameter (too small)."""
        if isinstance(reference, ObjectName):
            data = self._blobs.read(reference.bucket, reference.name, reference.version, limit=MOST_BYTES)
        else:
            data = reference
        return picture(data)


def picture(data: bytes) -> Picture:
    """Decode `data` at the size the analyzer works at."""
    return Picture(image=decode(data, longest=WORKING_SIDE), image_id=uuid_of(b"image", data))


def uuid_of(kind: bytes, content: bytes) -> str:
    """The same content has the same id, everywhere: version 5's layout (RFC 9562), with SHA-256."""
    return str(UUID(bytes=hashlib.sha256(kind + b"\0" + content).digest()[:16], version=5))
