"""Reviews: who is to judge which pair, and what they said: rows only. `accountability/reviews` knows the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, exists, func, insert, literal, or_, select, tuple_, update

from regard.domain.cases import UNDECIDED, CaseState, Opinion, PairKind, Review, still_needed
from regard.store.database import Database
from regard.store.tables.authorisations import authorisations
from regard.store.tables.cases import case_candidates, case_pictures, cases, corroborations, reviews

#: Pairs of either kind, candidates and seeded ones, that one draw chooses from.
_DRAWN_FROM = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPair:
    """A pair that somebody could judge: `opinions` counts those given, `assigned` those that others are working on."""

    case_id: str
    number: int
    kind: PairKind
    needed: int
    opinions: tuple[Opinion, ...]
    assigned: int

    @property
    def wanted(self) -> bool:
        """Whether one opinion more could matter, if those who have it now give theirs."""
        return still_needed(self.opinions, self.needed) > self.assigned


@dataclass(frozen=True, slots=True, kw_only=True)
class SeededResult:
    """How often a reviewer gave an opinion of pairs of one kind."""

    reviewer_id: str
    kind: PairKind
    opinion: Opinion
    count: int


class ReviewRows:
    """Assign pairs, keep opinions, count them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def assigned(self, reviewer_id: str, collection: str | None, since: datetime) -> Review | None:
        """The pair that this person has and has not judged yet, if it was given to them after `since` and is still to
        be decided."""
        query = (
            _open_to(collection)
            .add_columns(*reviews.c)
            .join(
                reviews,
                and_(reviews.c.case_id == case_candidates.c.case_id, reviews.c.number == case_candidates.c.number),
            )
            .where(reviews.c.reviewer_id == reviewer_id, reviews.c.opinion.is_(None), reviews.c.assigned_at > since)
        )
        columns = query.with_only_columns(*reviews.c).order_by(reviews.c.key.desc()).limit(1)
        with self._database.read() as connection:
            row = connection.execute(columns).first()
        return None if row is None else _review(row)

    def open_pairs(self, reviewer_id: str, collection: str | None, since: datetime) -> list[OpenPair]:
        """Pairs with both pictures that this person may judge: not of a case that they know, nor one they had. In no
        order that tells anything; what was assigned before `since` counts as left."""
        mine = exists(literal(1)).where(
            reviews.c.case_id == case_candidates.c.case_id,
            reviews.c.number == case_candidates.c.number,
            reviews.c.reviewer_id == reviewer_id,
            or_(reviews.c.opinion.is_not(None), reviews.c.assigned_at > since),
        )
        knows = exists(literal(1)).where(
            corroborations.c.case_id == case_candidates.c.case_id, corroborations.c.person_id == reviewer_id
        )
        query = _open_to(collection).where(~mine, ~knows, ~_authorised(reviewer_id))
        query = query.where(or_(cases.c.opened_by.is_(None), cases.c.opened_by != reviewer_id))
        with self._database.read() as connection:
            rows = [
                row
                for state in (CaseState.OPEN, CaseState.SEEDED)
                for row in connection.execute(
                    query.where(cases.c.state == str(state)).order_by(func.random()).limit(_DRAWN_FROM)
                ).all()
            ]
            given = _given(connection, [(row.case_id, row.number) for row in rows], since)
        found = [_open_pair(row, given.get((row.case_id, row.number), [])) for row in rows]
        return [each for each in found if each.wanted]

    def assign(self, case_id: str, number: int, reviewer_id: str, now: datetime) -> Review:
        """Give a pair to somebody; again, if they had it and left it."""
        values = {"case_id": case_id, "number": number, "reviewer_id": reviewer_id, "assigned_at": now}
        mine = _of(case_id, number) & (reviews.c.reviewer_id == reviewer_id)
        again = update(reviews).where(mine).values(assigned_at=now).returning(reviews)
        with self._database.write() as connection:
            row = connection.execute(again).one_or_none()
            if row is None:
                row = connection.execute(insert(reviews).values(values | {"components": {}}).returning(reviews)).one()
        return _review(row)

    def get(self, key: int, reviewer_id: str) -> Review | None:
        """This review, if it is this person's."""
        query = select(reviews).where(reviews.c.key == key, reviews.c.reviewer_id == reviewer_id)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _review(row)

    def give(self, key: int, opinion: Opinion, components: Mapping[str, str], reason: str, now: datetime) -> bool:
        """Keep an opinion, once and for good: False if it was given already."""
        change = update(reviews).where(reviews.c.key == key, reviews.c.opinion.is_(None))
        values = {"opinion": str(opinion), "components": dict(components), "reason": reason, "decided_at": now}
        with self._database.write() as connection:
            return connection.execute(change.values(values)).rowcount == 1

    def of_case(self, case_id: str) -> list[Review]:
        """In the order in which they were decided, those still open last."""
        query = select(reviews).where(reviews.c.case_id == case_id)
        with self._database.read() as connection:
            rows = connection.execute(
                query.order_by(reviews.c.decided_at.is_(None), reviews.c.decided_at, reviews.c.key)
            )
            return [_review(row) for row in rows]

    def opinions(self, case_id: str, number: int) -> list[Opinion]:
        """Those given of a pair, in the order of time."""
        query = select(reviews.c.opinion).where(_of(case_id, number), reviews.c.opinion.is_not(None))
        with self._database.read() as connection:
            return [
                Opinion(each)
                for each in connection.execute(query.order_by(reviews.c.decided_at, reviews.c.key)).scalars()
            ]

    def seeded_results(self) -> list[SeededResult]:
        """Each reviewer's opinions of pairs whose answer is known, counted."""
        query = (
            select(reviews.c.reviewer_id, case_candidates.c.kind, reviews.c.opinion, func.count().label("count"))
            .join(
                case_candidates,
                and_(reviews.c.case_id == case_candidates.c.case_id, reviews.c.number == case_candidates.c.number),
            )
            .where(case_candidates.c.kind != str(PairKind.CANDIDATE), reviews.c.opinion.is_not(None))
            .group_by(reviews.c.reviewer_id, case_candidates.c.kind, reviews.c.opinion)
        )
        with self._database.read() as connection:
            return [
                SeededResult(
                    reviewer_id=row.reviewer_id,
                    kind=PairKind(row.kind),
                    opinion=Opinion(row.opinion),
                    count=row._mapping["count"],
                )
                for row in connection.execute(query)
            ]

    def seeded_opinions(self, reviewer_id: str, before: datetime) -> list[SeededResult]:
        """This reviewer's opinions of such pairs that they gave before a moment, one by one, in the order of time."""
        query = (
            select(case_candidates.c.kind, reviews.c.opinion)
            .join(
                reviews,
                and_(reviews.c.case_id == case_candidates.c.case_id, reviews.c.number == case_candidates.c.number),
            )
            .where(case_candidates.c.kind != str(PairKind.CANDIDATE), reviews.c.opinion.is_not(None))
            .where(reviews.c.reviewer_id == reviewer_id, reviews.c.decided_at < before)
            .order_by(reviews.c.decided_at, reviews.c.key)
        )
        with self._database.read() as connection:
            return [
                SeededResult(reviewer_id=reviewer_id, kind=PairKind(kind), opinion=Opinion(opinion), count=1)
                for kind, opinion in connection.execute(query)
            ]

    def seeds(self, collection: str) -> dict[PairKind, int]:
        """How many seeded pairs of each kind nobody has judged yet."""
        query = (
            select(case_candidates.c.kind, func.count())
            .join(cases, cases.c.id == case_candidates.c.case_id)
            .where(cases.c.collection == collection, cases.c.state == str(CaseState.SEEDED))
            .where(case_candidates.c.state.in_(_UNDECIDED))
            .group_by(case_candidates.c.kind)
        )
        with self._database.read() as connection:
            return {PairKind(kind): count for kind, count in connection.execute(query)}


def _given(
    connection: Any, pairs: Sequence[tuple[str, int]], since: datetime
) -> dict[tuple[str, int], list[str | None]]:
    """The opinions of each pair, in one query for all of them; None of whoever was given it after `since`."""
    query = select(reviews.c.case_id, reviews.c.number, reviews.c.opinion).where(
        tuple_(reviews.c.case_id, reviews.c.number).in_(pairs),
        or_(reviews.c.opinion.is_not(None), reviews.c.assigned_at > since),
    )
    found: dict[tuple[str, int], list[str | None]] = {}
    for case_id, number, opinion in connection.execute(query):
        found.setdefault((case_id, number), []).append(opinion)
    return found


def _open_pair(row: Row[Any], given: Sequence[str | None]) -> OpenPair:
    return OpenPair(
        case_id=row.case_id,
        number=row.number,
        kind=PairKind(row.kind),
        needed=row.reviews_needed,
        opinions=tuple(Opinion(each) for each in given if each is not None),
        assigned=sum(each is None for each in given),
    )


_UNDECIDED = [str(state) for state in UNDECIDED]


def _of(case_id: str, number: int) -> Any:
    return (reviews.c.case_id == case_id) & (reviews.c.number == number)


def _authorised(person_id: str) -> Any:
    """Cases whose purpose this person knows: they requested the search, approved it or may make it."""
    theirs = or_(*(authorisations.c[name] == person_id for name in ("requested_by", "decided_by", "holder_id")))
    return exists(literal(1)).where(authorisations.c.id == cases.c.authorisation_id, theirs)


def _picture(kind: str, number: Any) -> Any:
    return exists(literal(1)).where(
        case_pictures.c.case_id == case_candidates.c.case_id,
        case_pictures.c.kind == kind,
        case_pictures.c.number == number,
    )


def _open_to(collection: str | None) -> Any:
    """Pairs that are to be decided, and have both pictures."""
    query = (
        select(case_candidates.c.case_id, case_candidates.c.number, case_candidates.c.kind, cases.c.reviews_needed)
        .select_from(case_candidates)
        .join(cases, cases.c.id == case_candidates.c.case_id)
        .where(
            cases.c.state.in_([str(CaseState.OPEN), str(CaseState.SEEDED)]),
            case_candidates.c.state.in_(_UNDECIDED),
            _picture("probe", 0),
            _picture("candidate", case_candidates.c.number),
        )
    )
    return query if collection is None else query.where(cases.c.collection == collection)


def _review(row: Row[Any]) -> Review:
    values = dict(row._mapping)
    return Review(**values | {"opinion": None if values["opinion"] is None else Opinion(values["opinion"])})
