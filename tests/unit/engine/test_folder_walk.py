"""The walk: which files are photographs, and what is told of all the others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from regard.engine.bulk.folder_walk import walk
from regard.errors import InvalidParameter


def plant(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"\xff\xd8\xff")


def found(root: Path, *exclude: str) -> list[str]:
    """The photographs, by their paths below the root."""
    return [str(Path(photo.path).relative_to(root)) for photo in walk(root, exclude)[0]]


def passed_over(root: Path, *exclude: str) -> dict[str, str]:
    """What is told of the rest: path below the root to reason."""
    return {
        str(Path(each.path).relative_to(root)): each.skipped.reason for each in walk(root, exclude)[1] if each.skipped
    }


def test_photographs_are_known_by_suffix_in_any_case_and_come_in_order(tmp_path: Path) -> None:
    names = ["a.JPG", "b.jpeg", "c.jpe", "d.jfif", "e.png", "f.webp", "g.avif", "h.tif", "i.TIFF", "j.heic", "k.HEIF"]
    plant(tmp_path, *reversed(names), "deep/er/l.Jpg")
    assert found(tmp_path) == [*names, "deep/er/l.Jpg"]
    assert passed_over(tmp_path) == {}
    assert [photo.size for photo in walk(tmp_path)[0]] == [3] * 12


def test_every_file_that_is_passed_over_is_told_with_its_reason(tmp_path: Path) -> None:
    plant(tmp_path, "a.gif", "b.NEF", "c.jxl", "notes.txt", "noend", "film.mov", "d.bmp")
    assert found(tmp_path) == []
    assert passed_over(tmp_path) == {
        "a.gif": "GIF is not read",
        "b.NEF": "camera raw is not read",
        "c.jxl": "JPEG XL is not read",
        "d.bmp": "BMP is not read",
        "film.mov": "not a picture",
        "noend": "not a picture",
        "notes.txt": "not a picture",
    }


@pytest.mark.parametrize(
    "folder",
    ["@eaDir", "@EADIR", "#recycle", "#snapshot", "lost+found", "$RECYCLE.BIN", "@Recycle", "System Volume Information",
     "__MACOSX", "Lightroom Previews.lrdata"],
)  # fmt: skip
@pytest.mark.parametrize("place", ["", "2024/"])
def test_folders_that_systems_keep_are_not_looked_into_anywhere(tmp_path: Path, folder: str, place: str) -> None:
    plant(tmp_path, f"{place}{folder}/a.jpg/THUMB.jpg", f"{place}a.jpg")
    assert found(tmp_path) == [f"{place}a.jpg"]
    assert passed_over(tmp_path) == {f"{place}{folder}": "a system's folder"}


def test_the_folder_that_was_asked_for_is_looked_into_whatever_its_name(tmp_path: Path) -> None:
    plant(tmp_path / "#recycle", "a.jpg")
    assert found(tmp_path / "#recycle") == ["a.jpg"]


def test_what_is_hidden_is_left_out_and_told_where_it_may_be_pictures(tmp_path: Path) -> None:
    plant(tmp_path, "a.jpg", ".stversions/b.jpg", ".c.jpg", "._a.jpg", ".DS_Store")
    assert found(tmp_path) == ["a.jpg"]
    assert passed_over(tmp_path) == {".stversions": "hidden", ".c.jpg": "hidden"}


ALL = {"a.png", "b.jpg", "new/c.jpg", "new/old.jpg", "new/old/e.jpg", "old/d.png"}


@pytest.mark.parametrize(
    ("pattern", "gone"),
    [
        ("old", {"old/d.png", "new/old/e.jpg"}),
        ("old/", {"old/d.png", "new/old/e.jpg"}),
        ("**/old", {"old/d.png", "new/old/e.jpg"}),
        ("new/old", {"new/old/e.jpg"}),
        ("{root}/old", {"old/d.png"}),
        ("*.png", {"a.png", "old/d.png"}),
        ("new/*", {"new/c.jpg", "new/old.jpg", "new/old/e.jpg"}),
        ("./new", {"new/c.jpg", "new/old.jpg", "new/old/e.jpg"}),
        ("[ab].*", {"a.png", "b.jpg"}),
        ("OLD", set()),
    ],
)
def test_a_pattern_leaves_out_files_and_folders_by_name_or_path(tmp_path: Path, pattern: str, gone: set[str]) -> None:
    plant(tmp_path, *ALL)
    wanted = pattern.format(root=tmp_path)
    assert set(found(tmp_path, wanted)) == ALL - gone
    assert set(passed_over(tmp_path, wanted).values()) == ({"excluded"} if gone else set())


def test_several_patterns_are_all_left_out(tmp_path: Path) -> None:
    plant(tmp_path, "a.png", "b.jpg", "c.webp")
    assert found(tmp_path, "*.png", "b*") == ["c.webp"]


def test_a_link_to_a_folder_is_not_followed_and_a_link_to_a_file_is(tmp_path: Path) -> None:
    plant(tmp_path, "real/a.jpg")
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "folder").symlink_to(tmp_path / "real")
    (tmp_path / "top" / "file.jpg").symlink_to(tmp_path / "real" / "a.jpg")
    assert found(tmp_path / "top") == ["file.jpg"]
    assert passed_over(tmp_path / "top") == {"folder": "a link to a folder"}


def test_a_link_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    (tmp_path / "lost.jpg").symlink_to(tmp_path / "nowhere.jpg")
    assert found(tmp_path) == []
    assert passed_over(tmp_path) == {"lost.jpg": "cannot be read"}


def test_a_pipe_with_a_pictures_name_is_told_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert found(tmp_path) == []
    assert passed_over(tmp_path) == {"pipe.jpg": "not a file"}


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="is not a folder"):
        walk(tmp_path / "nothing")
