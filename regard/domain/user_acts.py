"""What people did with the faces of users, as it is kept so that it can be undone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

#: How long an act can be undone, and is kept.
UNDOABLE = timedelta(days=30)


class UserActKind(StrEnum):
    """`give` faces to a user, `take` them away, `separate`: say that they are not the user's; `merge` users into one,
    `delete` a user."""

    GIVE = "give"
    TAKE = "take"
    SEPARATE = "separate"
    MERGE = "merge"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceMove:
    """A face, and whose it was before an act and after it, by the client's name for them; None is nobody's."""

    face_key: int
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserAct:
    """One act: on which user, by whom, when, what it moved, and when it was undone, if it was. A face that has gone
    since is not among the moves."""

    key: int
    kind: UserActKind
    user_id: str
    acted_by: str
    acted_at: datetime
    moves: tuple[FaceMove, ...]
    undone_at: datetime | None = None

    @property
    def until(self) -> datetime:
        """Until when it can be undone."""
        return self.acted_at + UNDOABLE

    @property
    def others(self) -> dict[str, int]:
        """How many faces came from each other user."""
        found: dict[str, int] = {}
        for each in self.moves:
            if each.before not in (None, self.user_id):
                found[str(each.before)] = found.get(str(each.before), 0) + 1
        return found
