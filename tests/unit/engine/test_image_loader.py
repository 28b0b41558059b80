from __future__ import annotations

import hashlib
from pathlib import Path
from uuid import UUID

import pytest
from people import encoded, nobody

from regard.domain.images import ObjectName
from regard.engine.analysis.face_analyzer import WORKING_SIDE
from regard.engine.analysis.image_loader import (
    MOST_BYTES,
    ImageLoader,
    LoadedImage,
    bytes_needed,
    load,
    open_picture,
    uuid_of,
)
from regard.engine.analysis.memory_budget import MemoryBudget, TooLargeForMemory
from regard.errors import ImageTooLarge, InvalidImageFormat, InvalidS3Object
from regard.media.blobs import FolderStore


@pytest.fixture
def loader(tmp_path: Path) -> ImageLoader:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(encoded(nobody(90, 120), "PNG"))
    return ImageLoader(FolderStore(tmp_path))


def read(loader: ImageLoader, reference: bytes | ObjectName) -> LoadedImage:
    with loader.reading(reference) as (picture,):
        return picture.load()


def test_bytes_and_an_object_with_the_same_content_are_the_same_picture(loader: ImageLoader) -> None:
    sent = read(loader, encoded(nobody(90, 120), "PNG"))
    stored = read(loader, ObjectName(bucket="photos", name="a.png"))
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


@pytest.mark.slow
def test_a_large_jpeg_is_decoded_at_the_size_that_is_worked_at_and_keeps_its_own_measures() -> None:
    read = load(encoded(nobody(3000, 4000)))
    assert (read.image.width, read.image.height) == (4000, 3000)
    assert WORKING_SIDE <= max(read.image.pixels.shape) < 4000


def test_objects_may_be_larger_than_bytes_but_not_without_end(loader: ImageLoader, tmp_path: Path) -> None:
    big = tmp_path / "photos" / "big.jpg"
    big.write_bytes(encoded(nobody(90, 120)) + bytes(MOST_BYTES))
    with pytest.raises(ImageTooLarge):
        read(loader, ObjectName(bucket="photos", name="big.jpg"))


def test_what_is_not_there_or_no_picture_is_refused(loader: ImageLoader, tmp_path: Path) -> None:
    for place in (("photos", "b.png"), ("none", "a.png"), ("photos", "../photos/a.png")):
        with pytest.raises(InvalidS3Object):
            read(loader, ObjectName(bucket=place[0], name=place[1]))
    (tmp_path / "photos" / "empty.jpg").touch()
    with pytest.raises(InvalidImageFormat, match="the image is empty"):
        read(loader, ObjectName(bucket="photos", name="empty.jpg"))
    with pytest.raises(InvalidImageFormat):
        read(loader, b"text")


def test_a_picture_is_decoded_only_while_its_memory_is_held_and_gives_it_back_whatever_happens(tmp_path: Path) -> None:
    memory, data = MemoryBudget(1 << 30), encoded(nobody(900, 1200))
    loader = ImageLoader(FolderStore(tmp_path), memory)
    with loader.reading(data) as (picture,):
        assert memory.used == bytes_needed([picture.needs]) > picture.load().image.pixels.nbytes
    assert memory.used == 0
    cut = data[:-50]
    with pytest.raises(InvalidImageFormat), loader.reading(cut) as (picture,):
        picture.load()
    with pytest.raises(InvalidImageFormat), loader.reading(b"text"):
        pass
    assert memory.used == 0


def test_the_memory_of_two_pictures_is_taken_at_once_and_what_is_done_with_one_at_a_time_counts_once(
    tmp_path: Path,
) -> None:
    one = open_picture(encoded(nobody(900, 1200))).needs
    memory = MemoryBudget(bytes_needed([one, one]))
    assert memory.total == 2 * one.held + one.peak
    with ImageLoader(FolderStore(tmp_path), memory).reading(*[encoded(nobody(900, 1200))] * 2):
        assert memory.used == memory.total


def test_a_picture_larger_than_the_memory_there_is_is_refused_by_its_header(tmp_path: Path) -> None:
    loader = ImageLoader(FolderStore(tmp_path), MemoryBudget(99e6))
    with loader.reading(encoded(nobody(100, 100))):
        pass
    with pytest.raises(TooLargeForMemory, match=r"takes \d+ MB; .* 99 MB here.*`memory` in \[server\]"):
        loader.reading(encoded(nobody(900, 1200))).__enter__()


def test_stored_objects_are_read_only_while_there_is_memory_for_them(loader: ImageLoader, tmp_path: Path) -> None:
    objects, stored = MemoryBudget(2 * MOST_BYTES), ObjectName(bucket="photos", name="a.png")
    with ImageLoader(FolderStore(tmp_path), objects=objects).reading(stored, b"" + encoded(nobody()), stored):
        assert objects.used == 2 * MOST_BYTES
    assert objects.used == 0
