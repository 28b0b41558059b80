"""Faces, compare, index, search: on pictures in a folder."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from cli_home import Person
from people import crowd
from PIL import Image

from benchmarks.printed_pages import printed, sign
from regard.domain.arrays import ByteArray
from regard.domain.faces import QualityLevel
from regard.engine.analysis.quality_filter import BARS

# -- faces and compare -------------------------------------------------------------------------------------------


def test_faces_are_described_in_a_table_and_marked_in_a_copy(user: Person, tmp_path: Path) -> None:
    photo, marked = user.portrait("a.jpg"), tmp_path / "marked.png"
    said = user.run("faces", photo, "--save", marked, "--attributes")
    assert said.code == 0
    assert "1 face in 200 × 200 pixels" in said.out
    assert "female" in said.out
    assert "happy" in said.out
    changed = _pixels(marked) != _pixels(photo)
    assert 0.01 < changed.any(axis=2).mean() < 0.5


def test_faces_as_json_are_what_detect_faces_answers(user: Person) -> None:
    [face] = user.run("faces", user.portrait("a.jpg"), "--json", "--attributes").json["FaceDetails"]
    assert {"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality", "AgeRange", "Emotions", "Smile"} <= set(face)


def test_a_picture_without_a_face_is_said_to_have_none(user: Person) -> None:
    said = user.run("faces", user.wall())
    assert said.code == 0
    assert "No face was found" in said.out


def test_a_picture_cannot_be_saved_as_something_else_or_nowhere(user: Person) -> None:
    photo = user.portrait("a.jpg")
    assert "end its name in .jpg" in user.run("faces", photo, "--save", "marked.gif").err
    said = user.run("faces", photo, "--save", user.pictures / "nowhere" / "marked.jpg")
    assert said.code == 1
    assert "marked.jpg cannot be written: No such file or directory." in said.err


def test_two_pictures_of_one_person_compare_with_the_odds_of_chance(user: Person) -> None:
    a, b = user.portrait("a.jpg"), user.portrait("b.jpg", side=160)
    assert user.run("compare", a, b, "--json").json["FaceMatches"][0]["Similarity"] > 99
    assert "fewer than 1 in 1,000,000" in user.run("compare", a, b).out


@pytest.mark.slow
def test_a_comparison_is_drawn_with_one_face_beside_the_others(user: Person, tmp_path: Path) -> None:
    a, both = user.portrait("a.png"), tmp_path / "both.png"
    Image.fromarray(crowd(1, 2, 160)).save(both)
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    assert user.run("compare", a, a, "--save", one, "--json").json["FaceMatches"]
    assert user.run("compare", a, both, "--save", two).code == 0
    drawn = _pixels(one) != _pixels(two)
    assert _pixels(one).shape == _pixels(two).shape
    assert drawn[:, 800:1050].any()  # where the second face stands
    assert not drawn[:, :500].any()  # A's face, which is the same
    assert "cannot be written" in user.run("compare", a, a, "--save", tmp_path / "nowhere" / "one.png").err


@pytest.mark.slow
def test_different_people_do_not_compare(user: Person, shared_data: Path) -> None:
    said = user.run("compare", user.portrait("a.jpg"), shared_data / "images" / "couple.jpg", "--json")
    assert len(said.json["FaceMatches"]) == 2
    assert all(match["Similarity"] < 80 for match in said.json["FaceMatches"])


# -- index -------------------------------------------------------------------------------------------------------


def test_a_folder_is_indexed_with_a_report_and_not_done_twice(user: Person, tmp_path: Path) -> None:
    user.portrait("a.jpg")
    user.portrait("deep/er/b.png", side=180)
    user.wall()
    (user.pictures / "broken.jpg").write_text("text")
    report = tmp_path / "report.csv"
    said = user.run("index", user.pictures, "--collection", "people", "--report", report)
    assert said.code == 0
    assert "Created the collection people." in said.err
    counts = _counts(said.out)
    assert counts["files indexed"] == 3
    assert counts["faces enrolled"] == 2
    assert counts["files without a face"] == 1
    assert counts["files skipped: not a whole JPEG or PNG"] == 1
    assert f"{user.pictures / 'broken.jpg'}: Request has invalid image format: found text" in said.out
    assert "The collection people holds 2 faces." in said.out
    with report.open(encoding="utf-8") as file:
        rows = {Path(row["path"]).name: row["outcome"] for row in csv.DictReader(file)}
    assert rows == {
        "a.jpg": "indexed",
        "b.png": "indexed",
        "wall.png": "indexed",
        "broken.jpg": "skipped: not a whole JPEG or PNG",
    }
    again = _counts(user.run("index", user.pictures, "--collection", "people").out)
    assert (again["files indexed"], again["files done before"]) == (0, 4)


@pytest.mark.parametrize(
    ("choice", "name"),
    [("filename", "Mu:CC:88ller:::281:29.jpg"), ("folder", "the::family"), ("none", None), ("names.csv", "m:1")],
)
@pytest.mark.slow
def test_faces_are_named_by_file_by_folder_not_at_all_or_by_a_table(
    user: Person, choice: str, name: str | None, tmp_path: Path
) -> None:
    photo = user.portrait("the family/Müller (1).jpg")
    if choice == "names.csv":
        choice = str(tmp_path / choice)
        Path(choice).write_text("path,external_id\nthe family/Müller (1).jpg,m:1\n", encoding="utf-8")
    user.run("index", user.pictures, "--collection", "people", "--external-id", choice)
    [face] = user.run("search", photo, "--collection", "people", "--json").json["Faces"]
    assert face["FaceMatches"][0]["Face"]["ExternalImageId"] == name


def test_a_file_that_the_table_does_not_name_is_reported(user: Person, tmp_path: Path) -> None:
    user.portrait("a.jpg")
    user.portrait("b.jpg", side=180)
    table = tmp_path / "names.csv"
    table.write_text(f"path,external_id\n{user.pictures / 'a.jpg'},ann\n")
    said = user.run("index", user.pictures, "--collection", "people", "--external-id", table)
    assert _counts(said.out)["files skipped: no external id"] == 1
    assert "b.jpg: " in said.out
    table.write_text("path,external_id\na.jpg,ann\nb.jpg,bob\n")
    said = user.run("index", user.pictures, "--collection", "people", "--external-id", table)
    assert _counts(said.out)["faces enrolled"] == 1


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--collection", "my people"], "cannot be a collection's name"),
        (["--collection", "x" * 256], "cannot be a collection's name"),
        (["--collection", "people", "--external-id", "name"], "--external-id is filename, folder, none or a CSV file"),
        (["--collection", "people", "--report", "/nowhere/report.csv"], "/nowhere/report.csv: No such file"),
    ],
)
def test_what_cannot_be_meant_is_refused(user: Person, words: list[str], complaint: str) -> None:
    said = user.run("index", user.pictures, *words)
    assert said.code == 1
    assert complaint in said.err
    assert user.run("collections", "list", "--json").json == []


def test_a_table_without_the_two_columns_is_refused(user: Person, tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text("file,name\na.jpg,ann\n")
    said = user.run("index", user.pictures, "--collection", "people", "--external-id", tmp_path / "names.csv")
    assert "the columns path and external_id" in said.err


def test_a_folder_that_is_none_makes_no_collection(user: Person) -> None:
    said = user.run("index", user.pictures / "nothing", "--collection", "people")
    assert said.code == 1
    assert user.run("collections", "list", "--json").json == []


def test_the_levels_of_the_command_are_those_of_the_engine() -> None:
    assert [level.value for level in QualityLevel] == list(BARS)


def test_faces_below_the_bar_are_counted_by_reason(user: Person) -> None:
    user.portrait("small.png", side=80)
    said = user.run("index", user.pictures, "--collection", "people", "--quality-filter", "HIGH")
    assert _counts(said.out)["faces refused: SMALL_BOUNDING_BOX"] == 1


@pytest.mark.slow
def test_ctrl_c_exits_with_130_reports_and_the_next_run_finishes(user: Person) -> None:
    for number in range(40):
        user.portrait(f"{number:02}.png", side=150 + number)
    words = [sys.executable, "-m", "regard", "index", user.pictures, "--collection", "people", "--batch", "1"]
    # The report is written as the work is done: it says when to interrupt.
    with subprocess.Popen(
        [*map(str, words), "--report", str(user.home / "report.csv"), "--home", str(user.home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONFAULTHANDLER": "1"},
    ) as process:
        while process.poll() is None and _lines(user.home / "report.csv") < 5:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        try:
            out, err = process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)  # where it hangs is told by what it writes then
            out, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert "Run the same command to resume." in err
    assert "Traceback" not in err
    before = _counts(out)["faces enrolled"]
    assert 4 <= before < 40
    after = _counts(user.run("index", user.pictures, "--collection", "people").out)
    assert after["files done before"] >= before
    assert after["faces enrolled"] + after["files done before"] == 40
    (people,) = user.run("collections", "list", "--json").json
    assert (people["CollectionId"], people["FaceCount"]) == ("people", 40)


# -- search ------------------------------------------------------------------------------------------------------


def test_candidates_come_with_similarity_file_and_what_chance_would_give(user: Person, tmp_path: Path) -> None:
    photo = user.portrait("ann.jpg")
    user.run("index", user.pictures, "--collection", "people")
    sheet = tmp_path / "sheet.png"
    probe = user.portrait("../probe.jpg", side=170)
    said = user.run("search", probe, "--collection", "people", "--save", sheet)
    assert said.code == 0
    assert "ann.jpg" in said.out
    assert str(photo) in said.out
    assert "people holds 1 faces. By chance, expect 0.0001 false candidates at 80 or above" in said.out
    assert _pixels(sheet).shape[1] > 1000


def test_a_candidate_whose_picture_has_changed_is_drawn_without_it(user: Person, tmp_path: Path) -> None:
    photo = user.portrait("ann.jpg")
    user.run("index", user.pictures, "--collection", "people")
    probe = user.portrait("../probe.jpg")
    sheets = tmp_path / "before.png", tmp_path / "after.png"
    user.run("search", probe, "--collection", "people", "--save", sheets[0])
    user.wall(photo.name)
    user.run("search", probe, "--collection", "people", "--save", sheets[1])
    assert not np.array_equal(_pixels(sheets[0]), _pixels(sheets[1]))


def test_every_face_of_a_picture_is_searched_for_and_drawn_apart(user: Person, tmp_path: Path) -> None:
    one = Image.fromarray(_pixels(user.portrait("ann.png")))
    user.run("index", user.pictures, "--collection", "people")
    both = Image.new("RGB", (420, 200), "grey")
    both.paste(one, (0, 0))
    both.paste(one, (220, 0))
    both.save(tmp_path / "both.png")
    words = ["search", tmp_path / "both.png", "--collection", "people", "--all-faces"]
    assert [len(face["FaceMatches"]) for face in user.run(*words, "--json").json["Faces"]] == [1, 1]
    said = user.run(*words, "--save", tmp_path / "out.jpg")
    assert "Face 2 of 2" in said.out
    assert (tmp_path / "out-1.jpg").exists()
    assert (tmp_path / "out-2.jpg").exists()


def test_nobody_is_found_above_an_unreachable_threshold(user: Person) -> None:
    user.portrait("ann.jpg")
    user.run("index", user.pictures, "--collection", "people")
    probe = user.portrait("../probe.jpg", side=150, mirrored=True)
    said = user.run("search", probe, "--collection", "people", "--threshold", "100")
    assert said.code == 0
    assert "No candidates at a similarity of 100 or above" in said.out


def test_a_search_without_a_face_or_a_collection_says_so(user: Person) -> None:
    user.portrait("ann.jpg")
    user.run("index", user.pictures, "--collection", "people")
    assert "No face was found in" in user.run("search", user.wall(), "--collection", "people").err
    said = user.run("search", user.pictures / "ann.jpg", "--collection", "strangers")
    assert said.code == 1
    assert "strangers does not exist" in said.err


def _counts(out: str) -> dict[str, int]:
    """The report's numbers by what they count."""
    rows = (line.rsplit(maxsplit=1) for line in out.splitlines() if line.startswith((" files", " faces")))
    return {name.strip(): int(count.replace(",", "")) for name, count in rows}


def _pixels(file: Path) -> ByteArray:
    with Image.open(file) as picture:
        return np.asarray(picture.convert("RGB"))


def _lines(file: Path) -> int:
    return file.read_text().count("\n") if file.exists() else 0


# -- text --------------------------------------------------------------------------------------------------------


def test_text_is_read_in_a_table_and_marked_in_a_copy(user: Person, tmp_path: Path) -> None:
    page, marked = user.pictures / "page.png", tmp_path / "marked.png"
    Image.fromarray(printed(size=30, width=700, height=300, words=12).pixels).save(page)
    said = user.run("text", page, "--save", marked)
    assert said.code == 0
    assert "2 lines of 12 words in 700 × 300 pixels" in said.out
    assert "All human beings are born free and" in said.out
    changed = _pixels(marked) != _pixels(page)
    assert 0.005 < changed.any(axis=2).mean() < 0.3


def test_text_as_json_is_what_detect_text_answers(user: Person) -> None:
    page = user.pictures / "sign.png"
    Image.fromarray(sign("EXIT 24")).save(page)
    found = user.run("text", page, "--json").json
    assert [(each["Type"], each["DetectedText"]) for each in found["TextDetections"]] == [
        ("LINE", "EXIT 24"),
        ("WORD", "EXIT"),
        ("WORD", "24"),
    ]
    assert found["TextModelVersion"] == "text-963a21cf"
    assert user.run("text", page, "--json", "--confidence", 100).json["TextDetections"] == []


def test_a_picture_without_text_is_said_to_have_none(user: Person) -> None:
    assert "No text was found" in user.run("text", user.wall()).out
