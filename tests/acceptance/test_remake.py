"""A home of people photographed twice moves to another face model: with pictures that are missing; killed in the middle
and resumed while a server goes on searching."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cli_home import Person, person
from live_server import with_models
from people import encoded, head

from regard.vision.cards import catalogue

OLD, NEW = (catalogue()[name].version for name in ("fr-feature", "sface"))


@pytest.fixture
def family(models: Path, tmp_path: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> Person:
    """Somebody who has indexed one photograph each of twelve people with fr-feature, and kept another of each."""
    someone = person(tmp_path / "home", tmp_path / "pictures", models)
    folders = [each for each in sorted((shared_data / "lfw-dev").iterdir()) if len(list(each.glob("*.jpg"))) >= 2][:12]
    for folder in folders:
        one, other = sorted(folder.glob("*.jpg"))[:2]
        (someone.pictures / folder.name).mkdir()
        shutil.copy(one, someone.pictures / folder.name / one.name)
        (tmp_path / "probes").mkdir(exist_ok=True)
        shutil.copy(other, tmp_path / "probes" / f"{folder.name}.jpg")
    monkeypatch.setenv("REGARD_MODELS_EMBEDDER", "fr-feature")
    said = someone.run("index", someone.pictures, "--collection", "people", "--external-id", "folder")
    assert said.code == 0, said.err
    monkeypatch.setenv("REGARD_MODELS_EMBEDDER", "sface")
    return someone


def listed(someone: Person) -> list[dict[str, Any]]:
    said = someone.run("faces", "list", "--collection", "people", "--json")
    assert said.code == 0, said.err
    return sorted(said.json["Faces"], key=lambda face: str(face["FaceId"]))


def model_of(someone: Person) -> str:
    (collection,) = someone.run("collections", "list", "--json").json
    return str(collection["FaceModelVersion"])


def probes(someone: Person) -> Iterator[tuple[str, Path]]:
    for file in sorted((someone.home.parent / "probes").iterdir()):
        yield file.stem, file


def check_searches(someone: Person) -> None:
    for name, file in list(probes(someone))[:4]:
        (face,) = someone.run("search", file, "--collection", "people", "--json").json["Faces"]
        assert [match["Face"]["ExternalImageId"] for match in face["FaceMatches"]] == [name]


@pytest.mark.slow
def test_every_face_is_moved_with_its_ids_and_its_user(family: Person) -> None:
    before = listed(family)
    for face in before[:2]:
        family.run("users", "create", face["ExternalImageId"], "--collection", "people")
        given = family.run("users", "associate", face["ExternalImageId"], face["FaceId"], "--collection", "people")
        assert given.code == 0, given.err
    before = listed(family)
    elsewhere = family.pictures.rename(family.home.parent / "moved")
    said = family.run("collections", "remake", "people", "--pictures", elsewhere)
    assert said.code == 0, said.err
    assert said.out == f"people is of the face model {NEW} now, and holds {len(before)} faces.\n"
    without = [{**face, "File": None, "IndexFacesModelVersion": None} for face in before]
    assert [{**face, "File": None, "IndexFacesModelVersion": None} for face in listed(family)] == without
    assert model_of(family) == NEW
    check_searches(family)
    who = before[0]["ExternalImageId"]
    photo = dict(probes(family))[who]
    found = family.run("users", "search", photo, "--collection", "people", "--json").json["UserMatches"]
    assert [match["User"]["UserId"] for match in found] == [who]
    assert family.run("collections", "verify").code == 0
    renamed = elsewhere.rename(family.home.parent / "again")  # other paths, so that all are indexed again
    said = family.run("index", renamed, "--collection", "people", "--external-id", "folder")
    assert said.code == 0, said.err
    assert len(listed(family)) == len(before)
    assert family.run("collections", "remake", "people").out == f"people is of the face model {NEW} already.\n"


@pytest.mark.slow
def test_what_cannot_be_found_is_listed_and_nothing_changes_until_it_is_left_out(family: Person) -> None:
    before = listed(family)
    lost, spoilt = sorted(family.pictures.glob("*/*.jpg"))[:2]
    lost.unlink()
    spoilt.write_bytes(encoded(head(200)))
    report = family.home.parent / "missing.csv"
    said = family.run("collections", "remake", "people", "--report", report)
    assert said.code == 1
    assert "2 faces of people were not found again, so it is as it was" in " ".join(said.err.split())
    rows = report.read_text().splitlines()
    assert len(rows) == 3
    assert {row.split(",")[1] for row in rows[1:]} == {lost.parent.name, spoilt.parent.name}
    assert (listed(family), model_of(family)) == (before, OLD)
    check = family.run("search", dict(probes(family))[lost.parent.name], "--collection", "people", "--json")
    assert check.json["Faces"][0]["FaceMatches"]  # the old one is whole
    said = family.run("collections", "remake", "people", "--without-missing")
    assert said.code == 0, said.err
    assert "2 faces were not found again, and are left out." in said.err
    assert len(listed(family)) == len(before) - 2


@pytest.mark.slow
def test_giving_up_forgets_what_was_done(family: Person) -> None:
    next(iter(family.pictures.glob("*/*.jpg"))).unlink()
    assert family.run("collections", "remake", "people").code == 1
    assert family.run("collections", "remake", "people", "--give-up").out == "Gave up the remake of people.\n"
    assert family.run("collections", "remake", "people", "--give-up").out == "people is not being remade.\n"
    assert model_of(family) == OLD
    assert family.run("collections", "verify").code == 0


@pytest.mark.slow
def test_a_server_searches_and_enrols_all_the_while_and_the_killed_remake_is_resumed(
    family: Person, models: Path, shared_data: Path
) -> None:
    more = sorted((shared_data / "lfw-dev").glob("*/*_0001.jpg"))[100:220]
    for file in more:
        (family.pictures / file.parent.name).mkdir(exist_ok=True)
        shutil.copy(file, family.pictures / file.parent.name / file.name)
    command = [sys.executable, "-m", "regard", "index", family.pictures, "--collection", "people"]
    subprocess.run([*map(str, command), "--external-id", "folder", "--home", str(family.home)], check=True)
    total = len(listed_all(family))
    name, probe = next(probes(family))
    with with_models(models, family.home, models={"embedder": "sface"}) as live:
        client = live.client()

        def search() -> list[str]:
            answer = client.search_faces_by_image(CollectionId="people", Image={"Bytes": probe.read_bytes()})
            return [match["Face"]["ExternalImageId"] for match in answer["FaceMatches"]]

        assert search() == [name]
        running = remaking(family)
        while done(family) < 32:
            assert running.poll() is None
            assert search() == [name]
            time.sleep(0.1)
        running.send_signal(signal.SIGKILL)
        running.wait()
        reached = done(family)
        assert 32 <= reached < total
        late = next(iter(sorted((shared_data / "lfw-dev").glob("*/*_0001.jpg"))[300:]))
        client.index_faces(
            CollectionId="people", Image={"Bytes": late.read_bytes()}, ExternalImageId="late", MaxFaces=1
        )
        (family.pictures / "late").mkdir()
        shutil.copy(late, family.pictures / "late" / "late.jpg")
        running = remaking(family)
        while running.poll() is None:
            assert search() == [name]
        assert running.returncode == 0
        assert client.describe_collection(CollectionId="people")["FaceModelVersion"] == NEW
        assert client.describe_collection(CollectionId="people")["FaceCount"] == total + 1
        assert search() == [name]
        assert live.engine.index_sync.agreement() == []


def listed_all(someone: Person) -> list[dict[str, Any]]:
    said = someone.run("faces", "list", "--collection", "people", "--json", "--max", "5000")
    return list(said.json["Faces"])


def remaking(someone: Person) -> subprocess.Popen[bytes]:
    words = ["collections", "remake", "people", "--pictures", someone.pictures, "--home", someone.home]
    kept = {**os.environ, "REGARD_MODELS_EMBEDDER": "sface"}
    return subprocess.Popen([sys.executable, "-m", "regard", *map(str, words)], env=kept)


def done(someone: Person) -> int:
    """How many faces the hidden collection has."""
    with closing(sqlite3.connect(someone.home / "regard.db")) as connection:
        query = "SELECT COUNT(*) FROM faces JOIN collections ON collections.key = collection_key WHERE id LIKE '~%'"
        return int(connection.execute(query).fetchone()[0])
