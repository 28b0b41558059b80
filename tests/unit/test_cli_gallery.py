"""`regard faces list|delete` and `regard users`: what a collection holds, at the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cli_home import Person
from people import crowd
from PIL import Image

OF = "--collection", "people"


@pytest.fixture
def people(user: Person) -> Person:
    """Three pictures of Zoë in her folder, and one of a couple in theirs."""
    for side in (170, 185, 200):
        user.portrait(f"Zoë/{side}.png", side=side)
    (user.pictures / "couple").mkdir()
    Image.fromarray(crowd(1, 2, 160)).save(user.pictures / "couple" / "both.png")
    said = user.run("index", user.pictures, *OF, "--external-id", "folder", "--max-faces", "2")
    assert "holds 5 faces" in said.out
    return user


def listed(people: Person, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = people.run("faces", "list", *OF, "--json", *words).json["Faces"]
    return found


def face_ids(people: Person, *words: str) -> list[str]:
    return [face["FaceId"] for face in listed(people, *words)]


# -- faces ---------------------------------------------------------------------------------------------------------


def test_faces_are_listed_as_list_faces_answers_and_with_their_files(people: Person) -> None:
    faces = listed(people)
    assert [Path(face["File"]).name for face in faces].count("both.png") == 2
    assert {"FaceId", "ImageId", "BoundingBox", "Confidence", "ExternalImageId", "File"} <= set(faces[0])


@pytest.mark.parametrize("name", ["Zoë", "Zoe:CC:88"])
def test_faces_are_chosen_by_the_name_or_by_the_id_made_from_it(people: Person, name: str) -> None:
    assert {face["ExternalImageId"] for face in listed(people, "--external-id", name)} == {"Zoe:CC:88"}
    assert len(face_ids(people, "--external-id", name)) == 3


def test_no_more_faces_are_listed_than_asked_for_and_the_rest_is_mentioned(people: Person) -> None:
    said = people.run("faces", "list", *OF, "--max", "2")
    assert said.out.count(".png") == 2
    assert "There are more" in said.err
    assert "There are more" not in people.run("faces", "list", *OF, "--max", "5").err


def test_faces_that_are_not_there_are_said_not_to_be(people: Person) -> None:
    assert "No such faces are in people." in people.run("faces", "list", *OF, "--external-id", "Zoe").out
    assert people.run("faces", "list", "--collection", "strangers").code == 1
    assert people.run("faces", "list", *OF, "--user", "nobody").code == 1


def test_faces_are_deleted_by_id_after_a_question(people: Person) -> None:
    one, *_ = face_ids(people)
    assert people.run("faces", "delete", one, *OF, typed="n\n").code == 1
    assert len(listed(people)) == 5
    said = people.run("faces", "delete", one, *OF, typed="y\n")
    assert said.code == 0
    assert "Delete 1 face of people, for good?" in said.out
    assert "Deleted 1 face of people." in said.out
    assert one not in face_ids(people)
    assert len(listed(people)) == 4


def test_all_faces_of_a_name_are_deleted_at_once_and_no_others(people: Person) -> None:
    said = people.run("faces", "delete", *OF, "--external-id", "Zoë", "--yes")
    assert "Deleted 3 faces of people." in said.out
    assert {face["ExternalImageId"] for face in listed(people)} == {"couple"}
    probe = people.pictures / "Zoë" / "170.png"
    found = people.run("search", probe, *OF, "--json").json["Faces"][0]["FaceMatches"]
    assert {match["Face"]["ExternalImageId"] for match in found} <= {"couple"}
    assert people.run("faces", "delete", *OF, "--external-id", "Zoë", "--yes").code == 1


def test_what_was_not_deleted_is_told(people: Person) -> None:
    one, *_ = face_ids(people, "--external-id", "Zoë")
    people.run("users", "create", "zoe", *OF)
    people.run("users", "associate", "zoe", one, *OF)
    unknown = "00000000-0000-0000-0000-000000000000"
    said = people.run("faces", "delete", one, unknown, *OF, "--yes")
    assert said.code == 1
    assert f"{one} is a face of the user zoe, and was kept" in said.err
    assert "1 face of these is not in people." in said.err
    assert "Deleted 0 faces of people." in said.out


@pytest.mark.parametrize("words", [[], ["00000000-0000-0000-0000-000000000000", "--external-id", "Zoë"]])
def test_which_faces_to_delete_is_said_in_one_way(people: Person, words: list[str]) -> None:
    said = people.run("faces", "delete", *words, *OF, "--yes")
    assert said.code == 1
    assert "either their ids, or --external-id" in said.err
    assert len(listed(people)) == 5


def test_a_picture_need_not_be_introduced_unless_it_has_the_name_of_a_command(user: Person) -> None:
    photo = user.portrait("a.png")
    short, long = (user.run("faces", *words, photo, "--json").json for words in ([], ["find"]))
    assert short == long
    assert user.run("faces", "--json", photo).json == long


# -- users ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_user_is_made_of_a_names_faces_and_found(people: Person) -> None:
    assert "Created the user zoe in people." in people.run("users", "create", "zoe", *OF).out
    said = people.run("users", "associate", "zoe", *OF, "--external-id", "Zoë")
    assert (said.code, said.out) == (0, "3 faces given to zoe, who is ACTIVE.\n")
    assert people.run("users", "list", *OF, "--json").json == {"Users": [{"UserId": "zoe", "UserStatus": "ACTIVE"}]}
    probe = people.portrait("../probe.png", side=190)
    found = people.run("users", "search", probe, *OF, "--json").json
    assert [match["User"]["UserId"] for match in found["UserMatches"]] == ["zoe"]
    assert found["UserCount"] == 1
    said = people.run("users", "search", probe, *OF)
    assert "people has 1 user with faces. By chance, expect 0.0001 false candidates" in said.out
    assert len(face_ids(people, "--user", "zoe")) == 3


def test_faces_are_taken_from_a_user_and_a_user_is_deleted_and_the_faces_stay(people: Person) -> None:
    people.run("users", "create", "zoe", *OF)
    people.run("users", "associate", "zoe", *OF, "--external-id", "Zoë")
    one, *_ = face_ids(people, "--user", "zoe")
    said = people.run("users", "disassociate", "zoe", one, *OF)
    assert said.out == "1 face taken from zoe, who is ACTIVE.\n"
    assert len(face_ids(people, "--user", "zoe")) == 2
    assert people.run("users", "delete", "zoe", *OF, typed="n\n").code == 1
    assert "their faces stay" in people.run("users", "delete", "zoe", *OF, "--yes").out
    assert people.run("users", "list", *OF, "--json").json == {"Users": []}
    assert len(listed(people)) == 5


@pytest.mark.slow
def test_a_face_that_is_refused_is_told_with_the_reason(people: Person, shared_data: Path) -> None:
    people.run("users", "create", "zoe", *OF)
    people.run("users", "create", "other", *OF)
    people.run("users", "associate", "zoe", *OF, "--external-id", "Zoë")
    one, *_ = face_ids(people, "--user", "zoe")
    said = people.run("users", "associate", "other", one, *OF)
    assert (said.code, said.out) == (1, "0 faces given to other, who is CREATED.\n")
    assert f"{one}: it is a face of the user zoe." in said.err
    unknown = "00000000-0000-0000-0000-000000000000"
    said = people.run("users", "associate", "other", unknown, *OF)
    assert f"{unknown}: there is no such face in the collection." in said.err
    people.run("index", shared_data / "lfw-dev" / "Al_Pacino", *OF)
    stranger, *_ = face_ids(people, "--external-id", "Al_Pacino_0001.jpg")
    said = people.run("users", "associate", "zoe", stranger, *OF)
    assert f"{stranger}: it is not like the others: its similarity is " in said.err
    assert said.code == 1


def test_a_users_id_that_cannot_be_one_is_refused(people: Person) -> None:
    said = people.run("users", "create", "Zoë", *OF)
    assert said.code == 1
    assert "'Zoë' cannot be a user's id" in said.err
    assert people.run("users", "create", "zoe", *OF).code == 0
    assert "already exists" in people.run("users", "create", "zoe", *OF).err


def test_a_search_for_users_says_where_there_is_no_face_and_where_nobody_is_found(people: Person) -> None:
    said = people.run("users", "search", people.wall(), *OF)
    assert (said.code, said.out) == (1, "")
    assert "No face was found" in said.err
    said = people.run("users", "search", people.pictures / "Zoë" / "170.png", *OF)
    assert "No candidates at a similarity of 80 or above." in said.out
