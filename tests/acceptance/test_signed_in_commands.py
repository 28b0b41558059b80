"""The command line of people who share no machine with the server: signed in, they type what they would type there."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest
from native import PASSWORD, Office, Terminals, office
from typer.testing import CliRunner

from regard.cli import app
from regard.commands.remote.kept_sign_in import kept_sign_in

REQUEST = (
    *("authorise", "request", "--purpose", "violent-crime", "--offence", "robbery, 12 May"),
    *("--basis", "CCTV of the shop", "--declaration", "no protected activity", "--searches", "3"),
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("server")) as made:
        made.post("ann", "/collections", {"collection_id": "suspects"})
        yield made


@pytest.fixture(scope="module")
def typed(desk: Office, tmp_path_factory: pytest.TempPathFactory) -> Terminals:
    return Terminals(desk, tmp_path_factory.mktemp("homes"))


# -- signing in -----------------------------------------------------------------------------------------------------


def test_whoever_signs_in_keeps_a_token_that_only_they_can_read_and_no_password(desk: Office, tmp_path: Path) -> None:
    said = Terminals(desk, tmp_path).sign_in("sam")
    assert said.stdout.startswith(f"Signed in to {desk.live.url} as Sam, until 20")
    file = tmp_path / "sam" / "sign-in.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert PASSWORD not in file.read_text()
    assert [each.name for each in file.parent.iterdir()] == ["sign-in.json"]  # no database was made
    token = json.loads(file.read_text())["token"]
    desk.tokens["sam at home"] = token
    out = CliRunner().invoke(app, ["sign-out", "--home", str(file.parent)])
    assert (out.exit_code, file.exists()) == (0, False)
    assert desk.ask("sam at home", "GET", "/me").status == 401


def test_a_wrong_password_is_refused_and_nothing_is_kept(desk: Office, tmp_path: Path) -> None:
    refused = Terminals(desk, tmp_path).sign_in("sam", "a wrong one entirely\n", code=1)
    assert "The login, the password or the code is wrong." in refused.stderr
    assert not (tmp_path / "sam" / "sign-in.json").exists()


def test_a_code_is_asked_for_where_there_is_an_authenticator_app(desk: Office, tmp_path: Path) -> None:
    desk.post("ann", "/people", {"name": "Kit Moss", "login": "kit", "roles": ["reviewer"]})
    desk.ask("ann", "PUT", "/people/kit/password", {"password": PASSWORD})
    address = desk.post("ann", "/people/kit/codes")["address"]
    now = pyotp.parse_uri(address).now()  # type: ignore[union-attr]
    assert "Signed in" in Terminals(desk, tmp_path).sign_in("kit", f"{PASSWORD}\n{now}\n").stdout


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://regard.example.org", "is not encrypted"),
        ("regard.example.org", "is no server's address"),
        ("https://ada:secret@regard.example.org", "is no server's address"),
        ("http://127.0.0.1:1", "cannot be reached"),
    ],
)
def test_an_address_that_would_give_the_password_away_or_is_none_is_refused(
    tmp_path: Path, address: str, said: str
) -> None:
    result = CliRunner().invoke(app, ["sign-in", address, "--home", str(tmp_path)], input=f"{PASSWORD}\n")
    assert (result.exit_code, said in result.stderr) == (1, True)


def test_a_sign_in_that_has_ended_says_how_to_sign_in_again(desk: Office, tmp_path: Path) -> None:
    typed, home = Terminals(desk, tmp_path), tmp_path / "sam"
    typed.sign_in("sam")
    kept = kept_sign_in(home)
    assert kept is not None
    replace(kept, ends_at=datetime.now(UTC) - timedelta(seconds=1)).keep(home)
    assert f"`regard sign-in {desk.live.url}`" in typed("sam", "authorise", "list", code=1).stderr
    replace(kept, token=kept.token[:-4] + "AAAA").keep(home)
    assert "Error" in typed("sam", "authorise", "list", code=1).stderr
    (home / "sign-in.json").write_text("{")
    assert "is damaged" in typed("sam", "authorise", "list", code=1).stderr


# -- authorisations -------------------------------------------------------------------------------------------------


def test_an_authorisation_is_requested_shown_approved_and_ended_from_three_machines(typed: Terminals) -> None:
    name = typed("sam", *REQUEST, "--collection", "suspects", "--statistic", "place=shop").stdout.strip()
    listed = json.loads(typed("sam", "authorise", "list", "--json").stdout)
    assert [each["id"] for each in listed] == [name]
    assert (listed[0]["scope"], listed[0]["statistics"]) == ({"collections": ["suspects"]}, {"place": "shop"})
    note = typed("sam", *REQUEST).stderr
    assert "regard authorise approve" in note
    assert "assessed" not in note, "the server's settings name an assessment, whatever those of her own machine do"
    until = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%d")
    approved = typed("ove", "authorise", "approve", name, "--until", until, "--searches", "1")
    assert approved.stdout.startswith(f"Approved {name}, until {until} 00:00 UTC.")
    shown = typed("aud", "authorise", "show", name).stdout
    assert "Ove (ove)" in shown
    assert "CCTV of the shop" in shown
    typed("ove", "authorise", "agree", name)
    credentials = json.loads(typed("sam", "authorise", "credentials", name).stdout)
    assert {*credentials} == {"Version", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"}
    assert typed("sam", "authorise", "end", name).stdout == f"Ended {name}.\n"
    again = typed("sam", "authorise", "end", name, code=1)
    assert "has ended already" in again.stderr


def test_what_is_refused_there_is_told_here(typed: Terminals) -> None:
    name = typed("ove", *REQUEST).stdout.strip()
    assert "another person has to decide" in typed("ove", "authorise", "approve", name, code=1).stderr
    typed("oda", "authorise", "refuse", name)
    assert "forbidden" in typed("sam", *REQUEST, "--purpose", "immigration-status", code=1).stderr
    assert "it takes" in typed("sam", "people", "list", code=1).stderr


def test_what_comes_from_the_server_does_not_steer_the_terminal(typed: Terminals, desk: Office) -> None:
    desk.post("ann", "/people", {"name": "[red]Rex[/]", "login": "rex"})
    assert "[red]Rex[/]" in typed("aud", "people", "list").stdout


# -- people, services, thresholds, suspensions -----------------------------------------------------------------------


def test_people_are_added_trained_and_ended_from_elsewhere(typed: Terminals) -> None:
    assert (
        "Added Tom Brown: searcher."
        in typed("ann", "people", "add", "Tom Brown", "--login", "tom", "--role", "searcher").stdout
    )
    assert "now" in typed("ann", "people", "grant", "tom", "reviewer").stdout
    training = ("--subject", "face comparison", "--reference", "C-17", "--completed", "2026-11-02")
    assert "until 2027-11-02" in typed("ann", "people", "train", "tom", *training).stdout
    key = json.loads(typed("ann", "people", "key", "tom", "--json").stdout)
    shown = json.loads(typed("aud", "people", "show", "tom", "--json").stdout)
    assert (shown["Roles"], shown["AccessKeyIds"]) == (["reviewer", "searcher"], [key["AccessKeyId"]])
    assert shown["Trainings"][0]["Reference"] == "C-17"
    assert "1 access key" in typed("ann", "people", "end", "tom", "--yes").stdout


def test_a_password_is_changed_from_elsewhere_by_whose_it_is(typed: Terminals, desk: Office) -> None:
    desk.post("ann", "/people", {"name": "Ivy", "login": "ivy", "roles": ["reviewer"]})
    desk.ask("ann", "PUT", "/people/ivy/password", {"password": PASSWORD})
    new = f"{PASSWORD} for good\n"
    assert "Somebody else has set your password" in " ".join(typed.sign_in("ivy").stderr.split())
    assert "First set one of your own" in " ".join(typed("ivy", "review", "next", code=1).stderr.split())
    assert typed("ivy", "people", "password", given=new).stdout == "Ivy has a new password.\n"
    typed.sign_in("ivy", new)
    assert "otpauth://" in typed("ivy", "people", "totp").stdout


def test_services_are_kept_from_elsewhere(typed: Terminals) -> None:
    typed("ann", "services", "add", "front/door", "--answers", "eve", "--role", "enroller")
    assert json.loads(typed("ann", "services", "key", "front/door", "--json").stdout)["Holder"] == "front/door"
    typed("ann", "services", "grant", "front/door", "searcher")
    typed("ove", "services", "withdraw", "front/door", "searcher")
    (found,) = json.loads(typed("aud", "services", "list", "--json").stdout)
    assert (found["Name"], found["Roles"], found["Answers"]["Name"]) == ("front/door", ["enroller"], "Eve")
    assert "1 of its keys" in typed("ove", "services", "end", "front/door", "--yes").stdout


def test_thresholds_and_suspensions_are_changed_from_elsewhere(typed: Terminals) -> None:
    assert typed("ann", "thresholds", "raise", "suspects", "99.5", "--reason", "too many").exit_code == 0
    (change,) = json.loads(typed("ove", "thresholds", "list", "suspects", "--json").stdout)
    assert (change["threshold"], change["reason"]) == (99.5, "too many")
    begun = typed("ove", "suspend", "collection", "suspects", "--reason", "the warrant was withdrawn").stdout
    assert begun.startswith("The collection suspects is suspended, as number ")
    (found,) = json.loads(typed("sam", "suspensions", "list", "--json").stdout)
    assert (found["Kind"], found["Subject"]) == ("collection", "suspects")
    typed("ann", "suspensions", "lift", found["Number"])
    assert "Nothing is suspended." in typed("sam", "suspensions", "list").stderr


# -- the ledger, and what is not done from elsewhere ------------------------------------------------------------------


def test_the_ledger_is_exported_and_verified_elsewhere(typed: Terminals, tmp_path: Path) -> None:
    key = typed("aud", "ledger", "keys").stdout.splitlines()[0]
    note = tmp_path / "now.checkpoint"
    typed("aud", "ledger", "checkpoint", "--output", note)
    typed("aud", "ledger", "export", tmp_path / "ledger")
    verified = CliRunner().invoke(
        app, ["ledger", "verify", str(tmp_path / "ledger"), "--key", key, "--checkpoint", str(note)]
    )
    assert (verified.exit_code, "All are whole" in verified.stdout) == (0, True)
    receipt = tmp_path / "one.tlog-proof"
    typed("ove", "ledger", "prove", 0, "--output", receipt)
    assert CliRunner().invoke(app, ["ledger", "verify", str(receipt), "--key", key]).exit_code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("people", "identity", "sam"),
        ("people", "passkeys"),
        ("cases", "line-up", "case-1", "1", "--save", "x.png"),
        ("ledger", "resume", "--reason", "x"),
        ("ledger", "erase", "--before", "2026-01-01", "--reason", "x", "--yes"),
        ("index", ".", "--collection", "suspects"),
        ("evaluate", "labelled.tsv", "--collection", "suspects"),
        ("collections", "verify", "suspects"),
        ("collections", "export", "suspects", "x.regard"),
        ("faces", "list", "--collection", "suspects"),
        ("jobs", "list"),
        ("sweep",),
    ],
)
def test_what_is_done_on_the_servers_machine_alone_says_so(typed: Terminals, words: tuple[str, ...]) -> None:
    assert "on the server's own machine" in typed("sam", *words, code=1).stderr
    assert not (typed.homes / "sam" / "regard.db").exists()


def test_what_is_done_in_another_way_says_in_which(typed: Terminals) -> None:
    line_up = typed("sam", "cases", "line-up", "case-1", "1", "--save", "x.png", code=1).stderr
    assert "GET /v1/cases/CASE/pictures" in " ".join(line_up.split())
    for words in (("keys", "create"), ("keys", "list")):
        assert "`regard people key` and `regard services key`" in " ".join(typed("ann", *words, code=1).stderr.split())
    assert "/v1/evaluations" in typed("ann", "evaluate", "labelled.tsv", code=1).stderr
    assert typed("ann", "people", "key", "sam").stdout.startswith("AccessKeyId:")
    assert not (typed.homes / "ann" / "regard.db").exists(), "nothing was done in this machine's home"


def test_collections_are_listed_and_deleted(desk: Office, typed: Terminals) -> None:
    desk.post("ann", "/collections", {"collection_id": "spare"})
    listed = json.loads(typed("sam", "collections", "list", "--json").stdout)
    assert {each["CollectionId"]: each["FaceCount"] for each in listed} == {"spare": 0, "suspects": 0}
    assert "it takes the role administrator" in typed("sam", "collections", "delete", "spare", "--yes", code=1).stderr
    assert "Delete spare and its 0 faces" in typed("ann", "collections", "delete", "spare", given="n\n", code=1).stdout
    assert typed("ann", "collections", "delete", "spare", "--yes").stdout == "Deleted spare and its 0 faces.\n"
    assert "spare" not in typed("ann", "collections", "list").stdout


def test_users_are_created_listed_and_deleted(typed: Terminals) -> None:
    at = ("--collection", "suspects")
    assert typed("eve", "users", "create", "ada", *at).stdout == "Created the user ada in suspects.\n"
    listed = json.loads(typed("eve", "users", "list", *at, "--json").stdout)
    assert listed == {"Users": [{"UserId": "ada", "UserStatus": "CREATED"}]}
    refused = typed("eve", "users", "associate", "ada", "0d4d2d5e-6f7a-4b8c-9d0e-1f2a3b4c5d6e", *at, code=1)
    assert "authorisation" in refused.stderr
    assert (
        "--external-id finds none"
        in typed("eve", "users", "associate", "ada", "--external-id", "ada", *at, code=1).stderr
    )
    assert typed("eve", "users", "delete", "ada", *at, "--yes").stdout.startswith("Deleted the user ada")
