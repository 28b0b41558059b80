"""`regard index`: who is who, what is passed over, and that a person is told."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest
from cli_home import Person
from people import crowd
from PIL import Image


def ids(user: Person, *words: object) -> list[str | None]:
    """Index the pictures; the external ids of the faces that the collection then holds."""
    said = user.run("index", user.pictures, "--collection", "people", *words)
    assert said.code == 0, said.err
    listed = user.run("faces", "list", "--collection", "people", "--json").json["Faces"]
    return sorted((face.get("ExternalImageId") for face in listed), key=str)


def two_people(user: Person, name: str) -> Path:
    """A picture of two people, the second face a little larger."""
    file = user.pictures / name
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(crowd(1, 2, 160)).save(file)
    return file


# -- names ---------------------------------------------------------------------------------------------------------


NAMES = ("Müller", "Möller", "田中", "鈴木", "Ann Lee", "Ann_Lee", "Ann+Lee", "Ann&Lee", "Zoë", "Zoe", "Иван", "Олег")


@pytest.mark.parametrize("choice", ["folder", "filename"])
@pytest.mark.slow
def test_two_names_are_two_people(user: Person, choice: str) -> None:
    for number, name in enumerate(NAMES):
        user.portrait(f"{name}/1.png" if choice == "folder" else f"{name}.png", side=180 + number)
    assert len(set(ids(user, "--external-id", choice))) == len(NAMES)


def test_a_person_sees_the_name_and_a_program_the_id(user: Person) -> None:
    photo = user.portrait("Zoë Müller/1.png")
    assert ids(user, "--external-id", "folder") == ["Zoe:CC:88::Mu:CC:88ller"]
    assert "Zoë Müller" in user.run("search", photo, "--collection", "people").out
    assert "Zoë Müller" in user.run("faces", "list", "--collection", "people", "--external-id", "Zoë Müller").out


def test_folders_that_only_look_the_same_are_one_person_and_named(user: Person) -> None:
    composed, apart = "Jos\u00e9", "Jose\u0301"
    user.portrait(f"{composed}/1.png", side=180)
    user.portrait(f"{apart}/1.png", side=200)
    said = user.run("index", user.pictures, "--collection", "people", "--external-id", "folder")
    assert r"The folders 'Jose\u0301' and 'Jos\xe9' look the same" in said.err
    listed = user.run("faces", "list", "--collection", "people", "--json").json["Faces"]
    assert len({face["ExternalImageId"] for face in listed}) == 1


def test_pictures_in_no_folder_of_their_own_are_counted(user: Person) -> None:
    user.portrait("ada/1.png", side=180)
    user.portrait("loose.png", side=200)
    said = user.run("index", user.pictures, "--collection", "people", "--external-id", "folder")
    assert "1 pictures are in no folder of their own, and get the name of the whole: pictures." in said.err
    ada = user.pictures / "ada"
    assert "the whole" not in user.run("index", ada, "--collection", "people", "--external-id", "folder").err


def test_a_table_with_a_fault_stores_nothing_and_makes_no_collection(user: Person, tmp_path: Path) -> None:
    user.portrait("anna.png")
    table = tmp_path / "names.csv"
    table.write_bytes(b"path,external_id\nanna.png,an\0na\n")
    said = user.run("index", user.pictures, "--collection", "people", "--external-id", table)
    assert (said.code, said.out) == (1, "")
    assert f"{table}, line 2: there is a NUL byte" in said.err
    assert user.run("collections", "list", "--json").json == []


# -- several faces in one picture ------------------------------------------------------------------------------------


def test_a_folders_name_goes_to_one_face_a_picture_and_the_others_are_told(user: Person) -> None:
    both = two_people(user, "ada/both.png")
    user.portrait("ada/alone.png")
    said = user.run("index", user.pictures, "--collection", "people", "--external-id", "folder")
    assert "The collection people holds 2 faces." in said.out
    assert "Pictures with several faces, only the largest was enrolled:" in said.out
    assert f"  {both}\n" in said.out
    assert "alone.png" not in said.out


def test_all_faces_of_a_picture_get_a_folders_name_where_a_person_says_so_and_the_pictures_are_told(
    user: Person,
) -> None:
    both = two_people(user, "ada/both.png")
    said = user.run("index", user.pictures, "--collection", "people", "--external-id", "folder", "--max-faces", 100)
    assert "The collection people holds 2 faces." in said.out
    assert f"Pictures with several faces, which now share one id:\n  {both}\n" in said.out


def test_a_table_gives_all_faces_its_id_and_names_the_pictures(user: Person, tmp_path: Path) -> None:
    both = two_people(user, "both.png")
    (tmp_path / "t.csv").write_text("path,external_id\nboth.png,ada\n")
    said = user.run("index", user.pictures, "--collection", "people", "--external-id", tmp_path / "t.csv")
    assert "The collection people holds 2 faces." in said.out
    assert f"  {both}\n" in said.out


def test_a_pictures_own_name_is_for_all_of_its_faces(user: Person) -> None:
    two_people(user, "both.png")
    said = user.run("index", user.pictures, "--collection", "people")
    assert "The collection people holds 2 faces." in said.out
    assert "several faces" not in said.out


# -- what is passed over -----------------------------------------------------------------------------------------------


def test_every_file_has_its_line_in_the_report_or_was_left_out_by_wish(user: Person, tmp_path: Path) -> None:
    photo = user.portrait("a.jpg").read_bytes()
    for name in ("b.jfif", "c.jpe", "d.heic", "e.webp", "f.tif"):  # what they are, their bytes say
        (user.pictures / name).write_bytes(photo)
    for name in ("g.gif", "h.nef", "notes.txt", "@eaDir/a.jpg/SYNOPHOTO_THUMB_XL.jpg", "old/i.jpg"):
        (user.pictures / name).parent.mkdir(parents=True, exist_ok=True)
        (user.pictures / name).write_bytes(photo)
    report = tmp_path / "report.csv"
    said = user.run("index", user.pictures, "--collection", "people", "--exclude", "old", "--report", report)
    with report.open(encoding="utf-8") as file:
        rows = {str(Path(row["path"]).relative_to(user.pictures)): row["outcome"] for row in csv.DictReader(file)}
    assert rows == dict.fromkeys(["a.jpg", "b.jfif", "c.jpe", "d.heic", "e.webp", "f.tif"], "indexed") | {
        "g.gif": "skipped: GIF is not read",
        "h.nef": "skipped: camera raw is not read",
        "notes.txt": "skipped: not a picture",
        "@eaDir": "skipped: a system's folder",
        "old": "skipped: excluded",
    }
    for reason in ("GIF is not read", "camera raw is not read", "not a picture", "a system's folder", "excluded"):
        assert f"files skipped: {reason}" in said.out


def test_other_formats_can_be_looked_at_compared_and_searched_for(user: Person, tmp_path: Path) -> None:
    user.portrait("ann.webp")
    user.run("index", user.pictures, "--collection", "people")
    probe = user.portrait("../probe.tif", side=170)
    assert len(user.run("faces", probe, "--json").json["FaceDetails"]) == 1
    assert user.run("compare", probe, user.pictures / "ann.webp", "--json").json["FaceMatches"][0]["Similarity"] > 99
    sheet = tmp_path / "sheet.png"
    assert "ann.webp" in user.run("search", probe, "--collection", "people", "--save", sheet).out
    blank = tmp_path / "blank.png"
    (user.pictures / "ann.webp").unlink()
    user.run("search", probe, "--collection", "people", "--save", blank)
    assert sheet.read_bytes() != blank.read_bytes()  # the candidate's picture was drawn


def test_a_picture_in_a_format_that_is_not_read_is_named(user: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    file = user.pictures / "a.heic"
    file.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    said = user.run("faces", file)
    assert said.code == 1
    assert f"{file}: Request has invalid image format: found a picture in HEIC; run pip install" in said.err
