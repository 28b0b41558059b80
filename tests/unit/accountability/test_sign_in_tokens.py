"""The tokens of those who signed in, and who changes what somebody signs in with."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sign_in_desk import CHEAP, PASSWORD, Desk, open_desk
from stores import Store

from regard.accountability.gate import Gate
from regard.accountability.profiles.catalogue import OPEN
from regard.accountability.secret_box import SecretBox
from regard.accountability.sign_in import SignIn
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.people import Role
from regard.errors import (
    AccessDenied,
    ExpiredToken,
    InvalidParameter,
    ResourceAlreadyExists,
    ResourceNotFound,
    SignInRefused,
    UnrecognizedClient,
)


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> Desk:
    return open_desk(store.database, tmp_path)


# -- tokens -------------------------------------------------------------------------------------------------------


def test_a_token_is_its_persons_until_it_ends_in_every_process(desk: Desk) -> None:
    token = desk.begin(desk.sign_in.by_password("ada", PASSWORD))
    for sign_in in (desk.sign_in, desk.another()):
        found = sign_in.lookup(token)
        assert (found.name, found.holder_id, found.access_key_id) == ("Ada", "id-of-ada", "id-of-ada")
        assert sign_in.recall(token) == found
    desk.clock.now += timedelta(hours=12)
    for sign_in in (desk.sign_in, desk.another()):
        with pytest.raises(ExpiredToken):
            sign_in.lookup(token)


def test_no_sign_in_lasts_longer_than_twelve_hours(desk: Desk) -> None:
    token = desk.begin(desk.sign_in.by_password("ada", PASSWORD), timedelta(days=30))
    session = desk.sign_in.lookup(token).temporary_credential
    assert session is not None
    assert session.expires_at <= desk.clock.now + timedelta(hours=12)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token[:-1],
        lambda token: token + "A",
        lambda token: token.replace(token[:20], "RGRSAAAAAAAAAAAAAAAA"),
        lambda token: token.split(".")[1],
        lambda token: re.sub(r"\.(....)", ".AAAA", token),
        lambda token: token + "\n",
        lambda _: "",
        lambda _: "." * 5000,
        lambda _: "RGRS.é",
    ],
)
def test_a_token_that_was_changed_is_nobodys(desk: Desk, spoil) -> None:  # type: ignore[no-untyped-def]
    token = desk.begin(desk.sign_in.by_password("ada", PASSWORD))
    with pytest.raises(UnrecognizedClient):
        desk.sign_in.lookup(spoil(token))


def test_a_token_of_another_installation_is_nobodys(desk: Desk, tmp_path: Path) -> None:
    elsewhere = SignIn(desk.rows, SecretBox(tmp_path / "other.key"), passwords=CHEAP, clock=desk.clock)
    proof = desk.sign_in.by_password("ada", PASSWORD)
    who = Caller(principal=proof.principal, channel=Channel.API)
    with Gate(OPEN).open(who, Act(action=Action.SIGN_IN, operation="a test")) as grant:
        token, _ = elsewhere.begin(grant, proof)
    desk.begin(proof)  # makes this installation's own key
    with pytest.raises(UnrecognizedClient):
        desk.sign_in.lookup(token)


def test_signing_out_ends_that_sign_in_and_no_other_within_a_second_everywhere(desk: Desk) -> None:
    one, other = (desk.begin(desk.sign_in.by_password("ada", PASSWORD)) for _ in range(2))
    elsewhere = desk.another()
    elsewhere.lookup(one)
    desk.end(one)
    with pytest.raises(ExpiredToken):
        desk.sign_in.lookup(one)
    desk.clock.now += timedelta(seconds=1)
    assert elsewhere.recall(one) is None
    with pytest.raises(ExpiredToken):
        elsewhere.lookup(one)
    assert elsewhere.lookup(other).name == "Ada"


def test_who_has_ended_is_known_no_more(desk: Desk) -> None:
    token = desk.begin(desk.sign_in.by_password("ada", PASSWORD))
    desk.staff.rows.end("id-of-ada", desk.clock.now)
    with pytest.raises(ExpiredToken):
        desk.another().lookup(token)


def test_a_new_password_ends_what_was_signed_in_to_with_the_old(desk: Desk) -> None:
    token = desk.begin(desk.sign_in.by_password("ada", PASSWORD))
    desk.clock.now += timedelta(seconds=2)
    desk.set_password("ada", "another battery horse")
    with pytest.raises(ExpiredToken):
        desk.sign_in.lookup(token)
    desk.clock.now += timedelta(seconds=1)
    assert desk.sign_in.lookup(desk.begin(desk.sign_in.by_password("ada", "another battery horse")))


# -- whose means they are -----------------------------------------------------------------------------------------


def test_everybody_changes_their_own_and_an_administrator_anybodys(desk: Desk) -> None:
    desk.staff.add("grace", Role.SEARCHER)
    desk.set_password("grace", by="grace")
    desk.set_password("grace", "another battery horse", by="root")
    with pytest.raises(AccessDenied, match="Only Ada, or an administrator"):
        desk.set_password("ada", by="grace")


def test_an_identity_elsewhere_is_one_persons_and_an_administrators_to_say(desk: Desk) -> None:
    issuer = "https://id.example.org"
    with desk.asks("root", "people identity") as grant:
        desk.means.add_identity(grant, "ada", issuer, "7")
        with pytest.raises(ResourceAlreadyExists, match="is Ada here"):
            desk.means.add_identity(grant, "root", issuer, "7")
        assert list(desk.means.identities(grant, "ada")) == [(issuer, "7")]
        with pytest.raises(InvalidParameter):
            desk.means.add_identity(grant, "ada", "id.example.org", "8")
        desk.means.remove_identity(grant, "ada", issuer, "7")
        with pytest.raises(ResourceNotFound):
            desk.means.remove_identity(grant, "ada", issuer, "7")
    with desk.asks("ada") as grant, pytest.raises(AccessDenied, match="Only an administrator can say"):
        desk.means.add_identity(grant, "ada", issuer, "9")


def test_who_has_no_login_gets_no_password(desk: Desk) -> None:
    desk.staff.add("grace")
    with desk.asks("root") as grant, pytest.raises(ResourceNotFound):
        desk.means.set_password(grant, "nobody", PASSWORD)


def test_codes_that_are_removed_are_asked_for_no_more(desk: Desk) -> None:
    desk.codes("ada")
    with desk.asks("root", "people totp") as grant:
        desk.means.remove_codes(grant, "ada")
    desk.clock.now += timedelta(seconds=1)
    assert desk.sign_in.by_password("ada", PASSWORD).means == ("password",)


def test_a_password_that_is_removed_is_right_no_more(desk: Desk) -> None:
    with desk.asks("ada") as grant:
        desk.means.remove_password(grant, "ada")
    with pytest.raises(SignInRefused):
        desk.sign_in.by_password("ada", PASSWORD)
