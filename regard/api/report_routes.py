"""`/v1/reports`: what the public, courts, auditors and those who are concerned are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from regard.accountability.reports import rendering
from regard.accountability.reports.audit_report import Audit
from regard.accountability.reports.case_reports import CaseReports
from regard.accountability.reports.notice_report import Sign
from regard.accountability.reports.public_reports import PublicReports
from regard.accountability.reports.report import Report, period
from regard.api.native_routes import Call, NativeRoute
from regard.api.shapes import FaceInPath, Given, Moment, Name, Shown, Words
from regard.domain.authority import Action
from regard.edge.turns import Lane

Form = Literal["json", "html", "pdf", "csv"]
#: By a report's form, its media type, and what makes it.
_FORMS: Mapping[str, tuple[str, Callable[[Report], str | bytes]]] = {
    "json": ("application/json", rendering.text_json),
    "html": ("text/html", rendering.html),
    "pdf": ("application/pdf", rendering.pdf),
    "csv": ("text/csv", rendering.spreadsheet),
}
_MEDIA = tuple(media for media, _ in _FORMS.values())
#: A page of the report's own: nothing in it runs, and nothing is loaded.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox",
    "X-Content-Type-Options": "nosniff",
}
#: Bytes of what an operator's records say of people.
_RECORDS_BYTES = 4 * 1024 * 1024


class PeriodGiven(Given):
    """A period by its first and its last day, by UTC. `demographics` is what your own records say of the people in
    cases that may be acted on, by the case's id."""

    since: date
    until: date
    demographics: Annotated[dict[str, dict[str, str]], Field(max_length=100_000, default_factory=dict)]


class SignGiven(Given):
    """Where a sign is displayed, from when, and until when."""

    place: Name
    since: Moment
    until: Moment


class OverrideGiven(SignGiven):
    """Why no sign is displayed; the public reads it."""

    reason: Words


class ProofsShown(Shown):
    """What a case report rests on: receipts and pictures' hashes, by the names of their files."""

    proofs: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRoutes:
    public: PublicReports
    cases: CaseReports
    audit: Audit

    def routes(self) -> tuple[NativeRoute, ...]:
        read, administer = Action.READ, Action.ADMINISTER
        return (
            _route("GET", "/reports/accountability", self.accountability, read, "What the system is and can do"),
            _route("GET", "/reports/assessment", self.assessment, read, "A form for an assessment"),
            _route("POST", "/reports/transparency", self.transparency, administer, "Publish what happened"),
            _route("POST", "/reports/notice", self.notice, administer, "A sign that faces are searched for here"),
            _route("POST", "/reports/override", self.override, administer, "Record that no sign is displayed, and why"),
            _route("GET", "/reports/audit", self.check, read, "Check every search of a period once more"),
            _route("GET", "/reports/cases/{case_id}", self.case, read, "All that is recorded of a case", of=True),
            _route("GET", "/reports/warrants/{case_id}", self.warrant, read, "One page for a court", of=True),
            _route(
                "GET", "/reports/searches/{face_id}", self.searches, read, "Every search that found a face", of=True
            ),
            NativeRoute(
                "GET",
                "/reports/cases/{case_id}/proofs",
                self.proofs,
                read,
                "What the report of a case rests on",
                collection="collection",
            ),
        )

    def accountability(self, call: Call, form: Form = "json") -> Response:
        return _answer(self.public.accountability(call.grant), form)

    def assessment(self, call: Call, form: Form = "json") -> Response:
        return _answer(self.public.assessment(call.grant), form)

    def transparency(self, call: Call, given: PeriodGiven, form: Form = "json") -> Response:
        made = self.public.transparency(call.grant, *period(given.since, given.until), given.demographics)
        return _answer(made, form)

    def notice(self, call: Call, given: SignGiven, form: Form = "json") -> Response:
        sign = Sign(place=given.place, since=given.since, until=given.until)
        return _answer(self.public.notice(call.grant, sign), form)

    def override(self, call: Call, given: OverrideGiven, form: Form = "json") -> Response:
        sign = Sign(place=given.place, since=given.since, until=given.until)
        return _answer(self.public.override(call.grant, sign, given.reason), form)

    def check(
        self, call: Call, since: Annotated[date, Query()], until: Annotated[date, Query()], form: Form = "json"
    ) -> Response:
        return _answer(self.audit.run(call.grant, *period(since, until)), form)

    def case(self, call: Call, case_id: str, collection: str | None = None, form: Form = "json") -> Response:  # noqa: ARG002 - the gate reads it
        return _answer(self.cases.case(call.grant, case_id).report, form)

    def proofs(self, call: Call, case_id: str, collection: str | None = None) -> ProofsShown:  # noqa: ARG002 - the gate reads it
        return ProofsShown(proofs=dict(self.cases.case(call.grant, case_id).proofs))

    def warrant(self, call: Call, case_id: str, collection: str | None = None, form: Form = "json") -> Response:  # noqa: ARG002 - the gate reads it
        return _answer(self.cases.warrant(call.grant, case_id), form)

    def searches(self, call: Call, face_id: FaceInPath, collection: str | None = None, form: Form = "json") -> Response:  # noqa: ARG002 - the gate reads it
        return _answer(self.cases.naming(call.grant, face_id), form)


def _route(
    method: Literal["GET", "POST"],
    path: str,
    function: Callable[..., Response],
    action: Action,
    summary: str,
    of: bool = False,
) -> NativeRoute:
    """A report's route. `of` is whether it may name the collection that has a profile of its own."""
    return NativeRoute(
        method,
        path,
        function,
        action,
        summary,
        collection="collection" if of else None,
        lane=Lane.MODEL,
        most_bytes=_RECORDS_BYTES,
        media=_MEDIA,
    )


def _answer(report: Report, form: Form) -> Response:
    media, made = _FORMS[form]
    name = f'{"inline" if form == "html" else "attachment"}; filename="{report.name}.{form}"'
    return Response(made(report), headers=_HEADERS | {"Content-Disposition": name}, media_type=media)
