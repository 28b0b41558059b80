"""NextToken: where a listing continues. Opaque, signed, and valid for a day and for one listing only.

It holds the key of the page's last item. Keys only rise, so additions and deletions between two pages shift nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from regard.errors import InvalidPaginationToken

#: The most items on a page; also the number when a client gives none, or 0.
MOST_RESULTS = 4096
#: How long a token is valid, as in Rekognition ("Guidelines and quotas in Amazon Rekognition").
LIFETIME = timedelta(hours=24)

_KEY_BYTES, _TIME_BYTES = 8, 6
#: Half of HMAC-SHA256's output (RFC 2104, 5). With key and time 30 bytes: 40 characters of base64.
_MAC_BYTES = 16


class Keyed(Protocol):
    """An item that can be listed."""

    @property
    def key(self) -> int: ...


Item = TypeVar("Item", bound=Keyed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a page begins and how long it may be; `token` makes that of the next, from the key of this one's last."""

    after: int
    size: int
    token: Callable[[int], str]


class Pages:
    """Cuts listings into pages. Every process that has the same signing key accepts the others' tokens."""

    def __init__(self, signing_key: bytes, clock: Callable[[], datetime]) -> None:
        self._signing_key = signing_key
        self._clock = clock

    def page(
        self,
        listing: tuple[str, int],
        request: Mapping[str, Any],
        fetch: Callable[[int, int], Sequence[Item]],
        most: int = MOST_RESULTS,
    ) -> tuple[Sequence[Item], str | None]:
        """The page that `request` asks for and the token of the next; None after the last.

        `listing` is the operation and the key of what it lists (0 for everything). A token is bound to it and to the
        request's filters. `fetch(after, limit)` returns up to `limit` items with a key above `after`, in key order.
        Raises InvalidPaginationToken for a token that is of another listing, expired, altered or invented.
        """
        place = self.place(listing, request, most)
        found = fetch(place.after, place.size + 1)
        page = found[: place.size]
        return page, place.token(page[-1].key) if len(found) > place.size else None

    def place(self, listing: tuple[str, int], request: Mapping[str, Any], most: int = MOST_RESULTS) -> Place:
        """Where the page that `request` asks for begins. `listing` and what it raises are as `page` has them."""
        filters = {name: value for name, value in request.items() if name not in ("MaxResults", "NextToken")}
        scope = json.dumps([*listing, filters], sort_keys=True).encode()
        return Place(
            after=self._after(scope, request.get("NextToken")),
            size=int(request.get("MaxResults") or most),
            token=lambda key: self._signed(scope, key, self._seconds(LIFETIME)),
        )

    def _after(self, scope: bytes, token: str | None) -> int:
        if not token:  # programs begin with "", as AWS lets them
            return 0
        try:
            content = base64.urlsafe_b64decode(token)
        except ValueError as error:
            raise InvalidPaginationToken from error
        key = int.from_bytes(content[:_KEY_BYTES])
        expires = int.from_bytes(content[_KEY_BYTES : _KEY_BYTES + _TIME_BYTES])
        # Signed again and compared as text, since base64 can spell the same bytes in several ways.
        if not hmac.compare_digest(token, self._signed(scope, key, expires)) or expires <= self._seconds():
            raise InvalidPaginationToken
        return key

    def _signed(self, scope: bytes, key: int, expires: int) -> str:
        content = key.to_bytes(_KEY_BYTES) + expires.to_bytes(_TIME_BYTES)
        mac = hmac.digest(self._signing_key, scope + content, hashlib.sha256)
        return base64.urlsafe_b64encode(content + mac[:_MAC_BYTES]).decode()

    def _seconds(self, later: timedelta = timedelta()) -> int:
        return int((self._clock() + later).timestamp())
