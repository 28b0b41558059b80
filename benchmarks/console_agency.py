"""An agency whose candidates are reviewed, on a server of its own: what benchmarks of reviews measure on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.console_server import PASSWORD
from benchmarks.material import MODELS, ROOT
from benchmarks.served import Served, served
from regard.accountability.passwords import Passwords

sys.path.append(str(ROOT / "tests"))  # whose modules know each other by their names alone
from agency import PUBLIC_SAFETY, Agency, agency, portrait

__all__ = ["Agency", "agency_server", "portrait"]


@contextmanager
def agency_server(home: Path, prepare: Callable[[Agency], None]) -> Iterator[Served]:
    """Its people, who sign in with `PASSWORD`, are put there first, and `prepare` does what was done before."""
    with agency(MODELS, home) as made:
        hashed = Passwords().hash(PASSWORD)
        for person_id in made.people.values():
            made.live.engine.stores.sign_ins.set_password(person_id, hashed, None)
        prepare(made)
    rules = {f"REGARD_ACCOUNTABILITY_{name.upper()}": value for name, value in PUBLIC_SAFETY.items()}
    with served(home, home.with_suffix(".log"), rules) as server:
        yield server
