"""Pictures for reviewers, of faces that were enrolled without one: before the profile asked for it, or by an import."""

from __future__ import annotations

from regard.accountability.gate import Grant
from regard.accountability.sealed_pictures import SealedPictures
from regard.domain.authority import Action
from regard.engine.analysis.picture_files import open_file
from regard.errors import InvalidParameter
from regard.media.portraits import encoded
from regard.store.collection_rows import CollectionRows
from regard.store.face_rows import FaceRows


class FacePictures:
    """Takes the picture that faces were enrolled from, and no other: its bytes must have their image id."""

    def __init__(self, collections: CollectionRows, faces: FaceRows, pictures: SealedPictures) -> None:
        self._collections = collections
        self._faces = faces
        self._pictures = pictures

    def add(self, grant: Grant, collection_id: str, content: bytes) -> list[str]:
        """Keep each face's own part of the picture, encrypted; the ids of the faces enrolled from it.

        Raises ResourceNotFound, InvalidParameter if the profile keeps no pictures, and as `picture_files.open_file`.
        """
        grant.require(Action.ENROL, collection_id)
        if not grant.reviewed:
            raise InvalidParameter(
                f"The profile {grant.rules.name} has nobody reviewed, and keeps no picture of anybody."
            )
        collection, picture = self._collections.get(collection_id), open_file(content)
        found = self._faces.of_image(collection.key, picture.image_id)
        if found:
            image = picture.load().image
            portraits = {face.face_id: encoded(image, face.box) for face in found}
            with self._faces.together():  # whoever was erased since they were found is left out
                found = self._faces.of_image(collection.key, picture.image_id)
                portraits = {face.face_id: portraits[face.face_id] for face in found if face.face_id in portraits}
                self._pictures.keep(collection.key, portraits)
                self._pictures.complete(collection.id, portraits)
                grant.note(faces=list(portraits))
            return list(portraits)
        return []
