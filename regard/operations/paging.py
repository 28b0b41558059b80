"""NextToken: the key of the last item on the page, opaque to the client. New items come after it: pages are stable."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from regard.errors import InvalidPaginationToken

#: The most items on a page, and how many a client gets who does not say (or says 0).
MOST_RESULTS = 4096
_KEY_DIGITS = 18


def page_size(request: Mapping[str, Any]) -> int:
    """What MaxResults asks for."""
    return int(request.get("MaxResults") or MOST_RESULTS)


def token(listing: str, key: int) -> str:
    """The NextToken of `listing` after the item with `key`."""
    return base64.urlsafe_b64encode(f"{listing} {key}".encode()).decode()


def after(listing: str, request: Mapping[str, Any]) -> int:
    """The key the request's page starts after, or 0. Raises InvalidPaginationToken, for another listing's token too."""
    given = request.get("NextToken")
    if given is None:
        return 0
    try:
        name, _, key = base64.b64decode(given, altchars=b"-_", validate=True).decode("ascii").rpartition(" ")
    except (binascii.Error, ValueError) as error:
        raise InvalidPaginationToken from error
    if name != listing or not key.isdecimal() or len(key) > _KEY_DIGITS:
        raise InvalidPaginationToken
    return int(key)
