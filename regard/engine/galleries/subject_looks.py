"""How often one person looks for what is kept of somebody: so seldom that nobody is searched for that way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from regard.accountability.gate import Grant
from regard.errors import AccessDenied, RegardError
from regard.store.database import accompanied
from regard.store.subject_rows import SubjectRows

#: Where candidates are reviewed: those who ask are answered, and nobody is searched for.
_HOUR, _MOST_LOOKS = timedelta(hours=1), 20


class SubjectLooks:
    """Counts looks, each before it begins, so that of many at once none is one too many."""

    def __init__(self, rows: SubjectRows, clock: Callable[[], datetime]) -> None:
        self._rows = rows
        self._clock = clock

    @contextmanager
    def counted(self, grant: Grant) -> Iterator[None]:
        """The block is a look. Raises AccessDenied where candidates are reviewed, and one person looks for so many that
        it is searching."""
        grant.require_all(grant.act.action)
        if not grant.reviewed or grant.person_id is None:
            yield
            return
        with accompanied(None):
            key = self._rows.take_look(grant.person_id, self._clock(), _HOUR, _MOST_LOOKS)
        if key is None:
            raise AccessDenied(
                f"{grant.act.operation} is refused: under the profile {grant.rules.name} one person looks for at most "
                f"{_MOST_LOOKS} in an hour. Wait, or have somebody else answer those who ask."
            )
        try:
            yield
        except RegardError:  # nothing is told, so nobody was looked for
            with accompanied(None):
                self._rows.give_back(key)
            raise
