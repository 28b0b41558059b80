"""No way round the gate: under the profile that allows nothing every operation and every command on faces is refused,
and nothing is written."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from live_server import Live, with_models
from people import encoded, head
from typer.testing import CliRunner

from regard.cli import app
from regard.commands import acts as command_acts
from regard.operations.acts import ACTS

CLOSED = {"profile": "closed"}
PHOTO = {"Bytes": encoded(head(200))}
FACE = "11111111-1111-1111-1111-111111111111"
ARN = "arn:aws:rekognition:us-east-1:000000000000:collection/staff"

#: Tables that the key of the test's own client is in.
_THE_TESTS_OWN = ("access_keys", "sqlite_sequence")

REQUESTS: dict[str, dict[str, Any]] = {
    "AssociateFaces": {"CollectionId": "staff", "UserId": "ada", "FaceIds": [FACE]},
    "CompareFaces": {"SourceImage": PHOTO, "TargetImage": PHOTO},
    "CreateCollection": {"CollectionId": "another"},
    "CreateUser": {"CollectionId": "staff", "UserId": "grace"},
    "DeleteCollection": {"CollectionId": "staff"},
    "DeleteFaces": {"CollectionId": "staff", "FaceIds": [FACE]},
    "DeleteUser": {"CollectionId": "staff", "UserId": "ada"},
    "DescribeCollection": {"CollectionId": "staff"},
    "DetectFaces": {"Image": PHOTO},
    "DisassociateFaces": {"CollectionId": "staff", "UserId": "ada", "FaceIds": [FACE]},
    "IndexFaces": {"CollectionId": "staff", "Image": PHOTO},
    "ListCollections": {},
    "ListFaces": {"CollectionId": "staff"},
    "ListTagsForResource": {"ResourceArn": ARN},
    "ListUsers": {"CollectionId": "staff"},
    "SearchFaces": {"CollectionId": "staff", "FaceId": FACE},
    "SearchFacesByImage": {"CollectionId": "staff", "Image": PHOTO},
    "SearchUsers": {"CollectionId": "staff", "UserId": "ada"},
    "SearchUsersByImage": {"CollectionId": "staff", "Image": PHOTO},
    "TagResource": {"ResourceArn": ARN, "Tags": {"a": "b"}},
    "UntagResource": {"ResourceArn": ARN, "TagKeys": ["kept"]},
}

COMMANDS: dict[str, list[str]] = {
    "collections delete": ["collections", "delete", "staff", "--yes"],
    "collections export": ["collections", "export", "staff", "{home}/staff.parquet"],
    "collections import": ["collections", "import", "{archive}", "--as", "copy"],
    "collections list": ["collections", "list"],
    "collections move": ["collections", "move", "staff", "--to", "embedded"],
    "collections rebuild": ["collections", "rebuild", "staff"],
    "collections remake": ["collections", "remake", "staff", "--model", "sface", "--pictures", "{photos}"],
    "collections repair": ["collections", "repair", "staff", "--yes"],
    "collections verify": ["collections", "verify"],
    "compare": ["compare", "{photo}", "{photo}"],
    "doctor": ["doctor"],
    "faces delete": ["faces", "delete", "--collection", "staff", "--external-id", "ada", "--yes"],
    "faces find": ["faces", "{photo}"],
    "faces list": ["faces", "list", "--collection", "staff"],
    "index": ["index", "{photos}", "--collection", "staff", "--report", "{report}"],
    "keys create": ["keys", "create"],
    "keys list": ["keys", "list"],
    "keys revoke": ["keys", "revoke", "RGRDNOBODY"],
    "ledger checkpoint": ["ledger", "checkpoint"],
    "ledger erase": ["ledger", "erase", "--before", "2000-01-01", "--reason", "none", "--yes"],
    "ledger export": ["ledger", "export", "{home}/ledger-export"],
    "ledger keys": ["ledger", "keys"],
    "ledger prove": ["ledger", "prove", "0"],
    "search": ["search", "{photo}", "--collection", "staff"],
    "users associate": ["users", "associate", "ada", "--external-id", "ada", "--collection", "staff"],
    "users create": ["users", "create", "bea", "--collection", "staff"],
    "users delete": ["users", "delete", "ada", "--collection", "staff", "--yes"],
    "users disassociate": ["users", "disassociate", "ada", "--external-id", "ada", "--collection", "staff"],
    "users list": ["users", "list", "--collection", "staff"],
    "users search": ["users", "search", "{photo}", "--collection", "staff"],
}


@pytest.fixture(scope="module")
def home(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a collection, a face, a user and a tag, made while it was open; and an archive and a photograph."""
    home = tmp_path_factory.mktemp("gate")
    (home / "photos").mkdir()
    (home / "photos" / "a.jpg").write_bytes(PHOTO["Bytes"])
    with with_models(models, home) as live:
        client = live.client()
        client.create_collection(CollectionId="staff", Tags={"kept": "yes"})
        client.index_faces(CollectionId="staff", Image=PHOTO)
        client.create_user(CollectionId="staff", UserId="ada")
    open_settings = f'[models]\nfolder = "{models}"\n'
    (home / "regard.toml").write_text(open_settings)
    exported = CliRunner().invoke(
        app, ["collections", "export", "staff", str(home / "archive.parquet"), "--home", str(home)]
    )
    assert exported.exit_code == 0, exported.stderr
    (home / "regard.toml").write_text(open_settings + '[accountability]\nprofile = "closed"\n')
    return home


@pytest.fixture(scope="module")
def closed(home: Path, models: Path) -> Iterator[Live]:
    with with_models(models, home, accountability=CLOSED) as live:
        yield live


@pytest.fixture(scope="module")
def closed_home(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of it without an index, without models, and with a report of an earlier run."""
    copy = tmp_path_factory.mktemp("closed") / "home"
    shutil.copytree(home, copy, ignore=shutil.ignore_patterns("index", "buckets"))
    (copy / "report.csv").write_text("of an earlier run")
    (copy / "regard.toml").write_text('[accountability]\nprofile = "closed"\n')
    return copy


def contents(home: Path, but: tuple[str, ...] = _THE_TESTS_OWN) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that is in the database, but for the key that the test itself has made."""
    with closing(sqlite3.connect(home / "regard.db")) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: connection.execute(f"SELECT * FROM {name}").fetchall()  # noqa: S608 - the tables' own names
            for name in names
            if name not in but
        }


def files(home: Path) -> dict[str, bytes | None]:
    """Every file's bytes, and every folder."""
    return {str(path): path.read_bytes() if path.is_file() else None for path in home.rglob("*")}


def test_every_operation_and_every_command_is_tried() -> None:
    assert set(REQUESTS) == set(ACTS)
    assert set(COMMANDS) == set(command_acts.ACTS)


@pytest.mark.parametrize("operation", REQUESTS)
def test_a_closed_gate_refuses_every_operation(home: Path, closed: Live, operation: str) -> None:
    client, before = closed.client(), contents(home)
    assert before["collections"]
    assert before["faces"]
    methods = {name: method for method, name in client.meta.method_to_api_mapping.items()}
    with pytest.raises(ClientError, match=f"{operation} is refused: this installation is closed") as refused:
        getattr(client, methods[operation])(**REQUESTS[operation])
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
    assert contents(home) == before


@pytest.mark.parametrize("command", COMMANDS)
def test_a_closed_gate_refuses_every_command_on_faces(closed_home: Path, command: str) -> None:
    places = {
        "home": closed_home,
        "archive": closed_home / "archive.parquet",
        "photos": closed_home / "photos",
        "photo": closed_home / "photos" / "a.jpg",
        "report": closed_home / "report.csv",
    }
    before = files(closed_home)
    words = [word.format(**places) for word in COMMANDS[command]]
    said = CliRunner().invoke(app, [*words, "--home", str(closed_home)])
    assert files(closed_home) == before
    assert said.exit_code == 1
    assert f"{command} is refused: this installation is closed" in " ".join((said.stderr + said.stdout).split())


def test_a_closed_server_starts_and_gives_out_no_key(tmp_path: Path, models: Path) -> None:
    (tmp_path / "regard.toml").write_text(f'[models]\nfolder = "{models}"\n[accountability]\nprofile = "closed"\n')
    command = [sys.executable, "-m", "regard", "serve", "--port", "0", "--home", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        said = [server.stdout.readline() for _ in range(4)]
        server.terminate()
    assert said[3].startswith("Access keys:     none. keys create is refused: this installation is closed")
    assert contents(tmp_path, but=())["access_keys"] == []
