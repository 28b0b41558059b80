"""Valid names of collections."""

from __future__ import annotations

from regard.domain.identifiers import COLLECTION_ID
from regard.errors import InvalidParameter


def checked(name: str) -> str:
    """`name`, if it is valid for a collection. Raises InvalidParameter."""
    if not COLLECTION_ID.allows(name):
        raise InvalidParameter(
            f"{name!r} cannot be a collection's name: use 1 to {COLLECTION_ID.longest} of the letters a-z and A-Z, "
            "digits, '_', '.', '-'."
        )
    return name
