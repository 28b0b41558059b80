"""Tables in terminals of any width: no line is too long, and no word is broken."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from cli_home import Person
from people import crowd
from PIL import Image
from rich.cells import cell_len
from rich.console import Console

from regard.commands.tables import Table, shortened

LONG = "/home/you/Pictures/people/2024/summer/bea/IMG_20240714_120501.jpg"
QUICK_START = Path(__file__).parents[2] / "docs" / "quick-start.md"
COLOURS = [("lightsteelblue", 26), ("black", 17), ("dimgrey", 10), ("tan", 8), ("steelblue", 6)]


def printed(table: Table, width: int) -> list[str]:
    stream = io.StringIO()
    Console(file=stream, width=width, highlight=False).print(table)
    return [line.rstrip() for line in stream.getvalue().splitlines() if line.strip()]


def candidates() -> Table:
    table = Table(">Rank", "External id", "?Face id", "<Picture", each="Candidate")
    table.add_row("1", "bea", "ae4b3a87-ef51-599c-99fa-3c654c8db288", LONG)
    return table


@pytest.mark.parametrize("width", [200, 110, 80, 60, 40, 30])
def test_no_line_is_longer_than_the_terminal(width: int) -> None:
    assert max(cell_len(line) for line in printed(candidates(), width)) <= width


def test_where_there_is_room_everything_is_shown() -> None:
    head, _, row = printed(candidates(), 200)
    assert head.split() == ["Rank", "External", "id", "Face", "id", "Picture"]
    assert row.split() == ["1", "bea", "ae4b3a87-ef51-599c-99fa-3c654c8db288", LONG]


def test_a_path_loses_its_beginning_first_then_what_is_optional_goes_and_at_last_rows_become_cards() -> None:
    assert printed(candidates(), 100)[-1].split()[2:] == [
        "ae4b3a87-ef51-599c-99fa-3c654c8db288",
        "…/2024/summer/bea/IMG_20240714_120501.jpg",
    ]
    assert printed(candidates(), 60)[-1].split() == ["1", "bea", "…/summer/bea/IMG_20240714_120501.jpg"]
    assert printed(candidates(), 40) == [
        "Candidate 1",
        "  External id bea",
        "  Face id",
        "  ae4b3a87-ef51-599c-99fa-3c654c8db288",
        "  Picture …/bea/IMG_20240714_120501.jpg",
    ]


def test_text_is_wrapped_between_words_and_a_path_in_it_is_not_broken() -> None:
    table = Table("", "~", header=False)
    table.add_row("model", f"present, 7.3 MB, {LONG}")
    lines = printed(table, 50)
    assert lines[0].split() == ["model", "present,", "7.3", "MB,"]
    assert lines[1].strip().startswith("…/")
    assert lines[1].endswith("/IMG_20240714_120501.jpg")


def test_rows_without_headings_become_lines() -> None:
    table = Table("", "", "~", header=False)
    table.add_row("ok", "database", f"{LONG}, 0.3 MB")
    assert printed(table, 40) == ["ok database", "…/summer/bea/IMG_20240714_120501.jpg,", "0.3 MB"]


def test_cards_put_as_many_facts_in_a_line_as_there_is_room_for() -> None:
    table = Table(">", ">Left", ">Top", "Emotion", title="1 face", each="Face")
    table.add_row("1", "1394", "234", "happy 75 %")
    assert printed(table, 24) == ["1 face", "Face 1", "  Left 1394   Top 234", "  Emotion happy 75 %"]


@pytest.mark.parametrize(
    ("path", "width", "shown"),
    [
        ("/a/b.jpg", 20, "/a/b.jpg"),
        ("/photos/2024/bea/1.jpg", 15, "…/bea/1.jpg"),
        ("/photos/2024/a-very-long-file-name.jpg", 16, "…g-file-name.jpg"),
        ("/写真/田中/一.jpg", 12, "…/一.jpg"),
    ],
)
def test_a_path_is_shortened_from_the_left_at_a_folder_where_enough_remains(path: str, width: int, shown: str) -> None:
    assert shortened(path, width) == shown
    assert cell_len(shortened(path, width)) <= width


# -- the commands ----------------------------------------------------------------------------------------------------


@pytest.fixture
def people(user: Person, monkeypatch: pytest.MonkeyPatch) -> Person:
    """Two people in deep folders, and a picture of both."""
    deep = "a folder/with a rather long name/in another one/of the same kind"
    user.portrait(f"{deep}/Ada Lovelace/IMG_20240714_120501.png", side=180)
    user.portrait(f"{deep}/Bea/IMG_20240714_120502.png", side=200)
    Image.fromarray(crowd(1, 2, 400)).save(user.pictures / "both.png")
    user.run("index", user.pictures, "--collection", "people", "--external-id", "folder")
    return user


TABLES = (
    "faces {both}", "faces {both} --attributes", "search {both} --collection people --threshold 0",
    "search {both} --collection people --all-faces", "compare {both} {both}", "faces list --collection people",
    "collections list", "models list", "models verify", "keys list", "doctor", "users list --collection people",
)  # fmt: skip


@pytest.mark.parametrize("columns", ["80", "60"])
@pytest.mark.slow
def test_no_table_of_a_command_is_wider_than_the_terminal(
    people: Person, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    people.run("keys", "create", "--name", "the front desk")
    people.run("users", "create", "ada", "--collection", "people")
    monkeypatch.setenv("COLUMNS", columns)
    for words in TABLES:
        said = people.run(*(word.format(both=people.pictures / "both.png") for word in words.split()))
        assert said.code == 0, said.err
        lines = [line.rstrip() for line in said.out.splitlines()]
        assert [line for line in lines if cell_len(line) > int(columns)] == [], words
        cut = {line.split()[-1] for line in lines if line.strip()} & {"Confidenc", "Similarit", "Brightnes", "hap"}
        assert cut == set(), words


def test_a_pipe_without_a_width_of_its_own_gets_whole_paths(people: Person) -> None:
    said = people.run("faces", "list", "--collection", "people")
    assert said.out.count("/in another one/of the same kind/") == 2
    assert str(people.pictures) in said.out


def test_the_attributes_of_a_face_are_a_card_where_they_do_not_fit_a_line(
    people: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    said = people.run("faces", people.pictures / "both.png", "--attributes")
    assert [line for line in said.out.splitlines() if line.startswith("Face ")] == ["Face 1", "Face 2"]
    assert "Gender female" in said.out
    monkeypatch.setenv("COLUMNS", "260")
    assert "Face 1" not in people.run("faces", people.pictures / "both.png", "--attributes").out


def test_the_quick_start_shows_where_and_how_surely_faces_are_found(
    user: Person, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    said = user.run("faces", shared_data / "images" / "couple.jpg", "--attributes").out
    told, shown = (
        [[float(number) for number in face] for face in re.findall(r"Left (\d+) .*Confidence ([\d.]+) ", text)]
        for text in (said, QUICK_START.read_text(encoding="utf-8"))
    )
    assert shown == [pytest.approx(face, abs=5) for face in told]
    assert [confidence for _, confidence in shown] == pytest.approx([confidence for _, confidence in told], abs=0.5)


@pytest.mark.parametrize("width", [200, 78, 70, 60, 50, 40, 30])
def test_a_number_stays_with_its_unit_and_its_name(width: int) -> None:
    colours = [f"{name}\N{NO-BREAK SPACE}{percent}\N{NO-BREAK SPACE}%" for name, percent in COLOURS]
    table = Table("Part", ">Brightness", "~Colours")
    table.add_row("Picture", "43", ", ".join(colours))
    lines = printed(table, width)
    assert max(map(cell_len, lines)) <= width
    assert all(any(colour in line for line in lines) for colour in colours)
