"""What is particular to a folder: links, pipes, permissions, files too large to read."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest

from regard.errors import ImageTooLarge, InvalidS3Object
from regard.media.blobs import FolderStore


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    folder = tmp_path / "root" / "photos"
    folder.mkdir(parents=True)
    (folder / "face.jpg").write_bytes(b"face")
    return folder


def read(bucket: Path, name: str, limit: int = 100) -> bytes:
    return FolderStore(bucket.parent).read(bucket.name, name, None, limit=limit)


def test_a_link_inside_the_bucket_is_followed(bucket: Path) -> None:
    (bucket / "link.jpg").symlink_to("face.jpg")
    assert read(bucket, "link.jpg") == b"face"


def test_a_link_out_of_the_bucket_is_refused(bucket: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (bucket / "link.jpg").symlink_to(tmp_path / "secret")
    (bucket / "up").symlink_to(tmp_path)
    for name in ("link.jpg", "up/secret"):
        with pytest.raises(InvalidS3Object):
            read(bucket, name)


def test_a_link_to_itself_is_refused(bucket: Path) -> None:
    (bucket / "loop").symlink_to("loop")
    with pytest.raises(InvalidS3Object):
        read(bucket, "loop")


def test_a_bucket_whose_name_begins_like_another_is_not_that_bucket(bucket: Path) -> None:
    private = bucket.with_name("photos-private")
    private.mkdir()
    (private / "secret").write_bytes(b"secret")
    (bucket / "link").symlink_to("../photos-private/secret")
    with pytest.raises(InvalidS3Object):
        read(bucket, "link")


def test_a_bucket_may_itself_be_a_link_to_a_folder_elsewhere(bucket: Path, tmp_path: Path) -> None:
    elsewhere = bucket.rename(tmp_path / "elsewhere")
    bucket.symlink_to(elsewhere)
    assert read(bucket, "face.jpg") == b"face"


def test_a_pipe_is_refused_without_waiting_for_its_writer(bucket: Path) -> None:
    os.mkfifo(bucket / "pipe")
    with pytest.raises(InvalidS3Object):
        read(bucket, "pipe")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_an_invalid_s3_object(bucket: Path) -> None:
    (bucket / "face.jpg").chmod(0)
    with pytest.raises(InvalidS3Object):
        read(bucket, "face.jpg")


def test_a_file_over_the_limit_is_refused_without_reading_it(bucket: Path) -> None:
    with (bucket / "huge").open("wb") as file:
        file.truncate(1 << 40)
    tracemalloc.start()
    try:
        with pytest.raises(ImageTooLarge):
            read(bucket, "huge", limit=15 << 20)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20
