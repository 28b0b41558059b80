"""`/v1/subject`: what is kept of the person in a picture, and its erasure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field

from regard.api.native_routes import Call, NativeRoute
from regard.domain.authority import Action
from regard.edge.turns import Lane
from regard.engine.galleries.subject_access import SubjectAccess

#: A picture of 5 MB in base64, with room for the rest.
_PICTURE_BYTES = 8 * 1024 * 1024


class Looked(BaseModel):
    """A picture, JPEG or PNG in base64, and the lowest similarity."""

    model_config = ConfigDict(extra="forbid")

    image: Base64Bytes
    threshold: Annotated[float, Field(ge=0, le=100)] = 90.0


class FaceNamed(BaseModel):
    model_config = ConfigDict(extra="forbid")

    collection: Annotated[str, Field(max_length=255)]
    face_id: Annotated[str, Field(max_length=36)]


class ToErase(BaseModel):
    """Faces that `/v1/subject/find` showed, to be erased."""

    model_config = ConfigDict(extra="forbid")

    faces: Annotated[list[FaceNamed], Field(min_length=1, max_length=4096)]


class SubjectFaceShown(BaseModel):
    collection: str
    face_id: str
    similarity: float
    external_image_id: str | None
    user_id: str | None
    enrolled_at: datetime
    basis: str | None
    source: str | None
    expires_at: datetime | None


class ConsentShown(BaseModel):
    collection: str
    subject: str
    purpose: str
    given_at: datetime
    valid: bool


class PastSearchShown(BaseModel):
    """A search that returned them. Who made it is not told."""

    searched_at: datetime
    collection: str
    operation: str
    purpose: str | None
    face_id: str


class RecordShown(BaseModel):
    """`not_read` are collections that could not be looked in, and `closed` those that are closed."""

    collections: int
    not_read: list[str]
    closed: list[str]
    faces: list[SubjectFaceShown]
    consents: list[ConsentShown]
    searches: list[PastSearchShown]


class Erased(BaseModel):
    """The faces that were erased; or the request that another person has to confirm. `cases` are those that were
    decided about them, and keep them until their own time is over."""

    erased: list[str]
    request_id: str | None
    cases: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectRoutes:
    """Subject access."""

    subjects: SubjectAccess

    def routes(self) -> tuple[NativeRoute, ...]:
        return (
            NativeRoute(
                "POST",
                "/subject/find",
                self.find,
                Action.READ,
                "What is kept of somebody",
                threshold="threshold",
                all_collections=True,
                lane=Lane.MODEL,
                most_bytes=_PICTURE_BYTES,
            ),
            NativeRoute(
                "POST",
                "/subject/erase",
                self.erase,
                Action.DELETE,
                "Erase it, or ask for that",
                all_collections=True,
            ),
            NativeRoute(
                "POST",
                "/subject/erase/{request_id}/confirm",
                self.confirm,
                Action.DELETE,
                "Confirm what another asked",
                all_collections=True,
            ),
        )

    def find(self, call: Call, given: Looked) -> RecordShown:
        found = self.subjects.find(call.grant, given.image, call.grant.act.threshold or 0.0)
        return RecordShown(
            collections=found.collections,
            not_read=found.unread,
            closed=found.closed,
            faces=[SubjectFaceShown.model_validate(_of(each, SubjectFaceShown)) for each in found.faces],
            consents=[ConsentShown.model_validate(_of(each, ConsentShown)) for each in found.consents],
            searches=[PastSearchShown.model_validate(_of(each, PastSearchShown)) for each in found.searches],
        )

    def erase(self, call: Call, given: ToErase) -> Erased:
        faces = [(each.collection, each.face_id) for each in given.faces]
        if call.grant.rules.review.agreements:
            request_id = self.subjects.request(call.grant, faces).id
            kept = self.subjects.kept_in(call.grant, [face_id for _, face_id in faces])
            return Erased(erased=[], request_id=request_id, cases=kept)
        return self._erased(call, self.subjects.erase(call.grant, faces))

    def confirm(self, call: Call, request_id: str) -> Erased:
        return self._erased(call, self.subjects.confirm(call.grant, request_id))

    def _erased(self, call: Call, erased: list[str]) -> Erased:
        return Erased(erased=erased, request_id=None, cases=self.subjects.kept_in(call.grant, erased))


def _of(found: object, shown: type[BaseModel]) -> dict[str, object]:
    return {name: getattr(found, name) for name in shown.model_fields}
