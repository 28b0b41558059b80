"""Cases and searches, as they are sent and answered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from regard.accountability.cases import CaseFile
from regard.api.shapes import Shown
from regard.domain.cases import Case, CaseCandidate, Opinion, Review

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


class CorroborationShown(Shown):
    """What else supports an identification, who added it, and when."""

    kind: str
    reference: str
    independent: bool
    person_id: str
    added_at: datetime


class DecisionShown(Shown):
    """What a reviewer said of the candidate of this number; who they are is told to those who oversee."""

    number: int
    reviewer_id: str | None
    opinion: Opinion
    components: dict[str, str]
    reason: str | None
    decided_at: datetime | None

    @classmethod
    def of(cls, file: CaseFile, each: Review) -> DecisionShown:
        shown = cls.model_validate(each)
        return shown if file.names_reviewers else shown.model_copy(update={"reviewer_id": None})


class SearchRecordShown(Shown):
    """A search, also one that found nobody, which opened no case. `request_id` names its entry in the ledger."""

    id: str
    request_id: str
    case_id: str | None
    authorisation_id: str | None
    person_id: str | None
    collection: str
    searched_at: datetime
    face_model: str
    threshold: float
    gallery_size: int
    expected_false: float
    candidate_count: int


class SearchRecordsShown(Shown):
    """The newest first, and the names of who searched; `next` is the `before` of the page behind it."""

    searches: list[SearchRecordShown]
    names: Mapping[str, str]
    next: str | None


class CasePictureShown(Shown):
    """A picture as JPEG in base64: `kind` is probe, or candidate with its number."""

    kind: str
    number: int
    image: str


class CasePicturesShown(Shown):
    """Those that you may see: `GET /v1/cases/{case_id}` says what else there is."""

    pictures: list[CasePictureShown]


class CaseFileShown(BaseModel):
    """A case with its searches and candidates, and what supports it; `decisions` once all are in; `names` of the people
    who searched, decided and added."""

    case: CaseShown
    searches: list[SearchRecordShown]
    candidates: list[CaseCandidateShown]
    decisions: list[DecisionShown]
    without_picture: list[int]
    corroborations: list[CorroborationShown]
    corroborations_needed: int
    names: Mapping[str, str]
    notice: str

    @classmethod
    def of(cls, file: CaseFile, names: Mapping[str, str]) -> CaseFileShown:
        return cls(
            case=CaseShown.of(file.case),
            searches=[SearchRecordShown.model_validate(each) for each in file.searches],
            candidates=[CaseCandidateShown.of(file, each) for each in file.candidates],
            decisions=[DecisionShown.of(file, each) for each in file.reviews if each.opinion is not None],
            without_picture=file.without_picture,
            corroborations=[CorroborationShown.model_validate(each) for each in file.corroborations],
            corroborations_needed=file.corroborations_needed,
            names=names,
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
