"""Collections in an index that servers share, from the command line; it is a file here, of milvus-lite."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cli_home import Person

from regard.store import database
from regard.store.collection_rows import CollectionRows
from regard.store.move_rows import MoveRows


def setting(user: Person, *lines: str) -> None:
    with (user.home / "regard.toml").open("a", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def imported(user: Person, name: str, count: int) -> None:
    """A collection of made-up faces."""
    file = user.home / f"{name}.parquet"
    vectors = np.random.default_rng(0).standard_normal((count, 512)).astype(np.float32)
    pq.write_table(pa.table({"embedding": vectors.tolist()}), file)
    said = user.run("collections", "import", file, "--as", name, "--face-model", "fr-feature")
    assert said.code == 0, said.err


@pytest.fixture
def sharing(user: Person) -> Person:
    """Somebody who has a Milvus."""
    setting(user, "[index]", f'milvus = "{user.home / "milvus.db"}"')
    return user


@pytest.mark.slow
def test_a_collection_moves_there_and_back(sharing: Person) -> None:
    imported(sharing, "people", 20)
    said = sharing.run("collections", "move", "people", "--to", "milvus")
    assert (said.code, said.out) == (0, "people is in milvus now. Read 20 faces and 0 users for it.\n"), said.err
    assert sharing.run("collections", "move", "people", "--to", "milvus").out == "people is in milvus already.\n"
    listed = sharing.run("collections", "list").out.split()
    assert listed[:5] == ["Collection", "Faces", "Face", "model", "Index"]
    assert listed[-4:] == ["people", "20", "fr-feature-87aacdfe", "milvus"]
    assert sharing.run("collections", "verify").code == 0
    rebuilt = sharing.run("collections", "rebuild", "people")
    assert rebuilt.out == "Rebuilt the index of 1 collections, 20 faces.\n"
    assert "milvus" in sharing.run("doctor").out
    said = sharing.run("collections", "move", "people", "--to", "embedded")
    assert said.out == "people is in embedded now.\n"
    assert sharing.run("collections", "verify").code == 0
    assert "Index" not in sharing.run("collections", "list").out


@pytest.mark.slow
def test_new_collections_begin_where_the_setting_says(sharing: Person) -> None:
    setting(sharing, 'default = "milvus"')
    imported(sharing, "people", 3)
    assert sharing.run("collections", "list", "--json").json[0]["Index"] == "milvus"
    sharing.portrait("a.jpg")
    assert sharing.run("index", sharing.pictures, "--collection", "photos").code == 0
    found = sharing.run("search", sharing.pictures / "a.jpg", "--collection", "photos", "--json")
    assert len(found.json["Faces"][0]["FaceMatches"]) == 1
    assert sharing.run("collections", "verify").code == 0


@pytest.mark.slow
def test_verify_names_a_face_that_milvus_lacks_and_a_move_that_was_not_finished(sharing: Person) -> None:
    imported(sharing, "people", 5)
    imported(sharing, "others", 5)
    sharing.run("collections", "move", "people", "--to", "milvus")
    opened = database.open(f"sqlite:///{sharing.home / 'regard.db'}")
    MoveRows(opened).begin(CollectionRows(opened).get("others"), "milvus")
    opened.close()
    with closing(sqlite3.connect(sharing.home / "regard.db")) as connection, connection:
        connection.execute("DELETE FROM faces WHERE collection_key = 1 AND key = 2")  # and no word in the journal
    said = sharing.run("collections", "verify")
    assert said.code == 1
    assert "people: 1 faces are in the index but not in SQL, of keys 2" in said.err
    assert "people: its recorded size is 5 faces, but it has 4; `regard collections rebuild people`" in said.err
    assert "others: its move to milvus was not finished" in said.err
    assert sharing.run("collections", "rebuild").code == 0
    assert sharing.run("collections", "verify").code == 0


def test_settings_that_cannot_be_meant_say_what_to_do(user: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    imported(user, "people", 1)
    said = user.run("collections", "move", "people", "--to", "milvus")
    assert (said.code, said.out) == (1, "")
    assert "There is no index milvus: set `[index] milvus` to its address" in said.err
    assert "--to is faiss; use milvus or embedded." in user.run("collections", "move", "people", "--to", "faiss").err
    setting(user, "[index]", 'default = "milvus"')
    said = user.run("collections", "verify")
    assert said.code == 1
    assert "say in [index] milvus where it is" in said.err
    setting(user, 'milvus = "nowhere/at/all.db"', 'milvus_token = "root:very-secret"')
    said = user.run("doctor")
    assert "very-secret" not in said.out + said.err
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    said = user.run("collections", "verify")
    assert said.code == 1
    assert "pip install 'regard[milvus]'" in said.err


@pytest.mark.slow
def test_what_lives_in_a_milvus_that_is_away_is_listed_and_can_come_home(sharing: Person) -> None:
    imported(sharing, "people", 4)
    assert sharing.run("collections", "move", "people", "--to", "milvus").code == 0
    file = sharing.home / "regard.toml"
    file.write_text(file.read_text().replace("milvus.db", "nowhere/at/all.db"))
    said = sharing.run("collections", "verify")
    assert said.code == 1
    assert sharing.run("collections", "list", "--json").json[0]["FaceCount"] == 4
    said = sharing.run("collections", "move", "people", "--to", "embedded")
    assert said.code == 0
    assert "milvus does not answer and still holds the faces" in said.err
    file.write_text("\n".join(line for line in file.read_text().splitlines() if "nowhere" not in line))
    assert sharing.run("collections", "verify").code == 0
