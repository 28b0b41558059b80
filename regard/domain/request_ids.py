"""Ids of requests."""

from __future__ import annotations

import secrets
import time
from uuid import UUID


def new_request_id() -> str:
    """A UUID with the form of AWS's request ids, version 4, of which the first 48 bits are the milliseconds since 1970,
    and 74 are random.

    So the ids of one moment stand together in the ledger's index: sixteen entries of a commit change one page of it,
    where ids at random change sixteen.
    """
    moment = time.time_ns() // 1_000_000
    return str(UUID(bytes=moment.to_bytes(6, "big") + secrets.token_bytes(10), version=4))
