"""Moving a collection from one index to another while it is searched and written to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from regard.accountability.gate import Grant
from regard.domain.authority import Action
from regard.domain.galleries import EMBEDDED, Collection
from regard.domain.reporting import Progress
from regard.errors import InternalServerError, InvalidParameter
from regard.store.collection_rows import CollectionRows
from regard.store.move_rows import Move, MoveRows
from regard.sync.shared_sync import SharedSync


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The result of a move: the number of vectors read for each feed, whether an unfinished move was given up, and the
    index that still holds the collection because it did not answer, if any."""

    came_from: str
    vectors: Mapping[str, int] = field(default_factory=dict)
    gave_up: bool = False
    left_in: str | None = None


class IndexMigration:
    """Fills the new index while the old one is searched; then all servers switch to it at once.

    Progress is recorded in SQL: after an interruption the move resumes from there.
    """

    def __init__(self, collections: CollectionRows, moves: MoveRows, shared: SharedSync | None) -> None:
        self._collections = collections
        self._moves = moves
        self._shared = shared

    def move(self, grant: Grant, collection_id: str, into: str, progress: Progress | None = None) -> Moved:
        """Move the collection into the index `into`. Raises ResourceNotFound, InvalidParameter if there is no such
        index, InternalServerError if it does not answer."""
        grant.require(Action.MOVE, collection_id)
        collection = self._collections.get(collection_id)
        if into == EMBEDDED:
            given_up = self._moves.give_up(collection)
            self._moves.end(collection, EMBEDDED)
            left = given_up or (collection.index if collection.index != EMBEDDED else None)
            left_in = left if left and not self._forgotten() else None
            return Moved(came_from=collection.index, gave_up=given_up is not None, left_in=left_in)
        if self._shared is None or into != self._shared.name:
            raise InvalidParameter(f"There is no index {into}: set `[index] {into}` to its address.")
        if collection.index == into:
            return Moved(came_from=into)
        moved = self._fill(collection, self._shared, progress)
        self._moves.end(collection, into)
        return moved

    def stay(self, grant: Grant, collection: Collection) -> None:
        """Give up the unfinished move, if any, of a collection that is in the embedded index."""
        grant.require(Action.ADMINISTER, collection.id)
        self._moves.give_up(collection)

    def refill(self, grant: Grant, collection: Collection, progress: Progress | None = None) -> Moved:
        """Fill the shared index, which the collection is in, from SQL again. Until then it cannot be searched."""
        grant.require(Action.ADMINISTER, collection.id)
        if self._shared is None:
            raise InvalidParameter(f"The collection lives in {collection.index}, which the settings do not name.")
        moved = self._fill(collection, self._shared, progress)
        self._moves.end(collection, self._shared.name)
        return moved

    def refill_all(self, grant: Grant, living_there: Iterable[Collection], progress: Progress | None = None) -> None:
        """Delete all that the shared index holds, even what SQL does not know of, and fill it from SQL again."""
        grant.require_all(Action.ADMINISTER)
        if self._shared:
            self._shared.renew(progress)
            for collection in living_there:
                self._moves.end(collection, self._shared.name)

    def _fill(self, collection: Collection, shared: SharedSync, progress: Progress | None) -> Moved:
        shared.catch_up(shared.watermark(), progress=progress)
        move = self._moves.of(collection) or self._moves.begin(collection, shared.name)
        # From here on new vectors arrive as for every collection there; the existing ones are read below.
        shared.catch_up(shared.watermark(), progress=progress)
        vectors = {feed: self._load(collection, shared, feed, move, progress) for feed in shared.feeds}
        shared.catch_up(shared.watermark())
        return Moved(came_from=collection.index, vectors=vectors)

    def _load(
        self, collection: Collection, shared: SharedSync, feed: str, move: Move, progress: Progress | None
    ) -> int:
        done, after = 0, move.reached.get(feed, 0)
        total = shared.feeds[feed].rows.count_of(collection.key, after)
        while stored := shared.fill(feed, collection.key, after):
            after, done = int(stored.keys[-1]), done + len(stored.keys)
            if progress:
                progress(f"Moving {feed} into {shared.name}", done, max(total, done))
        return done

    def _forgotten(self) -> bool:
        """Whether the shared index has deleted the collections that left it; if not, it will when it answers again."""
        if self._shared is None:
            return False
        try:
            self._shared.catch_up(self._shared.watermark())
        except InternalServerError:
            return False
        return True
