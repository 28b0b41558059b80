"""Collections out into files and in again, checked and rebuilt, from the command line."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cli_home import Person

from regard.index.embedded.embedded_index import EmbeddedIndex
from regard.index.embedded.sealing import SEAL_ROWS
from regard.vision.cards import catalogue

MODEL = catalogue()["fr-feature"].version


@pytest.fixture
def people(user: Person, monkeypatch: pytest.MonkeyPatch) -> Person:
    """Somebody who has a collection `people` of one face, of the face model MODEL."""
    monkeypatch.setenv("REGARD_MODELS_EMBEDDER", "fr-feature")
    user.portrait("a.jpg")
    assert user.run("index", user.pictures, "--collection", "people").code == 0
    return user


def plain(file: Path, count: int = 20, dimension: int = 512, **columns: list[str]) -> Path:
    vectors = np.random.default_rng(0).standard_normal((count, dimension)).astype(np.float32)
    pq.write_table(pa.table({"embedding": vectors.tolist(), **columns}), file)
    return file


@pytest.mark.slow
def test_a_copy_of_a_collection_is_searched_like_the_first(people: Person, tmp_path: Path) -> None:
    file = tmp_path / "people.parquet"
    said = people.run("collections", "export", "people", file)
    assert said.code == 0, said.err
    assert said.out.startswith(f"Exported 1 faces of people to {file}, ")
    said = people.run("collections", "import", file, "--as", "copy")
    assert said.out == "Imported 1 faces. The collection copy holds 1 faces.\n"
    again = people.run("collections", "import", file, "--as", "copy").out
    assert again == "Imported 0 faces; 1 were there already. The collection copy holds 1 faces.\n"
    found = [
        people.run("search", people.pictures / "a.jpg", "--collection", name, "--json").json["Faces"][0]
        for name in ("people", "copy")
    ]
    for each in found:  # where the picture lies is a thing of the collection that was indexed from it
        for match in each["FaceMatches"]:
            match.pop("File")
    assert len(found[0]["FaceMatches"]) == 1
    assert found[0] == found[1]


def test_a_file_that_is_there_is_replaced_only_when_told_to(people: Person, tmp_path: Path) -> None:
    file = tmp_path / "people.parquet"
    file.write_bytes(b"mine")
    said = people.run("collections", "export", "people", file)
    assert (said.code, file.read_bytes()) == (1, b"mine")
    assert "--replace" in said.err
    assert people.run("collections", "export", "people", file, "--replace").code == 0
    assert pq.read_metadata(file).num_rows == 1


def test_exporting_what_is_not_there_or_cannot_be_written_leaves_nothing(people: Person, tmp_path: Path) -> None:
    assert people.run("collections", "export", "nobody", tmp_path / "x.parquet").code == 1
    said = people.run("collections", "export", "people", tmp_path / "no" / "x.parquet")
    assert said.code == 1
    assert "No such file or directory" in said.err
    assert list(tmp_path.glob("*.parquet*")) == []


@pytest.mark.slow
def test_embeddings_of_others_need_a_name_and_a_model(user: Person, tmp_path: Path) -> None:
    file = plain(tmp_path / "plain.parquet", external_image_id=[f"p{row}" for row in range(20)], note=["x"] * 20)
    said = user.run("collections", "import", file)
    assert said.code == 1
    assert f"the model of its embeddings with --face-model VERSION, such as {MODEL}" in said.err
    said = user.run("collections", "import", file, "--as", "people", "--face-model", "fr-feature")
    assert said.code == 0, said.err
    assert said.out == "Imported 20 faces. The collection people holds 20 faces.\n"
    assert "Ignoring the columns note." in said.err
    assert "needs the other one" not in said.err
    said = user.run("collections", "import", file, "--as", "theirs", "--face-model", "arcface-1")
    assert "Its faces are of the model arcface-1" in said.err
    assert user.run("collections", "verify").code == 0


def test_a_dimension_that_is_not_the_models_is_refused(user: Person, tmp_path: Path) -> None:
    file = plain(tmp_path / "plain.parquet", dimension=128)
    said = user.run("collections", "import", file, "--as", "people", "--face-model", MODEL)
    assert said.code == 1
    assert "row 1: embedding has 128 numbers, not 512" in said.err
    assert user.run("collections", "list", "--json").json == []


@pytest.mark.slow
def test_a_collection_of_another_model_is_imported_and_searched_by_it(
    user: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, photo = tmp_path / "people.parquet", user.portrait("a.jpg")
    monkeypatch.setenv("REGARD_MODELS_EMBEDDER", "sface")
    assert user.run("index", user.pictures, "--collection", "people").code == 0
    assert user.run("collections", "export", "people", file).code == 0
    monkeypatch.setenv("REGARD_MODELS_EMBEDDER", "fr-feature")
    said = user.run("collections", "import", file, "--as", "copy")
    assert said.code == 0, said.err
    assert "no card" not in said.err
    listed = user.run("collections", "list", "--json").json
    assert {each["FaceModelVersion"] for each in listed} == {catalogue()["sface"].version}
    for name in ("people", "copy"):
        (face,) = user.run("search", photo, "--collection", name, "--json").json["Faces"]
        assert face["FaceMatches"][0]["Similarity"] == pytest.approx(100, abs=0.1)
    vectors = plain(tmp_path / "plain.parquet", dimension=128)
    said = user.run("collections", "import", vectors, "--as", "theirs", "--face-model", "sface")
    assert said.code == 0, said.err
    assert user.run("collections", "import", file, "--as", "copy").code == 0
    said = user.run("collections", "import", vectors, "--as", "mixed", "--face-model", "fr-feature")
    assert "row 1: embedding has 128 numbers, not 512" in said.err


@pytest.mark.slow
def test_pictures_are_enrolled_in_a_collection_by_its_own_model(user: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    user.portrait("a.jpg")
    monkeypatch.setenv("REGARD_MODELS_EMBEDDER", "fr-feature")
    assert user.run("index", user.pictures, "--collection", "people").code == 0
    monkeypatch.setenv("REGARD_MODELS_EMBEDDER", "sface")
    photo = user.portrait("b.jpg", mirrored=True)
    said = user.run("index", user.pictures, "--collection", "people", "--processes", "2")
    assert said.code == 0, said.err
    (face,) = user.run("search", photo, "--collection", "people", "--json").json["Faces"]
    assert [match["Similarity"] > 90 for match in face["FaceMatches"]] == [True, True]
    (listed,) = user.run("collections", "list", "--json").json
    assert (listed["FaceCount"], listed["FaceModelVersion"]) == (2, MODEL)
    assert user.run("collections", "verify").code == 0


def test_the_doctor_names_the_model_of_every_collection_and_what_it_lacks(
    people: Person, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert f"{MODEL}, of 1 collection" in " ".join(people.run("doctor").out.split())
    shutil.copytree(models, tmp_path / "models", ignore=shutil.ignore_patterns("fr_feature.onnx", ".*"))
    monkeypatch.setenv("REGARD_MODELS_EMBEDDER", "sface")
    monkeypatch.setenv("REGARD_MODELS_FOLDER", str(tmp_path / "models"))
    said = people.run("doctor")
    assert said.code == 1
    assert "Its file is missing: `regard models pull fr-feature" in " ".join(said.out.split())


@pytest.mark.slow
def test_a_wrong_model_name_or_file_is_an_error_in_words(people: Person, tmp_path: Path) -> None:
    file = tmp_path / "people.parquet"
    people.run("collections", "export", "people", file)
    for words, said in (
        (("--face-model", "other"), f"holds faces of the model {MODEL}, not other"),
        (("--as", "no spaces"), "cannot be a collection's name"),
    ):
        result = people.run("collections", "import", file, *words)
        assert (result.code, result.out) == (1, "")
        assert said in result.err
    assert "No such file" in people.run("collections", "import", tmp_path / "none.parquet").err
    assert "not a Parquet file" in people.run("collections", "import", people.pictures / "a.jpg").err


def test_without_pyarrow_the_error_says_what_to_install(
    people: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for words in (("export", "people", tmp_path / "x.parquet"), ("import", people.pictures / "a.jpg")):
        said = people.run("collections", *words)
        assert said.code == 1
        assert "pip install 'regard[parquet]'" in said.err
    assert not (tmp_path / "x.parquet").exists()


def test_verify_says_that_all_is_well_or_names_what_is_not(people: Person) -> None:
    said = people.run("collections", "verify")
    assert (said.code, said.out) == (
        0,
        "1 collections: every embedding is valid, and the index agrees with the database.\n",
    )
    assert people.run("collections", "verify", "nobody").code == 1
    with closing(sqlite3.connect(people.home / "regard.db")) as connection, connection:
        connection.execute("UPDATE faces SET embedding = zeroblob(1024)")
    said = people.run("collections", "verify", "people")
    assert (said.code, said.out) == (1, "")
    assert "people: face" in said.err
    assert "is not a unit vector" in said.err


@pytest.mark.slow
def test_rebuild_makes_the_files_of_the_index_again(
    user: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = np.random.default_rng(0).standard_normal(SEAL_ROWS * 512, np.float32)
    lists = pa.FixedSizeListArray.from_arrays(pa.array(numbers), 512)
    pq.write_table(pa.table({"embedding": lists}), tmp_path / "plain.parquet")
    user.run("collections", "import", tmp_path / "plain.parquet", "--as", "people", "--face-model", MODEL)
    assert user.run("collections", "verify").code == 0
    (file,) = user.home.rglob("*.segment")
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    read: list[int] = []
    add = EmbeddedIndex.add
    monkeypatch.setattr(EmbeddedIndex, "add", lambda self, *given: read.append(len(given[1])) or add(self, *given))
    said = user.run("collections", "rebuild", "people")
    assert said.out == f"Rebuilt the index of 1 collections, {SEAL_ROWS:,} faces.\n"
    assert sum(read) == SEAL_ROWS  # none is read twice
    assert file.read_bytes()[-1] == whole[-1]
    assert user.run("collections", "verify").code == 0
    assert user.run("collections", "rebuild", "nobody").code == 1
