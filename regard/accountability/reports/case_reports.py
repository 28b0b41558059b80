"""The door to what is disclosed of cases: whole, on one page for a court, and every search that named a face."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from regard.accountability.case_progress import rules_of
from regard.accountability.cases import Cases
from regard.accountability.gate import Grant
from regard.accountability.ledger.ledger_verification import LedgerFault
from regard.accountability.reports.case_report import CaseRecord, case_report
from regard.accountability.reports.naming_report import naming_report
from regard.accountability.reports.public_reports import noted
from regard.accountability.reports.report import Report
from regard.accountability.reports.sources import Sources
from regard.accountability.reports.system import System
from regard.accountability.reports.warrant_report import warrant_report
from regard.accountability.sealed_pictures import SealedPictures
from regard.domain.authority import Action
from regard.domain.cases import CaseState, Search
from regard.errors import AccessDenied, InternalServerError


@dataclass(frozen=True, slots=True)
class Bundle:
    """A report, and the receipts of the ledger's entries that it rests on, by the name of their file."""

    report: Report
    proofs: dict[str, str]


class CaseReports:
    """Makes reports of cases. `receipt` gives the proof that an entry is in the ledger."""

    def __init__(
        self,
        *,
        cases: Cases,
        pictures: SealedPictures,
        sources: Sources,
        system: System,
        receipt: Callable[[int], str],
        clock: Callable[[], datetime],
    ) -> None:
        self._cases = cases
        self._pictures = pictures
        self._sources = sources
        self._system = system
        self._receipt = receipt
        self._clock = clock

    def case(self, grant: Grant, case_id: str) -> Bundle:
        """All that is recorded of a case, for those who oversee. Raises InvalidParameter if there is none."""
        grant.require(Action.READ)
        self._cases.ranked(grant, case_id)  # raises unless the caller may know the order of candidates
        record = self._record(grant, case_id)
        made = noted(grant, case_report(self._of(record), record, self._clock()), case=case_id)
        try:
            return Bundle(made, {f"{position}.tlog-proof": self._receipt(position) for position in record.entries})
        except LedgerFault as fault:
            raise InternalServerError(str(fault), public=str(fault)) from fault

    def warrant(self, grant: Grant, case_id: str) -> Report:
        """One page for papers to a court. Raises AccessDenied before reviewers have decided: it tells ranks."""
        grant.require(Action.READ)
        record = self._record(grant, case_id)
        if not record.decided:
            raise AccessDenied(
                f"{grant.act.operation} is refused: the case {case_id} is open, and nobody may rely on it. Wait until "
                "its candidates are reviewed."
            )
        bar = rules_of(record.file.case).least_probe_utility
        return noted(grant, warrant_report(self._of(record), record, bar, self._clock()), case=case_id)

    def naming(self, grant: Grant, face_id: str) -> Report:
        """Every search that returned a face."""
        grant.require(Action.READ)
        found = [
            (search, candidate)
            for search in self._sources.cases.searches_naming(face_id)
            if grant.act.collection in (None, search.collection)
            for candidate in self._cases.unsealed(grant, search)
            if candidate.face_id == face_id
        ]
        made = naming_report(self._system, face_id, found, self._sources.names(), self._clock())
        return noted(grant, made, face=face_id)

    def _record(self, grant: Grant, case_id: str) -> CaseRecord:
        sources, file = self._sources, self._cases.show(grant, case_id)
        case = file.case
        under = case.authorisation_id
        mine = {each.id for each in file.searches}
        others = [] if under is None else sources.cases.searches_under(under)
        others = [each for each in others if each.id not in mine]
        searches: list[Search] = [*file.searches, *others]
        sealed = case.state is CaseState.PURGED
        return CaseRecord(
            file=file,
            ranked={} if sealed else {each.id: self._cases.unsealed(grant, each) for each in searches},
            pictures={} if sealed else self._pictures.of_case(case_id),
            authorisation=None if under is None else sources.authorisations.get(under),
            others=others,
            names=sources.names(),
            trainings={each.reviewer_id: sources.people.trainings(each.reviewer_id) for each in file.reviews},
            evaluation=next(
                (found for each in file.searches if (found := sources.evaluations.newest_of(each.face_model))), None
            ),
            entries=self._entries(case_id, case.opened_at, {each.request_id for each in file.searches} - {""}),
        )

    def _entries(self, case_id: str, since: datetime, requests: set[str]) -> list[int]:
        """The numbers of the ledger's entries about a case, but for those of reports on it."""
        return [
            position
            for position, said in self._sources.entries(since)
            if "report" not in said.get("facts", {})
            and (said.get("facts", {}).get("case") == case_id or said.get("act") in requests)
        ]

    def _of(self, record: CaseRecord) -> System:
        """The installation, with the rules that the case was opened under."""
        return self._system.under(rules_of(record.file.case))
