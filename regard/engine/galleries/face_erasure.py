"""Erasing faces whoever's they are: from SQL with everything that hangs on them, then from the index that follows it.

It is not a door: those of `accountability` that erase have checked the grant.
"""

from __future__ import annotations

from collections.abc import Sequence

from regard.domain.galleries import Collection, Face
from regard.engine.galleries.matching import Matcher
from regard.engine.galleries.user_vectors import vector
from regard.store.collection_rows import CollectionRows
from regard.store.database import Database
from regard.store.face_rows import FaceRows
from regard.store.indexed_file_rows import IndexedFileRows
from regard.store.user_act_rows import UserActRows
from regard.store.user_rows import UserRows


class FaceErasure:
    """Erases faces, and whole collections."""

    def __init__(self, database: Database, matcher: Matcher) -> None:
        self._database = database
        self._collections = CollectionRows(database)
        self._faces = FaceRows(database)
        self._users = UserRows(database)
        self._files, self._acts = IndexedFileRows(database), UserActRows(database)
        self._matcher = matcher

    def collection_of(self, collection_id: str) -> Collection | None:
        return self._collections.find(collection_id)

    def faces(self, collection: Collection, face_ids: Sequence[str]) -> list[str]:
        """Erase those of the faces that the collection has, in one transaction; which they were.

        A user is made of the faces that are left to them, and goes with the last.
        """
        with self._database.write():
            found = self._faces.get(collection.key, list(dict.fromkeys(face_ids)))
            self._part(collection, found)
            deleted = self._faces.delete(collection.key, [each.face_id for each in found]).deleted
            self._files.forget_images(collection.key, sorted({each.image_id for each in found}))
        if deleted:
            self._database.afterwards(lambda: self._matcher.follow(collection))
        return deleted

    def collection(self, collection: Collection) -> int:
        """Erase a collection with all that is in it; how many faces it held."""
        with self._database.write():
            count = self._collections.face_count(collection.key)
            self._collections.delete(collection.id)
        self._database.afterwards(lambda: self._matcher.follow(collection))
        return count

    def _part(self, collection: Collection, found: Sequence[Face]) -> None:
        """Take the faces from their users."""
        theirs: dict[str, list[int]] = {}
        for each in found:
            if each.user_id is not None:
                theirs.setdefault(each.user_id, []).append(each.key)
        for user_id, keys in theirs.items():
            with self._users.changing(collection.key, user_id) as change:
                change.leave(keys)
                left = change.embeddings()
                if left is None:
                    change.remove()
                    self._acts.forget(collection.key, user_id)
                else:
                    change.set_vector(vector(left))
