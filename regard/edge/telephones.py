"""Whether a request says that it comes from a telephone: some profiles allow no search with one."""

from __future__ import annotations

import re

#: What AWS's SDKs, and browsers, call themselves on a telephone. Who wants to hide it can.
_TELEPHONE = re.compile(r"(?i)aws-sdk-(?:android|ios)|\bos/(?:android|ios)\b|android|iphone|\bmobile\b")


def is_telephone(user_agent: str) -> bool:
    return _TELEPHONE.search(user_agent) is not None
