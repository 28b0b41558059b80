"""Cases, searches and ledger entries whose time is over, and what erasing them takes: rows only.

A case that is purged keeps its row, and a search the row that says who made it, when and where: that is the record of
use; what it looked for and what it found goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select, update

from regard.domain.authorisations import AuthorisationState
from regard.store.database import Database
from regard.store.in_lists import in_lists
from regard.store.tables.authorisations import authorisations
from regard.store.tables.cases import (
    case_candidates,
    case_pictures,
    cases,
    corroborations,
    reviews,
    searches,
)
from regard.store.tables.ledger import ledger_entries

_PURGED = "purged"
#: Of nobody who was searched for: the whole list may go.
_NOBODY = ("not_identified", "inconclusive")
_DISCARDED = tuple(map(str, (AuthorisationState.REFUSED, AuthorisationState.UNCONFIRMED)))
#: What of a search says whom it was for and whom it found.
_SCRUBBED: dict[str, Any] = {"probe_sha256": None, "probe_edits": {}, "sealed_candidates": None, "best_pseudonym": None}
_UNSCRUBBED = or_(searches.c.sealed_candidates.is_not(None), searches.c.probe_sha256.is_not(None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """A case (or, in `lone_searches`, a search without one), the collection it searched in, and its profile."""

    id: str
    collection: str
    profile: str


class ExpiryRows:
    """Find and erase what has expired of cases, searches and the ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- cases -------------------------------------------------------------------------------------------------

    def cases(self, profile: str, now: datetime, opened_before: datetime | None) -> list[Expired]:
        """Cases of a profile that are past their time: `purge_after`, or having been opened before a moment."""
        past: list[ColumnElement[bool]] = [cases.c.purge_after <= now]
        if opened_before is not None:
            past.append(and_(cases.c.purge_after.is_(None), cases.c.opened_at <= opened_before))
        return self._found((cases.c.profile == profile) & or_(*past))

    def lone_searches(self, profile: str, now: datetime, made_before: datetime | None) -> list[Expired]:
        """Searches without a case that are past their time, and not scrubbed yet."""
        past: list[ColumnElement[bool]] = [searches.c.purge_after <= now]
        if made_before is not None:
            past.append(and_(searches.c.purge_after.is_(None), searches.c.searched_at <= made_before))
        query = select(searches.c.id, searches.c.collection, searches.c.profile).where(
            searches.c.profile == profile, searches.c.case_id.is_(None), _UNSCRUBBED, or_(*past)
        )
        with self._database.read() as connection:
            return [Expired(**row._mapping) for row in connection.execute(query)]

    def discarded(self) -> list[tuple[str, list[Expired]]]:
        """Authorisations that were refused, or not confirmed in time, with the cases that came of them."""
        query = select(authorisations.c.id).where(authorisations.c.state.in_(_DISCARDED)).order_by(authorisations.c.id)
        with self._database.read() as connection:
            found = list(connection.execute(query).scalars())
        return [(each, self._found(cases.c.authorisation_id == each)) for each in found]

    def searches_under(self, authorisation_id: str) -> list[Expired]:
        """Searches made under an authorisation that are not scrubbed yet."""
        columns = (searches.c.id, searches.c.collection, searches.c.profile)
        query = select(*columns).where(searches.c.authorisation_id == authorisation_id, _UNSCRUBBED)
        with self._database.read() as connection:
            return [Expired(**row._mapping) for row in connection.execute(query)]

    def false_candidates(self, profile: str, decided_before: datetime) -> list[Expired]:
        """Cases of a profile with candidates who were found to be somebody else before a moment."""
        theirs = select(case_candidates.c.case_id).where(_false(decided_before))
        whole = and_(
            cases.c.state.in_(_NOBODY),
            cases.c.decided_at <= decided_before,
            cases.c.id.in_(select(searches.c.case_id).where(searches.c.case_id.is_not(None), _UNSCRUBBED)),
        )
        return self._found((cases.c.profile == profile) & or_(cases.c.id.in_(theirs), whole))

    def profiles(self) -> list[str]:
        """The profiles of the cases and searches there are."""
        with self._database.read() as connection:
            found = set(connection.execute(select(cases.c.profile).distinct()).scalars())
            return sorted(found | set(connection.execute(select(searches.c.profile).distinct()).scalars()))

    def purge_case(self, case_id: str, now: datetime) -> list[str]:
        """Erase a case: pictures, candidates, reviews, and of its searches what they looked for and found. The requests
        they were made by."""
        with self._database.write() as connection:
            for table in (reviews, corroborations, case_pictures, case_candidates):
                connection.execute(delete(table).where(table.c.case_id == case_id))
            change = update(cases).where(cases.c.id == case_id)
            connection.execute(change.values(state=_PURGED, purged_at=now, purge_after=None))
            return _scrub(connection, searches.c.case_id == case_id)

    def erase_false_candidates(self, case_id: str, decided_before: datetime) -> int:
        """Erase the candidates of a case who were somebody else, with their pictures; and, where nobody was identified,
        the sealed list. How many candidates went."""
        with self._database.write() as connection:
            query = select(case_candidates.c.number).where(case_candidates.c.case_id == case_id, _false(decided_before))
            numbers = list(connection.execute(query).scalars())
            pictures = (case_pictures.c.case_id == case_id) & (case_pictures.c.kind == "candidate")
            connection.execute(delete(case_pictures).where(pictures, case_pictures.c.number.in_(numbers)))
            theirs = (case_candidates.c.case_id == case_id) & case_candidates.c.number.in_(numbers)
            connection.execute(delete(case_candidates).where(theirs))
            query = select(cases.c.state, cases.c.decided_at).where(cases.c.id == case_id)
            state, decided_at = connection.execute(query).one()
            if state in _NOBODY and decided_at is not None and decided_at <= decided_before:
                connection.execute(delete(case_pictures).where(case_pictures.c.case_id == case_id))
                _scrub(connection, searches.c.case_id == case_id)
        return len(numbers)

    def scrub_searches(self, search_ids: Sequence[str]) -> list[str]:
        """Erase what these searches looked for and found. The requests they were made by."""
        with self._database.write() as connection:
            return [each for some in in_lists(search_ids) for each in _scrub(connection, searches.c.id.in_(some))]

    def _found(self, which: ColumnElement[bool]) -> list[Expired]:
        query = select(cases.c.id, cases.c.collection, cases.c.profile)
        with self._database.read() as connection:
            rows = connection.execute(query.where(cases.c.state != _PURGED, which).order_by(cases.c.id))
            return [Expired(**row._mapping) for row in rows]

    # -- the ledger ----------------------------------------------------------------------------------------------

    def entries_before(self, moment: datetime) -> int:
        """How many of the first entries were recorded before a moment. Their times never go back: it is looked for by
        halves."""
        at, when = ledger_entries.c.position, ledger_entries.c.recorded_at
        with self._database.read() as connection:
            low, high = 0, (connection.execute(select(at).order_by(at.desc()).limit(1)).scalar_one_or_none() or -1) + 1
            while low < high:
                middle = (low + high) // 2
                recorded = connection.execute(select(when).where(at == middle)).scalar_one_or_none()
                low, high = (middle + 1, high) if recorded is not None and recorded < moment else (low, middle)
        return low

    def first_body(self, start: int, end: int) -> int | None:
        """The first of these positions that has a body."""
        at = ledger_entries.c.position
        query = select(at).where(at >= start, at < end, ledger_entries.c.salt.is_not(None)).order_by(at).limit(1)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one_or_none()

    def erase_entries(self, positions: Sequence[int]) -> int:
        """Erase the bodies of these entries; their leaves stay."""
        gone: dict[str, Any] = {"salt": None, "body": None, "request_id": None}
        with self._database.write() as connection:
            return sum(
                connection.execute(
                    update(ledger_entries)
                    .where(ledger_entries.c.position.in_(some), ledger_entries.c.salt.is_not(None))
                    .values(gone)
                ).rowcount
                for some in in_lists(positions)
            )

    def entries_of(self, request_ids: Sequence[str]) -> list[int]:
        """Where the entries of these requests are."""
        query = select(ledger_entries.c.position)
        with self._database.read() as connection:
            return sorted(
                position
                for some in in_lists(request_ids)
                for position in connection.execute(query.where(ledger_entries.c.request_id.in_(some))).scalars()
            )


def _false(decided_before: datetime) -> ColumnElement[bool]:
    """Of real candidates: a seeded pair is of faces that are enrolled, and goes with them."""
    somebody_else = (case_candidates.c.kind == "candidate") & (case_candidates.c.state == "not_identified")
    return somebody_else & (case_candidates.c.decided_at <= decided_before)


def _scrub(connection: Connection, which: ColumnElement[bool]) -> list[str]:
    requests = list(connection.execute(select(searches.c.request_id).where(which)).scalars())
    connection.execute(update(searches).where(which).values(_SCRUBBED | {"purge_after": None}))
    return [each for each in requests if each]
