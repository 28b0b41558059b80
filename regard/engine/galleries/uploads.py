"""Which files came in already: an upload that was cut goes on where it stopped."""

from __future__ import annotations

from collections.abc import Sequence

from regard.accountability.cases import Cases
from regard.accountability.gate import Grant
from regard.domain.authority import Action
from regard.domain.galleries import Face
from regard.store.collection_rows import CollectionRows
from regard.store.face_rows import FaceRows
from regard.store.upload_rows import UploadRows


class Uploads:
    """Knows files by the SHA-256 of their bytes, in hexadecimal."""

    def __init__(self, collections: CollectionRows, faces: FaceRows, rows: UploadRows, cases: Cases) -> None:
        self._collections = collections
        self._faces = faces
        self._rows = rows
        self._cases = cases

    def known(self, grant: Grant, collection_id: str, hashes: Sequence[str]) -> list[str]:
        """Those of the files that came in, in the order asked. Raises ResourceNotFound."""
        grant.require(Action.READ, collection_id)
        self._cases.require_listing(grant)
        there = self._rows.known(self._collections.get(collection_id).key, list(dict.fromkeys(hashes)))
        return [each for each in dict.fromkeys(hashes) if each in there]

    def enrolled(self, grant: Grant, collection_id: str, sha256: str) -> list[Face] | None:
        """The faces that came of a file; None if it did not come in. Raises ResourceNotFound."""
        grant.require(Action.ENROL, collection_id)
        collection = self._collections.get(collection_id)
        if not self._rows.known(collection.key, [sha256]):
            return None
        found = self._faces.by_keys(self._rows.faces(collection.key, sha256))
        grant.note(faces=[each.face_id for each in found.values()])
        return list(found.values())
