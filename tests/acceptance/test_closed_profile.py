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
JOB = "1" * 64
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
    "DetectLabels": {"Image": PHOTO},
    "DetectProtectiveEquipment": {"Image": PHOTO},
    "DetectModerationLabels": {"Image": PHOTO},
    "DetectText": {"Image": PHOTO},
    "DisassociateFaces": {"CollectionId": "staff", "UserId": "ada", "FaceIds": [FACE]},
    "GetCelebrityInfo": {"Id": "3Ir0du6a"},
    "IndexFaces": {"CollectionId": "staff", "Image": PHOTO},
    "ListCollections": {},
    "ListFaces": {"CollectionId": "staff"},
    "ListTagsForResource": {"ResourceArn": ARN},
    "ListUsers": {"CollectionId": "staff"},
    "RecognizeCelebrities": {"Image": PHOTO},
    "SearchFaces": {"CollectionId": "staff", "FaceId": FACE},
    "SearchFacesByImage": {"CollectionId": "staff", "Image": PHOTO},
    "SearchUsers": {"CollectionId": "staff", "UserId": "ada"},
    "SearchUsersByImage": {"CollectionId": "staff", "Image": PHOTO},
    "TagResource": {"ResourceArn": ARN, "Tags": {"a": "b"}},
    "UntagResource": {"ResourceArn": ARN, "TagKeys": ["kept"]},
    "ListMediaAnalysisJobs": {},
    "GetMediaAnalysisJob": {"JobId": JOB},
    "StartMediaAnalysisJob": {
        "OperationsConfig": {"DetectModerationLabels": {}},
        "Input": {"S3Object": {"Bucket": "photos", "Name": "manifest.jsonl"}},
        "OutputConfig": {"S3Bucket": "photos"},
    },
}
for _kind in (
    *("CelebrityRecognition", "ContentModeration", "FaceDetection", "FaceSearch"),
    *("LabelDetection", "PersonTracking", "SegmentDetection", "TextDetection"),
):
    _own = {"FaceSearch": {"CollectionId": "staff"}, "SegmentDetection": {"SegmentTypes": ["SHOT"]}}.get(_kind, {})
    REQUESTS[f"Start{_kind}"] = {"Video": {"S3Object": {"Bucket": "photos", "Name": "film.mp4"}}} | _own
    REQUESTS[f"Get{_kind}"] = {"JobId": JOB}

_RELEASE = ["--purpose", "door", "--text", "{home}/regard.toml", "--signed", "Ada"]
COMMANDS: dict[str, list[str]] = {
    "cases corroborate": ["cases", "corroborate", "case-1", "--kind", "witness", "--reference", "1", "--independent"],
    "cases line-up": ["cases", "line-up", "case-1", "1", "--save", "{home}/line-up.png"],
    "cases list": ["cases", "list"],
    "cases show": ["cases", "show", "case-1"],
    "faces picture": ["faces", "picture", "{photo}", "--collection", "staff"],
    "report accountability": ["report", "accountability", "-o", "{report}"],
    "report assessment": ["report", "assessment", "-o", "{report}"],
    "report audit": ["report", "audit", "--from", "2026-01-01", "--to", "2026-01-31", "-o", "{report}"],
    "report case": ["report", "case", "case-1", "-o", "{report}"],
    "report override": [
        *("report", "override", "--place", "A", "--from", "2026-01-01T10:00", "--to", "2026-01-01T12:00"),
        *("--reason", "a threat", "-o", "{report}"),
    ],
    "report notice": [
        "report",
        "notice",
        "--place",
        "A",
        "--from",
        "2026-01-01T10:00",
        "--to",
        "2026-01-01T12:00",
        "-o",
        "{report}",
    ],
    "report searches": ["report", "searches", "--naming", FACE, "-o", "{report}"],
    "report transparency": ["report", "transparency", "--from", "2026-01-01", "--to", "2026-01-31", "-o", "{report}"],
    "report warrant": ["report", "warrant", "case-1", "-o", "{report}"],
    "review decide": ["review", "decide", "1", "same", "--reason", "none"],
    "review next": ["review", "next", "--save", "{home}/pair.png"],
    "review rates": ["review", "rates"],
    "authorise agree": ["authorise", "agree", "A-NOBODY00"],
    "authorise approve": ["authorise", "approve", "A-NOBODY00"],
    "authorise credentials": ["authorise", "credentials", "A-NOBODY00"],
    "authorise end": ["authorise", "end", "A-NOBODY00"],
    "authorise list": ["authorise", "list"],
    "authorise refuse": ["authorise", "refuse", "A-NOBODY00"],
    "authorise request": ["authorise", "request", "--purpose", "fraud", "--basis", "none"],
    "authorise show": ["authorise", "show", "A-NOBODY00"],
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
    "consents list": ["consents", "list", "--collection", "staff"],
    "consents record": [
        "consents",
        "record",
        "ada",
        "--collection",
        "staff",
        "--purpose",
        "door",
        "--text",
        "{report}",
        "--signed",
        "Ada",
    ],
    "consents withdraw": ["consents", "withdraw", "ada", "--collection", "staff", "--yes"],
    "doctor": ["doctor"],
    "evaluate": ["evaluate", "{photos}"],
    "evaluations list": ["evaluations", "list"],
    "evaluations show": ["evaluations", "show", "nobody"],
    "faces delete": ["faces", "delete", "--collection", "staff", "--external-id", "ada", "--yes"],
    "faces find": ["faces", "{photo}"],
    "faces list": ["faces", "list", "--collection", "staff"],
    "incidents close": ["incidents", "close", "I-1", "--resolution", "none"],
    "incidents list": ["incidents", "list"],
    "incidents notify": ["incidents", "notify", "I-1", "the board"],
    "incidents open": ["incidents", "open", "misuse", "none"],
    "incidents show": ["incidents", "show", "I-1"],
    "incidents signals": ["incidents", "signals"],
    "index": ["index", "{photos}", "--collection", "staff", "--report", "{report}"],
    "keys create": ["keys", "create"],
    "keys list": ["keys", "list"],
    "keys revoke": ["keys", "revoke", "RGRDNOBODY"],
    "labels": ["labels", "{photo}"],
    "ledger checkpoint": ["ledger", "checkpoint"],
    "ledger erase": ["ledger", "erase", "--before", "2000-01-01", "--reason", "none", "--yes"],
    "ledger export": ["ledger", "export", "{home}/ledger-export"],
    "ledger keys": ["ledger", "keys"],
    "ledger prove": ["ledger", "prove", "0"],
    "ledger resume": ["ledger", "resume", "--reason", "none"],
    "people add": ["people", "add", "Grace", "--login", "grace"],
    "people end": ["people", "end", "grace", "--yes"],
    "people grant": ["people", "grant", "grace", "searcher"],
    "people identity": ["people", "identity", "grace", "--issuer", "https://id.example.org", "--subject", "7"],
    "people key": ["people", "key", "grace"],
    "people list": ["people", "list"],
    "people passkeys": ["people", "passkeys", "grace"],
    "people password": ["people", "password", "grace"],
    "people show": ["people", "show", "grace"],
    "people totp": ["people", "totp", "grace"],
    "people train": ["people", "train", "grace", "--subject", "a", "--reference", "b", "--completed", "2026-01-01"],
    "people withdraw": ["people", "withdraw", "grace", "searcher"],
    "search": ["search", "{photo}", "--collection", "staff"],
    "subject confirm": ["subject", "confirm", "1"],
    "subject erase": ["subject", "erase", "{photo}", "--yes"],
    "subject find": ["subject", "find", "{photo}"],
    "suspend": ["suspend", "everything", "--reason", "none"],
    "suspensions lift": ["suspensions", "lift", "1"],
    "suspensions list": ["suspensions", "list"],
    "sweep": ["sweep"],
    "services add": ["services", "add", "door", "--answers", "grace"],
    "services end": ["services", "end", "door", "--yes"],
    "services grant": ["services", "grant", "door", "enroller"],
    "services key": ["services", "key", "door"],
    "services list": ["services", "list"],
    "services withdraw": ["services", "withdraw", "door", "enroller"],
    "thresholds approve": ["thresholds", "approve", "staff", "90"],
    "thresholds list": ["thresholds", "list", "staff"],
    "thresholds lower": ["thresholds", "lower", "staff", "90", "--reason", "none", "--evaluation", "none"],
    "thresholds raise": ["thresholds", "raise", "staff", "99", "--reason", "none"],
    "text": ["text", "{photo}"],
    "users associate": ["users", "associate", "ada", "--external-id", "ada", "--collection", "staff"],
    "users create": ["users", "create", "bea", "--collection", "staff"],
    "users delete": ["users", "delete", "ada", "--collection", "staff", "--yes"],
    "users disassociate": ["users", "disassociate", "ada", "--external-id", "ada", "--collection", "staff"],
    "users list": ["users", "list", "--collection", "staff"],
    "jobs cancel": ["jobs", "cancel", JOB],
    "jobs list": ["jobs", "list"],
    "jobs pause": ["jobs", "pause", JOB],
    "jobs priority": ["jobs", "priority", JOB, "5"],
    "jobs resume": ["jobs", "resume", JOB],
    "jobs retry": ["jobs", "retry", JOB],
    "jobs show": ["jobs", "show", JOB],
    "video": ["video", "{photo}"],
    "watchlists list": ["watchlists", "list"],
    "watchlists review": ["watchlists", "review", "staff"],
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


@pytest.mark.slow
def test_a_closed_server_starts_and_gives_out_no_key(tmp_path: Path, models: Path) -> None:
    (tmp_path / "regard.toml").write_text(f'[models]\nfolder = "{models}"\n[accountability]\nprofile = "closed"\n')
    command = [sys.executable, "-m", "regard", "serve", "--port", "0", "--home", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        said = [server.stdout.readline() for _ in range(5)]
        server.terminate()
    assert said[4].startswith("Access keys:     none. keys create is refused: this installation is closed")
    assert contents(tmp_path, but=())["access_keys"] == []
