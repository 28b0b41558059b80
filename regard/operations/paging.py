"""NextToken: where the next page starts, opaque to the client."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from regard.errors import InvalidPaginationToken

#: The most items on a page, and how many a client gets who does not say (or says 0).
MOST_RESULTS = 4096


def page_size(request: Any) -> int:
    """What MaxResults asks for."""
    return int(request.get("MaxResults") or MOST_RESULTS)


def token(listing: str, after: str | int) -> str:
    """The NextToken of `listing` after the item `after`."""
    return base64.urlsafe_b64encode(json.dumps([listing, after]).encode()).decode()


def after(listing: str, request: Any) -> Any:
    """The item the request's page starts after, or None. Raises InvalidPaginationToken for another listing's token."""
    given = request.get("NextToken")
    if given is None:
        return None
    try:
        name, item = json.loads(base64.b64decode(given, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise InvalidPaginationToken from error
    if name != listing or not isinstance(item, str | int):
        raise InvalidPaginationToken
    return item
