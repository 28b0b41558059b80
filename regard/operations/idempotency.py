"""ClientRequestToken: a request that is sent again gets the same answer, and takes effect once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from regard.domain.callers import Principal
from regard.domain.results import Result
from regard.errors import IdempotentParameterMismatch

#: How long a token is remembered ("Calling Amazon Rekognition Video operations").
LIFETIME = timedelta(days=7)

#: The access key's id, the operation, the token.
Request = tuple[str, str, str]


class IdempotencyStore(Protocol):
    """Where answers are kept."""

    def first(self, request: Request, since: datetime) -> tuple[str, dict[str, Any]] | None:
        """The fingerprint and answer of the first such request after `since`; None if there was none."""
        ...

    def once(
        self,
        request: Request,
        fingerprint: str,
        perform: Callable[[], dict[str, Any]],
        *,
        now: datetime,
        since: datetime,
    ) -> tuple[str, dict[str, Any]]:
        """The fingerprint and answer of the first such request after `since`. If this is the first, it is performed.

        What `perform` does and the record of it are one transaction.
        """
        ...


class Idempotency:
    """Lets a request with a token take effect once."""

    def __init__(self, keys: IdempotencyStore, clock: Callable[[], datetime]) -> None:
        self._keys = keys
        self._clock = clock

    def answer(
        self, principal: Principal, operation: str, request: Mapping[str, Any], perform: Callable[[], Result]
    ) -> Result:
        """What `perform` answers, or what it answered to the caller's first request with this token, without headers.

        Raises IdempotentParameterMismatch if that request had different input.
        """
        asked = _asked(principal, operation, request)
        if asked is None:
            return perform()
        mine, now = _fingerprint(request), self._clock()
        first, members = self._keys.once(asked, mine, lambda: dict(perform().members), now=now, since=now - LIFETIME)
        return _same(first, mine, asked, members)

    def known(self, principal: Principal, operation: str, request: Mapping[str, Any]) -> Result | None:
        """What the caller's first request with this token was answered; None if this is the first, or has none.

        Raises IdempotentParameterMismatch if that request had different input.
        """
        asked = _asked(principal, operation, request)
        found = asked and self._keys.first(asked, self._clock() - LIFETIME)
        return _same(found[0], _fingerprint(request), asked, found[1]) if asked and found else None


def _asked(principal: Principal, operation: str, request: Mapping[str, Any]) -> Request | None:
    token = request.get("ClientRequestToken")
    return None if token is None else (principal.access_key_id, operation, token)


def _same(first: str, mine: str, asked: Request, members: Mapping[str, Any]) -> Result:
    if first != mine:
        raise IdempotentParameterMismatch(f"The ClientRequestToken: {asked[2]} you have supplied is already in use.")
    return Result(members=members)


def _fingerprint(request: Mapping[str, Any]) -> str:
    content = {name: value for name, value in request.items() if name != "ClientRequestToken"}
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=_plain).encode()).hexdigest()


def _plain(value: bytes | datetime) -> str:
    """A stand-in for the values of a validated request that JSON cannot hold."""
    return hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else value.isoformat()
