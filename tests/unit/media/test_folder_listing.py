"""A folder's files by page."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from regard.media.blobs import FolderStore
from regard.media.folder_listing import page


def test_links_that_lead_elsewhere_and_what_is_no_file_are_left_out(tmp_path: Path) -> None:
    home, outside = tmp_path / "bucket", tmp_path / "outside"
    home.mkdir()
    outside.mkdir()
    (outside / "secret.jpg").write_bytes(b"secret")
    (home / "own.jpg").write_bytes(b"own")
    (home / "inside.jpg").symlink_to(home / "own.jpg")
    (home / "leak.jpg").symlink_to(outside / "secret.jpg")
    (home / "leaks").symlink_to(outside)
    (home / "broken.jpg").symlink_to(home / "gone.jpg")
    os.mkfifo(home / "pipe")
    found = page(home, "", "", 100)
    assert [each.name for each in found.objects] == ["inside.jpg", "own.jpg"]
    assert list(found.folders) == []
    store = FolderStore(tmp_path)
    assert list(store.page("bucket", "leaks/", "", 100).objects) == []


def test_a_name_that_is_no_text_is_left_out(tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jpg"))).write_bytes(b"")
    (tmp_path / "a.jpg").write_bytes(b"")
    assert [each.name for each in page(tmp_path, "", "", 10).objects] == ["a.jpg"]


def test_a_page_of_a_large_folder_looks_at_no_more_files_than_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3000):
        (tmp_path / f"{number:05}.jpg").write_bytes(b"")
    looked: list[str] = []
    real = os.lstat
    monkeypatch.setattr(os, "lstat", lambda path, **more: (looked.append(str(path)), real(path, **more))[1])
    found = page(tmp_path, "", "01499.jpg", 100)
    assert [each.name for each in found.objects] == [f"{number:05}.jpg" for number in range(1500, 1600)]
    assert found.next == "01599.jpg"
    assert len({path for path in looked if path.endswith(".jpg")}) == 100
