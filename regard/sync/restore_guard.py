"""The restore guard: how a home notices that its database is an older one than the shared index was filled from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from regard.files import replace_file


class RestoreGuard:
    """How far SQL was when this home last saw it, in a small file: a database that has less was restored since."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def is_beyond(self, last_deletion: int, highest: Mapping[str, int]) -> bool:
        """Whether the home has seen a later deletion than this, or a higher key of a feed."""
        seen_deletion, seen = self._read(highest)
        return seen_deletion > last_deletion or any(seen.get(feed, 0) > key for feed, key in highest.items())

    def note(self, last_deletion: int, highest: Mapping[str, int]) -> None:
        """SQL is so far now."""
        now = {"last_deletion": last_deletion, "highest": dict(highest)}
        if self._file and self._text() != json.dumps(now):
            with replace_file(self._file, durable=False) as stream:
                stream.write(json.dumps(now).encode())

    def _read(self, feeds: Mapping[str, int]) -> tuple[int, dict[str, int]]:
        try:
            seen = json.loads(self._text())
            if isinstance(seen, list):  # as version 0.1 wrote it: the deletion, then a key of each feed in their order
                seen = {"last_deletion": seen[0], "highest": dict(zip(feeds, seen[1:], strict=False))}
            return int(seen["last_deletion"]), {feed: int(key) for feed, key in seen["highest"].items()}
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError):
            return 0, {}

    def _text(self) -> str:
        try:
            return self._file.read_text(encoding="utf-8") if self._file else ""
        except OSError:
            return ""
