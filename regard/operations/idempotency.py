"""ClientRequestToken: a request that is sent again is answered again, and does nothing again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from regard.domain.callers import Principal
from regard.errors import IdempotentParameterMismatch

#: How long a token is remembered ("Calling Amazon Rekognition Video operations").
LIFETIME = timedelta(days=7)

#: The access key's id, the operation, the token.
Request = tuple[str, str, str]
Answer = dict[str, Any]


class Receipts(Protocol):
    """Where answers are kept."""

    def once(
        self, request: Request, fingerprint: str, perform: Callable[[], Answer], *, now: datetime, since: datetime
    ) -> tuple[str, Answer]:
        """The fingerprint and answer of the first such request after `since`: of this one, performed, if it is it.

        What `perform` does and the receipt of it are one transaction.
        """
        ...


class Idempotency:
    """Lets a request with a token take effect once."""

    def __init__(self, idempotency_keys: Receipts, clock: Callable[[], datetime]) -> None:
        self._receipts = idempotency_keys
        self._clock = clock

    def answer(
        self, principal: Principal, operation: str, request: Mapping[str, Any], perform: Callable[[], Answer]
    ) -> Answer:
        """What `perform` answers, or answered to the caller's first request with this token.

        Raises IdempotentParameterMismatch when that request had other input.
        """
        token = request.get("ClientRequestToken")
        if token is None:
            return perform()
        asked, mine, now = (principal.access_key_id, operation, token), _fingerprint(request), self._clock()
        first, answer = self._receipts.once(asked, mine, perform, now=now, since=now - LIFETIME)
        if first != mine:
            raise IdempotentParameterMismatch(f"The ClientRequestToken: {token} you have supplied is already in use.")
        return answer


def _fingerprint(request: Mapping[str, Any]) -> str:
    content = {name: value for name, value in request.items() if name != "ClientRequestToken"}
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=_plain).encode()).hexdigest()


def _plain(value: bytes | datetime) -> str:
    """What a validated request holds that JSON does not."""
    return hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else value.isoformat()
