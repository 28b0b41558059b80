"""The ledger under unmodified clients: every operation and every command is an entry; without one nothing is done; and
under the profile that keeps none, nothing is different."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from live_server import Live, with_models
from people import astronaut, crowd, encoded, head
from test_closed_profile import ARN, COMMANDS, contents
from typer.testing import CliRunner, Result

from regard.accountability.ledger import ledger_verification
from regard.cli import app
from regard.edge.turns import let_others_compute

RECORDED = {"profile": "recorded"}
LEDGER_TABLES = ("ledger_entries", "ledger_tiles", "ledger_checkpoints")
PHOTO = {"Bytes": encoded(astronaut())}
OTHER = {"Bytes": encoded(head(200))}
STAFF = {"CollectionId": "staff"}
#: What differs between any two answers.
CHANGING = re.compile(r"x-amzn-requestid|date|content-length", re.IGNORECASE)


def steps(face: str) -> list[tuple[str, dict[str, Any]]]:
    """Every operation once, in an order in which all succeed; and some that fail."""
    user = {**STAFF, "UserId": "ada"}
    return [
        ("create_collection", {**STAFF, "Tags": {"kept": "yes"}}),
        ("create_collection", STAFF),
        ("list_collections", {}),
        ("describe_collection", STAFF),
        ("tag_resource", {"ResourceArn": ARN, "Tags": {"a": "b"}}),
        ("untag_resource", {"ResourceArn": ARN, "TagKeys": ["a"]}),
        ("list_tags_for_resource", {"ResourceArn": ARN}),
        ("index_faces", {**STAFF, "Image": PHOTO, "ExternalImageId": "eileen"}),
        ("list_faces", STAFF),
        ("search_faces_by_image", {**STAFF, "Image": PHOTO}),
        ("search_faces_by_image", {"CollectionId": "nowhere", "Image": PHOTO}),
        ("search_faces", {**STAFF, "FaceId": face}),
        ("create_user", {**user, "ClientRequestToken": "once"}),
        ("create_user", {**user, "ClientRequestToken": "once"}),
        ("associate_faces", {**user, "FaceIds": [face]}),
        ("list_users", STAFF),
        ("search_users", user),
        ("search_users_by_image", {**STAFF, "Image": PHOTO}),
        ("disassociate_faces", {**user, "FaceIds": [face]}),
        ("delete_user", user),
        ("delete_faces", {**STAFF, "FaceIds": [face]}),
        ("detect_faces", {"Image": PHOTO}),
        ("detect_labels", {"Image": PHOTO}),
        ("detect_protective_equipment", {"Image": PHOTO}),
        ("compare_faces", {"SourceImage": PHOTO, "TargetImage": PHOTO}),
        ("delete_collection", STAFF),
    ]


def walk(live: Live) -> list[dict[str, Any]]:
    """What a boto3 client is answered to every step, refusals included, with its request's id."""
    client, answers, face = live.client(), [], ""
    for number in range(len(steps(face))):
        name, request = steps(face)[number]
        try:
            answer = getattr(client, name)(**request)
        except ClientError as error:
            answer = error.response
        if name == "index_faces":
            face = answer["FaceRecords"][0]["Face"]["FaceId"]
        answers.append(answer)
    return answers


def bodies(home: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(home / "regard.db")) as connection:
        rows = connection.execute("SELECT body FROM ledger_entries ORDER BY position").fetchall()
    return [json.loads(body) for (body,) in rows]


def steady(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without what differs between any two; collections are as old as their server."""
    meta = answer["ResponseMetadata"]
    headers = {name: value for name, value in meta["HTTPHeaders"].items() if not CHANGING.match(name)}
    kept = {name: value for name, value in answer.items() if name not in ("ResponseMetadata", "CreationTimestamp")}
    return {**kept, "status": meta["HTTPStatusCode"], "headers": headers}


@pytest.fixture(scope="module")
def recorded(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with with_models(models, tmp_path_factory.mktemp("recorded"), accountability=RECORDED) as live:
        yield live


@pytest.fixture(scope="module")
def answers(recorded: Live) -> list[dict[str, Any]]:
    return walk(recorded)


def test_every_operation_is_one_entry_under_its_requests_id(recorded: Live, answers: list[dict[str, Any]]) -> None:
    asked = {
        answer["ResponseMetadata"]["RequestId"]: name for answer, (name, _) in zip(answers, steps(""), strict=True)
    }
    entries = [each for each in bodies(recorded.engine.settings.home) if each["channel"] == "aws"]
    methods = recorded.client().meta.method_to_api_mapping
    heard = {each["act"]: each["operation"] for each in entries}
    assert {act: operation for act, operation in heard.items() if act in asked} == {
        request: methods[name] for request, name in asked.items()
    }
    assert len({methods[name] for name, _ in steps("")}) == 23
    assert len([each for each in entries if each["act"] in asked]) == len(asked)


def test_entries_say_what_came_of_it_and_name_no_more_than_they_must(
    recorded: Live, answers: list[dict[str, Any]]
) -> None:
    entries = {each["act"]: each for each in bodies(recorded.engine.settings.home)}
    said: dict[str, list[dict[str, Any]]] = {}
    for (name, _), answer in zip(steps(""), answers, strict=True):
        said.setdefault(name, []).append(entries[answer["ResponseMetadata"]["RequestId"]])
    face = answers[7]["FaceRecords"][0]["Face"]["FaceId"]
    found, nowhere = said["search_faces_by_image"]
    assert (found["collection"], found["threshold"], found["outcome"]) == ("staff", 80.0, "allowed")
    assert found["facts"]["gallery_size"] == 1
    assert [each["face"] for each in found["facts"]["candidates"]] == [face]
    assert len(found["facts"]["pictures"][0]) == 64
    assert (nowhere["outcome"], nowhere["error"]) == ("failed", "ResourceNotFoundException")
    assert said["create_collection"][1]["error"] == "ResourceAlreadyExistsException"
    assert said["index_faces"][0]["facts"]["faces"] == [face]
    assert said["delete_faces"][0]["facts"] == {"faces": [face]}
    assert said["associate_faces"][0]["facts"] == {"user": "ada", "faces": [face]}
    assert all(each["who"]["name"] == "tester" for each in entries.values() if each["channel"] == "aws")
    everything = json.dumps(list(entries.values()))
    assert "eileen" not in everything  # an external image id is a person's name, and no fact of the act
    assert len(everything) / len(entries) < 1000


def test_others_compute_while_an_entry_is_on_its_way_to_the_disk(recorded: Live) -> None:
    assert recorded.engine.ledger.waits is let_others_compute


def test_a_bystander_leaves_no_trace_in_the_ledger(recorded: Live) -> None:
    """Of a picture with three faces one is enrolled and searched for: entries name that one, and count no others."""
    client, crowded = recorded.client(), {"Bytes": encoded(crowd(1, 3, 160))}
    client.create_collection(CollectionId="crowd")
    indexed = client.index_faces(CollectionId="crowd", Image=crowded, MaxFaces=1, QualityFilter="NONE")
    client.search_faces_by_image(CollectionId="crowd", Image=crowded, QualityFilter="NONE")
    (face,) = (each["Face"]["FaceId"] for each in indexed["FaceRecords"])
    assert len(indexed["UnindexedFaces"]) == 2
    enrolled, searched = (each["facts"] for each in bodies(recorded.engine.settings.home)[-2:])
    assert enrolled["faces"] == [face]
    assert set(enrolled) == {"faces", "face_model", "pictures"}
    assert [each["face"] for each in searched["candidates"]] == [face]
    assert set(searched) == {"candidates", "expected_false", "face_model", "gallery_size", "pictures"}
    client.delete_collection(CollectionId="crowd")


def test_answers_are_the_same_as_without_a_ledger(answers: list[dict[str, Any]], models: Path, tmp_path: Path) -> None:
    with with_models(models, tmp_path) as plain:
        others = walk(plain)
    assert [steady(each) for each in answers] == [steady(each) for each in others]
    kept = contents(tmp_path, but=())
    assert [kept[table] for table in LEDGER_TABLES] == [[], [], []]
    assert not (tmp_path / "ledger").exists()


def test_where_nothing_can_be_recorded_nothing_is_answered_or_changed(recorded: Live) -> None:
    client, ledger, home = recorded.client(), recorded.engine.ledger, recorded.engine.settings.home
    assert ledger is not None
    client.create_collection(**STAFF)
    face = client.index_faces(**STAFF, Image=PHOTO)["FaceRecords"][0]["Face"]["FaceId"]
    client.create_user(**STAFF, UserId="ada")
    before = contents(home)
    ledger.fault = "The ledger was cut, for a test."
    try:
        for name, request in steps(face):
            wanted = request | ({"CollectionId": "another"} if name == "create_collection" else {})
            with pytest.raises(ClientError, match="The ledger was cut, for a test") as refused:
                getattr(client, name)(**wanted)
            assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
        status, ready = recorded.get("/health/ready")
        assert (status, ready["ledger"]) == (503, "The ledger was cut, for a test.")
    finally:
        ledger.fault = None
    after = contents(home)
    for each in (before, after):
        each.pop("ledger_checkpoints")  # which the server may sign at any time
    assert after == before
    client.delete_collection(**STAFF)


def test_a_temporary_credential_is_named_with_the_key_that_it_came_from(recorded: Live) -> None:
    sts = boto3.client(
        "sts",
        endpoint_url=recorded.url,
        region_name="us-east-1",
        aws_access_key_id=recorded.key,
        aws_secret_access_key=recorded.secret,
    )
    arn = "arn:aws:iam::000000000000:role/searcher"
    taken = sts.assume_role(RoleArn=arn, RoleSessionName="case-4711")["Credentials"]
    client = recorded.client(
        aws_access_key_id=taken["AccessKeyId"],
        aws_secret_access_key=taken["SecretAccessKey"],
        aws_session_token=taken["SessionToken"],
    )
    client.list_collections()
    who = bodies(recorded.engine.settings.home)[-1]["who"]
    assert (who["access_key"], who["session"], who["session_key"]) == (recorded.key, "case-4711", taken["AccessKeyId"])


# -- the command line ------------------------------------------------------------------------------------------------


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def home(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose profile is recorded, with a collection in it."""
    home = tmp_path_factory.mktemp("commands")
    (home / "photos").mkdir()
    (home / "photos" / "a.jpg").write_bytes(PHOTO["Bytes"])
    (home / "regard.toml").write_text(f'[models]\nfolder = "{models}"\n[accountability]\nprofile = "recorded"\n')
    done = run("index", home / "photos", "--collection", "staff", "--home", home, "--report", home / "first.csv")
    assert done.exit_code == 0, done.stderr
    assert run("collections", "export", "staff", home / "archive.parquet", "--home", home).exit_code == 0
    return home


#: Commands whose effects others need: they come last.
LAST = ("faces delete", "collections delete")


@pytest.mark.parametrize("command", [*(name for name in COMMANDS if name not in LAST), *LAST])
@pytest.mark.slow
def test_every_command_on_faces_is_an_entry(home: Path, command: str) -> None:
    places = {"home": home, "archive": home / "archive.parquet", "photos": home / "photos"}
    places |= {"photo": home / "photos" / "a.jpg", "report": home / f"{len(bodies(home))}.csv"}
    before = len(bodies(home))
    done = run(*(word.format(**places) for word in COMMANDS[command]), "--home", home)
    mine = bodies(home)[before:]
    assert {each["channel"] for each in mine} == {"cli"}
    others = {each["operation"] for each in mine} - {command}
    # Acts of their own: people in a film are searched for; some commands look up whose faces are meant.
    assert others <= ({"search"} if command == "video" else {"faces list"})
    mine = [each for each in mine if each["operation"] == command]
    assert mine[-1]["outcome"] == ("allowed" if done.exit_code == 0 else "failed")
    for act in {each["act"] for each in mine}:
        parts = [each["part"] for each in mine if each["act"] == act]
        assert parts == list(range(1, len(parts) + 1))


#: What mends a clock that was set back.
MENDING = "ledger resume"


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != MENDING])
@pytest.mark.slow
def test_a_command_that_cannot_be_recorded_shows_and_changes_nothing(home: Path, tmp_path: Path, command: str) -> None:
    """As where the clock was set back: the last entry is of the year 2100."""
    copy = Path(shutil.copytree(home, tmp_path / "home"))
    with closing(sqlite3.connect(copy / "regard.db")) as connection, connection:
        connection.execute("UPDATE ledger_entries SET recorded_at = 4102444800000000")
    (copy / "staff.parquet").unlink(missing_ok=True)
    shutil.rmtree(copy / "ledger-export", ignore_errors=True)
    before, there = contents(copy, but=("ledger_checkpoints",)), {path.name for path in copy.iterdir()}
    places = {"home": copy, "archive": copy / "archive.parquet", "photos": copy / "photos"}
    places |= {"photo": copy / "photos" / "a.jpg", "report": tmp_path / "report.csv"}
    done = run(*(word.format(**places) for word in COMMANDS[command]), "--home", copy)
    assert done.exit_code == 1
    assert contents(copy, but=("ledger_checkpoints",)) == before
    assert done.stdout == "" or command == "doctor"  # which is there to say what is wrong
    assert {path.name for path in copy.iterdir()} == there


def test_a_second_process_that_has_only_export_and_key_verifies_the_ledger(home: Path, tmp_path: Path) -> None:
    keys = run("ledger", "keys", "--home", home).stdout.split()
    assert run("ledger", "checkpoint", "--output", tmp_path / "kept", "--home", home).exit_code == 0
    assert run("search", home / "photos" / "a.jpg", "--collection", "nobody", "--home", home).exit_code == 1
    exported = run("ledger", "export", tmp_path / "export", "--home", home)
    assert exported.exit_code == 0, exported.stderr
    proved = run("ledger", "prove", "0", "--output", tmp_path / "r.tlog-proof", "--home", home)
    assert proved.exit_code == 0, proved.stderr
    verifier = ledger_verification.__file__
    given = [f"--key={key}" for key in keys]
    for place, said in ((tmp_path / "export", "All are whole"), (tmp_path / "r.tlog-proof", '"operation": "index"')):
        earlier = [f"--checkpoint={tmp_path / 'kept'}"] if place.is_dir() else []
        finished = subprocess.run(
            [sys.executable, "-I", verifier, place, *given, *earlier], capture_output=True, text=True, check=False
        )
        assert finished.returncode == 0, finished.stderr
        assert said in finished.stdout
        assert run("ledger", "verify", place, *given, *earlier).exit_code == 0
    body = next((tmp_path / "export" / "bodies").rglob("*.p/*"))
    body.write_bytes(body.read_bytes().replace(b'"staff"', b'"STAFF"', 1))
    refused = run("ledger", "verify", tmp_path / "export", *given)
    assert refused.exit_code == 1
    assert "was changed" in refused.stderr


@pytest.mark.slow
def test_a_witness_in_a_process_of_its_own_cosigns_a_ledger_that_only_grows(home: Path, tmp_path: Path) -> None:
    key = run("ledger", "keys", "--home", home).stdout.split()[0]
    words = ["ledger", "witness", "--name", "witness.example", "--log", key, "--port", "0", "--home", tmp_path]
    command = [sys.executable, "-m", "regard", *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as witness:
        assert witness.stdout is not None
        try:
            url = witness.stdout.readline().split()[2].rstrip(",")
            _, ed25519 = (witness.stdout.readline() for _ in range(2))
            asked = ["--witness", url, "--witness-key", ed25519.strip(), "--home", home]
            for _ in range(2):  # each is an entry, so that the second has more to prove
                cosigned = run("ledger", "checkpoint", *asked)
                assert cosigned.exit_code == 0, cosigned.stderr
                assert "\N{EM DASH} witness.example " in cosigned.stdout
            with closing(http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)) as connection:
                connection.request("POST", "/add-checkpoint", bytes(300_000))
                assert connection.getresponse().status == 413
        finally:
            witness.terminate()
    assert witness.returncode == 0
    assert run("ledger", "checkpoint", *asked).exit_code == 1
    assert run("ledger", "checkpoint", "--witness", url, "--home", home).exit_code == 1


def test_a_receipt_is_found_by_the_id_that_a_client_was_answered(recorded: Live) -> None:
    request = recorded.client().list_collections()["ResponseMetadata"]["RequestId"]
    home = recorded.engine.settings.home
    (home / "regard.toml").write_text('[accountability]\nprofile = "recorded"\n')
    receipt = run("ledger", "prove", request, "--home", home)
    assert receipt.exit_code == 0, receipt.stderr
    keys = run("ledger", "keys", "--home", home).stdout.split()
    found = ledger_verification.verify_receipt(
        receipt.stdout, [ledger_verification.VerifierKey.parse(key) for key in keys]
    )
    assert (found.body["act"], found.body["operation"]) == (request, "ListCollections")
    unknown = run("ledger", "prove", "no-such-request", "--home", home)
    assert (unknown.exit_code, "no entry of the request" in unknown.stderr) == (1, True)


def test_erasing_on_the_command_line_is_an_entry_and_leaves_the_rest_true(home: Path, tmp_path: Path) -> None:
    keys = run("ledger", "keys", "--home", home).stdout.split()
    before = run("ledger", "erase", "--before", "2000-01-01", "--reason", "none", "--yes", "--home", home)
    assert "0 entries" in before.stdout
    erased = run("ledger", "erase", "--before", "2100-01-01", "--reason", "a test", "--yes", "--home", home)
    assert erased.exit_code == 0, erased.stderr
    run("ledger", "export", tmp_path / "export", "--home", home)
    verified = run("ledger", "verify", tmp_path / "export", *(f"--key={key}" for key in keys))
    assert verified.exit_code == 0, verified.stderr
    assert "were erased, each by an entry that says so" in " ".join(verified.stdout.split())


@pytest.mark.slow
def test_a_server_does_not_start_on_a_database_that_was_set_back(models: Path, tmp_path: Path) -> None:
    with with_models(models, tmp_path, accountability=RECORDED) as live:
        live.client().list_collections()
    with closing(sqlite3.connect(tmp_path / "regard.db")) as connection, connection:
        connection.execute("DELETE FROM ledger_entries")
    words = [sys.executable, "-m", "regard", "serve", "--port", "0", "--home", str(tmp_path)]
    (tmp_path / "regard.toml").write_text(f'[models]\nfolder = "{models}"\n[accountability]\nprofile = "recorded"\n')
    finished = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert finished.returncode == 1
    assert "set back to an earlier day" in " ".join(finished.stderr.split())
