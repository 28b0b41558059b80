"""Pictures of enrolled faces, small ones, for whoever keeps a collection: where pictures are kept."""

from __future__ import annotations

from collections.abc import Sequence

from regard.accountability.cases import Cases
from regard.accountability.gate import Grant
from regard.accountability.sealed_pictures import SealedPictures
from regard.domain.authority import Action
from regard.media.portraits import smaller
from regard.store.collection_rows import CollectionRows

#: The longer side, in pixels: sharp on a telephone at half of that.
_SIDE = 192


class FacePortraits:
    """Shows what faces look like."""

    def __init__(self, collections: CollectionRows, pictures: SealedPictures, cases: Cases) -> None:
        self._collections = collections
        self._pictures = pictures
        self._cases = cases

    def of(self, grant: Grant, collection_id: str, face_ids: Sequence[str]) -> dict[str, bytes]:
        """JPEGs of those of the faces that have a picture, by face id. Raises ResourceNotFound, AccessDenied."""
        grant.require(Action.READ, collection_id)
        self._cases.require_listing(grant)
        collection = self._collections.get(collection_id)
        found = self._pictures.of_faces(collection.key, list(dict.fromkeys(face_ids)))
        grant.note(faces=list(found))
        return {face_id: smaller(picture, _SIDE) for face_id, picture in found.items()}
