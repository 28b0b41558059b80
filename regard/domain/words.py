"""Words that people give, which other people read: without characters that would steer what shows them."""

from __future__ import annotations

import re

#: The control characters of ISO 6429 (C0 and C1) but tabs and line breaks, the other line breaks of Unicode, and what
#: changes the direction of writing: they move a terminal's cursor, colour it, or have text read in another order.
_STEERING = re.compile(
    "\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufff9-\ufffb]"
)
_REPLACEMENT = "\ufffd"


def harmless(text: str) -> str:
    """Text to show, with a replacement character in the place of each that would steer what shows it."""
    return _STEERING.sub(_REPLACEMENT, text)


def escaped(text: str) -> str:
    """As `harmless`, for text that is JSON: what it says is not changed."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def steering(text: str) -> str | None:
    """The first such character, if there is one."""
    found = _STEERING.search(text)
    return None if found is None else found[0]
