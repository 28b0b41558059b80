from __future__ import annotations

import hashlib
from pathlib import Path
from uuid import UUID

import pytest
from people import encoded, nobody

from regard.domain.images import ObjectName
from regard.engine.analysis.face_analyzer import WORKING_SIDE
from regard.engine.analysis.image_loader import MOST_BYTES, ImageLoader, load, uuid_of
from regard.errors import ImageTooLarge, InvalidImageFormat, InvalidS3Object
from regard.media.blobs import FolderStore


@pytest.fixture
def loader(tmp_path: Path) -> ImageLoader:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(encoded(nobody(90, 120), "PNG"))
    return ImageLoader(FolderStore(tmp_path))


def test_bytes_and_an_object_with_the_same_content_are_the_same_picture(loader: ImageLoader) -> None:
    sent = loader.read(encoded(nobody(90, 120), "PNG"))
    stored = loader.read(ObjectName(bucket="photos", name="a.png"))
    assert sent.image_id == stored.image_id
    assert (sent.image.pixels == stored.image.pixels).all()
    assert (sent.image.width, sent.image.height) == (120, 90)
    assert load(encoded(nobody(90, 121), "PNG")).image_id != sent.image_id


def test_an_id_is_a_uuid_of_kind_and_content() -> None:
    made = uuid_of(b"image", b"content")
    assert made == uuid_of(b"image", b"content")
    assert made != uuid_of(b"face", b"content")
    assert UUID(made).version == 5
    assert UUID(made).variant == "specified in RFC 4122"
    assert made[:8] == hashlib.sha256(b"image\0content").hexdigest()[:8]


def test_a_large_jpeg_is_decoded_at_the_size_that_is_worked_at_and_keeps_its_own_measures() -> None:
    read = load(encoded(nobody(3000, 4000)))
    assert (read.image.width, read.image.height) == (4000, 3000)
    assert WORKING_SIDE <= max(read.image.pixels.shape) < 4000


def test_objects_may_be_larger_than_bytes_but_not_without_end(loader: ImageLoader, tmp_path: Path) -> None:
    big = tmp_path / "photos" / "big.jpg"
    big.write_bytes(encoded(nobody(90, 120)) + bytes(MOST_BYTES))
    with pytest.raises(ImageTooLarge):
        loader.read(ObjectName(bucket="photos", name="big.jpg"))


def test_what_is_not_there_or_no_picture_is_refused(loader: ImageLoader, tmp_path: Path) -> None:
    for place in (("photos", "b.png"), ("none", "a.png"), ("photos", "../photos/a.png")):
        with pytest.raises(InvalidS3Object):
            loader.read(ObjectName(bucket=place[0], name=place[1]))
    (tmp_path / "photos" / "empty.jpg").touch()
    with pytest.raises(InvalidImageFormat, match="the image is empty"):
        loader.read(ObjectName(bucket="photos", name="empty.jpg"))
    with pytest.raises(InvalidImageFormat):
        loader.read(b"text")
