"""Which files came in already: an upload that was cut goes on where it stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from regard.accountability.cases import Cases
from regard.accountability.gate import Grant
from regard.domain.authority import Action
from regard.domain.galleries import Face
from regard.store.collection_rows import CollectionRows
from regard.store.face_rows import FaceRows
from regard.store.upload_rows import UploadRows


class Uploads:
    """Knows files by the SHA-256 of their bytes, in hexadecimal: a file that was sent whole is known to all, one of
    which a smaller picture was sent only to whoever sent it."""

    def __init__(self, collections: CollectionRows, faces: FaceRows, rows: UploadRows, cases: Cases) -> None:
        self._collections = collections
        self._faces = faces
        self._rows = rows
        self._cases = cases

    def known(self, grant: Grant, collection_id: str, hashes: Sequence[str]) -> list[str]:
        """Those of the files that came in, in the order asked. Raises ResourceNotFound."""
        grant.require(Action.READ, collection_id)
        self._cases.require_listing(grant)
        own = {each: _own(grant, each) for each in hashes}
        there = self._rows.known(self._collections.get(collection_id).key, [*own, *own.values()])
        return [each for each, mine in own.items() if each in there or mine in there]

    def enrolled(self, grant: Grant, collection_id: str, sha256: str) -> list[Face] | None:
        """The faces that came of a file; None if it did not come in. Raises ResourceNotFound."""
        grant.require(Action.ENROL, collection_id)
        collection = self._collections.get(collection_id)
        marks = (sha256, _own(grant, sha256))
        if not self._rows.known(collection.key, marks):
            return None
        found = self._faces.by_keys(key for mark in marks for key in self._rows.faces(collection.key, mark))
        grant.note(faces=[each.face_id for each in found.values()])
        return list(found.values())


def mark(grant: Grant, sha256: str, picture: bytes) -> str:
    """What to remember of a file, by the hash that was said and the picture that was sent."""
    return sha256 if hashlib.sha256(picture).hexdigest() == sha256 else _own(grant, sha256)


def _own(grant: Grant, sha256: str) -> str:
    who = grant.person_id or grant.caller.principal.name
    return hashlib.sha256(f"{who}:{sha256}".encode()).hexdigest()
