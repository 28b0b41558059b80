"""Candidates whose faces go: whoever is not identified yet is not identified any more."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, literal, select, update

from regard.domain.cases import UNDECIDED, CandidateState, PairKind
from regard.store.in_lists import in_lists
from regard.store.tables.cases import case_candidates, case_pictures, cases, searches
from regard.store.tables.collections import collections

_ERASED = str(CandidateState.ERASED)


def erase_candidates(connection: Connection, collection_key: int, face_ids: Sequence[str] | None) -> None:
    """These faces of the collection go in this transaction, or all: so do candidates who are not decided, with their
    pictures and all that says who they are. Those who are decided stay, for disclosure, as long as their case.

    `CaseProgress.settle_erased` brings their cases up to date.
    """
    name = select(collections.c.id).where(collections.c.key == collection_key).scalar_subquery()
    theirs = and_(
        case_candidates.c.kind == str(PairKind.CANDIDATE),
        case_candidates.c.state.in_(list(map(str, UNDECIDED))),
        case_candidates.c.case_id.in_(select(cases.c.id).where(cases.c.collection == name)),
    )
    if face_ids is None:
        _erase(connection, theirs)
        return
    for some in in_lists(face_ids):
        _erase(connection, theirs & case_candidates.c.face_id.in_(some))


def _erase(connection: Connection, which: ColumnElement[bool]) -> None:
    gone = update(case_candidates).where(which).values(state=_ERASED, face_id="", user_id=None)
    found = connection.execute(gone.returning(case_candidates.c.case_id, case_candidates.c.number)).all()
    for case_id, number in found:
        mine = (case_pictures.c.case_id == case_id) & (case_pictures.c.number == number)
        connection.execute(delete(case_pictures).where(mine, case_pictures.c.kind == "candidate"))
    others = exists(literal(1)).where(case_candidates.c.search_id == searches.c.id, case_candidates.c.state != _ERASED)
    for some in in_lists(list(dict.fromkeys(case_id for case_id, _ in found))):
        # Where nobody else was found the whole list goes; else `Cases` leaves them out of it.
        alone = searches.c.case_id.in_(some) & ~others
        connection.execute(update(searches).where(alone).values(sealed_candidates=None, best_pseudonym=None))
