"""Moving a collection from one index to another, while it is searched and written to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from regard.domain.galleries import EMBEDDED, Collection
from regard.domain.reporting import Progress
from regard.errors import InternalServerError, InvalidParameter
from regard.store.move_rows import Move, MoveRows
from regard.store.watermark_rows import TRACKS
from regard.sync.shared_sync import SharedSync


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What a move came to: faces and users' vectors that were read for it, whether one that was not ended was given up,
    and which index is still to forget the collection, because it did not answer."""

    faces: int = 0
    users: int = 0
    gave_up: bool = False
    left_in: str | None = None


class IndexMigration:
    """Fills the new index first, while the old one answers; then all servers turn to it at once.

    Where it goes on after an interruption is in SQL.
    """

    def __init__(self, moves: MoveRows, shared: SharedSync | None) -> None:
        self._moves = moves
        self._shared = shared

    def move(self, collection: Collection, into: str, progress: Progress | None = None) -> Moved:
        """Let the collection live in that index. Raises InvalidParameter for one there is not, InternalServerError
        where it does not answer."""
        if into == EMBEDDED:
            given_up = self._moves.give_up(collection)
            self._moves.end(collection, EMBEDDED)
            left = given_up or (collection.index if collection.index != EMBEDDED else None)
            return Moved(gave_up=given_up is not None, left_in=left if left and not self._forgotten() else None)
        if self._shared is None or into != self._shared.name:
            raise InvalidParameter(f"There is no index {into}: the setting `{into}` names none.")
        if collection.index == into:
            return Moved()
        moved = self._fill(collection, self._shared, progress)
        self._moves.end(collection, into)
        return moved

    def refill(self, collection: Collection, progress: Progress | None = None) -> Moved:
        """Fill the shared index, where the collection lives, anew from SQL. It cannot be searched meanwhile."""
        if self._shared is None:
            raise InvalidParameter(f"The collection lives in {collection.index}, which the settings do not name.")
        moved = self._fill(collection, self._shared, progress)
        self._moves.end(collection, self._shared.name)
        return moved

    def refill_all(self, living_there: Iterable[Collection], progress: Progress | None = None) -> None:
        """Throw away all that the shared index holds, also what SQL does not know, and fill it anew from SQL."""
        if self._shared:
            self._shared.renew(progress)
            for collection in living_there:
                self._moves.end(collection, self._shared.name)

    def _fill(self, collection: Collection, shared: SharedSync, progress: Progress | None) -> Moved:
        shared.catch_up(shared.head(), progress=progress)
        move = self._moves.of(collection) or self._moves.begin(collection, shared.name)
        # From here on what is new comes in as for every collection there; what the collection has already is read now.
        shared.catch_up(shared.head(), progress=progress)
        faces, users = (self._load(collection, shared, at, move, progress) for at in range(len(TRACKS)))
        shared.catch_up(shared.head())
        return Moved(faces=faces, users=users)

    def _load(self, collection: Collection, shared: SharedSync, at: int, move: Move, progress: Progress | None) -> int:
        done, after = 0, (move.faces, move.users)[at]
        total = shared.tracks[at].rows.count_of(collection.key, after)
        while stored := shared.fill(collection.key, at, after):
            after, done = int(stored.keys[-1]), done + len(stored.keys)
            if progress:
                progress(f"Moving {TRACKS[at]} into {shared.name}", done, max(total, done))
        return done

    def _forgotten(self) -> bool:
        """Whether the shared index has forgotten what has left it; if not, it will when it answers again."""
        if self._shared is None:
            return False
        try:
            self._shared.catch_up(self._shared.head())
        except InternalServerError:
            return False
        return True
