"""Signing in by a real identity provider on this machine."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from identity_provider import Provider, identity_provider
from joserfc.jwk import RSAKey
from roster import Clock, Staff
from software_authenticator import encoded
from stores import Store

from regard.accountability.openid import OpenId
from regard.accountability.secret_box import SecretBox
from regard.accountability.sign_in import Proof
from regard.errors import InternalServerError, InvalidParameter, SignInRefused
from regard.store.sign_in_rows import SignInRows

pytestmark = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)


@dataclass
class Door:
    """Where the provider's people sign in; `seconds` is a clock of its own."""

    rows: SignInRows
    openid: OpenId
    seconds: list[float]

    def sign_in(self, provider: Provider, **changes: Any) -> Proof:
        _, _, nonce, state = self.openid.options()
        return self.openid.prove(state, provider.token(nonce, **changes))


@pytest.fixture
def provider() -> Iterator[Provider]:
    with identity_provider() as found:
        yield found


@pytest.fixture
def door(store: Store, tmp_path: Path, provider: Provider) -> Door:
    rows, seconds = SignInRows(store.database), [0.0]
    Staff(store.database, Clock()).add("ada")
    rows.add_identity(provider.issuer, "7", "id-of-ada")
    box = SecretBox(tmp_path / "seal.key")
    openid = OpenId(rows, box, provider.issuer, "regard", clock=lambda: datetime.now(UTC), ticks=lambda: seconds[0])
    return Door(rows, openid, seconds)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "Ed25519"])
def test_whoever_the_provider_names_and_an_administrator_made_known_signs_in(
    door: Door, provider: Provider, algorithm: str
) -> None:
    provider.rotate("key", algorithm)
    proof = door.sign_in(provider)
    assert (proof.person_id, proof.name, proof.means) == ("id-of-ada", "Ada", ("openid",))


def test_nobody_becomes_a_person_by_signing_in_elsewhere(door: Door, provider: Provider, store: Store) -> None:
    before = Staff(store.database, Clock()).rows.all()
    with pytest.raises(SignInRefused, match="nobody here is you"):
        door.sign_in(provider, subject="8")
    assert Staff(store.database, Clock()).rows.all() == before


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://id.example.org"},
        {"iss": None},
        {"aud": "another"},
        {"aud": ["another", "regard"], "azp": "another"},
        {"aud": None},
        {"sub": None},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": 9_000_000_000},
        {"nbf": 9_000_000_000},
    ],
    ids=str,
)
def test_a_token_that_was_made_by_for_or_about_another_or_is_over_is_refused(
    door: Door, provider: Provider, changes: dict[str, Any]
) -> None:
    with pytest.raises(SignInRefused, match="is not right"):
        door.sign_in(provider, **changes)


def test_a_token_is_taken_once(door: Door, provider: Provider) -> None:
    _, _, nonce, state = door.openid.options()
    token = provider.token(nonce)
    assert door.openid.prove(state, token)
    with pytest.raises(SignInRefused, match="That attempt is over"):
        door.openid.prove(state, token)
    with pytest.raises(SignInRefused, match="is not right"):
        door.openid.prove(door.openid.options()[3], token)


def test_a_token_that_another_key_signed_is_refused(door: Door, provider: Provider) -> None:
    with pytest.raises(SignInRefused, match="is not right"):
        door.sign_in(provider, key=RSAKey.generate_key(2048))


def test_a_token_without_a_signature_or_signed_with_the_public_key_is_refused(door: Door, provider: Provider) -> None:
    _, _, nonce, _ = door.openid.options()
    head, body, _ = provider.token(nonce).split(".")
    unsigned = encoded(b'{"alg":"none","kid":"first"}')
    public = provider.keys["first"].as_pem(private=False)
    hashed = encoded(b'{"alg":"HS256","kid":"first"}')
    code = hmac.digest(public, f"{hashed}.{body}".encode(), "sha256")
    confused = f"{hashed}.{body}.{encoded(code)}"
    for token in (f"{unsigned}.{body}.", f"{head}.{body}.", f"{head}.{body}", confused, "", "a.b.c", "é", "." * 5000):
        _, _, _, state = door.openid.options()
        with pytest.raises(SignInRefused):
            door.openid.prove(state, token)


def test_the_providers_keys_are_read_once_and_again_when_it_has_another(door: Door, provider: Provider) -> None:
    for _ in range(3):
        door.sign_in(provider)
    assert provider.fetched == 1
    provider.rotate("second")
    with pytest.raises(SignInRefused):
        door.sign_in(provider)  # a stranger's made-up key must not have them read with each request
    assert provider.fetched == 1
    door.seconds[0] += 11
    assert door.sign_in(provider)
    assert provider.fetched == 2


@pytest.mark.parametrize(
    "described",
    [{"issuer": "https://id.example.org"}, {"jwks_uri": None}, {"jwks_uri": "ftp://127.0.0.1/keys"}, {"jwks_uri": 7}],
    ids=str,
)
def test_a_provider_that_describes_itself_as_another_is_not_believed(
    door: Door, provider: Provider, described: dict[str, Any]
) -> None:
    provider.described = described
    with pytest.raises(InternalServerError):
        door.sign_in(provider)


def test_a_provider_that_does_not_answer_is_said_to_the_operator_alone(door: Door, provider: Provider) -> None:
    provider.broken = True
    with pytest.raises(InternalServerError, match="answered") as caught:
        door.sign_in(provider)
    assert provider.issuer not in caught.value.public


def test_without_a_provider_nobody_signs_in_so(door: Door, store: Store, tmp_path: Path) -> None:
    nowhere = OpenId(door.rows, SecretBox(tmp_path / "seal.key"), None, None)
    with pytest.raises(InvalidParameter, match="No identity provider is set"):
        nowhere.options()
