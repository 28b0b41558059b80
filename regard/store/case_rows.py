"""Cases, their searches and candidates: rows only. `accountability/cases` knows what may follow what."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, exists, insert, literal, or_, select, tuple_, update

from regard.domain.cases import (
    UNDECIDED,
    CandidateState,
    Case,
    CaseCandidate,
    CaseState,
    Corroboration,
    PairKind,
    Search,
)
from regard.store.database import Database
from regard.store.in_lists import in_lists
from regard.store.tables.cases import case_candidates, cases, corroborations, searches
from regard.store.tables.collections import collections
from regard.store.tables.faces import faces
from regard.store.tables.users import memberships, users


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchFilter:
    """Which searches are asked for: somebody's, under an authorisation, of a collection; `undecided` also those whose
    case is open; older than the search of the id `before`."""

    person_id: str | None = None
    authorisation_id: str | None = None
    collection: str | None = None
    undecided: bool = True
    before: str | None = None


class CaseRows:
    """Open, find, change and purge cases; record searches, whether they opened one or not."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def together(self) -> Iterator[None]:
        """One transaction for all that is written inside."""
        with self._database.write():
            yield

    # -- cases -------------------------------------------------------------------------------------------------

    def add(self, case: Case) -> None:
        with self._database.write() as connection:
            connection.execute(insert(cases).values(_values(case)))

    def find(self, case_id: str) -> Case | None:
        """The case of this id; a seeded pair is none."""
        query = select(cases).where(cases.c.id == case_id, cases.c.state != str(CaseState.SEEDED))
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _case(row)

    def collection_of(self, case_id: str) -> str:
        """The collection of a case, or of a seeded pair; "" if there is no such case."""
        with self._database.read() as connection:
            found = connection.execute(select(cases.c.collection).where(cases.c.id == case_id)).scalar_one_or_none()
        return found or ""

    def all(self, states: Collection[CaseState] = (), collection: str | None = None) -> list[Case]:
        """Those in one of `states`, or all of them; of that collection, where one is named; the newest first."""
        query = select(cases).where(cases.c.state != str(CaseState.SEEDED))
        if states:
            query = query.where(cases.c.state.in_([str(state) for state in states]))
        if collection is not None:
            query = query.where(cases.c.collection == collection)
        with self._database.read() as connection:
            found = connection.execute(query.order_by(cases.c.opened_at.desc(), cases.c.id))
            return [_case(row) for row in found]

    def change(self, case_id: str, state: CaseState, decided_at: datetime | None) -> None:
        change = update(cases).where(cases.c.id == case_id).values(state=str(state), decided_at=decided_at)
        with self._database.write() as connection:
            connection.execute(change)

    def open_and_decided(self) -> list[str]:
        """Cases that are open though no candidate of theirs is to be decided."""
        undecided = exists(literal(1)).where(
            case_candidates.c.case_id == cases.c.id, case_candidates.c.state.in_([str(state) for state in UNDECIDED])
        )
        query = select(cases.c.id).where(cases.c.state == str(CaseState.OPEN), ~undecided).order_by(cases.c.id)
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    # -- candidates --------------------------------------------------------------------------------------------

    def add_candidates(self, new: Sequence[CaseCandidate]) -> None:
        if new:
            with self._database.write() as connection:
                connection.execute(insert(case_candidates), [_values(each) for each in new])

    def candidates(self, case_id: str) -> list[CaseCandidate]:
        """By their number, which is drawn by lot."""
        query = select(case_candidates).where(case_candidates.c.case_id == case_id).order_by(case_candidates.c.number)
        with self._database.read() as connection:
            return [_candidate(row) for row in connection.execute(query)]

    def candidate(self, case_id: str, number: int, *, change: bool = False) -> CaseCandidate | None:
        """One candidate or seeded pair; with `change`, nobody else changes it while the transaction lasts."""
        query = select(case_candidates).where(case_candidates.c.case_id == case_id, case_candidates.c.number == number)
        with self._database.read() as connection:
            row = connection.execute(query.with_for_update() if change else query).one_or_none()
        return None if row is None else _candidate(row)

    def by_aliases(self, aliases: Sequence[str]) -> list[tuple[Case, CaseCandidate]]:
        """The candidates that go by these aliases, with their cases."""
        with self._database.read() as connection:
            found = [
                _candidate(row)
                for some in in_lists(aliases)
                for row in connection.execute(select(case_candidates).where(case_candidates.c.alias.in_(some)))
            ]
            ids = list(dict.fromkeys(each.case_id for each in found))
            theirs = {
                row.id: _case(row)
                for some in in_lists(ids)
                for row in connection.execute(select(cases).where(cases.c.id.in_(some)))
            }
        return [(theirs[each.case_id], each) for each in found if theirs[each.case_id].state is not CaseState.SEEDED]

    def decide(self, case_id: str, number: int, state: CandidateState, decided_at: datetime | None) -> None:
        change = update(case_candidates).where(case_candidates.c.case_id == case_id, case_candidates.c.number == number)
        with self._database.write() as connection:
            connection.execute(change.values(state=str(state), decided_at=decided_at))

    def owners(self, collection_id: str, face_ids: Sequence[str]) -> dict[str, str | None]:
        """Those of the faces that the collection of that name has now, with the user whose each is."""
        owned = (
            select(faces.c.face_id, users.c.user_id)
            .join_from(faces, collections, collections.c.key == faces.c.collection_key)
            .outerjoin(memberships, memberships.c.face_key == faces.c.key)
            .outerjoin(users, users.c.key == memberships.c.user_key)
            .where(collections.c.id == collection_id)
        )
        with self._database.read() as connection:
            return {
                row.face_id: row.user_id
                for some in in_lists(face_ids)
                for row in connection.execute(owned.where(faces.c.face_id.in_(some)))
            }

    # -- searches ----------------------------------------------------------------------------------------------

    def add_search(self, search: Search) -> None:
        with self._database.write() as connection:
            connection.execute(insert(searches).values(_values(search)))

    def searches(self, case_id: str) -> list[Search]:
        """The searches of a case, in the order of time."""
        query = select(searches).where(searches.c.case_id == case_id)
        return self._searches(query)

    def searches_between(self, since: datetime, until: datetime) -> list[Search]:
        """Every search from one moment to before another, those that found nobody as well."""
        return self._searches(select(searches).where(searches.c.searched_at >= since, searches.c.searched_at < until))

    def pseudonyms(self, since: datetime) -> dict[str, str]:
        """By search, that of its best candidate, of those made since then that found somebody."""
        query = select(searches.c.id, searches.c.best_pseudonym).where(
            searches.c.searched_at >= since, searches.c.best_pseudonym.is_not(None)
        )
        with self._database.read() as connection:
            return {row.id: row.best_pseudonym for row in connection.execute(query)}

    def newest_searches(self, chosen: SearchFilter, most: int) -> list[Search]:
        """Also those that found nobody, the newest first."""
        query = select(searches).outerjoin(cases, cases.c.id == searches.c.case_id)
        for name in ("person_id", "authorisation_id", "collection"):
            if (value := getattr(chosen, name)) is not None:
                query = query.where(searches.c[name] == value)
        if not chosen.undecided:
            query = query.where(or_(cases.c.state.is_(None), cases.c.state != str(CaseState.OPEN)))
        place = (searches.c.searched_at, searches.c.id)
        query = query.order_by(*(each.desc() for each in place)).limit(most)
        with self._database.read() as connection:
            if chosen.before is not None:
                there = connection.execute(select(*place).where(searches.c.id == chosen.before)).one_or_none()
                if there is None:
                    return []
                query = query.where(tuple_(*place) < tuple(there))
            return [Search(**row._mapping) for row in connection.execute(query)]

    def searches_under(self, authorisation_id: str) -> list[Search]:
        return self._searches(select(searches).where(searches.c.authorisation_id == authorisation_id))

    def searches_naming(self, face_id: str) -> list[Search]:
        """Every search that returned this face as a candidate."""
        naming = select(case_candidates.c.search_id).where(case_candidates.c.face_id == face_id)
        return self._searches(select(searches).where(searches.c.id.in_(naming)))

    def _searches(self, query: Any) -> list[Search]:
        with self._database.read() as connection:
            found = connection.execute(query.order_by(searches.c.searched_at, searches.c.id))
            return [Search(**row._mapping) for row in found]

    # -- what else supports them -------------------------------------------------------------------------------

    def corroborate(
        self, case_id: str, kind: str, reference: str, person_id: str, now: datetime, *, independent: bool
    ) -> None:
        values = {
            "case_id": case_id,
            "kind": kind,
            "reference": reference,
            "independent": independent,
            "person_id": person_id,
            "added_at": now,
        }
        with self._database.write() as connection:
            connection.execute(insert(corroborations).values(values))

    def corroborations(self, case_id: str) -> list[Corroboration]:
        """In the order in which they were added."""
        query = select(corroborations).where(corroborations.c.case_id == case_id).order_by(corroborations.c.key)
        with self._database.read() as connection:
            return [Corroboration(**row._mapping) for row in connection.execute(query)]


def _values(noun: Case | CaseCandidate | Search) -> dict[str, Any]:
    found = {name: getattr(noun, name) for name in type(noun).__slots__}
    return {
        name: str(value) if isinstance(value, CaseState | CandidateState | PairKind) else value
        for name, value in found.items()
    }


def _case(row: Row[Any]) -> Case:
    values = dict(row._mapping)
    return Case(**values | {"state": CaseState(values["state"])})


def _candidate(row: Row[Any]) -> CaseCandidate:
    values = dict(row._mapping)
    return CaseCandidate(**values | {"kind": PairKind(values["kind"]), "state": CandidateState(values["state"])})
