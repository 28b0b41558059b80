"""What a worker on a cluster works with in these tests: it knows nothing of photographs."""

from __future__ import annotations

import os
from collections.abc import Sequence


class Capitals:
    """Each word in capitals, with the process that made them; "kill" ends that process."""

    def try_out(self) -> None:
        """It can work anywhere."""

    def __call__(self, words: Sequence[str], /) -> list[tuple[str, int]]:
        if any(word.startswith("kill") for word in words):
            os._exit(7)
        return [(word.upper(), os.getpid()) for word in words]


def prepare_broken() -> Capitals:
    raise ValueError("a library is too old")
