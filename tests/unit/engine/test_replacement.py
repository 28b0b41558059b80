"""A request that has found a collection when a remake puts another in its place is answered by that one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from people import astronaut, encoded
from toy_gallery import House, unit_rows

from regard.domain.authority import Action
from regard.domain.galleries import Collection
from regard.engine.galleries.enrolment import EnrolmentOptions
from regard.engine.galleries.face_search import SearchOptions
from regard.engine.galleries.user_vectors import vector
from regard.errors import InvalidParameter, ResourceNotFound
from regard.store.remake_rows import RemakeRows
from regard.vision.cards import catalogue

NEW = catalogue()["sface"].version
OPTIONS = SearchOptions(most=10, threshold=0)


def remade(house: House, staff: Collection) -> Collection:
    """The collection that takes the other's place, with the same faces."""
    rows = RemakeRows(house.database)
    remake = rows.begin(staff, NEW)
    left = rows.left(remake, 0, 100)
    vectors = unit_rows(len(left))[:, :128]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows.add(remake, {face.face_id: row for face, row in zip(left, vectors, strict=True)})
    assert rows.end(remake, set(), vector) == []
    return house.collections.get(staff.id)


@pytest.fixture
def at_the_last_moment(house: House, monkeypatch: pytest.MonkeyPatch) -> Callable[[Collection], None]:
    """Remakes the collection once a request has found it, and before it does anything else."""

    def arrange(staff: Collection) -> None:
        find = house.collections.with_size
        tried: list[str] = []

        def with_size(collection_id: str, feed: str) -> tuple[Collection, int]:
            found = find(collection_id, feed)
            if not tried:
                tried.append(collection_id)
                remade(house, staff)
            return found

        monkeypatch.setattr(house.collections, "with_size", with_size)

    return arrange


def test_a_search_is_answered_by_the_new_one(house: House, at_the_last_moment: Callable[[Collection], None]) -> None:
    staff = house.collection()
    first, second = house.enrol(staff, unit_rows(2))
    at_the_last_moment(staff)
    found = house.face_search.by_face(house.may(Action.SEARCH, "staff"), "staff", first.face_id, OPTIONS)
    assert found.collection.face_model == NEW
    assert [match.face.face_id for match in found.matches[0]] == [second.face_id]


def test_a_search_by_picture_is_answered_by_the_new_one(
    house: House, at_the_last_moment: Callable[[Collection], None]
) -> None:
    staff = house.collection()
    (face,) = house.enrol(staff, unit_rows(1))
    at_the_last_moment(staff)
    found = house.face_search.by_image(house.may(Action.SEARCH, "staff"), "staff", encoded(astronaut()), OPTIONS)
    assert found.collection.face_model == NEW
    assert [match.face.face_id for match in found.matches[0]] == [face.face_id]


def test_a_face_is_enrolled_in_the_new_one(house: House, at_the_last_moment: Callable[[Collection], None]) -> None:
    staff = house.collection()
    house.enrol(staff, unit_rows(1))
    at_the_last_moment(staff)
    grant = house.may(Action.ENROL, "staff")
    made = house.enrolment.index(grant, "staff", encoded(astronaut()), EnrolmentOptions())
    assert made.face_model == NEW
    assert house.size(house.collections.get("staff")) == 2


def test_a_picture_enrolled_before_keeps_the_id_of_its_face(house: House) -> None:
    staff = house.collection()
    grant = house.may(Action.ENROL, "staff")
    picture: Any = encoded(astronaut())
    before = house.enrolment.index(grant, "staff", picture, EnrolmentOptions()).enrolled
    remade(house, staff)
    after = house.enrolment.index(grant, "staff", picture, EnrolmentOptions()).enrolled
    assert [face.face_id for face in after.values()] == [face.face_id for face in before.values()]
    assert house.size(house.collections.get("staff")) == 1


def test_one_that_was_deleted_is_not_there(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    staff = house.collection()
    (face,) = house.enrol(staff, unit_rows(1))
    find = house.collections.with_size

    def with_size(collection_id: str, feed: str) -> tuple[Collection, int]:
        found = find(collection_id, feed)
        house.collections.delete(collection_id)
        return found

    monkeypatch.setattr(house.collections, "with_size", with_size)
    with pytest.raises((ResourceNotFound, InvalidParameter)):
        house.face_search.by_face(house.may(Action.SEARCH, "staff"), "staff", face.face_id, OPTIONS)
