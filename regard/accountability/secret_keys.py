"""The ids and secrets of access keys, permanent and temporary."""

from __future__ import annotations

import base64
import secrets
import string

_SECRET_LENGTH = 40
_SECRET_ALPHABET = string.ascii_letters + string.digits


def new_id(prefix: str) -> str:
    """`prefix` and 80 random bits in base32, 16 characters."""
    return prefix + base64.b32encode(secrets.token_bytes(10)).decode()


def new_secret() -> str:
    """238 random bits, in letters and digits, which need no quoting anywhere."""
    return "".join(secrets.choice(_SECRET_ALPHABET) for _ in range(_SECRET_LENGTH))
