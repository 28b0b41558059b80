"""`regard authorise`, `profiles` and `thresholds`, as people type them: each under their own account of the machine."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from authorised import PHOTO, ROLE, Authorise, search
from botocore import UNSIGNED
from botocore.config import Config
from live_server import Live
from people import encoded, head
from sqlalchemy import insert
from staff import Staff, client_of, taken
from typer.testing import CliRunner

from regard.cli import app
from regard.domain.people import Role
from regard.store.tables.retention import evaluations

Typed = Callable[..., Any]


@pytest.fixture
def typed(known_home: Path, known: Live, monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Runs a command as the account of that name: what the system says of who one is, is all that is not real."""
    assert known
    monkeypatch.delenv("REGARD_AUTHORISATION", raising=False)

    def run(login: str, *words: object) -> Any:
        monkeypatch.setattr(pwd, "getpwuid", lambda _: SimpleNamespace(pw_name=login))
        return CliRunner().invoke(app, [*map(str, words), "--home", str(known_home)])

    return run


CASE = ("--offence", "robbery", "--case", "C-9", "--searches", "2", "--collection", "suspects")
REQUEST = ("authorise", "request", "--purpose", "violent-crime", *CASE)
WORDS = ("--basis", "CCTV of the shop", "--declaration", "no protected activity")


def requested(typed: Typed, login: str = "sam", *more: object) -> str:
    result = typed(login, *REQUEST, *WORDS, *more)
    assert result.exit_code == 0, result.stderr
    name: str = result.stdout.strip()
    return name


STEERING = "\x1b[2J\x1b[Hstate: approved"


@pytest.mark.parametrize("option", ["--basis", "--declaration", "--offence", "--case", "--agency", "--agency-person"])
def test_no_request_steers_the_terminal_of_whoever_approves_it(typed: Typed, option: str) -> None:
    behalf = ("--agency", "the county", "--agency-person", "Officer Kim")
    refused = typed("sam", *REQUEST, *WORDS, *behalf, option, STEERING)
    assert refused.exit_code == 1
    assert "There is a control character (U+001B) in the " in " ".join(refused.stderr.split())
    assert "\x1b" not in refused.stderr


def test_an_authorisation_from_before_is_shown_without_what_steers_a_terminal(
    typed: Typed, authorise: Authorise
) -> None:
    made = authorise(basis=f"CCTV{STEERING}\nstate: approved", purpose=STEERING)
    for words in (("show", made.id), ("list",), ("show", made.id, "--json")):
        result = typed("ove", "authorise", *words)
        assert result.exit_code == 0, result.stderr
        assert "\x1b" not in result.stdout
    shown = typed("ove", "authorise", "show", made.id).stdout
    assert "CCTV\ufffd[2J\ufffd[H" in shown
    assert [line for line in map(str.split, shown.splitlines()) if line[:1] == ["State"]] == [["State", "approved"]]


@pytest.mark.control(9, 10, 29)
@pytest.mark.slow
def test_from_a_request_to_a_search_and_its_end(typed: Typed, tmp_path: Path) -> None:
    photo = tmp_path / "probe.jpg"
    photo.write_bytes(encoded(head(200)))
    name = requested(typed)
    asked = ("search", photo, "--collection", "suspects", "--json")
    assert "it takes an authorisation" in typed("sam", *asked).stderr
    assert "has not been approved yet" in typed("sam", *asked, "--authorisation", name).stderr
    assert "another person has to decide" in typed("ove", "authorise", "approve", requested(typed, "ove")).stderr
    assert typed("ove", "authorise", "approve", name).exit_code == 0
    found = typed("sam", *asked, "--authorisation", name)
    assert found.exit_code == 0, found.stderr
    assert json.loads(found.stdout)["FaceMatchThreshold"] == 99
    assert "is somebody else's" in typed("sue", *asked, "--authorisation", name).stderr
    os.environ["REGARD_AUTHORISATION"] = name
    try:
        assert typed("sam", *asked).exit_code == 0
        assert "all 2 searches" in typed("sam", *asked).stderr
    finally:
        del os.environ["REGARD_AUTHORISATION"]
    shown = json.loads(typed("sam", "authorise", "show", name, "--json").stdout)
    assert (shown["searches_done"], shown["state"], shown["decided_by"]) == (2, "approved", "ove-0001")
    assert name in typed("aud", "authorise", "list").stdout
    assert typed("sam", "authorise", "end", name, "--statistic", "outcome=nobody").exit_code == 0
    assert "has ended" in typed("sam", *asked, "--authorisation", name).stderr


@pytest.mark.control(36)
def test_an_agencys_request_is_named_by_its_hash_and_not_kept(typed: Typed, tmp_path: Path) -> None:
    letter = tmp_path / "letter.pdf"
    letter.write_bytes(b"please search for this man")
    name = requested(
        typed, "sam", "--agency", "State Police", "--agency-person", "T. Lee", "--agency-request", str(letter)
    )
    shown = json.loads(typed("ove", "authorise", "show", name, "--json").stdout)
    told = typed("ove", "authorise", "show", name).stdout
    assert shown["holder_id"] not in told
    assert "Requested by" in told
    assert "(sam)" in told
    digest = hashlib.sha256(letter.read_bytes()).hexdigest()
    assert shown["on_behalf_of"] == {"agency": "State Police", "person": "T. Lee", "request_sha256": digest}
    assert "give both --agency and --agency-person" in typed("sam", *REQUEST, *WORDS, "--agency", "X").stderr


def test_an_approver_hands_on_a_token_that_only_its_owner_can_read(typed: Typed, known: Live, tmp_path: Path) -> None:
    name, file = requested(typed), tmp_path / "token"
    assert typed("ove", "authorise", "approve", name, "--token", file).exit_code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    config = Config(signature_version=UNSIGNED)
    sts = boto3.client("sts", endpoint_url=known.url, region_name="us-east-1", config=config)
    known.clients.callback(sts.close)
    answer = sts.assume_role_with_web_identity(RoleArn=ROLE, RoleSessionName="x1", WebIdentityToken=file.read_text())
    assert search(taken(known, answer["Credentials"]))["FaceMatches"] == []


def test_credentials_are_for_the_holder_alone(typed: Typed, known: Live, staff: Staff, tmp_path: Path) -> None:
    name, file = requested(typed), tmp_path / "token"
    typed("ove", "authorise", "approve", name)
    staff.people.grant("oda-0001", [Role.SEARCHER], None, staff.people.person("oda").created_at)  # type: ignore[union-attr]
    said = typed("oda", "authorise", "credentials", name, "--web-identity", file)
    assert "is somebody else's" in said.stderr
    assert not file.exists()
    printed = json.loads(typed("sam", "authorise", "credentials", name).stdout)
    assert printed["Version"] == 1
    assert search(taken(known, printed))["FaceMatches"] == []
    assert typed("sam", "authorise", "credentials", name, "--web-identity", file).exit_code == 0
    typed("sam", "authorise", "end", name)
    assert "has ended" in typed("sam", "authorise", "credentials", name).stderr


@pytest.mark.control(39)
def test_a_second_person_agrees_to_poor_probes(typed: Typed) -> None:
    name = requested(typed)
    assert "takes the role overseer" in typed("sam", "authorise", "agree", name).stderr
    assert typed("ove", "authorise", "agree", name).exit_code == 0
    shown = json.loads(typed("sam", "authorise", "show", name, "--json").stdout)
    assert shown["scope"] == {"collections": ["suspects"], "poor_probes": "ove-0001"}


@pytest.mark.control(10, 11)
def test_an_emergency_that_is_refused_stops_at_once(typed: Typed, known: Live) -> None:
    name = requested(typed, "sam", "--kind", "exigent", "--emergency")
    client = taken(known, json.loads(typed("sam", "authorise", "credentials", name).stdout))
    assert search(client)["FaceMatches"] == []
    assert typed("ove", "authorise", "refuse", name).exit_code == 0
    with pytest.raises(Exception, match=f"the authorisation {name} was refused"):
        search(client)


@pytest.mark.control(56)
def test_comparing_on_the_command_line_shows_nothing_below_the_profiles_threshold(typed: Typed, tmp_path: Path) -> None:
    one, other = tmp_path / "one.jpg", tmp_path / "other.jpg"
    one.write_bytes(PHOTO["Bytes"])
    other.write_bytes(encoded(head(200)[:, ::-1]))
    assert "it takes an authorisation" in typed("sam", "compare", one, other).stderr
    name = requested(typed)
    typed("ove", "authorise", "approve", name)
    result = typed("sam", "compare", one, one, "--authorisation", name, "--json")
    assert result.exit_code == 0, result.stderr
    assert all(each["Similarity"] >= 99 for each in json.loads(result.stdout)["FaceMatches"])


def test_profiles_are_listed_and_shown_with_their_sources(typed: Typed) -> None:
    listed = typed("anybody", "profiles", "list")
    assert "public-safety" in listed.stdout
    assert "illinois" in listed.stdout
    assert "designed to support" in listed.stderr
    shown = typed("anybody", "profiles", "show", "eu+illinois").stdout
    assert "review.agreements = 2" in shown
    assert "article 14(4) and (5)" in shown
    assert "applies from 2027-12-02 [V]" in shown
    assert "written release" in shown
    assert "compliant" not in shown.lower()
    assert "There is no profile nope" in typed("anybody", "profiles", "show", "nope").stderr
    assert json.loads(typed("anybody", "profiles", "show", "open", "--json").stdout)["name"] == "open"


@pytest.mark.control(47)
def test_thresholds_are_listed_and_an_evaluation_is_needed(typed: Typed, known: Live, staff: Staff) -> None:
    client_of(known, "ann", staff).create_collection(CollectionId="thresholds")
    said = typed("ann", "thresholds", "lower", "thresholds", 95, "--reason", "r", "--evaluation", "none")
    assert "There is no evaluation none" in said.stderr
    assert "was never changed" in typed("aud", "thresholds", "list", "thresholds").stderr
    assert typed("ann", "thresholds", "raise", "thresholds", 99.5, "--reason", "two false alerts").exit_code == 0
    assert "99.5" in typed("aud", "thresholds", "list", "thresholds").stdout
    assert "No change of the threshold" in typed("ove", "thresholds", "approve", "thresholds", 95).stderr


@pytest.mark.control(47)
def test_an_approval_is_of_the_value_typed_and_says_what_was_approved(
    typed: Typed, known: Live, staff: Staff, known_home: Path
) -> None:
    client_of(known, "ann", staff).create_collection(CollectionId="lowered")
    stores = known.engine.stores
    model = stores.collections.get("lowered").face_model
    values = {"id": "e-7", "face_model": model, "name": "ours", "measured_at": datetime.now(UTC), "report": {}}
    with stores.database.write() as connection:
        connection.execute(insert(evaluations).values(values))
    for value in (95.5, 10):
        asked = typed("ann", "thresholds", "lower", "lowered", value, "--reason", "measured", "--evaluation", "e-7")
        assert f"thresholds approve lowered {value:g}" in asked.stderr
    other = typed("ove", "thresholds", "approve", "lowered", 95.5)
    assert (other.exit_code, "95.5 is not what waits" in other.stderr) == (1, True)
    assert "approved" not in typed("aud", "thresholds", "list", "lowered").stdout
    assert typed("ove", "thresholds", "approve", "lowered").exit_code == 2
    said = typed("ove", "thresholds", "approve", "lowered", 10)
    assert said.exit_code == 0, said.stderr
    assert "lowered may be searched at 10 or more, instead of 99. Reason: measured (evaluation e-7)" in said.stdout
