from __future__ import annotations

from pathlib import Path

import pytest

from regard.errors import InvalidS3Object
from regard.media.blobs import FolderStore
from regard.media.bucket_routes import BucketRoutes


@pytest.fixture
def routes(tmp_path: Path) -> BucketRoutes:
    for place in ("near/photos/a.jpg", "far/photos/a.jpg", "far/photos/b.jpg", "far/archive/a.jpg"):
        file = tmp_path / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(place)
    return BucketRoutes(FolderStore(tmp_path / "near"), FolderStore(tmp_path / "far"))


def test_a_bucket_with_a_folder_is_that_folder_and_nothing_else(routes: BucketRoutes) -> None:
    assert routes.read("photos", "a.jpg", None, limit=100) == b"near/photos/a.jpg"
    with pytest.raises(InvalidS3Object):
        routes.read("photos", "b.jpg", None, limit=100)


def test_every_other_bucket_is_asked_of_the_store_behind(routes: BucketRoutes) -> None:
    assert routes.read("archive", "a.jpg", None, limit=100) == b"far/archive/a.jpg"


def test_a_folder_that_appears_or_goes_counts_at_once(routes: BucketRoutes, tmp_path: Path) -> None:
    (tmp_path / "near" / "archive").mkdir()
    with pytest.raises(InvalidS3Object):
        routes.read("archive", "a.jpg", None, limit=100)
    (tmp_path / "near" / "archive").rmdir()
    assert routes.read("archive", "a.jpg", None, limit=100) == b"far/archive/a.jpg"


def test_a_link_to_a_folder_is_a_bucket_and_a_file_is_none(tmp_path: Path, routes: BucketRoutes) -> None:
    (tmp_path / "near" / "linked").symlink_to(tmp_path / "far" / "archive")
    (tmp_path / "near" / "archive").write_text("not a folder")
    assert routes.read("linked", "a.jpg", None, limit=100) == b"far/archive/a.jpg"
    assert routes.read("archive", "a.jpg", None, limit=100) == b"far/archive/a.jpg"


@pytest.mark.parametrize("bucket", ["", ".", "..", "photos/2024", "../near", "nul\0", "\ud800"])
def test_what_is_no_name_of_a_folder_is_no_folder(tmp_path: Path, routes: BucketRoutes, bucket: str) -> None:
    (tmp_path / "near" / "photos" / "2024").mkdir()
    assert not FolderStore(tmp_path / "near").has(bucket)
