"""Collections, faces, users and searches, as they are sent and answered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, model_validator

from regard.api.shapes import (
    BoxShown,
    CollectionId,
    ExternalImageId,
    FaceId,
    Given,
    Percent,
    Picture,
    PictureGiven,
    Shown,
)
from regard.domain.cases import OpenedCase
from regard.domain.faces import QualityLevel
from regard.domain.galleries import Face, User, UserStatus
from regard.domain.identifiers import USER_ID, spelled
from regard.domain.tags import MOST_TAGS
from regard.engine.analysis.face_analyzer import MOST_FACES

UserId = Annotated[str, Field(max_length=USER_ID.longest, pattern=f"^[{USER_ID.characters}]+$")]
Tags = Annotated[dict[str, str], Field(max_length=MOST_TAGS)]
#: Rekognition's limits on ids in one call.
FaceIds = Annotated[list[FaceId], Field(min_length=1, max_length=4096)]
SomeFaceIds = Annotated[list[FaceId], Field(min_length=1, max_length=100)]
#: Candidates of a search.
MOST_CANDIDATES = 4096


# -- sent --------------------------------------------------------------------------------------------------------


class CollectionGiven(Given):
    """A new collection. `profile` and `overlays` are rules stricter than the installation's, for this collection."""

    collection_id: CollectionId
    profile: str | None = None
    #: Whether each face's own part of its picture is kept, encrypted, for those who put people right.
    pictures: bool = False
    overlays: Annotated[list[str], Field(max_length=16, default_factory=list)]
    tags: Tags = Field(default_factory=dict)


class TagsGiven(Given):
    """All tags it is to have, in place of those you saw: `version` is of what you saw."""

    tags: Tags
    version: str


class EnrolmentGiven(Given):
    """A picture whose faces are to be enrolled, the `most` largest that pass the quality filter. With the `sha256` of
    the file that it was made of, in hexadecimal, it is enrolled once, however often it is sent. `name` is any name, of
    a file or a folder, that the external image id is spelled from."""

    image: Picture
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    external_image_id: ExternalImageId | None = None
    name: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    quality: QualityLevel = QualityLevel.AUTO
    most: Annotated[int, Field(ge=1, le=MOST_FACES)] = MOST_FACES

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if self.name is not None and self.external_image_id is not None:
            raise ValueError("send an external_image_id, or a name that it is spelled from: not both")
        return self

    @property
    def spelled_id(self) -> str | None:
        return self.external_image_id if self.name is None else spelled(self.name) or None


class FacesGiven(Given):
    face_ids: FaceIds


class UserGiven(Given):
    user_id: UserId


class AssociationGiven(Given):
    """Faces to be this user's, if they are as like as `threshold`; at 0 nothing is compared."""

    face_ids: SomeFaceIds
    threshold: Percent = 75.0
    #: Of the user, as you saw it: 409 if somebody has changed them since.
    version: str | None = None


class DisassociationGiven(Given):
    face_ids: SomeFaceIds
    version: str | None = None


class SearchGiven(PictureGiven):
    """A picture, and which of its faces to search for: that which overlaps `face` most, or the largest. The threshold
    is the profile's, or 80, unless said."""

    face: BoxShown | None = None
    threshold: Percent | None = None
    most: Annotated[int, Field(ge=1, le=MOST_CANDIDATES)] = 50
    quality: QualityLevel = QualityLevel.NONE


class FaceSearchGiven(Given):
    """How to search for a face that is enrolled."""

    threshold: Percent | None = None
    most: Annotated[int, Field(ge=1, le=MOST_CANDIDATES)] = 50


# -- answered ----------------------------------------------------------------------------------------------------


class CollectionShown(Shown):
    """A collection, and how many faces it has."""

    collection_id: str
    faces: int
    face_model: str
    created_at: datetime
    tags: dict[str, str]


class CollectionsShown(Shown):
    """Every collection, ordered by id."""

    collections: list[CollectionShown]


class CollectionFile(Shown):
    """A collection, how many users it has, the profile in force there, and the version of its tags; `pictures`: whether
    pictures of faces are kept."""

    collection: CollectionShown
    users: int
    profile: str
    pictures: bool
    version: str


class TagsShown(Shown):
    tags: dict[str, str]
    version: str


class FaceShown(Shown):
    """An enrolled face; `utility` is how much of whose face it is its picture still shows, 0 to 100."""

    face_id: str
    image_id: str
    external_image_id: str | None
    user_id: str | None
    box: BoxShown
    confidence: float
    utility: float | None
    created_at: datetime


class FacesShown(Shown):
    """A page of faces; `next` is where the next one begins, null after the last."""

    faces: list[FaceShown]
    next: int | None


class DetectedFace(Shown):
    """A face in a picture: brightness and sharpness are 0 to 100, the pose in degrees."""

    box: BoxShown
    confidence: float
    brightness: float
    sharpness: float
    yaw: float
    pitch: float
    roll: float


class DetectedFaces(Shown):
    """The faces of a picture, the largest first, and the sides of the picture in pixels."""

    width: int
    height: int
    faces: list[DetectedFace]


class RefusedFace(Shown):
    box: BoxShown
    reasons: list[str]


class EnrolledShown(Shown):
    """The faces that were enrolled, and why the others were not; `known` if the file had come in before."""

    enrolled: list[FaceShown]
    refused: list[RefusedFace]
    known: bool


class DeletedFaces(Shown):
    """`kept` belong to a user, by their id."""

    deleted: list[str]
    kept: dict[str, str]


class UserShown(Shown):
    user_id: str
    status: UserStatus
    version: str

    @classmethod
    def of(cls, user: User) -> UserShown:
        return cls(user_id=user.id, status=user.status, version=user.version)


class UsersShown(Shown):
    """A page of users; `next` is where the next one begins, null after the last."""

    users: list[UserShown]
    next: int | None


class RefusalShown(Shown):
    """A face that was not moved, and why; `similarity` is left null where scores are hidden."""

    face_id: str
    reason: str
    user_id: str | None
    similarity: float | None


class AssociationShown(Shown):
    """The faces that were moved and why not the others; `act` undoes it."""

    moved: list[str]
    refused: list[RefusalShown]
    status: UserStatus
    act: int | None


class CaseOpened(Shown):
    """What reviewing the candidates takes: `id` is null where there are none; `receipt` is the ledger's entry."""

    id: str | None
    needed: int
    done: int
    receipt: int | None


class FoundFace(Shown):
    """A candidate. Where candidates are reviewed it goes by an alias, and `similarity` is the threshold."""

    face: FaceShown
    similarity: float


class SearchShown(Shown):
    """What a search found, the most alike first: `gallery_size` is how many faces were searched, `expected_false` how
    many of so many candidates are to be expected by chance."""

    searched: BoxShown | None
    threshold: float
    gallery_size: int
    expected_false: float
    face_model: str
    candidates: list[FoundFace]
    case: CaseOpened | None


class UserCandidate(Shown):
    user_id: str
    status: UserStatus
    similarity: float


class UserSearchShown(Shown):
    """As SearchShown, of users."""

    threshold: float
    gallery_size: int
    expected_false: float
    face_model: str
    candidates: list[UserCandidate]
    case: CaseOpened | None


def face_shown(face: Face) -> FaceShown:
    return FaceShown.model_validate(face)


def case_shown(case: OpenedCase | None) -> CaseOpened | None:
    return None if case is None else CaseOpened.model_validate(case)


def version_of(tags: Mapping[str, str]) -> str:
    """What tells whether somebody else changed the tags."""
    return hashlib.sha256(json.dumps(tags, sort_keys=True).encode()).hexdigest()[:16]
