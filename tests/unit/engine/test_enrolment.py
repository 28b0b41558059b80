from __future__ import annotations

from dataclasses import replace

import pytest
from people import astronaut, crowd, encoded, nobody
from toy_gallery import NOW, House, analysis, unit_rows

from regard.domain.arrays import ByteArray
from regard.domain.authority import Action
from regard.domain.faces import Detail
from regard.domain.galleries import Collection
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.analysis.image_loader import load
from regard.engine.analysis.photo_analysis import Submission, analyze_photos
from regard.engine.galleries.enrolment import EnrolledFaces, EnrolmentOptions
from regard.errors import InvalidImageFormat, ResourceAlreadyExists, ResourceNotFound, ResourceNotReady

PORTRAIT = encoded(astronaut(), "PNG")


def submission(pixels: ByteArray, name: str | None = None) -> Submission:
    return Submission(picture=load(encoded(pixels, "PNG")), external_image_id=name)


def index(
    house: House, picture: bytes, options: EnrolmentOptions | None = None, detail: Detail = Detail.NONE
) -> EnrolledFaces:
    grant = house.may(Action.ENROL, "staff")
    return house.enrolment.index(grant, "staff", picture, options or EnrolmentOptions(), detail)


# -- storing what was found ------------------------------------------------------------------------------------------


def test_a_new_collection_is_bound_to_the_embedder(house: House) -> None:
    made = house.enroller.create("staff")
    assert (made.face_model, made.tags, made.created_at) == ("fr-feature-87aacdfe", {}, NOW)
    with pytest.raises(ResourceAlreadyExists):
        house.enroller.create("staff")


def test_every_picture_of_a_batch_has_its_own_answer(analyzer: FaceAnalyzer, house: House) -> None:
    staff = house.collection()
    batch = [submission(astronaut(), "ada"), submission(nobody()), submission(crowd(2, 2), "crew")]
    portrait, empty, crew = house.enroller.store(staff, analyze_photos(analyzer, batch))
    assert [len(each.enrolled) for each in (portrait, empty, crew)] == [1, 0, 4]
    assert portrait.enrolled[0].external_image_id == "ada"
    assert portrait.enrolled[0].image_id == batch[0].picture.image_id
    assert {face.external_image_id for face in crew.enrolled.values()} == {"crew"}
    assert portrait.found.box(0) == portrait.enrolled[0].box
    assert house.size(staff) == 5
    assert house.index_sync.agreement() == []


def test_the_same_picture_is_stored_once_and_has_the_same_ids_everywhere(house: House) -> None:
    staff, guests = house.collection("staff"), house.collection("guests")
    rows = unit_rows(3)
    first = house.enrol(staff, rows)
    assert house.store(staff, [analysis(rows), analysis(rows)]) == [first, first]
    assert house.size(staff) == 3
    elsewhere = house.enrol(guests, rows)
    assert [face.face_id for face in elsewhere] == [face.face_id for face in first]
    assert house.index_sync.agreement() == []


def test_another_external_id_or_another_picture_is_another_face(house: House) -> None:
    staff, rows = house.collection(), unit_rows(1)
    pictures = [
        analysis(rows, "one"),
        analysis(rows, "one", "ada"),
        analysis(rows, "one", "grace"),
        analysis(rows, "two"),
    ]
    stored = house.store(staff, pictures)
    assert len({faces[0].face_id for faces in stored}) == 4
    assert [faces[0].external_image_id for faces in stored] == [None, "ada", "grace", None]


def test_pictures_without_faces_keep_their_place(house: House) -> None:
    staff = house.collection()
    nothing, rows = analysis(unit_rows(0), "empty"), unit_rows(2)
    stored = house.store(staff, [nothing, analysis(rows, "full"), nothing])
    assert [len(faces) for faces in stored] == [0, 2, 0]
    assert house.store(staff, [nothing]) == [[]]
    assert house.store(staff, []) == []


def test_what_is_stored_is_in_the_index_at_once(house: House) -> None:
    staff = house.collection()
    stored = house.enrol(staff, unit_rows(3))
    assert sorted(house.index.keys(staff.key).tolist()) == [face.key for face in stored]


def test_a_collection_of_another_model_is_not_added_to(house: House) -> None:
    old = house.collections.create("old", "other-12345678", {}, NOW)
    with pytest.raises(ResourceNotReady, match=r"faces of the model other-12345678, .*there is no card for it"):
        house.enrol(old, unit_rows(1))
    assert house.face_rows.by_keys(range(1, 10)) == {}


def test_faces_without_embeddings_are_a_mistake(house: House) -> None:
    bare = analysis(unit_rows(1))
    bare = replace(bare, chosen=replace(bare.chosen, embeddings=None))
    with pytest.raises(ValueError, match="must have embeddings"):
        house.enroller.store(house.collection(), [bare])


# -- the door --------------------------------------------------------------------------------------------------------


def test_the_faces_of_a_picture_are_enrolled_under_the_name_it_is_given(house: House) -> None:
    staff = house.collection()
    indexed = index(house, PORTRAIT, EnrolmentOptions(external_image_id="ada"))
    assert indexed.face_model == staff.face_model
    (face,) = indexed.enrolled.values()
    assert (face.external_image_id, face.image_id) == ("ada", load(PORTRAIT).image_id)
    assert house.faces(staff) == [face]


def test_indexing_again_stores_nothing_and_answers_the_same(analyzer: FaceAnalyzer, house: House) -> None:
    staff, guests = house.collection("staff"), house.collection("guests")
    crew, named = encoded(crowd(2, 3), "PNG"), EnrolmentOptions(external_image_id="crew")
    first = index(house, crew, named).enrolled
    assert index(house, crew, named).enrolled == first
    # Beside another picture in a batch, or in another collection, it is still the same.
    batch = [submission(astronaut()), submission(crowd(2, 3), "crew")]
    beside = house.enroller.store(guests, analyze_photos(analyzer, batch))[1].enrolled
    assert [face.face_id for face in beside.values()] == [face.face_id for face in first.values()]
    assert house.size(staff) == 6


def test_the_refused_are_told_why_and_leave_no_row(house: House) -> None:
    staff = house.collection()
    indexed = index(house, encoded(crowd(2, 3, 160), "PNG"), EnrolmentOptions(most=2))
    assert sorted(indexed.enrolled) == [0, 1]
    assert indexed.refused == {row: ["EXCEEDS_MAX_FACES"] for row in (2, 3, 4, 5)}
    assert house.size(staff) == 2
    small = encoded(crowd(2, 2, 48), "PNG")
    strict = index(house, small, EnrolmentOptions(level="HIGH"))
    assert not strict.enrolled
    assert all("SMALL_BOUNDING_BOX" in reasons for reasons in strict.refused.values())
    assert len(strict.refused) == len(strict.found) == 4
    lax = index(house, small, EnrolmentOptions(level="NONE"))
    assert len(lax.enrolled) == 4


def test_only_the_detail_asked_for_is_added(house: House) -> None:
    house.collection()
    plain = index(house, PORTRAIT)
    assert plain.found.age_range is None
    assert plain.found.embeddings is None  # nothing outside the gallery needs it
    assert index(house, PORTRAIT, detail=Detail.AGE).found.age_range is not None


def test_a_collection_that_has_gone_gets_no_faces(analyzer: FaceAnalyzer, house: House) -> None:
    staff = house.collection()
    house.delete("staff")
    with pytest.raises(ResourceNotFound):
        index(house, PORTRAIT)
    with pytest.raises(ResourceNotFound):
        house.enroller.store(staff, analyze_photos(analyzer, [submission(astronaut())]))
    house.collections.create("staff", "other-12345678", {}, NOW)
    with pytest.raises(ResourceNotReady):
        index(house, PORTRAIT)
    assert house.face_rows.by_keys(range(1, 10)) == {}


def test_what_is_no_picture_is_refused(house: House) -> None:
    staff: Collection = house.collection()
    with pytest.raises(InvalidImageFormat):
        index(house, b"text")
    assert house.size(staff) == 0


def test_the_door_opens_to_no_grant_for_another_act_or_collection(house: House) -> None:
    staff = house.collection()
    house.opens_only_to(
        Action.ENROL,
        "staff",
        lambda grant: house.enrolment.index(grant, "staff", PORTRAIT, EnrolmentOptions()),
    )
    assert house.size(staff) == 0
