from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from people import astronaut, crowd, encoded, head, nobody
from toy_gallery import NOW, House, like, unit_rows

from regard.domain.authority import Action
from regard.domain.galleries import Collection
from regard.domain.images import ObjectName
from regard.engine.analysis.probes import NoFace
from regard.engine.galleries.enrolment import EnrolmentOptions
from regard.engine.galleries.face_search import SearchOptions
from regard.errors import InvalidImageFormat, InvalidParameter, InvalidS3Object, ResourceNotFound, ResourceNotReady
from regard.store.indexed_file_rows import IndexedFile

PORTRAIT = encoded(astronaut(), "PNG")


@pytest.fixture
def staff(house: House) -> Collection:
    """The astronaut among five made-up faces."""
    made = house.collection()
    house.enrol(made, unit_rows(5))
    house.enrolment.index(
        house.may(Action.ENROL, "staff"), "staff", PORTRAIT, EnrolmentOptions(external_image_id="eve")
    )
    return made


def options(most: int = 10, threshold: float = 80) -> SearchOptions:
    return SearchOptions(most=most, threshold=threshold)


# -- by a picture ----------------------------------------------------------------------------------------------------


def test_the_largest_face_of_a_picture_is_searched_for(house: House, staff: Collection) -> None:
    found = house.face_search.by_image(house.may(Action.SEARCH, "staff"), "staff", PORTRAIT, options())
    ((match,),) = found.matches
    assert (match.face.external_image_id, match.similarity) == ("eve", pytest.approx(100, abs=0.01))
    assert found.collection == staff
    assert found.probes is not None
    assert found.probes.faces.box(0) == match.face.box


def test_an_answer_says_how_many_were_compared_and_how_many_chance_would_give(house: House, staff: Collection) -> None:
    grant = house.may(Action.SEARCH, "staff")
    found = house.face_search.by_image(grant, "staff", PORTRAIT, options(threshold=80))
    assert (found.gallery_size, found.expected_false) == (6, pytest.approx(6e-4))
    by_face = house.face_search.by_face(grant, "staff", found.matches[0][0].face.face_id, options(threshold=90))
    assert (by_face.gallery_size, by_face.expected_false) == (6, pytest.approx(6e-5))


def test_as_many_faces_of_a_picture_are_searched_for_as_asked(house: House, staff: Collection) -> None:
    crew = encoded(crowd(1, 3, 160), "PNG")
    grant = house.may(Action.SEARCH, "staff")
    one = house.face_search.by_image(grant, "staff", crew, options())
    two = house.face_search.by_image(grant, "staff", crew, options(), faces=2)
    assert (len(one.matches), len(two.matches)) == (1, 2)
    assert two.probes is not None
    assert len(two.probes.faces) == len(two.probes.embeddings) == 2
    assert [[match.face.external_image_id for match in matches] for matches in two.matches] == [["eve"], ["eve"]]


def test_most_and_threshold_bound_each_probes_candidates(house: House, staff: Collection) -> None:
    grant = house.may(Action.SEARCH, "staff")
    assert len(house.face_search.by_image(grant, "staff", PORTRAIT, options(threshold=0)).matches[0]) == 6
    assert len(house.face_search.by_image(grant, "staff", PORTRAIT, options(2, threshold=0)).matches[0]) == 2


def test_a_face_below_the_quality_filter_is_not_searched_for(house: House, staff: Collection) -> None:
    grant, small = house.may(Action.SEARCH, "staff"), encoded(np.pad(head(90), ((60, 60), (60, 60), (0, 0))), "PNG")
    assert house.face_search.by_image(grant, "staff", small, options(threshold=0)).matches[0]
    with pytest.raises(NoFace, match=r"^There are no faces in the image\. Should be at least 1\.$"):
        house.face_search.by_image(grant, "staff", small, options(), level="HIGH")


def test_a_stored_picture_is_searched_with_like_one_sent_along(house: House, staff: Collection, buckets: Path) -> None:
    (buckets / "photos").mkdir()
    (buckets / "photos" / "a.png").write_bytes(PORTRAIT)
    place = ObjectName(bucket="photos", name="a.png")
    found = house.face_search.by_image(house.may(Action.SEARCH, "staff"), "staff", place, options())
    assert [match.face.external_image_id for match in found.matches[0]] == ["eve"]


def test_what_cannot_be_searched_with_is_refused(house: House, staff: Collection) -> None:
    grant = house.may(Action.SEARCH, "staff")
    for picture, error in (
        (encoded(nobody()), InvalidParameter),
        (b"text", InvalidImageFormat),
        (ObjectName(bucket="none", name="a.png"), InvalidS3Object),
    ):
        with pytest.raises(error):
            house.face_search.by_image(grant, "staff", picture, options())
    with pytest.raises(ResourceNotFound, match="nobody"):
        house.face_search.by_image(house.may(Action.SEARCH, "nobody"), "nobody", PORTRAIT, options())
    house.collections.create("old", "other-12345678", {}, NOW)
    with pytest.raises(ResourceNotReady):
        house.face_search.by_image(house.may(Action.SEARCH, "old"), "old", PORTRAIT, options())


# -- by an enrolled face ---------------------------------------------------------------------------------------------


def test_a_face_is_not_in_its_own_result(house: House) -> None:
    staff, grant = house.collection(), house.may(Action.SEARCH, "staff")
    probe = unit_rows(1, 5)[0]
    stored = house.enrol(staff, np.stack([probe, like(probe, 0.95, 1), like(probe, 0.9, 2)]))
    found = house.face_search.by_face(grant, "staff", stored[0].face_id, options())
    assert [match.face.face_id for match in found.matches[0]] == [stored[1].face_id, stored[2].face_id]
    assert found.probes is None
    assert len(house.face_search.by_face(grant, "staff", stored[0].face_id, options(1)).matches[0]) == 1
    with pytest.raises(InvalidParameter, match=r"^faceId was not found in the collection\.$"):
        house.face_search.by_face(grant, "staff", "0000", options(1))


# -- where from ------------------------------------------------------------------------------------------------------


def test_candidates_that_came_from_a_file_say_which(house: House, staff: Collection) -> None:
    grant = house.may(Action.SEARCH, "staff")
    found = house.face_search.by_image(grant, "staff", PORTRAIT, options(threshold=0))
    assert house.face_search.files(grant, found) == {}
    image_id = found.matches[0][0].face.image_id
    known = IndexedFile(path="/photos/eve.png", size=1, modified_ns=1, image_id=image_id, outcome="1 enrolled")
    house.indexed_files.record(staff.key, [known])
    assert house.face_search.files(grant, found) == {image_id: "/photos/eve.png"}


def test_no_door_opens_to_a_grant_for_another_act_or_collection(house: House, staff: Collection) -> None:
    search = house.face_search
    found = search.by_image(house.may(Action.SEARCH, "staff"), "staff", PORTRAIT, options())
    face_id = found.matches[0][0].face.face_id
    house.opens_only_to(Action.SEARCH, "staff", lambda grant: search.by_image(grant, "staff", PORTRAIT, options()))
    house.opens_only_to(Action.SEARCH, "staff", lambda grant: search.by_face(grant, "staff", face_id, options()))
    house.opens_only_to(Action.SEARCH, "staff", lambda grant: search.files(grant, found))
