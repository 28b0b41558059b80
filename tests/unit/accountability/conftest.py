from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from safekeeping import MakeSafe, Safe

from regard.accountability.profiles.rules import Rules
from regard.store import database


@pytest.fixture
def safe_under(url: str) -> Iterator[MakeSafe]:
    """Makes the doors under these rules, on a database of the test's own: SQLite, and PostgreSQL where that differs."""
    with ExitStack() as closing:

        def make(rules: Rules) -> Safe:
            opened = database.open(url, erase_seconds=rules.erase_seconds)
            closing.callback(opened.close)
            return Safe(opened, rules)

        yield make
