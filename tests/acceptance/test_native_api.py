"""The native API on a real server: signing in, the token, and how errors are told."""

from __future__ import annotations

import gzip
import http.client
import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from identity_provider import identity_provider
from live_server import Live, without_models
from software_authenticator import Authenticator

from regard.accountability.passwords import Passwords
from regard.api.problems import problem
from regard.bootstrap.native_api import passkey_site
from regard.config.settings import load_settings
from regard.domain.people import Person, Role
from regard.errors import InternalServerError

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def said(self) -> Any:
        return json.loads(self.content)


def ask(live: Live, method: str, path: str, body: Any = None, token: str = "", **headers: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=30)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if token:
        sent["Authorization"] = f"Bearer {token}"
    content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    if content is not None:
        sent.setdefault("Content-Type", "application/json")
    try:
        connection.request(method, path, content, sent)
        response = connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()


def sign_in(live: Live, login: str = "ada", password: str = PASSWORD, **more: str) -> Answer:
    return ask(live, "POST", "/v1/sign-in", {"login": login, "password": password, **more})


SITE = "https://regard.example.org"
ADA = "1" * 36


@contextmanager
def serving_ada(home: Path, *roles: Role, **accountability: Any) -> Iterator[Live]:
    """A server that knows Ada, and her password."""
    with without_models(home, accountability={"site": SITE, **accountability}) as server:
        stores = server.engine.stores
        stores.people.add(Person(id=ADA, name="Ada Lovelace", login="ada", created_at=datetime.now(UTC)))
        stores.people.grant(ADA, roles, None, datetime.now(UTC))
        stores.sign_ins.set_password(ADA, Passwords().hash(PASSWORD), None)
        yield server


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    with serving_ada(tmp_path) as server:
        yield server


def test_who_signs_in_is_known_by_the_token_and_no_longer_once_they_sign_out(live: Live) -> None:
    signed_in = sign_in(live)
    assert signed_in.status == 200
    assert signed_in.headers["cache-control"] == "no-store"
    token, ends_at = signed_in.said["token"], datetime.fromisoformat(signed_in.said["ends_at"])
    assert timedelta(hours=11) < ends_at - datetime.now(UTC) <= timedelta(hours=12)
    me = ask(live, "GET", "/v1/me", token=token)
    assert (me.status, me.said["name"], me.said["profile"]) == (200, "Ada Lovelace", "open")
    assert ask(live, "POST", "/v1/sign-out", token=token).status == 204
    ended = ask(live, "GET", "/v1/me", token=token)
    assert (ended.status, ended.said["code"]) == (401, "ExpiredToken")


@pytest.mark.parametrize(
    ("login", "password"), [("ada", "wrong horse battery"), ("nobody", PASSWORD), ("", PASSWORD + "x"), ("ada", "x")]
)
def test_what_is_wrong_with_a_sign_in_is_not_told(live: Live, login: str, password: str) -> None:
    refused = sign_in(live, login or "x", password)
    assert refused.status == 401
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["www-authenticate"] == "Bearer"
    said = refused.said
    assert said.pop("request_id") == refused.headers["x-regard-request-id"]
    assert said == {
        "type": "urn:regard:error:sign-in-refused",
        "title": "Unauthorized",
        "status": 401,
        "detail": "The login, the password or the code is wrong.",
        "code": "SignInRefused",
    }


def test_a_body_may_come_compressed(live: Live) -> None:
    said = json.dumps({"login": "ada", "password": PASSWORD}).encode()
    packed = ask(live, "POST", "/v1/sign-in", gzip.compress(said), Content_Encoding="gzip")
    assert packed.status == 200
    assert ask(live, "GET", "/v1/me", token=packed.said["token"]).said["name"] == "Ada Lovelace"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (gzip.compress(b" " * 100_000_000), 413),  # 97 kB as it is sent
        (gzip.compress(b"{}")[:-4], 400),
        (gzip.compress(b"{}") + b"{}", 400),
        (gzip.compress(b"{}") * 2, 400),
        (b"{}", 400),
        (gzip.compress(b"{"), 422),
    ],
)
@pytest.mark.slow
def test_a_compressed_body_that_is_too_long_or_damaged_is_refused(live: Live, body: bytes, status: int) -> None:
    refused = ask(live, "POST", "/v1/sign-in", body, Content_Encoding="gzip")
    assert (refused.status, refused.headers["content-type"]) == (status, "application/problem+json")
    assert sign_in(live).status == 200


def test_without_a_token_nothing_is_answered(live: Live) -> None:
    for token in ("", "RGRSX.abcd", "\xe4", "." * 2000):
        refused = ask(live, "GET", "/v1/me", token=token)
        assert refused.status == 401
        assert refused.said["code"] in ("MissingAuthenticationToken", "UnrecognizedClient")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 422),
        (b"\xc3\x28", 400),
        (b"[" * 100_000, 400),
        ({"login": "ada"}, 422),
        ({"login": "ada", "password": PASSWORD, "more": 1}, 422),
        ({"login": 7, "password": PASSWORD}, 422),
        ([], 422),
        (b"x" * 300_000, 413),
    ],
)
@pytest.mark.slow
def test_a_body_of_another_form_is_a_problem_that_repeats_nothing_of_it(live: Live, body: Any, status: int) -> None:
    refused = ask(live, "POST", "/v1/sign-in", body)
    assert refused.status == status
    assert refused.headers["content-type"] == "application/problem+json"
    assert PASSWORD not in refused.content.decode()


@pytest.mark.slow
def test_a_route_that_there_is_not_is_a_problem(live: Live) -> None:
    nowhere = ask(live, "GET", "/v1/nothing")
    assert (nowhere.status, nowhere.said["code"]) == (404, "ResourceNotFound")
    other = ask(live, "DELETE", "/v1/me")
    assert (other.status, other.said["code"]) == (405, "UnknownOperation")


def test_who_guesses_waits(live: Live) -> None:
    statuses = [sign_in(live, password=f"{number} wrong horse battery").status for number in range(6)]
    assert statuses == [401] * 5 + [429]
    assert sign_in(live).status == 429


@pytest.mark.slow
def test_one_address_does_not_try_endlessly(live: Live) -> None:
    statuses = [sign_in(live, f"nobody-{number}").status for number in range(40)]
    assert set(statuses) == {401, 429}
    assert statuses[:20] == [401] * 20


def test_whoever_is_known_is_answered_while_strangers_try_to_sign_in(live: Live) -> None:
    token, client = sign_in(live).said["token"], live.client()
    over = threading.Event()

    def attack(number: int) -> None:
        while not over.is_set():
            assert sign_in(live, f"nobody-{number}").status in (401, 429)

    with ThreadPoolExecutor(16) as pool:
        attackers = [pool.submit(attack, number) for number in range(16)]
        try:
            for _ in range(10):
                assert ask(live, "GET", "/v1/me", token=token).status == 200
                client.list_collections()
        finally:
            over.set()
        for each in attackers:
            each.result()


def test_a_passkey_made_after_signing_in_signs_in_by_itself(live: Live) -> None:
    token, key = sign_in(live).said["token"], Authenticator(SITE, "EdDSA")
    begun = ask(live, "POST", "/v1/me/passkeys/options", token=token).said
    given = {"state": begun["state"], "credential": key.create(begun["options"]), "name": "phone"}
    made = ask(live, "POST", "/v1/me/passkeys", given, token=token)
    assert (made.status, made.said["name"]) == (201, "phone")
    begun = ask(live, "POST", "/v1/sign-in/passkey/options").said
    answer = {"state": begun["state"], "credential": key.get(begun["options"])}
    signed_in = ask(live, "POST", "/v1/sign-in/passkey", answer)
    assert signed_in.status == 200
    assert ask(live, "GET", "/v1/me", token=signed_in.said["token"]).said["name"] == "Ada Lovelace"
    again = ask(live, "POST", "/v1/sign-in/passkey", answer)
    assert (again.status, again.said["code"]) == (401, "SignInRefused")


def test_an_identity_provider_signs_in_whom_an_administrator_made_known(tmp_path: Path) -> None:
    with identity_provider() as provider:
        chosen = {"openid_issuer": provider.issuer, "openid_client_id": "regard"}
        with serving_ada(tmp_path, **chosen) as live:
            live.engine.stores.sign_ins.add_identity(provider.issuer, "7", ADA)
            begun = ask(live, "POST", "/v1/sign-in/openid/options").said
            assert (begun["issuer"], begun["client_id"]) == (provider.issuer, "regard")
            given = {"state": begun["state"], "id_token": provider.token(begun["nonce"])}
            token = ask(live, "POST", "/v1/sign-in/openid", given).said["token"]
            assert ask(live, "GET", "/v1/me", token=token).said["id"] == ADA


def test_a_page_is_told_which_address_passkeys_are_bound_to(live: Live, tmp_path: Path) -> None:
    assert ask(live, "GET", "/v1/sign-in").said == {"kept": False, "site": SITE}
    # Of a machine of one's own it is its name: browsers make no passkey for a number.
    for server, site in (
        ({"port": 8080}, "http://localhost:8080"),
        (
            {"port": 8443, "tls_certificate": tmp_path / "a.pem", "tls_key": tmp_path / "a.key"},
            "https://localhost:8443",
        ),
        ({"port": 0}, None),
        ({"host": "0.0.0.0", "port": 8080}, None),  # noqa: S104
    ):
        assert passkey_site(load_settings({}, home=tmp_path, server=server)) == site


def test_without_an_address_or_a_provider_it_is_said_what_to_set(tmp_path: Path) -> None:
    with without_models(tmp_path, server={"port": 0}) as live:
        for kind, setting in (("passkey", "[accountability] site"), ("openid", "openid_issuer")):
            refused = ask(live, "POST", f"/v1/sign-in/{kind}/options")
            assert (refused.status, setting in refused.said["detail"]) == (400, True)


# -- under profiles -----------------------------------------------------------------------------------------------


def test_under_a_profile_that_knows_people_a_sign_in_is_an_entry_of_the_ledger(tmp_path: Path) -> None:
    with serving_ada(tmp_path, Role.REVIEWER, profile="public-safety") as live:
        token = sign_in(live).said["token"]
        me = ask(live, "GET", "/v1/me", token=token)
        assert (me.said["roles"], me.said["profile"]) == (["reviewer"], "public-safety")
        assert sign_in(live, password="a wrong one entirely").status == 401
        ask(live, "POST", "/v1/sign-out", token=token)
    with closing(sqlite3.connect(tmp_path / "regard.db")) as connection:
        entries = connection.execute("SELECT body FROM ledger_entries ORDER BY position")
        bodies = [json.loads(body) for (body,) in entries]
    assert [each["operation"] for each in bodies] == ["POST /v1/sign-in", "GET /v1/me", "POST /v1/sign-out"]
    assert {(each["channel"], each["person"], each["outcome"]) for each in bodies} == {("api", ADA, "allowed")}
    assert bodies[0]["facts"]["means"] == ["password"]
    assert bodies[0]["facts"]["sign_in"] == bodies[1]["who"]["session_key"]
    assert PASSWORD not in str(bodies)


@pytest.mark.control(27)
def test_who_has_no_role_does_not_sign_in_under_such_a_profile(tmp_path: Path) -> None:
    with serving_ada(tmp_path, profile="public-safety") as live:
        refused = sign_in(live)
    assert (refused.status, refused.said["code"]) == (403, "AccessDenied")
    assert "Ada Lovelace has none" in refused.said["detail"]


@pytest.mark.slow
def test_who_ends_is_known_no_more_within_a_second(tmp_path: Path) -> None:
    with serving_ada(tmp_path, Role.REVIEWER, profile="public-safety") as live:
        token = sign_in(live).said["token"]
        assert ask(live, "GET", "/v1/me", token=token).status == 200
        live.engine.stores.people.end(ADA, datetime.now(UTC))
        time.sleep(1.1)
        assert ask(live, "GET", "/v1/me", token=token).status in (401, 403)


def test_a_closed_installation_lets_nobody_sign_in(tmp_path: Path) -> None:
    with serving_ada(tmp_path, Role.ADMINISTRATOR, profile="closed") as live:
        refused = sign_in(live)
    assert (refused.status, "closed" in refused.said["detail"]) == (403, True)


# -- what it tells ------------------------------------------------------------------------------------------------


def test_each_request_is_a_line_of_the_log_without_a_secret(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "regard.requests"):
        token = sign_in(live).said["token"]
        ask(live, "GET", "/v1/me", token=token)
        ask(live, "GET", "/v1/nothing")
    lines = [(each.getMessage(), each.regard) for each in caplog.records]  # type: ignore[attr-defined]
    assert [said for said, _ in lines] == ["POST /v1/sign-in OK", "GET /v1/me OK", "unknown UnknownOperationException"]
    assert {fields["service"] for _, fields in lines} == {"regard"}
    assert [fields.get("access_key_id") for _, fields in lines] == [ADA, ADA, None]
    for secret in (token, PASSWORD, "Lovelace"):
        assert secret not in str(lines)


def test_a_file_of_rates_may_name_routes(tmp_path: Path) -> None:
    file = tmp_path / "rates.toml"
    file.write_text('"GET /v1/me" = { rate = 0.001, burst = 1 }')
    with without_models(tmp_path, server={"rates": str(file)}) as live:
        stores = live.engine.stores
        stores.people.add(Person(id=ADA, name="Ada Lovelace", login="ada", created_at=datetime.now(UTC)))
        stores.sign_ins.set_password(ADA, Passwords().hash(PASSWORD), None)
        tokens = [sign_in(live).said["token"] for _ in range(2)]  # whoever signs in twice is one caller
        answers = [ask(live, "GET", "/v1/me", token=token) for token in tokens]
    assert [each.status for each in answers] == [200, 429]
    assert answers[1].said["code"] == "ProvisionedThroughputExceeded"


def test_a_proxys_path_is_answered_at_too(tmp_path: Path) -> None:
    with without_models(tmp_path, server={"path_prefixes": "/rekognition"}) as live:
        assert ask(live, "GET", "/rekognition/v1/me").status == 401


def test_a_fault_of_the_server_is_told_without_another_services_name() -> None:
    said = json.loads(bytes(problem(InternalServerError("the disk at /srv is full"), "1").body))
    assert said["detail"] == "The server has a fault, which its log tells. Try again."


def test_pages_that_load_scripts_from_elsewhere_are_not_there(live: Live) -> None:
    assert [ask(live, "GET", f"/v1/{page}").status for page in ("docs", "redoc")] == [404, 404]
