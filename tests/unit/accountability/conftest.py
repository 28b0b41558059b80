from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from people_office import Office, open_office
from safekeeping import MakeSafe, Safe
from stores import Store

from regard.accountability.profiles.rules import Rules
from regard.domain.people import Role
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


@pytest.fixture
def office(store: Store, tmp_path: Path) -> Office:
    return open_office(store.database, tmp_path)


@pytest.fixture
def root(office: Office) -> Office:
    """The office once it has its first administrator."""
    with office.asks("people add") as grant:
        office.people.add(grant, "Root", "root", [Role.ADMINISTRATOR])
    return office
