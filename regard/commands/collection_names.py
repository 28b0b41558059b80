"""What a collection may be called."""

from __future__ import annotations

import re

from regard.errors import InvalidParameter

#: The service model's CollectionId.
_NAME = re.compile(r"[a-zA-Z0-9_.\-]{1,255}")


def checked(name: str) -> str:
    """`name`, if a collection may be called so. Raises InvalidParameter."""
    if not _NAME.fullmatch(name):
        raise InvalidParameter(
            f"{name!r} cannot be a collection's name: use 1 to 255 of the letters a-z and A-Z, digits, '_', '.', '-'."
        )
    return name
