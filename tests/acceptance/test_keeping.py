"""Retention, suspension and erasure in whole processes: killed in the middle, set back to yesterday, and obeyed by a
server that runs."""

from __future__ import annotations

import base64
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from approved import approved
from botocore.exceptions import ClientError
from damaged_home import Home
from live_server import Live, with_models
from people import astronaut, encoded
from test_native_api import PASSWORD, ask, sign_in
from typer.testing import CliRunner

from regard.accountability.passwords import Passwords
from regard.cli import app
from regard.domain.people import Person, Role
from regard.store.authorisation_rows import AuthorisationRows
from regard.store.people_rows import PeopleRows

#: Every face's time is over.
EXPIRED = (
    "INSERT INTO enrolment_terms (collection_key, face_id, enrolled_at, last_used_at, expires_at) "
    "SELECT collection_key, face_id, 0, 0, 1 FROM faces"
)


@pytest.fixture
def home(models: Path, tmp_path: Path) -> Home:
    made = Home(tmp_path / "home", models)
    made.folder.mkdir()
    (made.folder / "regard.toml").write_text('[accountability]\nprofile = "recorded"\n')
    return made


def one(home: Path, query: str) -> Any:
    with closing(sqlite3.connect(home / "regard.db", timeout=30)) as connection:
        return connection.execute(query).fetchone()[0]


def soon(met: Callable[[], bool], seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while not met():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


# -- the sweep -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "count", [pytest.param(5_000, marks=pytest.mark.slow), pytest.param(20_000, marks=pytest.mark.long)]
)
def test_a_sweep_that_is_killed_is_gone_on_with_and_every_receipt_and_proof_is_true(
    home: Home, tmp_path: Path, count: int
) -> None:
    home.enrol("people", count)
    home.harm(EXPIRED)
    command = [sys.executable, "-m", "regard", "sweep", "--home", str(home.folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as sweep:
        assert soon(lambda: one(home.folder, "SELECT count(*) FROM faces") < count)
        sweep.send_signal(signal.SIGKILL)
    left = one(home.folder, "SELECT count(*) FROM faces")
    assert 0 < left < count
    receipts = "SELECT coalesce(sum(json_extract(facts, '$.count')), 0) FROM erasure_receipts"
    assert one(home.folder, receipts) == count - left, "a receipt for each that went, and for no other"
    assert one(home.folder, "SELECT count(*) FROM enrolment_terms") == left
    again = home.run("sweep", "--json")
    assert again.stdout == f'{{"faces": {left}}}\n', again.stderr
    assert one(home.folder, receipts) == count
    key = home.run("ledger", "keys").stdout.splitlines()[0]
    assert home.run("ledger", "export", str(tmp_path / "export")).returncode == 0
    verified = home.run("ledger", "erase", "--before", "2100-01-01", "--reason", "a test", "--yes")
    assert "Erased the bodies of" in verified.stdout
    assert home.run("ledger", "export", str(tmp_path / "erased")).returncode == 0
    for folder in ("export", "erased"):
        words = [sys.executable, "-m", "regard", "ledger", "verify", str(tmp_path / folder), "--key", key]
        said = subprocess.run(words, capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stderr
        assert "All are whole." in said.stdout


@pytest.mark.control(28)
@pytest.mark.slow
def test_a_database_that_is_set_back_to_yesterday_does_not_bring_back_who_was_erased(home: Home) -> None:
    home.enrol("people", 10)
    home.run("ledger", "checkpoint")
    yesterday = home.folder.with_name("yesterday.db")
    shutil.copy(home.folder / "regard.db", yesterday)
    home.harm(EXPIRED)
    assert home.run("sweep", "--json").stdout == '{"faces": 10}\n'
    home.run("ledger", "checkpoint")
    shutil.copy(yesterday, home.folder / "regard.db")
    said = home.run("search", "nobody.jpg", "--collection", "people")
    served = home.run("serve", "--port", "0")
    assert served.returncode == 1, "it must not start"
    assert "ledger" in (said.stderr + served.stderr)


# -- suspension ------------------------------------------------------------------------------------------------------


@pytest.mark.control(46)
def test_a_running_server_obeys_a_suspension_and_its_lifting_within_moments(bare: Live) -> None:
    client, at = bare.client(), ["--home", str(bare.engine.settings.home)]
    client.create_collection(CollectionId="staff")
    photo = {"Bytes": encoded(astronaut())}

    def code() -> str:
        try:
            client.search_faces_by_image(CollectionId="staff", Image=photo)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return ""

    before = code()
    assert before != "AccessDeniedException"
    assert CliRunner().invoke(app, ["suspend", "collection", "staff", "--reason", "a test", *at]).exit_code == 0
    assert soon(lambda: code() == "AccessDeniedException", 10)
    client.describe_collection(CollectionId="staff")
    client.create_collection(CollectionId="another")
    assert CliRunner().invoke(app, ["suspensions", "lift", "1", *at]).exit_code == 0
    assert soon(lambda: code() == before, 10)


# -- a basis ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def police(models: Path, tmp_path: Path) -> Iterator[Live]:
    """A server under public-safety, with an enroller, who has an authorisation that was approved."""
    with with_models(models, tmp_path, accountability={"profile": "public-safety"}) as live:
        database, now = live.engine.stores.database, datetime.now(UTC)
        people = PeopleRows(database)
        people.add(Person(id="ann", name="Ann", login="ann", created_at=now))
        people.grant("ann", [Role.ENROLLER, Role.ADMINISTRATOR], None, now)
        AuthorisationRows(database).add(approved("ann", basis="order 9 of the court"))
        live.key, live.secret = live.engine.access_keys.create("ann", "ann")
        yield live


@pytest.mark.control(4, 21)
def test_an_unmodified_client_enrols_under_its_authorisation_or_not_at_all(police: Live) -> None:
    photo = {"Bytes": encoded(astronaut())}
    client = police.client()
    client.create_collection(CollectionId="staff")
    with pytest.raises(ClientError, match="every enrolled face needs a basis") as refused:
        client.index_faces(CollectionId="staff", Image=photo)
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
    home = police.engine.settings.home
    assert one(home, "SELECT count(*) FROM faces") == 0
    sts = boto3.client(
        "sts",
        endpoint_url=police.url,
        region_name="us-east-1",
        aws_access_key_id=police.key,
        aws_secret_access_key=police.secret,
    )
    with closing(sts):
        taken = sts.assume_role(RoleArn="arn:aws:iam::000000000000:role/enroller", RoleSessionName="A-7F3K9Q2M")
    authorised = police.client(
        aws_access_key_id=taken["Credentials"]["AccessKeyId"],
        aws_secret_access_key=taken["Credentials"]["SecretAccessKey"],
        aws_session_token=taken["Credentials"]["SessionToken"],
    )
    assert len(authorised.index_faces(CollectionId="staff", Image=photo)["FaceRecords"]) == 1
    query = "SELECT authorisation_id || ', ' || basis || ', ' || source || ', ' || enrolled_by FROM enrolment_terms"
    assert one(home, query) == "A-7F3K9Q2M, order 9 of the court, file 3, ann"


# -- the native API --------------------------------------------------------------------------------------------------


@pytest.mark.control(28, 46, 55)
@pytest.mark.slow
def test_the_native_api_suspends_tells_and_erases(models: Path, tmp_path: Path) -> None:
    with with_models(models, tmp_path, accountability={"profile": "recorded"}) as live:
        stores, now = live.engine.stores, datetime.now(UTC)
        stores.people.add(Person(id="ada", name="Ada", login="ada", created_at=now))
        stores.sign_ins.set_password("ada", Passwords().hash(PASSWORD), None)
        token = sign_in(live).said["token"]
        photo = encoded(astronaut())
        live.client().create_collection(CollectionId="staff")
        live.client().index_faces(CollectionId="staff", Image={"Bytes": photo}, ExternalImageId="eileen")
        made = ask(live, "POST", "/v1/suspensions", {"kind": "collection", "subject": "staff", "reason": "x"}, token)
        assert (made.status, made.said["subject"]) == (201, "staff")
        with pytest.raises(ClientError, match="the collection staff has been suspended"):
            live.client().search_faces_by_image(CollectionId="staff", Image={"Bytes": photo})
        assert [each["number"] for each in ask(live, "GET", "/v1/suspensions", token=token).said["suspensions"]] == [1]
        assert ask(live, "POST", "/v1/suspensions/1/lift", {}, token).status == 200
        assert ask(live, "POST", "/v1/suspensions/1/lift", {}, token).status == 404
        wrong = ask(live, "POST", "/v1/suspensions", {"kind": "collection", "subject": "nowhere", "reason": "x"}, token)
        assert wrong.status == 404
        opened = ask(live, "POST", "/v1/incidents", {"kind": "misuse", "description": "y", "recipients": ["z"]}, token)
        assert opened.status == 201
        at = f"/v1/incidents/{opened.said['id']}"
        assert ask(live, "POST", f"{at}/close", {"resolution": "r"}, token).status == 400
        assert ask(live, "POST", f"{at}/notices", {"recipient": "z"}, token).said["notices"][0]["notified_at"]
        assert ask(live, "POST", f"{at}/close", {"resolution": "r"}, token).said["resolution"] == "r"
        assert ask(live, "GET", "/v1/incidents", token=token).said == {"incidents": []}
        assert ask(live, "GET", "/v1/incidents/signals", token=token).said == {"signals": []}
        found = ask(live, "POST", "/v1/subject/find", {"image": base64.b64encode(photo).decode()}, token).said
        (face,) = found["faces"]
        assert (face["external_image_id"], found["collections"]) == ("eileen", 1)
        asked = {"faces": [{"collection": face["collection"], "face_id": face["face_id"]}]}
        assert ask(live, "POST", "/v1/subject/erase", asked, token).said["erased"] == [face["face_id"]]
        assert live.client().search_faces_by_image(CollectionId="staff", Image={"Bytes": photo})["FaceMatches"] == []


@pytest.mark.control(28)
@pytest.mark.slow
def test_the_native_api_finds_nobody_for_somebody_whom_a_collections_own_profile_would_refuse(
    models: Path, tmp_path: Path
) -> None:
    with with_models(models, tmp_path, accountability={"profile": "open"}) as live:
        stores, now = live.engine.stores, datetime.now(UTC)
        stores.people.add(Person(id="ada", name="Ada", login="ada", created_at=now))
        stores.sign_ins.set_password("ada", Passwords().hash(PASSWORD), None)
        token, photo = sign_in(live).said["token"], base64.b64encode(encoded(astronaut())).decode()
        assert ask(live, "POST", "/v1/subject/find", {"image": photo}, token).status == 200
        live.client().create_collection(CollectionId="suspects", Tags={"regard:profile": "public-safety"})
        time.sleep(1.1)  # what the gate knows of collections, it remembers for a second
        named = {"faces": [{"collection": "suspects", "face_id": "1"}]}
        for path, body in (("find", {"image": photo}), ("erase", named), ("erase/1/confirm", {})):
            assert ask(live, "POST", f"/v1/subject/{path}", body, token).status == 403, path
        stores.people.grant("ada", [Role.OVERSEER], None, now)
        time.sleep(1.1)
        low = ask(live, "POST", "/v1/subject/find", {"image": photo, "threshold": 90}, token)
        assert (low.status, "searched at 99 or more" in str(low.said)) == (403, True)
        assert ask(live, "POST", "/v1/subject/find", {"image": photo}, token).said["collections"] == 1
