"""The pictures that reviewers compare, encrypted with the key file: of enrolled faces, and of cases."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from regard.accountability.gate import Grant
from regard.accountability.secret_box import SecretBox
from regard.domain.galleries import Collection
from regard.store.picture_rows import PictureRows

PROBE, CANDIDATE = "probe", "candidate"
#: The tag of a collection whose faces' pictures are kept though nobody reviews them, so that people can put it right.
PICTURES_TAG, KEPT = "regard:pictures", "keep"


class SealedPictures:
    """Keeps pictures, and gives them back as they were. It is no door: who asks has checked the grant."""

    def __init__(self, rows: PictureRows, box: SecretBox) -> None:
        self._rows = rows
        self._box = box

    def keep(self, collection_key: int, pictures: Mapping[str, bytes]) -> None:
        """Those of enrolled faces, by face id."""
        sealed = {face_id: self._box.seal(each, _of_face(face_id)) for face_id, each in pictures.items()}
        self._rows.keep(collection_key, sealed)

    def complete(self, collection: str, pictures: Mapping[str, bytes]) -> None:
        """Give these faces' pictures, by face id, to the cases of the collection that have waited for them."""
        for face_id, picture in pictures.items():
            for case_id, number in self._rows.lacking(collection, face_id):
                self.add(case_id, CANDIDATE, number, picture)

    def of_faces(self, collection_key: int, face_ids: Sequence[str]) -> dict[str, bytes]:
        """Those of the faces' pictures that are at hand, by face id."""
        found = self._rows.of_faces(collection_key, face_ids)
        opened = {face_id: self._box.unseal(sealed, _of_face(face_id)) for face_id, sealed in found.items()}
        return {face_id: each for face_id, each in opened.items() if each is not None}

    def add(self, case_id: str, kind: str, number: int, picture: bytes) -> None:
        """A copy for a case."""
        sealed = self._box.seal(picture, _of_case(case_id, kind, number))
        self._rows.add(case_id, kind, number, hashlib.sha256(picture).hexdigest(), sealed)

    def of_case(self, case_id: str) -> dict[tuple[str, int], bytes]:
        """Those of a case, by kind and number; the probe's number is 0."""
        return self._opened(case_id, self._rows.of_case(case_id))

    def of_pair(self, case_id: str, number: int) -> tuple[bytes | None, bytes | None]:
        """The probe's of a case and a candidate's; None for one that cannot be opened."""
        opened = self._opened(case_id, self._rows.of_pair(case_id, number))
        return opened.get((PROBE, 0)), opened.get((CANDIDATE, number))

    def _opened(self, case_id: str, sealed: Mapping[tuple[str, int], bytes]) -> dict[tuple[str, int], bytes]:
        opened = {where: self._box.unseal(each, _of_case(case_id, *where)) for where, each in sealed.items()}
        return {where: each for where, each in opened.items() if each is not None}


def keeps_pictures(grant: Grant, collection: Collection) -> bool:
    """Whether each face's own part of its picture is kept: where candidates are reviewed, or the collection asks."""
    return grant.reviewed or collection.tags.get(PICTURES_TAG) == KEPT


def _of_face(face_id: str) -> str:
    return f"picture of the face {face_id}"


def _of_case(case_id: str, kind: str, number: int) -> str:
    return f"picture {kind} {number} of {case_id}"
