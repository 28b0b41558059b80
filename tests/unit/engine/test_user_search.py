from __future__ import annotations

import numpy as np
import pytest
from people import astronaut, crowd, encoded, head, nobody
from toy_gallery import NOW, House, photographs, unit_rows

from regard.domain.authority import Action
from regard.domain.galleries import Collection
from regard.engine.analysis.probes import NoFace
from regard.engine.galleries.enrolment import EnrolmentOptions
from regard.engine.galleries.face_search import SearchOptions
from regard.engine.galleries.user_search import UserSearchResult
from regard.errors import InvalidParameter, ResourceNotFound, ResourceNotReady

UNKNOWN = "00000000-1111-2222-3333-444444444444"
PORTRAIT = encoded(astronaut(), "PNG")


@pytest.fixture
def staff(house: House) -> Collection:
    return house.collection()


def give(house: House, user_id: str, face_ids: list[str]) -> None:
    """A new user with these faces."""
    grant = house.may(Action.ENROL, "staff")
    house.users.create(grant, "staff", user_id)
    assert house.users.associate(grant, "staff", user_id, face_ids, threshold=0).moved == face_ids


def enrol(house: House, staff: Collection, rows: np.ndarray, image_id: str) -> list[str]:
    return [face.face_id for face in house.enrol(staff, rows, image_id)]


def enrol_eve(house: House) -> None:
    """The astronaut, as the user `eve`."""
    grant = house.may(Action.ENROL, "staff")
    indexed = house.enrolment.index(grant, "staff", PORTRAIT, EnrolmentOptions())
    give(house, "eve", [face.face_id for face in indexed.enrolled.values()])


def options(most: int = 5, threshold: float = 80) -> SearchOptions:
    return SearchOptions(most=most, threshold=threshold)


def by_image(house: House, picture: bytes, asked: SearchOptions | None = None, level: str = "NONE") -> UserSearchResult:
    grant = house.may(Action.SEARCH, "staff")
    return house.user_search.by_image(grant, "staff", picture, asked or options(), level)


def names(result: UserSearchResult) -> list[str]:
    return [match.user.id for match in result.matches]


def test_a_searched_user_is_not_in_their_own_result_and_a_searched_faces_user_is(
    house: House, staff: Collection
) -> None:
    grant = house.may(Action.SEARCH, "staff")
    face, *others = enrol(house, staff, photographs(1, 3), "ada")
    give(house, "ada", [face, *others])
    give(house, "bea", enrol(house, staff, photographs(1, 2), "bea"))
    assert names(house.user_search.by_user(grant, "staff", "ada", options(most=1))) == ["bea"]
    assert sorted(names(house.user_search.by_face(grant, "staff", face, options()))) == ["ada", "bea"]
    assert len(house.user_search.by_face(grant, "staff", face, options(most=1)).matches) == 1
    with pytest.raises(InvalidParameter, match=r"^faceId was not found in the collection\.$"):
        house.user_search.by_face(grant, "staff", UNKNOWN, options(most=1, threshold=0))


def test_a_user_without_faces_cannot_be_searched_for(house: House, staff: Collection) -> None:
    give(house, "ada", [])
    grant = house.may(Action.SEARCH, "staff")
    with pytest.raises(InvalidParameter, match="The user ada has no faces to search with"):
        house.user_search.by_user(grant, "staff", "ada", options(most=10, threshold=0))
    with pytest.raises(ResourceNotFound):
        house.user_search.by_user(grant, "staff", "nobody", options())


def test_an_answer_counts_the_users_who_have_faces_and_says_what_chance_would_give(
    house: House, staff: Collection
) -> None:
    (face,) = enrol(house, staff, photographs(1, 1), "ada")
    give(house, "ada", [face])
    give(house, "bea", enrol(house, staff, photographs(2, 1), "bea"))
    give(house, "empty", [])
    enrol(house, staff, unit_rows(5), "nobody's")
    found = house.user_search.by_face(house.may(Action.SEARCH, "staff"), "staff", face, options(threshold=80))
    assert (found.collection, found.gallery_size) == (staff, 2)
    assert found.expected_false == pytest.approx(2e-4)
    assert found.found is None


def test_the_largest_face_of_a_picture_is_searched_for_and_the_others_are_told_of(
    house: House, staff: Collection
) -> None:
    enrol_eve(house)
    alone = by_image(house, PORTRAIT)
    assert names(alone) == ["eve"]
    assert (len(alone.found or ()), alone.failed, alone.gallery_size) == (1, ((),), 1)
    crew = by_image(house, encoded(crowd(1, 3, 160), "PNG"))
    assert names(crew) == ["eve"]
    assert (len(crew.found or ()), crew.failed) == (3, ((), (), ()))


def test_a_largest_face_below_the_quality_filter_is_told_of_and_not_searched_for(
    house: House, staff: Collection
) -> None:
    enrol_eve(house)
    small = encoded(np.pad(head(90), ((60, 60), (60, 60), (0, 0))), "PNG")
    assert names(by_image(house, small, options(threshold=0))) == ["eve"]
    found = by_image(house, small, options(threshold=0), level="HIGH")
    assert names(found) == []
    ((reason, *_),) = found.failed
    assert reason
    assert len(found.found or ()) == 1


def test_a_picture_without_a_face_is_refused(house: House, staff: Collection) -> None:
    enrol_eve(house)
    with pytest.raises(NoFace):
        by_image(house, encoded(nobody()), options(threshold=0))


def test_users_of_another_model_are_not_searched(house: House) -> None:
    house.collections.create("old", "other-12345678", {}, NOW)
    with pytest.raises(ResourceNotReady, match="faces of the model other-12345678"):
        house.user_search.by_image(house.may(Action.SEARCH, "old"), "old", PORTRAIT, options())


def test_no_door_opens_to_a_grant_for_another_act_or_collection(house: House, staff: Collection) -> None:
    search = house.user_search
    (face,) = enrol(house, staff, photographs(1, 1), "ada")
    give(house, "ada", [face])
    house.opens_only_to(Action.SEARCH, "staff", lambda grant: search.by_image(grant, "staff", PORTRAIT, options()))
    house.opens_only_to(Action.SEARCH, "staff", lambda grant: search.by_user(grant, "staff", "ada", options()))
    house.opens_only_to(Action.SEARCH, "staff", lambda grant: search.by_face(grant, "staff", face, options()))
