"""`regard labels` on a picture in a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cli_home import Person
from PIL import Image
from skimage import data


@pytest.fixture
def cat(user: Person) -> Path:
    file = user.pictures / "cat.png"
    Image.fromarray(data.chelsea()).save(file)
    return file


@pytest.mark.slow
def test_labels_are_listed_and_marked_in_a_copy_with_the_others_below(user: Person, cat: Path, tmp_path: Path) -> None:
    marked = tmp_path / "marked.png"
    said = user.run("labels", cat, "--save", marked)
    assert said.code == 0
    assert "labels in 451 × 300 pixels" in said.out
    assert "Cat" in said.out
    assert "Animals and Pets" in said.out
    with Image.open(marked) as drawn, Image.open(cat) as before:
        assert drawn.width == before.width
        assert drawn.height > before.height + 20  # the strip of words
        top = drawn.crop((0, 0, *before.size))
        changed = (np.asarray(top) != np.asarray(before)).any(axis=2).mean()
    assert 0.01 < changed < 0.3


@pytest.mark.slow
def test_labels_as_json_are_what_detect_labels_answers(user: Person, cat: Path) -> None:
    found = user.run("labels", cat, "--json", "--properties").json
    assert {"Labels", "LabelModelVersion", "ImageProperties"} == set(found)
    assert {"Name", "Confidence", "Instances", "Parents", "Aliases", "Categories"} == set(found["Labels"][0])
    assert "ImageProperties" not in user.run("labels", cat, "--json").json


def test_how_a_picture_looks_is_told_if_asked_for(user: Person, cat: Path) -> None:
    said = user.run("labels", cat, "--properties")
    for word in ("Brightness", "Sharpness", "Contrast", "Foreground", "Background"):
        assert word in said.out
    assert "Brightness" not in user.run("labels", cat).out


def test_least_confidence_is_kept_to_and_nothing_is_said_to_be_nothing(user: Person, cat: Path) -> None:
    many = user.run("labels", cat, "--json").json["Labels"]
    least = many[0]["Confidence"] - 0.01
    few = user.run("labels", cat, "--least", least, "--json").json["Labels"]
    assert 1 <= len(few) < len(many)
    assert all(label["Confidence"] >= least for label in few)
    said = user.run("labels", user.wall(), "--least", 95)
    assert said.code == 0
    assert "Nothing was recognised in" in said.out


def test_what_is_no_picture_is_said_by_name(user: Person) -> None:
    file = user.pictures / "letter.jpg"
    file.write_text("Dear all,")
    said = user.run("labels", file)
    assert said.code == 1
    assert "letter.jpg" in said.err


@pytest.mark.parametrize("command", ["labels", "text", "faces"])
def test_a_picture_of_another_kind_is_refused_naming_all_that_are_read(user: Person, cat: Path, command: str) -> None:
    file = user.pictures / "cat.gif"
    with Image.open(cat) as picture:
        picture.save(file)
    said = user.run(command, file)
    assert said.code == 1
    told = " ".join(said.err.split())
    assert "cat.gif" in told
    assert "found a GIF image; choose a whole JPEG, PNG, WebP, AVIF, TIFF or HEIC." in told


def test_what_a_label_belongs_to_is_told_whether_kind_or_part(user: Person, cat: Path) -> None:
    assert "Belongs to" in user.run("labels", cat).out


@pytest.mark.parametrize("command", ["labels", "text", "faces"])
def test_the_marked_picture_never_takes_the_place_of_the_one_it_shows(user: Person, cat: Path, command: str) -> None:
    before, link = cat.read_bytes(), cat.with_name("link.png")
    link.symlink_to(cat)
    for target in (cat, link):
        said = user.run(command, cat, "--save", target)
        assert said.code == 1
        assert "would be lost" in said.err
    assert cat.read_bytes() == before


@pytest.mark.parametrize("command", ["labels", "text"])
@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("a" * 300 + ".png", "File name too long"),
        ("nowhere/marked.png", "No such file or directory"),
        ("cat.png/marked.png", "Not a directory"),
        (".", "Cannot save a picture as "),
    ],
    ids=["too long a name", "no folder", "a file as a folder", "a folder"],
)
@pytest.mark.slow
def test_where_no_picture_can_be_saved_is_said(user: Person, cat: Path, command: str, place: str, said: str) -> None:
    failed = user.run(command, cat, "--save", cat.parent / place)
    assert failed.code == 1
    assert said in failed.err
    assert "as ''" not in failed.err


def test_a_picture_is_saved_under_the_longest_name_there_is(user: Person, cat: Path) -> None:
    marked = cat.parent / ("a" * 251 + ".png")
    assert user.run("labels", cat, "--save", marked).code == 0
    assert marked.stat().st_size > 0


@pytest.mark.parametrize("command", ["labels", "text", "faces"])
def test_what_never_ends_is_no_picture(user: Person, command: str) -> None:
    failed = user.run(command, "/dev/zero")
    assert failed.code == 1
    assert "/dev/zero is larger than any picture that is read" in failed.err
