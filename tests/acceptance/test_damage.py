"""What is damaged costs no more than itself: the server starts, says what it left out, and a command removes it."""

from __future__ import annotations

import os
import re
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from damaged_home import Home, ids
from live_server import with_models
from people import astronaut, encoded
from postgres_server import PostgresServer

PORTRAIT = encoded(astronaut(), quality=92)


@pytest.fixture
def home(models: Path, tmp_path: Path) -> Home:
    return Home(tmp_path / "home", models)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def any_home(request: pytest.FixtureRequest, home: Home) -> Any:
    if request.param == "sqlite":
        yield home
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.database("TEMPLATE migrated") as name:
        home.database = server.url(name)
        yield home


def refused(client: Any, operation: str, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        getattr(client, operation)(**arguments)
    return str(caught.value)


# -- rows ------------------------------------------------------------------------------------------------------------

#: Embeddings that are none, as each database writes bytes.
SHORT, EMPTY, ODD, LONG = (f"\\x{'3c' * size}" for size in (100, 0, 255, 512))
NAN, ZERO, INFINITE = f"\\x{'007e' * 128}", f"\\x{'0000' * 128}", f"\\x007c{'0000' * 127}"


def set_embedding(home: Home, face_id: str, value: str) -> None:
    written = f"'{value}'" if home.database else f"X'{value[2:]}'"
    home.harm(f"UPDATE faces SET embedding = {written} WHERE face_id = '{face_id}'")  # noqa: S608 - our own


@pytest.mark.slow
def test_damaged_embeddings_are_left_out_named_and_removed_and_the_rest_is_found(any_home: Home) -> None:
    home = any_home
    kinds = [SHORT, EMPTY, ODD, LONG, NAN, ZERO, INFINITE]
    faces, _ = home.enrol("people", 40)
    first, *_ = damaged = faces[: len(kinds)]
    for face_id, kind in zip(damaged, kinds, strict=True):
        set_embedding(home, face_id, kind)
    with home.serving() as client:
        for face_id in damaged:
            assert home.log.count(f"The embedding of face {face_id} of the collection people is damaged") == 1
        mine = ids(client.index_faces(CollectionId="people", Image={"Bytes": PORTRAIT})["FaceRecords"])
        found = client.search_faces_by_image(CollectionId="people", Image={"Bytes": PORTRAIT})["FaceMatches"]
        assert ids(found) == mine
        assert "damaged" in refused(client, "search_faces", CollectionId="people", FaceId=first)
        sound = client.search_faces(CollectionId="people", FaceId=faces[-1], FaceMatchThreshold=0, MaxFaces=4096)
        assert not set(damaged) & set(ids(sound["FaceMatches"]))
        assert len(client.list_faces(CollectionId="people", MaxResults=100)["Faces"]) == 41

        verify = home.run("collections", "verify")
        assert verify.returncode == 1
        assert all(face_id in verify.stderr for face_id in damaged)
        assert "Traceback" not in verify.stderr
        dry = home.run("collections", "repair", "--dry-run")
        assert (dry.returncode, dry.stdout.count("face ")) == (1, len(kinds))
        assert home.run("collections", "repair", "people", typed="n\n").returncode == 1
        assert len(client.list_faces(CollectionId="people", MaxResults=100)["Faces"]) == 41

        repaired = home.run("collections", "repair", "people", "--yes")
        assert repaired.returncode == 0, repaired.stderr
        left = client.list_faces(CollectionId="people", MaxResults=100)["Faces"]
        assert {face["FaceId"] for face in left} == {*faces[len(kinds) :], *mine}
        assert client.describe_collection(CollectionId="people")["FaceCount"] == 34
        assert "Traceback" not in home.log
    assert home.run("collections", "verify").returncode == 0
    assert "nothing is damaged" in home.run("collections", "repair").stdout


@pytest.mark.slow
def test_a_damaged_vector_of_a_user_is_made_again_of_the_faces_that_are_sound(home: Home) -> None:
    with home.serving() as client:
        client.create_collection(CollectionId="people")
        (mine,) = ids(client.index_faces(CollectionId="people", Image={"Bytes": PORTRAIT})["FaceRecords"])
        client.create_user(CollectionId="people", UserId="ada")
        client.associate_faces(CollectionId="people", UserId="ada", FaceIds=[mine], UserMatchThreshold=0)
    home.harm("UPDATE user_vectors SET embedding = X'00'")
    with home.serving() as client:
        assert "The embedding of user ada of the collection people is damaged" in home.log
        assert client.search_users_by_image(CollectionId="people", Image={"Bytes": PORTRAIT})["UserMatches"] == []
        assert "user ada" in home.run("collections", "verify").stderr
        repaired = home.run("collections", "repair", "--yes")
        assert repaired.returncode == 0, repaired.stderr
        (match,) = client.search_users_by_image(CollectionId="people", Image={"Bytes": PORTRAIT})["UserMatches"]
        assert match["User"]["UserId"] == "ada"
    assert home.run("collections", "verify").returncode == 0


#: Statements that damage what is no embedding, and a word of what `verify` says of it, if it is for it to say.
OTHERS = {
    "a time as text": ("UPDATE faces SET created_at = 'yesterday' WHERE key = 1", "its time is no time"),
    "a time beyond all calendars": ("UPDATE faces SET created_at = 9000000000000000000 WHERE key = 1", "no time"),
    "a collection's time": ("UPDATE collections SET created_at = 'never'", "the collection: its time is no time"),
    "tags that are cut off": ("""UPDATE collections SET tags = '{"a": '""", "its tags are no JSON object"),
    "tags that are a list": ("UPDATE collections SET tags = '[1, 2]'", "its tags are no JSON object"),
    "tags that are bytes": ("UPDATE collections SET tags = X'FF00FE'", "its tags are no JSON object"),
    "an embedding as text": (
        "UPDATE faces SET embedding = 'face' WHERE key = 1",
        "the embedding has 0 bytes, most others 256",
    ),
    "an embedding as a number": ("UPDATE faces SET embedding = 7 WHERE key = 1", "bytes, most others 256"),
    "a box as text": ("UPDATE faces SET width = 'wide' WHERE key = 1", "its box or its confidence is no number"),
    "a size as text": ("UPDATE gallery_sizes SET vectors = 'many'", "recorded size"),
    "a deletion of nothing": ("INSERT INTO deletions (collection_key, feed, key) VALUES ('x', 'faces', 'y')", ""),
    "a deletion of no feed": ("INSERT INTO deletions (collection_key, feed, key) VALUES (1, 'x', 3)", ""),
    "how far an index is, as text": (
        "INSERT INTO index_checkpoints VALUES ('milvus', 'faces', 'x', 'far', 'far', 'soon')",
        "",
    ),
    "a time of a key": ("UPDATE access_keys SET created_at = 'x'", ""),
}


def answers(client: Any, face_id: str) -> None:
    assert client.list_collections()["CollectionIds"] == ["people"]
    assert len(client.list_faces(CollectionId="people")["Faces"]) == 3
    client.describe_collection(CollectionId="people")
    client.search_faces(CollectionId="people", FaceId=face_id)
    client.index_faces(CollectionId="people", Image={"Bytes": PORTRAIT})


@pytest.mark.slow
def test_a_process_starts_and_answers_though_all_of_that_is_damaged_at_once(home: Home) -> None:
    faces, _ = home.enrol("people", 3)
    home.run("keys", "create")
    home.harm("PRAGMA foreign_keys = OFF", *(statement for statement, _ in OTHERS.values()))
    with home.serving() as client:
        answers(client, faces[-1])
        assert "Traceback" not in home.log


@pytest.mark.slow
@pytest.mark.parametrize("kind", OTHERS)
def test_whatever_else_is_damaged_the_server_starts_and_answers(
    home: Home, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    statement, said = OTHERS[kind]
    faces, _ = home.enrol("people", 3)
    home.run("keys", "create")
    home.harm("PRAGMA foreign_keys = OFF", statement)
    with with_models(home.models, home.folder) as live:
        answers(live.client(), faces[-1])
    assert "Traceback" not in caplog.text
    verify = home.run("collections", "verify")
    assert "Traceback" not in verify.stderr
    if said:
        assert said in verify.stderr
        assert home.run("collections", "repair", "--yes").returncode == 0
        assert home.run("collections", "rebuild").returncode == 0
        assert home.run("collections", "verify").returncode == 0


# -- seal.key --------------------------------------------------------------------------------------------------------


def as_folder(key: Path) -> None:
    key.unlink()
    key.mkdir()


def as_pipe(key: Path) -> None:
    key.unlink()
    os.mkfifo(key)


def as_loop(key: Path) -> None:
    key.unlink()
    key.symlink_to(key)


def as_dangling_link(key: Path) -> None:
    key.unlink()
    key.symlink_to(key.with_name("nowhere"))


def as_device(key: Path) -> None:
    key.unlink()
    key.symlink_to("/dev/zero")


def as_nothing(key: Path) -> None:
    key.write_bytes(b"")


def as_short(key: Path) -> None:
    key.write_bytes(b"x" * 31)


def as_another(key: Path) -> None:
    key.write_bytes(b"x" * 32)


HARMS = [as_folder, as_pipe, as_loop, as_dangling_link, as_device, as_nothing, as_short, as_another]


@pytest.mark.slow
def test_a_harmed_seal_key_is_told_to_the_operator_and_its_path_to_no_client(home: Home) -> None:
    with home.serving() as client:
        for harm in HARMS:
            key = home.folder / "seal.key"
            kept = key.read_bytes()
            harm(key)
            _forget(home)
            said = refused(client, "list_collections")
            assert "InternalServerError" in said, harm
            assert str(home.folder) not in said
            assert "seal" not in said
            assert "Traceback" not in home.log
            assert str(key) in home.log.splitlines()[-2] + home.log.splitlines()[-1], harm
            _restore(key, kept)
            _forget(home)
            assert client.list_collections()["CollectionIds"] == []


def _forget(home: Home) -> None:
    """Wait: a server remembers for a second a key that it has looked up."""
    assert home.process is not None
    time.sleep(1.1)


def _restore(key: Path, content: bytes) -> None:
    if key.is_dir() and not key.is_symlink():
        key.rmdir()
    else:
        key.unlink()
    key.write_bytes(content)


@pytest.mark.slow
@pytest.mark.parametrize("harm", [as_folder, as_pipe, as_loop, as_short], ids=lambda harm: harm.__name__)
def test_a_server_does_not_start_with_a_harmed_seal_key_and_says_why(home: Home, harm: Any) -> None:
    assert home.run("keys", "create").returncode == 0
    harm(home.folder / "seal.key")
    done = home.run("serve", "--port", str(home.port))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert re.search(r"seal\.key (cannot be|is damaged)", done.stderr)


# -- the database's file ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_server_whose_database_was_deleted_stores_nothing_and_says_so(home: Home) -> None:
    with home.serving() as client:
        client.create_collection(CollectionId="kept")
        (home.folder / "regard.db").rename(home.folder.with_name("regard.db"))
        for name in ("lost", "lost-too"):
            said = refused(client, "create_collection", CollectionId=name)
            assert "removed or replaced" in said
            assert str(home.folder) not in said
        status, answer = home.get("/health/ready")
        assert status == 503
        assert "removed or replaced" in answer
        assert str(home.folder) not in answer
        assert home.get("/health/live")[0] == 200
        assert f"{home.folder / 'regard.db'} was removed or replaced while it was open" in home.log
        (home.folder.with_name("regard.db")).rename(home.folder / "regard.db")
        client.create_collection(CollectionId="after")
        assert home.get("/health/ready")[0] == 200
    with home.serving() as client:
        assert client.list_collections()["CollectionIds"] == ["kept", "after"]


# -- the index's files -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_server_that_is_ended_by_a_segment_that_was_cut_short_starts_again_and_finds_everyone(home: Home) -> None:
    faces, _ = home.enrol("people", 16_500)
    with home.serving() as client:
        end = time.monotonic() + 60
        while not (segments := list(home.folder.glob("index/*/faces/*/*.segment"))):
            assert time.monotonic() < end
            time.sleep(0.2)
        assert "FaceMatches" in client.search_faces(CollectionId="people", FaceId=faces[0])
        os.truncate(segments[0], 4096)
        with suppress(BotoCoreError):
            client.search_faces(CollectionId="people", FaceId=faces[0], FaceMatchThreshold=0)
        assert home.process is not None
        assert home.process.wait(20) == -signal.SIGBUS
    with home.serving() as client:  # as a supervisor does
        assert "faces are read from the database again" in home.log
        assert "Traceback" not in home.log
        client.index_faces(CollectionId="people", Image={"Bytes": PORTRAIT})
        found = client.search_faces_by_image(CollectionId="people", Image={"Bytes": PORTRAIT})["FaceMatches"]
        assert len(found) == 1
    assert home.run("collections", "verify").returncode == 0
