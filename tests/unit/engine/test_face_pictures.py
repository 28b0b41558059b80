from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from granting import Granting
from people import astronaut, encoded
from sqlalchemy import select
from stores import MODEL, NOW, Store, new_faces, units

from regard.accountability.profiles.catalogue import PROFILES
from regard.accountability.sealed_pictures import SealedPictures
from regard.accountability.secret_box import SecretBox
from regard.domain.authority import Action
from regard.domain.galleries import Collection, Face
from regard.engine.analysis.picture_files import open_file
from regard.engine.galleries.face_pictures import FacePictures
from regard.store.database import Database
from regard.store.face_rows import FaceRows
from regard.store.picture_rows import PictureRows
from regard.store.tables.cases import face_pictures

CONTENT = encoded(astronaut())
#: As where people review, but for the people that this test has none of.
REVIEWED = PROFILES["public-safety"].changed(people=False, trained=())


class Late(FaceRows):
    """Has somebody erased between what is looked up and what is written."""

    def __init__(self, database: Database, erase: Callable[[], object]) -> None:
        super().__init__(database)
        self._erase = erase

    @contextmanager
    def together(self) -> Iterator[None]:
        self._erase()
        with super().together():
            yield


def enrolled(store: Store, collection: Collection, count: int) -> list[Face]:
    """Faces of one picture."""
    image_id = open_file(CONTENT).image_id
    new = [replace(each, image_id=image_id) for each in new_faces(count)]
    return store.faces.add(collection.key, new, units(count), MODEL, NOW)


@pytest.mark.control(28)
def test_of_whoever_is_erased_while_pictures_are_cut_none_is_kept(store: Store, tmp_path: Path) -> None:
    staff = store.collection()
    gone, other = enrolled(store, staff, 2)
    erase = Late(store.database, lambda: store.faces.delete(staff.key, [gone.face_id]))
    pictures = SealedPictures(PictureRows(store.database), SecretBox(tmp_path / "seal.key"))
    with Granting(REVIEWED) as granting:
        added = FacePictures(store.collections, erase, pictures)
        kept = added.add(granting.may(Action.ENROL, "staff"), "staff", CONTENT)
    assert kept == [other.face_id]
    with store.database.read() as connection:
        assert connection.execute(select(face_pictures.c.face_id)).scalars().all() == [other.face_id]
