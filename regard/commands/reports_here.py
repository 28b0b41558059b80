"""Reports of this machine's home, as commands ask for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from regard.accountability.gate import Grant
from regard.accountability.reports import rendering
from regard.accountability.reports.notice_report import Sign
from regard.accountability.reports.report import Report, period
from regard.bootstrap.reports import Reports

#: By the end of a file's name, what makes it.
FORMATS: Mapping[str, Callable[[Report], str | bytes]] = {
    ".html": rendering.html,
    ".pdf": rendering.pdf,
    ".json": rendering.text_json,
    ".csv": rendering.spreadsheet,
}


@dataclass(frozen=True, slots=True)
class ReportHere:
    """A report that was made here, and the proofs that it rests on, by the names of their files."""

    report: Report
    proofs: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.report.name

    @property
    def data(self) -> Mapping[str, Any]:
        return self.report.data

    def made(self, suffix: str) -> str | bytes:
        return FORMATS[suffix](self.report)


class ReportsHere:
    """The doors to reports, with the grant for one of them."""

    def __init__(self, grant: Grant, reports: Reports) -> None:
        self._grant = grant
        self._reports = reports

    def accountability(self) -> ReportHere:
        return ReportHere(self._reports.public.accountability(self._grant))

    def assessment(self) -> ReportHere:
        return ReportHere(self._reports.public.assessment(self._grant))

    def transparency(self, first: date, last: date, demographics: Mapping[str, Mapping[str, str]]) -> ReportHere:
        return ReportHere(self._reports.public.transparency(self._grant, *period(first, last), demographics))

    def notice(self, sign: Sign) -> ReportHere:
        return ReportHere(self._reports.public.notice(self._grant, sign))

    def override(self, sign: Sign, reason: str) -> ReportHere:
        return ReportHere(self._reports.public.override(self._grant, sign, reason))

    def audit(self, first: date, last: date) -> ReportHere:
        return ReportHere(self._reports.audit.run(self._grant, *period(first, last)))

    def case(self, case_id: str) -> ReportHere:
        bundle = self._reports.cases.case(self._grant, case_id)
        return ReportHere(bundle.report, bundle.proofs)

    def warrant(self, case_id: str) -> ReportHere:
        return ReportHere(self._reports.cases.warrant(self._grant, case_id))

    def searches(self, face_id: str) -> ReportHere:
        return ReportHere(self._reports.cases.naming(self._grant, face_id))
