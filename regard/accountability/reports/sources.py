"""Where reports read: every row that they tell of, of one database."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from regard.accountability.hands import MARKS, Change, Hands, change_of
from regard.domain.authorisations import Authorisation
from regard.domain.cases import CaseCandidate
from regard.domain.evaluations import Evaluation
from regard.domain.galleries import Collection
from regard.domain.people import shown_names
from regard.domain.thresholds import ThresholdChange
from regard.store.authorisation_rows import AuthorisationRows
from regard.store.case_rows import CaseRows
from regard.store.collection_rows import CollectionRows
from regard.store.database import Database
from regard.store.evaluation_rows import EvaluationRows
from regard.store.incident_rows import IncidentRows
from regard.store.ledger_rows import LedgerRows
from regard.store.people_rows import PeopleRows
from regard.store.publication_rows import PublicationRows
from regard.store.receipt_rows import ReceiptRows
from regard.store.review_rows import ReviewRows
from regard.store.suspension_rows import SuspensionRows
from regard.store.threshold_rows import ThresholdRows

_ENTRIES = 1024
_MOST_RECEIPTS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Rows by kind. They are read, but for what is published."""

    database: Database
    collections: CollectionRows
    cases: CaseRows
    reviews: ReviewRows
    people: PeopleRows
    authorisations: AuthorisationRows
    evaluations: EvaluationRows
    incidents: IncidentRows
    thresholds: ThresholdRows
    receipts: ReceiptRows
    suspensions: SuspensionRows
    publications: PublicationRows
    ledger: LedgerRows

    @classmethod
    def of(cls, database: Database) -> Sources:
        return cls(
            database=database,
            collections=CollectionRows(database),
            cases=CaseRows(database),
            reviews=ReviewRows(database),
            people=PeopleRows(database),
            authorisations=AuthorisationRows(database),
            evaluations=EvaluationRows(database),
            incidents=IncidentRows(database),
            thresholds=ThresholdRows(database),
            receipts=ReceiptRows(database),
            suspensions=SuspensionRows(database),
            publications=PublicationRows(database),
            ledger=LedgerRows(database),
        )

    def sizes(self) -> list[tuple[Collection, int]]:
        """Every collection and its number of faces."""
        return self.collections.with_sizes()

    def newest_evaluations(self) -> list[Evaluation]:
        """The newest of each face model."""
        found: dict[str, Evaluation] = {}
        for each in self.evaluations.all():
            found.setdefault(each.face_model, each)
        return list(found.values())

    def names(self) -> dict[str, str]:
        """What people and services are called, by their id."""
        return shown_names(self.people.all(), self.people.services())

    def authorisations_by_id(self) -> dict[str, Authorisation]:
        return {each.id: each for each in self.authorisations.all()}

    def candidates(self, case_ids: list[str]) -> list[CaseCandidate]:
        return [candidate for case_id in case_ids for candidate in self.cases.candidates(case_id)]

    def threshold_changes(self) -> list[tuple[str, ThresholdChange]]:
        """Every change, with the name of its collection."""
        return [(each.id, change) for each, _ in self.sizes() for change in self.thresholds.of(each.key)]

    def erased(self, since: datetime, until: datetime) -> dict[str, int]:
        """How many receipts of erasures of each kind there are of a time."""
        counts: dict[str, int] = {}
        for each in self.receipts.last(_MOST_RECEIPTS):
            if since <= each.erased_at < until:
                counts[each.kind] = counts.get(each.kind, 0) + 1
        return counts

    def allowed_between(self, since: datetime, until: datetime) -> Iterator[Mapping[str, Any]]:
        """What the ledger says of acts that were allowed in a time."""
        for _, said in self.entries(since):
            if said["outcome"] == "allowed" and since <= datetime.fromisoformat(str(said["time"])) < until:
                yield {"facts": {}, **said}

    def hands(self) -> Hands:
        """Who could have acted as whom, by all that the ledger ever heard."""
        changes: list[Change] = []
        began: dict[str, datetime] = {}
        for said in self._marked(MARKS):
            who, when = said.get("person"), datetime.fromisoformat(str(said["time"]))
            if who is None or said["outcome"] != "allowed":
                continue
            facts = said.get("facts", {})
            if "sign_in" in facts:
                began.setdefault(str(who), when)
            if (change := change_of(when, str(who), str(said["operation"]), facts)) is not None:
                changes.append(change)
        return Hands(changes, began)

    def _marked(self, marks: Sequence[bytes]) -> Iterator[Mapping[str, Any]]:
        """The entries that have one of these words in them."""
        at = 0
        while found := self.ledger.entries(at, _ENTRIES):
            for each in found:
                marked = each.body is not None and any(mark in each.body for mark in marks)
                said = _parsed(each.body) if marked else None
                if said is not None:
                    yield said
            at = found[-1].position + 1

    def entries(self, since: datetime) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Every entry of the ledger that was recorded since a moment and whose body is still there, with its number."""
        before = self.ledger.last_before(since)
        at = 0 if before is None else before + 1
        while found := self.ledger.entries(at, _ENTRIES):
            for each in found:
                said = _parsed(each.body)
                if said is not None:
                    yield each.position, said
            at = found[-1].position + 1


def _parsed(body: bytes | None) -> Mapping[str, Any] | None:
    if body is None:
        return None
    try:
        said = json.loads(body)
    except ValueError:  # a changed entry, which verifying the ledger tells
        return None
    return said if isinstance(said, dict) else None
