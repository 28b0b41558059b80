"""Temporary credentials: everything about a session is encrypted in its token and stored nowhere else."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from regard.accountability.secret_box import SecretBox
from regard.accountability.secret_keys import new_id, new_secret
from regard.domain.callers import Principal, TemporaryCredential
from regard.errors import ExpiredToken, UnrecognizedClient

_PREFIX = "RGRT"
#: Bound to the token with the key id: a token belongs to one id, and a token of another form cannot be opened.
_FORM = "session 1 "
#: Decrypted tokens kept in memory, about a kilobyte each.
_REMEMBERED = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporaryKey:
    """What a session signs with; `parent` is the id of the access key it came from. Where it came from none,
    `keyless` is whose it is."""

    secret: str = field(repr=False)
    parent: str
    temporary_credential: TemporaryCredential
    keyless: Principal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTerms:
    """What else is settled about a session: when it ends at the latest, and what its holder has shown."""

    ends_at: datetime | None = None
    source_identity: str | None = None
    one_time_code: bool = False


_NO_TERMS = SessionTerms()


class TemporaryCredentials:
    """Issues temporary credentials and recognises them; it does not check whether their access key is still active."""

    def __init__(self, secret_box: SecretBox, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._secret_box = secret_box
        self._clock = clock
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._unseal)

    def issue(
        self,
        principal: Principal,
        *,
        role: str,
        name: str,
        lasting: timedelta,
        terms: SessionTerms = _NO_TERMS,
    ) -> tuple[TemporaryKey, str]:
        """Credentials for `principal` as `role`, and the token they need.

        A session started by another session ends no later than that one: otherwise sessions could go on for ever.
        """
        ends = [self._clock() + lasting]
        if principal.temporary_credential is not None:
            ends.append(principal.temporary_credential.expires_at)
        if terms.ends_at is not None:
            ends.append(terms.ends_at)
        session = TemporaryCredential(
            access_key_id=new_id(_PREFIX),
            role=role,
            name=name,
            expires_at=min(ends).replace(microsecond=0),
            source_identity=terms.source_identity,
            one_time_code=terms.one_time_code,
        )
        key = TemporaryKey(
            secret=new_secret(),
            parent=principal.access_key_id,
            temporary_credential=session,
            keyless=replace(principal, temporary_credential=None) if principal.keyless else None,
        )
        content = json.dumps(_content(key), separators=(",", ":"))
        return key, b64encode(self._secret_box.encrypt(content, _FORM + session.access_key_id)).decode()

    def open(self, access_key_id: str, token: str) -> TemporaryKey | None:
        """The credentials that were issued under this id with this token, else None. Raises ExpiredToken."""
        try:
            key = self._remembered(access_key_id, token)
        except UnrecognizedClient:
            return None
        if self._clock() >= key.temporary_credential.expires_at:
            raise ExpiredToken
        return key

    def _unseal(self, access_key_id: str, token: str) -> TemporaryKey:
        """Raises UnrecognizedClient, which is not cached: invalid tokens would push out those in use."""
        try:
            sealed = b64decode(token)
        except ValueError as error:
            raise UnrecognizedClient from error
        content = self._secret_box.try_decrypt(sealed, _FORM + access_key_id)
        if content is None or b64encode(sealed).decode() != token:
            raise UnrecognizedClient
        secret, parent, role, name, expires, *more = json.loads(content)
        said = more[0] if more else {}
        session = TemporaryCredential(
            access_key_id=access_key_id,
            role=role,
            name=name,
            expires_at=datetime.fromtimestamp(expires, UTC),
            source_identity=said.get("source_identity"),
            one_time_code=said.get("one_time_code", False),
        )
        holder = said.get("holder")
        keyless = Principal(access_key_id=parent, name=holder[1], holder_id=holder[0], keyless=True) if holder else None
        return TemporaryKey(secret=secret, parent=parent, temporary_credential=session, keyless=keyless)


def _content(key: TemporaryKey) -> list[object]:
    """What a token says. The last part is left out where there is nothing more to say, as in all older tokens."""
    session = key.temporary_credential
    said: dict[str, object] = {}
    if session.source_identity is not None:
        said["source_identity"] = session.source_identity
    if session.one_time_code:
        said["one_time_code"] = True
    if key.keyless is not None:
        said["holder"] = [key.keyless.holder_id, key.keyless.name]
    plain = [key.secret, key.parent, session.role, session.name, int(session.expires_at.timestamp())]
    return [*plain, said] if said else plain
