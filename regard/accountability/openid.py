"""Signing in by an agency's identity provider (OpenID Connect Core 1.0), with the extra `oidc`.

The browser asks the provider for an ID token that holds our nonce, and brings it here. It must be signed by one of the
provider's keys and made for this installation; and whoever it names must have been made known here by an administrator:
nobody becomes a person by signing in elsewhere.
"""

from __future__ import annotations

import http
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from threading import Lock
from typing import Any, cast
from urllib.parse import urlsplit

import urllib3

from regard.accountability.challenges import Challenges
from regard.accountability.secret_box import SecretBox
from regard.accountability.sign_in import Proof
from regard.errors import InternalServerError, InvalidParameter, SettingsError, SignInRefused
from regard.store.sign_in_rows import SignInRows

#: Signatures with a key that the provider alone has: never "none", and never one that we could make ourselves.
_ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
#: How far the provider's clock may be off.
_LEEWAY_SECONDS = 60
#: A key set is read anew after so long, and sooner if a token names a key that is not in it, but not more often than …
_KEPT_SECONDS, _LEAST_SECONDS = 3600.0, 10.0
_TIMEOUT = urllib3.Timeout(connect=5, read=5)
_MOST_BYTES = 1024 * 1024


class OpenId:
    """One identity provider: `issuer` is its address, `client_id` what it knows this installation as."""

    def __init__(
        self,
        rows: SignInRows,
        secret_box: SecretBox,
        issuer: str | None,
        client_id: str | None,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rows = rows
        self._issuer = issuer
        self._client_id = client_id
        self._nonces = Challenges("openid", rows, secret_box, clock)
        self._clock = clock
        self._keys = _KeySet(ticks)

    def options(self) -> tuple[str, str, str, str]:
        """The issuer, the client id and the nonce to ask for an ID token with; and the text to send back with it.

        Raises InvalidParameter if no provider is set.
        """
        issuer, client_id = self._provider
        nonce, state = self._nonces.make()
        return issuer, client_id, _text(nonce.value), state

    def prove(self, state: str, id_token: str) -> Proof:
        """Who the token names. Raises SignInRefused, and InternalServerError if the provider's keys cannot be read."""
        issuer, client_id = self._provider
        nonce = self._nonces.take(state)
        claims = self._claims(issuer, client_id, id_token, _text(nonce.value))
        person = self._rows.of_identity(issuer, str(claims["sub"]))
        if person is None:
            raise SignInRefused("Your identity provider knows you, and nobody here is you: ask an administrator.")
        return Proof(person_id=person.person_id, name=person.name, means=("openid",))

    @property
    def _provider(self) -> tuple[str, str]:
        if self._issuer is None or self._client_id is None:
            raise InvalidParameter(
                "No identity provider is set: [accountability] openid_issuer and openid_client_id name one."
            )
        return self._issuer, self._client_id

    def _claims(self, issuer: str, client_id: str, id_token: str, nonce: str) -> Mapping[str, Any]:
        """What the token says, verified. Raises SignInRefused."""
        keys = self._keys.read(issuer, _key_id(id_token))
        now = int(self._clock().timestamp())
        return _verified(id_token, keys, {"issuer": issuer, "client_id": client_id, "nonce": nonce}, now)


def _verified(id_token: str, keys: Mapping[str, Any], asked: Mapping[str, str], now: int) -> Mapping[str, Any]:
    """The claims of a token that the keys have signed, made by and for and with what was asked."""
    try:
        from authlib.oidc.core import ImplicitIDToken  # noqa: PLC0415 - installed only with the extra
        from joserfc import jwt  # noqa: PLC0415
        from joserfc.errors import JoseError  # noqa: PLC0415
        from joserfc.jwk import KeySet, KeySetSerialization  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise SettingsError("Signing in by an identity provider needs the extra: pip install 'regard[oidc]'") from error
    options = {
        "iss": {"essential": True, "value": asked["issuer"]},
        "aud": {"essential": True, "value": asked["client_id"]},
        "sub": {"essential": True},
    }
    try:
        token = jwt.decode(
            id_token, KeySet.import_key_set(cast(KeySetSerialization, keys)), algorithms=list(_ALGORITHMS)
        )
        claims = ImplicitIDToken(
            token.claims, token.header, options, {"nonce": asked["nonce"], "client_id": asked["client_id"]}
        )
        claims.validate(now=now, leeway=_LEEWAY_SECONDS)
    except (JoseError, ValueError, TypeError, LookupError) as error:
        raise SignInRefused("What your identity provider said is not right. Begin again.") from error
    return dict(claims)


class _KeySet:
    """The provider's public keys, as it publishes them."""

    def __init__(self, ticks: Callable[[], float]) -> None:
        self._ticks = ticks
        self._lock = Lock()
        self._read_at = -_KEPT_SECONDS
        self._keys: Mapping[str, Any] = {}

    def read(self, issuer: str, key_id: str) -> Mapping[str, Any]:
        """The keys, read again if they are old or lack that one. Raises InternalServerError if they cannot be."""
        with self._lock:
            age = self._ticks() - self._read_at
            if age >= _KEPT_SECONDS or (age >= _LEAST_SECONDS and not _holds(self._keys, key_id)):
                self._keys = _published(issuer)
                self._read_at = self._ticks()
            return self._keys


def _published(issuer: str) -> Mapping[str, Any]:
    """The key set that the provider's configuration names (OpenID Connect Discovery 1.0, 4)."""
    described = _fetched(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    address = described.get("jwks_uri")
    if described.get("issuer") != issuer or not isinstance(address, str):
        raise InternalServerError(f"{issuer} describes itself as another issuer: {described.get('issuer')}.")
    if urlsplit(address).scheme != urlsplit(issuer).scheme:
        raise InternalServerError(f"{issuer} publishes its keys at {address}, less safely than itself.")
    return _fetched(address)


def _fetched(address: str) -> Mapping[str, Any]:
    try:
        with urllib3.PoolManager(timeout=_TIMEOUT, retries=False) as pool:
            answer = pool.request("GET", address, redirect=False, preload_content=False)
            content = answer.read(_MOST_BYTES + 1, decode_content=True)
            answer.release_conn()
        value = json.loads(content) if answer.status == http.HTTPStatus.OK and len(content) <= _MOST_BYTES else None
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        raise InternalServerError(f"The identity provider did not answer at {address}: {error}") from error
    if not isinstance(value, dict):
        raise InternalServerError(f"The identity provider answered {address} with {answer.status} and no JSON object.")
    return value


def _holds(keys: Mapping[str, Any], key_id: str) -> bool:
    listed = keys.get("keys")
    return isinstance(listed, list) and any(isinstance(each, dict) and each.get("kid") == key_id for each in listed)


def _key_id(id_token: str) -> str:
    """The key that the token says it is signed with; "" if it says none."""
    encoded = id_token.partition(".")[0]
    try:
        header = json.loads(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except ValueError as error:
        raise SignInRefused("That is no ID token.") from error
    return str(header.get("kid", "")) if isinstance(header, dict) else ""


def _text(nonce: bytes) -> str:
    return urlsafe_b64encode(nonce).decode().rstrip("=")
