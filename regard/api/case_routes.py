"""`/v1/cases`: what searches found once it is reviewed, and what else supports it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, ConfigDict

from regard.accountability.cases import CaseFile, Cases
from regard.api.native_routes import Call, NativeRoute
from regard.domain.authority import Action
from regard.domain.cases import Case, CaseCandidate, CaseState

_LEAD = "A candidate is an investigative lead, and no identification by itself."


class CaseShown(BaseModel):
    """A case."""

    case_id: str
    collection: str
    state: str
    authorisation_id: str | None
    profile: str
    reviews_needed: int
    opened_at: datetime
    decided_at: datetime | None

    @classmethod
    def of(cls, case: Case) -> CaseShown:
        return cls(
            case_id=case.id,
            collection=case.collection,
            state=case.state,
            authorisation_id=case.authorisation_id,
            profile=case.profile,
            reviews_needed=case.reviews_needed,
            opened_at=case.opened_at,
            decided_at=case.decided_at,
        )


class CasesShown(BaseModel):
    cases: list[CaseShown]


class CaseCandidateShown(BaseModel):
    """A candidate: until it is verified, `face_id` is an alias, and nothing else is told of who it is."""

    number: int
    state: str
    face_id: str
    external_image_id: str | None
    user_id: str | None

    @classmethod
    def of(cls, file: CaseFile, each: CaseCandidate) -> CaseCandidateShown:
        known = file.identified.get(each.number)
        return cls(
            number=each.number,
            state=each.state,
            face_id=each.face_id if each.is_verified else each.alias,
            external_image_id=None if known is None else known.external_image_id,
            user_id=None if known is None else known.user_id,
        )


class CorroborationShown(BaseModel):
    kind: str
    reference: str
    independent: bool


class CaseFileShown(BaseModel):
    """A case with its candidates, and what supports it."""

    case: CaseShown
    candidates: list[CaseCandidateShown]
    without_picture: list[int]
    corroborations: list[CorroborationShown]
    corroborations_needed: int
    notice: str

    @classmethod
    def of(cls, file: CaseFile) -> CaseFileShown:
        return cls(
            case=CaseShown.of(file.case),
            candidates=[CaseCandidateShown.of(file, each) for each in file.candidates],
            without_picture=file.without_picture,
            corroborations=[
                CorroborationShown(kind=each.kind, reference=each.reference, independent=each.independent)
                for each in file.corroborations
            ],
            corroborations_needed=file.corroborations_needed,
            notice=_LEAD,
        )


class Support(BaseModel):
    """What else supports an identification; `independent` declares that it does not derive from the search."""

    model_config = ConfigDict(extra="forbid")

    kind: str
    reference: str
    independent: bool


class StateShown(BaseModel):
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRoutes:
    cases: Cases

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
        return CaseFileShown.of(self.cases.show(call.grant, case_id))

    def corroborate(self, call: Call, case_id: str, support: Support, collection: str | None = None) -> StateShown:  # noqa: ARG002 - the gate reads it
        state = self.cases.corroborate(
            call.grant, case_id, support.kind, support.reference, independent=support.independent
        )
        return StateShown(state=state)
