"""Files of a person's own, in the formats that cameras and phones write: more than a request may have."""

from __future__ import annotations

from regard.engine.analysis.face_analyzer import WORKING_SIDE
from regard.engine.analysis.image_loader import LoadedImage, Picture, uuid_of
from regard.media.image_decoder import examine
from regard.media.picture_conversion import converted


def open_file(content: bytes) -> Picture:
    """As `image_loader.open_picture`, for a WebP, AVIF, TIFF or HEIC too. The id is that of the file's own bytes.

    Raises InvalidImageFormat, ImageTooLarge or InvalidParameter (too small).
    """
    return Picture(encoded=examine(converted(content), longest=WORKING_SIDE), image_id=uuid_of(b"image", content))


def load_file(content: bytes) -> LoadedImage:
    """As `image_loader.load`, likewise."""
    return open_file(content).load()
