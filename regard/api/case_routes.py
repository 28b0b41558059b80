"""`/v1/cases`: what searches found once it is reviewed, and what else supports it; `/v1/searches`: all of them, also
those that found nobody."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Annotated

from fastapi import Query

from regard.accountability.cases import Cases
from regard.accountability.people import People
from regard.api.case_shapes import (
    CaseFileShown,
    CasePictureShown,
    CasePicturesShown,
    CaseShown,
    CasesShown,
    SearchRecordShown,
    SearchRecordsShown,
    StateShown,
    Support,
)
from regard.api.native_routes import Call, NativeRoute
from regard.domain.authority import Action
from regard.domain.cases import CaseState


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRoutes:
    cases: Cases
    people: People

    def routes(self) -> tuple[NativeRoute, ...]:
        return (
            NativeRoute(
                "GET",
                "/cases",
                self.list_cases,
                action=Action.READ,
                collection="collection",
                summary="List your cases",
            ),
            NativeRoute(
                "GET",
                "/cases/{case_id}",
                self.show,
                action=Action.READ,
                collection="collection",
                summary="Show a case",
            ),
            NativeRoute(
                "GET",
                "/cases/{case_id}/pictures",
                self.pictures,
                action=Action.READ,
                collection="collection",
                summary="Show the pictures of a case",
            ),
            NativeRoute(
                "GET",
                "/searches",
                self.searches,
                action=Action.READ,
                collection="collection",
                summary="List your searches, also those that found nobody",
            ),
            NativeRoute(
                "POST",
                "/cases/{case_id}/corroborations",
                self.corroborate,
                action=Action.REVIEW,
                collection="collection",
                summary="Add what else supports an identification",
            ),
        )

    def list_cases(
        self,
        call: Call,
        collection: str | None = None,  # noqa: ARG002 - the gate reads it
        state: Annotated[list[CaseState] | None, Query()] = None,
    ) -> CasesShown:
        return CasesShown(cases=[CaseShown.of(each) for each in self.cases.all(call.grant, state or ())])

    def show(self, call: Call, case_id: str, collection: str | None = None) -> CaseFileShown:  # noqa: ARG002 - the gate reads it
        file = self.cases.show(call.grant, case_id)
        people = {file.case.opened_by}
        people |= {each.person_id for each in file.searches} | {each.person_id for each in file.corroborations}
        people |= {each.reviewer_id for each in file.reviews if file.names_reviewers}
        return CaseFileShown.of(file, self.people.names(call.grant, people))

    def pictures(self, call: Call, case_id: str, collection: str | None = None) -> CasePicturesShown:  # noqa: ARG002 - the gate reads it
        found = self.cases.pictures(call.grant, case_id)
        return CasePicturesShown(
            pictures=[
                CasePictureShown(kind=kind, number=number, image=base64.b64encode(content).decode())
                for (kind, number), content in sorted(found.items(), reverse=True)
            ]
        )

    def searches(
        self,
        call: Call,
        collection: str | None = None,  # noqa: ARG002 - the gate reads it
        before: Annotated[str | None, Query(max_length=36)] = None,
        most: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> SearchRecordsShown:
        found = self.cases.searches(call.grant, before, most)
        return SearchRecordsShown(
            searches=[SearchRecordShown.model_validate(each) for each in found],
            names=self.people.names(call.grant, {each.person_id for each in found}),
            next=found[-1].id if len(found) == most else None,
        )

    def corroborate(self, call: Call, case_id: str, support: Support, collection: str | None = None) -> StateShown:  # noqa: ARG002 - the gate reads it
        state = self.cases.corroborate(
            call.grant, case_id, support.kind, support.reference, independent=support.independent
        )
        return StateShown(state=state)
