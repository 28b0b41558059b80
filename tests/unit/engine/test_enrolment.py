from __future__ import annotations

import pytest
from people import astronaut, crowd, encoded, nobody
from toy_gallery import NOW, House

from regard.domain.arrays import ByteArray
from regard.domain.faces import Detail
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.analysis.image_loader import picture
from regard.engine.galleries.enrolment import Indexer, Submission
from regard.errors import ResourceNotFound, ResourceNotReady


@pytest.fixture
def indexer(analyzer: FaceAnalyzer, house: House) -> Indexer:
    return Indexer(analyzer, house.gallery)


def submission(pixels: ByteArray, name: str | None = None) -> Submission:
    return Submission(picture=picture(encoded(pixels, "PNG")), external_image_id=name)


def test_every_picture_of_a_batch_has_its_own_answer(indexer: Indexer, house: House) -> None:
    staff = house.collection()
    batch = [submission(astronaut(), "ada"), submission(nobody()), submission(crowd(2, 2), "crew")]
    portrait, empty, crew = indexer.index(staff, batch)
    assert [len(each.enrolled) for each in (portrait, empty, crew)] == [1, 0, 4]
    assert portrait.enrolled[0].external_image_id == "ada"
    assert portrait.enrolled[0].image_id == batch[0].picture.image_id
    assert {face.external_image_id for face in crew.enrolled.values()} == {"crew"}
    assert portrait.found.box(0) == portrait.enrolled[0].box
    assert house.gallery.size(staff) == 5
    assert house.follower.agreement() == []


def test_indexing_again_stores_nothing_and_answers_the_same(indexer: Indexer, house: House) -> None:
    staff, guests = house.collection("staff"), house.collection("guests")
    first = indexer.index(staff, [submission(crowd(2, 3), "crew")])[0].enrolled
    assert indexer.index(staff, [submission(crowd(2, 3), "crew")])[0].enrolled == first
    # Beside another picture in a batch, or in another collection, it is still the same.
    beside = indexer.index(guests, [submission(astronaut()), submission(crowd(2, 3), "crew")])[1].enrolled
    assert [face.face_id for face in beside.values()] == [face.face_id for face in first.values()]
    assert house.gallery.size(staff) == 6


def test_the_refused_are_told_why_and_leave_no_row(indexer: Indexer, house: House) -> None:
    staff = house.collection()
    (indexed,) = indexer.index(staff, [submission(crowd(2, 3, 160))], most=2)
    assert sorted(indexed.enrolled) == [0, 1]
    assert indexed.refused == {row: ["EXCEEDS_MAX_FACES"] for row in (2, 3, 4, 5)}
    assert house.gallery.size(staff) == 2
    (strict,) = indexer.index(staff, [submission(crowd(2, 2, 48))], level="HIGH")
    assert not strict.enrolled
    assert all("SMALL_BOUNDING_BOX" in reasons for reasons in strict.refused.values())
    assert len(strict.refused) == len(strict.found) == 4
    (lax,) = indexer.index(staff, [submission(crowd(2, 2, 48))], level="NONE")
    assert len(lax.enrolled) == 4


def test_only_the_detail_asked_for_is_added(indexer: Indexer, house: House) -> None:
    staff = house.collection()
    (plain,) = indexer.index(staff, [submission(astronaut())])
    assert plain.found.age is None
    assert plain.found.embeddings is None  # nobody outside the gallery needs it
    (detailed,) = indexer.index(staff, [submission(astronaut())], detail=Detail.AGE)
    assert detailed.found.age is not None


def test_a_collection_that_has_gone_gets_no_faces(indexer: Indexer, house: House) -> None:
    staff = house.collection()
    house.gallery.delete("staff")
    with pytest.raises(ResourceNotFound):
        indexer.index(staff, [submission(astronaut())])
    other = house.rows.create("old", "other-12345678", {}, NOW)
    with pytest.raises(ResourceNotReady):
        indexer.index(other, [submission(astronaut())])
    assert house.face_rows.by_keys(range(1, 10)) == {}
