"""Web identity tokens: an approved authorisation as a signed JWT, which its holder's client exchanges for temporary
credentials, again and again. Whoever has the file needs no access key; it is good until the authorisation ends, or
another token of it is given out."""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from regard.accountability.secret_box import SecretBox
from regard.domain.authorisations import Authorisation
from regard.domain.callers import Principal
from regard.domain.people import Holder
from regard.errors import ExpiredToken, InvalidIdentityToken

#: What AWS's clients and identity providers call the Security Token Service.
AUDIENCE = "sts.amazonaws.com"
ISSUER = "regard"
_PURPOSE = "web identity 1"
#: The only header there is (RFC 8037). It is compared whole, so that no other algorithm or key can be asked for.
_HEADER: Mapping[str, str] = {"alg": "EdDSA", "typ": "JWT", "kid": "regard-1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WebIdentity:
    """What a token says: which authorisation, and whose."""

    authorisation_id: str
    holder_id: str
    holder_name: str
    token_id: str

    @property
    def principal(self) -> Principal:
        """Its holder, without an access key."""
        return keyless(self.authorisation_id, self.holder_id, self.holder_name)


class WebIdentityTokens:
    """Issues and reads the tokens of one installation."""

    def __init__(self, secret_box: SecretBox, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._secret_box = secret_box
        self._clock = clock

    def issue(self, found: Authorisation, holder: Holder, token_id: str | None = None) -> str:
        """The token of an authorisation, good until that ends by itself."""
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": holder.id,
            "name": holder.name,
            "authorisation": found.id,
            "iat": int(self._clock().timestamp()),
            "exp": int(found.expires_at.timestamp()),
            "jti": token_id or new_token_id(),
        }
        signed = f"{_encoded(_HEADER)}.{_encoded(claims)}"
        return f"{signed}.{_text(self._secret_box.sign(_PURPOSE, signed.encode()))}"

    def read(self, token: str) -> WebIdentity:
        """What a token of this installation says. Whether its authorisation may still be used is the gate's to know.

        Raises InvalidIdentityToken for anything that was not signed here as it stands, and ExpiredToken.
        """
        signed, _, signature = token.rpartition(".")
        header, _, payload = signed.partition(".")
        # In this order, so that nothing of a stranger's is looked into before its signature is known to be ours.
        if header != _encoded(_HEADER) or not self._secret_box.has_signed(_PURPOSE, signed.encode(), _bytes(signature)):
            raise InvalidIdentityToken("The web identity token was not signed by this server.")
        claims = json.loads(_bytes(payload))
        if (claims["iss"], claims["aud"]) != (ISSUER, AUDIENCE):
            raise InvalidIdentityToken("The web identity token is not for this service.")
        if claims["exp"] <= self._clock().timestamp():
            raise ExpiredToken("The web identity token has expired with its authorisation. Request another.")
        return WebIdentity(
            authorisation_id=claims["authorisation"],
            holder_id=claims["sub"],
            holder_name=claims["name"],
            token_id=claims["jti"],
        )


def new_token_id() -> str:
    return secrets.token_hex(8)


def keyless(authorisation_id: str, holder_id: str, name: str) -> Principal:
    """The holder of an authorisation, who calls without an access key: its id stands in the place of one."""
    return Principal(access_key_id=authorisation_id, name=name, holder_id=holder_id, keyless=True)


def _encoded(value: Mapping[str, Any]) -> str:
    return _text(json.dumps(value, separators=(",", ":")).encode())


def _text(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    """Raises InvalidIdentityToken for what is no base64url of one spelling."""
    try:
        content = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise InvalidIdentityToken("The web identity token is not a JWT.") from error
    if _text(content) != text:
        raise InvalidIdentityToken("The web identity token is not a JWT.")
    return content
