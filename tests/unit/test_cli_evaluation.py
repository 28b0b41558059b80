"""`regard evaluate`: error rates of labelled pictures, from the command line."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from cli_home import Person

PEOPLE = 10


@pytest.fixture
def table(user: Person) -> Path:
    """Twenty pictures of one person, said to be ten people: every two of them match."""
    lines = ["path;person;sex"]
    for number in range(PEOPLE):
        for mirrored in (False, True):
            file = user.portrait(f"{number}-{mirrored}.png", side=180 + 2 * number, mirrored=mirrored)
            lines.append(f"{file.name};person {number};{'f' if number % 2 else 'm'}")
    user.wall("wall.png")
    lines.append("wall.png;person 0;m")
    lines.append("2-True.png;person 2;m".replace("2-True", "missing"))
    file = user.pictures / "people.csv"
    file.write_text("\n".join(lines))
    return file


@pytest.mark.control(16, 24)
@pytest.mark.slow
def test_error_rates_are_measured_for_each_group_of_the_operators_labels_and_kept(user: Person, table: Path) -> None:
    said = user.run("evaluate", table, "--gallery-size", 50, "--json")
    assert said.code == 0, said.err
    found = said.json
    at_80 = found["rates"]["everybody"]["thresholds"][0]
    assert at_80["threshold"] == 80
    assert (at_80["fmr"]["errors"], at_80["fmr"]["trials"]) == (180, 180)
    assert (at_80["fnmr"]["errors"], at_80["fnmr"]["trials"]) == (0, 10)
    assert {(each["column"], each["group"]) for each in found["rates"]["groups"]} == {("sex", "f"), ("sex", "m")}
    assert found["without_face"] == 1
    assert found["unread"] == {"cannot be read": 1}
    assert user.run("evaluations", "list", "--json").json == [found]
    shown = user.run("evaluations", "show", found["id"]).out
    assert "20 pictures of 10 people" in shown
    assert "100 %" in shown


@pytest.mark.slow
def test_nothing_of_the_pictures_stays(user: Person, table: Path) -> None:
    assert user.run("evaluate", table).code == 0
    with closing(sqlite3.connect(user.home / "regard.db")) as connection:
        kept = "".join(str(row) for row in connection.execute("SELECT * FROM evaluations"))
        assert connection.execute("SELECT count(*) FROM faces").fetchone() == (0,)
    assert "person" not in kept.replace("of one person", "")
    assert ".png" not in kept


@pytest.mark.slow
def test_a_folder_of_folders_is_people_and_their_pictures(user: Person) -> None:
    for number in range(PEOPLE):
        for mirrored in (False, True):
            user.portrait(f"{number}/{mirrored}.png", side=180 + 2 * number, mirrored=mirrored)
    found = user.run("evaluate", user.pictures, "--json").json
    assert found["rates"]["everybody"]["people"] == PEOPLE
    assert found["rates"]["everybody"]["thresholds"][0]["fmr"]["trials"] == 180


@pytest.mark.control(56)
def test_two_pictures_cannot_be_compared_by_calling_it_an_evaluation(user: Person) -> None:
    a, b = user.portrait("a.png"), user.portrait("b.png", mirrored=True)
    table = user.pictures / "two.csv"
    table.write_text(f"path,person\n{a},ada\n{b},ada\n")
    said = user.run("evaluate", table)
    assert said.code == 1
    assert "An evaluation needs two pictures of each of at least 10 people" in " ".join(said.err.split())


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a,b\n", "line 1: the first line must name the columns path and person"),
        ("path,person,person\n", "line 1: the first line must name"),
        ("path,person\na.png,ada\na.png,bob\n", "line 3: the picture is named a second time"),
        ("path,person\na.png,\n", "line 2: the person is empty"),
        ("path,person\na.png\n", "line 2: 1 columns, not 2"),
        ('path,person\n"a.png,ada\n', "look for a quotation mark"),
        ("", "line 1: the first line must name"),
    ],
)
def test_a_fault_of_a_table_is_told_with_its_line(user: Person, text: str, fault: str) -> None:
    table = user.pictures / "table.csv"
    table.write_text(text)
    said = user.run("evaluate", table)
    assert said.code == 1
    assert fault in " ".join(said.err.split())
