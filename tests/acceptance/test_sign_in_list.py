"""One's own sign-ins and means, through the native API of a real server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from native import PASSWORD, Office, office
from software_authenticator import Authenticator

PATIENCE_SECONDS = 20
SITE = "https://regard.example.org"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1 Version/17.5 Mobile Safari/604.1"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path, site=SITE) as made:
        yield made


def signed_in(desk: Office, login: str, user_agent: str) -> str:
    said = desk.ask("", "POST", "/sign-in", {"login": login, "password": PASSWORD}, user_agent=user_agent)
    token: str = said.json["token"]
    return token


def asked(desk: Office, token: str, method: str, path: str, body: Any = None, **headers: str) -> Any:
    return desk.ask("", method, path, body, authorization=f"Bearer {token}", **headers)


def listed(desk: Office, token: str) -> dict[str, Any]:
    said = asked(desk, token, "GET", "/me/sign-ins", user_agent=FIREFOX)
    assert said.status == 200, said.content
    return {each["device"]: each for each in said.json["sign_ins"]}


def entries(desk: Office, operation: str) -> list[Any]:
    found = [each["said"] or {} for each in desk.get("aud", "/ledger/entries?count=200")["entries"]]
    return [each for each in found if each.get("operation") == operation]


@pytest.mark.slow
def test_everybody_sees_where_they_are_signed_in_and_ends_what_they_do_not_know(desk: Office) -> None:
    here, phone, hers = (
        signed_in(desk, "sam", FIREFOX),
        signed_in(desk, "sam", SAFARI),
        signed_in(desk, "sue", FIREFOX),
    )
    found = listed(desk, here)
    assert set(found) == {"Firefox on Linux", "Safari on iPhone"}
    mine, other = found["Firefox on Linux"], found["Safari on iPhone"]
    assert (mine["this"], other["this"]) == (True, False)
    assert (other["address"], other["means"]) == ("127.0.0.1", ["password"])
    [others] = asked(desk, hers, "GET", "/me/sign-ins").json["sign_ins"]
    assert asked(desk, here, "DELETE", f"/me/sign-ins/{others['id']}").status == 404
    assert asked(desk, hers, "GET", "/me").status == 200
    assert asked(desk, here, "DELETE", f"/me/sign-ins/{other['id']}").status == 204
    assert asked(desk, phone, "GET", "/me").status == 401
    assert set(listed(desk, here)) == {"Firefox on Linux"}
    assert other["id"] in str(entries(desk, "DELETE /v1/me/sign-ins/{sign_in_id}"))


def test_all_others_are_ended_at_once(desk: Office) -> None:
    here, *others = [signed_in(desk, "sam", FIREFOX) for _ in range(3)]
    assert asked(desk, here, "POST", "/me/sign-ins/end-others").json == {"ended": 2}
    assert [asked(desk, each, "GET", "/me").status for each in (here, *others)] == [200, 401, 401]
    assert asked(desk, here, "POST", "/me/sign-ins/end-others").json == {"ended": 0}


@pytest.mark.slow
def test_a_passkey_is_listed_and_removed_and_ends_every_sign_in(desk: Office) -> None:
    token, key = signed_in(desk, "sam", FIREFOX), Authenticator(SITE, "EdDSA")
    begun = asked(desk, token, "POST", "/me/passkeys/options").json
    given = {"state": begun["state"], "credential": key.create(begun["options"]), "name": "phone"}
    made = asked(desk, token, "POST", "/me/passkeys", given).json
    means = asked(desk, token, "GET", "/me/means").json
    assert (means["login"], means["password"], means["codes"], means["identities"]) == ("sam", True, False, [])
    assert [(each["id"], each["name"]) for each in means["passkeys"]] == [(made["id"], "phone")]
    hers = signed_in(desk, "sue", FIREFOX)
    assert asked(desk, hers, "DELETE", f"/me/passkeys/{made['id']}").status == 404
    assert asked(desk, token, "DELETE", f"/me/passkeys/{made['id']}").status == 204
    deadline = time.monotonic() + PATIENCE_SECONDS
    while asked(desk, token, "GET", "/me").status != 401:  # known everywhere within a second
        assert time.monotonic() < deadline
        time.sleep(0.2)
    begun = desk.ask("", "POST", "/sign-in/passkey/options").json
    again = desk.ask("", "POST", "/sign-in/passkey", {"state": begun["state"], "credential": key.get(begun["options"])})
    assert again.status == 401


def test_whoever_has_a_password_that_somebody_else_set_sees_none_of_it_yet(desk: Office) -> None:
    person = desk.get("ann", "/people/sam")["person"]["id"]
    lent = {"password": "seven lanterns over the harbour"}
    assert desk.ask("ann", "PUT", f"/people/{person}/password", lent).status == 200
    token = desk.ask("", "POST", "/sign-in", {"login": "sam", **lent}).json["token"]
    for method, path in (("GET", "/me/sign-ins"), ("GET", "/me/means"), ("POST", "/me/sign-ins/end-others")):
        assert asked(desk, token, method, path).status == 403, path


def test_administrators_and_auditors_read_the_settings_and_no_secret(desk: Office) -> None:
    for login, status in (("ann", 200), ("aud", 200), ("sam", 403), ("ove", 403), ("rob", 403)):
        assert desk.ask(login, "GET", "/settings").status == status, login
    found = desk.get("ann", "/settings")
    assert found["file"].endswith("regard.toml")
    by = {(each["section"], each["key"]): each for each in found["settings"]}
    assert by["accountability", "profile"]["value"] == "public-safety"
    assert by["server", "host"]["origin"] == "default"
    (Path(found["file"])).write_text('[server]\nqueue = 3\n[events]\nwebhook_secret = "whsec_shh"\n')
    again = {(each["section"], each["key"]): each for each in desk.get("ann", "/settings")["settings"]}
    assert again["server", "queue"]["awaited"] is True
    assert "shh" not in desk.ask("ann", "GET", "/settings").content.decode()
