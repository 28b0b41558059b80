"""Authorisations as unmodified clients carry them: by a profile, by a token file, by a process."""

from __future__ import annotations

import base64
import http.client
import json
import os
import pwd
import sys
import threading
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import boto3
import pytest
from authorised import ROLE, Authorise, left, search
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from live_server import Live
from staff import Staff, taken

from regard.accountability.secret_box import SecretBox
from regard.accountability.sessions import SessionRequest
from regard.accountability.web_identity import WebIdentityTokens
from regard.bootstrap.accountability import authorised_credentials
from regard.bootstrap.http import known_people
from regard.domain.authorisations import Authorisation, AuthorisationState
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.callers import Principal
from regard.domain.people import Role
from regard.errors import AccessDenied
from regard.store.authorisation_rows import AuthorisationRows

Refused = Callable[..., tuple[str, str]]


# -- a profile of ~/.aws/config ----------------------------------------------------------------------------------


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], boto3.Session]:
    """A session by what `~/.aws/config` and `~/.aws/credentials` say, and nothing else."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))

    def make(config: str, credentials: str) -> boto3.Session:
        (tmp_path / "config").write_text(config)
        (tmp_path / "credentials").write_text(credentials)
        return boto3.Session(profile_name="case")

    return make


Profiles = Callable[[str, str], boto3.Session]


def through(session: boto3.Session) -> Any:
    return closing(session.client("rekognition"))


def test_a_profile_with_nothing_but_the_id_is_enough(
    known: Live, staff: Staff, authorise: Authorise, profiles: Profiles
) -> None:
    found, (key, secret) = authorise(), staff.keys["sam"]
    session = profiles(
        f"[profile case]\nrole_arn = {ROLE}\nsource_profile = desk\nrole_session_name = {found.id}\n"
        f"region = us-east-1\nendpoint_url = {known.url}\n",
        f"[desk]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n",
    )
    with through(session) as client:
        assert search(client)["FaceMatches"] == []
    assert left(staff, found) == 1


# -- AssumeRoleWithWebIdentity -----------------------------------------------------------------------------------


def token_of(known: Live, staff: Staff, found: Authorisation) -> str:
    holder = staff.people.holder(found.holder_id)
    assert holder is not None
    return WebIdentityTokens(SecretBox(known.engine.settings.home / "seal.key")).issue(found, holder)


def unsigned(known: Live) -> Any:
    made = boto3.client(
        "sts", endpoint_url=known.url, region_name="us-east-1", config=Config(signature_version=UNSIGNED)
    )
    known.clients.callback(made.close)
    return made


def exchange(known: Live, token: str, **given: Any) -> dict[str, Any]:
    wanted = {"RoleArn": ROLE, "RoleSessionName": "anything", "WebIdentityToken": token} | given
    return dict(unsigned(known).assume_role_with_web_identity(**wanted))


def exchange_from(known: Live, address: str, token: str) -> tuple[int, str]:
    """The same request, sent from another address of this machine."""
    asked = {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleArn": ROLE}
    body = urlencode(asked | {"RoleSessionName": "anything", "WebIdentityToken": token})
    connection = http.client.HTTPConnection("127.0.0.1", known.port, timeout=30, source_address=(address, 0))
    with closing(connection):
        connection.request("POST", "/", body, {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_a_token_is_good_from_where_it_was_used_first(known: Live, staff: Staff, authorise: Authorise) -> None:
    found, engine = authorise(), known.engine
    doors = authorised_credentials(engine.settings, engine.stores)
    caller = Caller(principal=Principal(access_key_id="", name="sam"), channel=Channel.CLI)

    def given_out() -> str:
        with engine.gate.open(caller, Act(action=Action.ADMINISTER, operation="authorise credentials")) as grant:
            return doors.web_identity(grant, found.id)

    token = given_out()
    assert [bool(exchange(known, token)["Credentials"]) for _ in range(2)] == [True, True], "clients renew by it"
    status, said = exchange_from(known, "127.0.0.2", token)
    assert (status, "was first used from another address than 127.0.0.2" in said) == (403, True), said
    assert exchange(known, token)["Credentials"], "whose it is goes on"
    moved = given_out()
    assert exchange_from(known, "127.0.0.2", moved)[0] == 200
    with pytest.raises(ClientError, match=r"another address than 127\.0\.0\.1.*somebody has copied your token"):
        exchange(known, moved)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("2001:db8::1:2:3:4", "2001:db8::5:6:7:8", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
    ],
)
def test_of_ipv6_the_network_is_looked_at(
    known: Live, staff: Staff, authorise: Authorise, first: str, second: str, same: bool
) -> None:
    found = authorise()
    token = WebIdentityTokens(SecretBox(known.engine.settings.home / "seal.key")).read(token_of(known, staff, found))

    def asked(address: str) -> None:
        principal = replace(token.principal, address=address)
        caller = Caller(principal=principal, channel=Channel.AWS, authorisation=found.id)
        act = Act(action=Action.SIGN_IN, operation="AssumeRoleWithWebIdentity")
        with known.engine.gate.open(caller, act) as grant:
            known_people(known.engine).sessions.terms(grant, SessionRequest(name=found.id, token_id=token.token_id))

    asked(first)
    with nullcontext() if same else pytest.raises(AccessDenied, match="from another address"):
        asked(second)


def test_a_token_that_was_copied_is_void_once_another_is_given_out(
    known: Live, staff: Staff, authorise: Authorise
) -> None:
    found, engine = authorise(), known.engine
    doors = authorised_credentials(engine.settings, engine.stores)
    caller = Caller(principal=Principal(access_key_id="", name="sam"), channel=Channel.CLI)

    def given_out() -> str:
        with engine.gate.open(caller, Act(action=Action.ADMINISTER, operation="authorise credentials")) as grant:
            return doors.web_identity(grant, found.id)

    copied = given_out()
    assert exchange(known, copied)["Credentials"]
    renewed = given_out()
    with pytest.raises(ClientError, match=r"Another web identity token of .* was given out, and this one is void"):
        exchange(known, copied)
    assert [bool(exchange(known, renewed)["Credentials"]) for _ in range(2)] == [True, True], "clients renew by it"


def test_a_token_file_is_enough_without_any_key(
    known: Live, staff: Staff, authorise: Authorise, profiles: Profiles, tmp_path: Path
) -> None:
    found = authorise()
    (tmp_path / "token").write_text(token_of(known, staff, found))
    session = profiles(
        f"[profile case]\nrole_arn = {ROLE}\nweb_identity_token_file = {tmp_path / 'token'}\n"
        f"region = us-east-1\nendpoint_url = {known.url}\n",
        "",
    )
    with through(session) as client:
        assert search(client)["FaceMatches"] == []
    assert left(staff, found) == 1
    assert session.get_credentials().access_key.startswith("RGRT")


def test_a_token_says_whose_it_is_and_its_session_is_named_after_its_authorisation(
    known: Live, staff: Staff, authorise: Authorise
) -> None:
    found = authorise()
    answer = exchange(known, token_of(known, staff, found))
    assert answer["SubjectFromWebIdentityToken"] == "sam-0001"
    assert answer["Audience"] == "sts.amazonaws.com"
    identity = taken(known, answer["Credentials"], "sts").get_caller_identity()
    assert identity["Arn"].endswith(f"assumed-role/searcher/{found.id}")


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    header, payload, signature = token.split(".")
    return json.loads(_decoded(header)), json.loads(_decoded(payload)), signature


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def joined(header: dict[str, Any], payload: dict[str, Any], signature: str) -> str:
    coded = [base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode() for each in (header, payload)]
    return ".".join([*coded, signature])


def test_a_forged_or_widened_token_is_refused(
    known: Live, staff: Staff, authorise: Authorise, refused: Refused, tmp_path: Path
) -> None:
    found, other = authorise(), authorise(holder_id="sue-0001", requested_by="sue-0001")
    token = token_of(known, staff, found)
    header, payload, signature = parts(token)
    holder = staff.people.holder("sam-0001")
    assert holder is not None
    anothers = WebIdentityTokens(SecretBox(tmp_path / "seal.key")).issue(found, holder)
    forged = {
        "no algorithm": joined({**header, "alg": "none"}, payload, ""),
        "another algorithm": joined({**header, "alg": "HS256"}, payload, signature),
        "another key": joined({**header, "kid": "mine"}, payload, signature),
        "another audience": joined(header, {**payload, "aud": "elsewhere"}, signature),
        "longer": joined(header, {**payload, "exp": payload["exp"] + 1}, signature),
        "another authorisation": joined(header, {**payload, "authorisation": other.id}, signature),
        "another installation's": anothers,
        "cut": token[:-1],
        "padded": token + "=",
        "with a line": token + "\n",
        "no token": "abcd",
    }
    for name, each in forged.items():
        code, _ = refused(exchange, known=known, token=each)
        assert code == "InvalidIdentityToken", name
    assert refused(exchange, known=known, token=token, RoleSessionName=other.id)[0] == "AccessDenied"
    assert refused(exchange, known=known, token=token, Policy="{}")[0] == "ValidationError"


def test_a_token_is_worth_nothing_after_the_end_and_neither_are_its_credentials(
    known: Live, staff: Staff, authorise: Authorise, refused: Refused
) -> None:
    found = authorise()
    token = token_of(known, staff, found)
    client = taken(known, exchange(known, token)["Credentials"])
    search(client)
    AuthorisationRows(staff.database).decide(
        found.id, {AuthorisationState.APPROVED}, AuthorisationState.ENDED, "ove-0001", datetime.now(UTC)
    )
    assert refused(exchange, known=known, token=token)[0] == "ExpiredToken"
    assert refused(search, client=client)[0] == "ExpiredTokenException"
    past = authorise(ends_at=datetime.now(UTC) - timedelta(seconds=1))
    assert refused(exchange, known=known, token=token_of(known, staff, past))[0] == "ExpiredToken"


def test_credentials_of_a_token_chain_to_nothing_else(
    known: Live, staff: Staff, authorise: Authorise, refused: Refused
) -> None:
    found, other = authorise(), authorise()
    sts = taken(known, exchange(known, token_of(known, staff, found))["Credentials"], "sts")
    again = sts.assume_role(RoleArn=ROLE, RoleSessionName=found.id)["Credentials"]
    assert search(taken(known, again))["FaceMatches"] == []
    assert refused(sts.assume_role, RoleArn=ROLE, RoleSessionName=other.id)[0] == "AccessDenied"


def test_who_has_ended_has_no_token(known: Live, staff: Staff, authorise: Authorise, refused: Refused) -> None:
    staff.add("tim", Role.SEARCHER)
    found = authorise(holder_id="tim-0001", requested_by="tim-0001")
    token = token_of(known, staff, found)
    client = taken(known, exchange(known, token)["Credentials"])
    search(client)
    staff.people.end("tim-0001", datetime.now(UTC))
    threading.Event().wait(1.1)
    assert refused(exchange, known=known, token=token)[0] == "AccessDenied"
    assert refused(search, client=client)[0] == "AccessDeniedException"


# -- credential_process ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_process_prints_credentials_that_boto3_takes(
    known: Live, staff: Staff, known_home: Path, authorise: Authorise, profiles: Profiles
) -> None:
    login = pwd.getpwuid(os.getuid()).pw_name
    staff.add(login, Role.SEARCHER)
    found = authorise(holder_id=f"{login}-0001", requested_by=f"{login}-0001")
    command = f"{sys.executable} -m regard authorise credentials {found.id} --home {known_home}"
    session = profiles(
        f"[profile case]\ncredential_process = {command}\nregion = us-east-1\nendpoint_url = {known.url}\n", ""
    )
    with through(session) as client:
        assert search(client)["FaceMatches"] == []
    assert left(staff, found) == 1
