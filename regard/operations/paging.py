"""NextToken: where the next page starts, opaque to the client."""

from __future__ import annotations

import base64
import hashlib
import string
from typing import Any

from regard.errors import InvalidPaginationToken

#: The most items on a page, and how many a client gets who does not say (or says 0).
MOST_RESULTS = 4096
#: What a collection's id and a face's key are spelt with. A token has at most 255 characters, as an id has: packed by
#: its 65 letters an id of 255 takes 193 bytes, and with the listing's mark 247 characters of base 85.
_LETTERS = "-." + string.digits + string.ascii_uppercase + "_" + string.ascii_lowercase
_MARK_BYTES = 4
_KEY_DIGITS = 18


def page_size(request: Any) -> int:
    """What MaxResults asks for."""
    return int(request.get("MaxResults") or MOST_RESULTS)


def token(listing: str, after: str | int) -> str:
    """The NextToken of `listing` after the item `after`."""
    number = 1  # so that the first letter counts, even when it is a zero
    for letter in str(after):
        number = number * len(_LETTERS) + _LETTERS.index(letter)
    packed = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.b85encode(_mark(listing) + packed).decode()


def after_id(listing: str, request: Any) -> str | None:
    """The id the request's page starts after, or None. Raises InvalidPaginationToken for another listing's token."""
    given = request.get("NextToken")
    if given is None:
        return None
    try:
        raw = base64.b85decode(given)
    except ValueError as error:
        raise InvalidPaginationToken from error
    if not raw.startswith(_mark(listing)):
        raise InvalidPaginationToken
    return _unpacked(int.from_bytes(raw[_MARK_BYTES:], "big"))


def after_key(listing: str, request: Any) -> int:
    """The key the request's page starts after, or 0. Raises InvalidPaginationToken."""
    text = after_id(listing, request)
    if text is None:
        return 0
    if not text.isdecimal() or len(text) > _KEY_DIGITS:
        raise InvalidPaginationToken
    return int(text)


def _mark(listing: str) -> bytes:
    return hashlib.sha256(listing.encode()).digest()[:_MARK_BYTES]


def _unpacked(number: int) -> str:
    letters = []
    while number > 1:
        number, letter = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[letter])
    if number != 1:
        raise InvalidPaginationToken
    return "".join(reversed(letters))
