"""What keeps the people of a collection right, as it is sent and answered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from regard.api.gallery_shapes import FaceShown, SomeFaceIds, UserId, face_shown
from regard.api.shapes import FaceId, Given, Percent, Shown
from regard.domain.galleries import UserStatus
from regard.domain.user_acts import UserAct, UserActKind
from regard.engine.galleries.user_files import Advice, UserFile

#: As a client saw it: a write that carries it is refused if somebody has changed the user since.
Version = Annotated[str, Field(max_length=64)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


# -- sent --------------------------------------------------------------------------------------------------------


class OtherGiven(Given):
    """A user who becomes another, and the version you saw."""

    user_id: UserId
    version: Version | None = None


class MergeGiven(Given):
    """The users who become this one, and the version of this one that you saw. They must be as like it as `threshold`;
    at 0 nothing is compared, which a profile that has candidates reviewed does not allow."""

    others: Annotated[list[OtherGiven], Field(min_length=1, max_length=100)]
    threshold: Percent = 0.0
    version: Version | None = None


class SeparationGiven(Given):
    """Faces that are not this user's, and users of whom no face is."""

    face_ids: Annotated[list[FaceId], Field(max_length=100, default_factory=list)]
    user_ids: Annotated[list[UserId], Field(max_length=100, default_factory=list)]
    version: Version | None = None


class PortraitsGiven(Given):
    face_ids: SomeFaceIds


class UploadsGiven(Given):
    """The SHA-256 of files, in hexadecimal."""

    sha256: Annotated[list[Sha256], Field(min_length=1, max_length=1000)]


# -- answered ----------------------------------------------------------------------------------------------------


class PersonFace(Shown):
    """`likeness`, 0 to 100, is to what the user's other faces make together; null for an only face, and where scores
    are hidden. `doubtful` is one that is likely somebody else's."""

    face: FaceShown
    likeness: float | None
    doubtful: bool


class UserFileShown(Shown):
    """A user and their faces, the most doubtful first; `apart` were said not to be theirs. `advice` is what would make
    them easier to find. `final`: once deleted, they cannot be brought back."""

    user_id: str
    status: UserStatus
    version: str
    faces: list[PersonFace]
    apart: list[FaceShown]
    advice: Advice
    final: bool

    @classmethod
    def of(cls, file: UserFile) -> UserFileShown:
        return cls(
            user_id=file.user.id,
            status=file.user.status,
            version=file.user.version,
            faces=[
                PersonFace(face=face_shown(each.face), likeness=each.likeness, doubtful=each.doubtful)
                for each in file.faces
            ],
            apart=[face_shown(each) for each in file.apart],
            advice=file.advice,
            final=file.final,
        )


class CuratedShown(Shown):
    """The faces that were moved, and those that stayed because they were said not to be the user's; `act` undoes it."""

    moved: list[str]
    stayed: list[str]
    act: int | None


class AlikeUser(Shown):
    user_id: str
    version: str
    similarity: float


class AlikeFace(Shown):
    face: FaceShown
    similarity: float


class ProposalsShown(Shown):
    """Users who may be this one, and faces of nobody that may be theirs, the most alike first."""

    users: list[AlikeUser]
    faces: list[AlikeFace]


class AlikePair(Shown):
    first: AlikeUser
    second: AlikeUser
    similarity: float


class AlikePairs(Shown):
    """Pairs of users who may be one person, the most alike first, of one page of users; `next` is where the next page
    begins, null after the last."""

    pairs: list[AlikePair]
    next: int | None


class ActShown(Shown):
    """What somebody did to a user: `faces` are how many it moved, `others` from which other users how many of them.
    It can be undone until `until`, once."""

    act: int
    kind: UserActKind
    user_id: str
    others: dict[str, int]
    faces: int
    acted_by: str
    acted_at: datetime
    until: datetime
    undone_at: datetime | None

    @classmethod
    def of(cls, act: UserAct) -> ActShown:
        return cls(
            act=act.key,
            kind=act.kind,
            user_id=act.user_id,
            others=act.others,
            faces=len(act.moves),
            acted_by=act.acted_by,
            acted_at=act.acted_at,
            until=act.until,
            undone_at=act.undone_at,
        )


class ActsShown(Shown):
    """A page of acts, the latest first; `next` is what to ask for as `before`, null after the last."""

    acts: list[ActShown]
    next: int | None


class UndoneShown(Shown):
    """The faces that are whose they were, and those that were given to somebody else since."""

    moved: list[str]
    stayed: list[str]


class QualityShown(Shown):
    """Groups of faces that are the same picture again, and faces that are seen badly, of one page of faces."""

    duplicates: list[list[FaceShown]]
    poor: list[FaceShown]
    looked: int
    next: int | None


class PortraitsShown(Shown):
    """JPEG in base64, by face id, of those whose picture is kept."""

    pictures: dict[str, str]


class UploadsShown(Shown):
    known: list[str]
