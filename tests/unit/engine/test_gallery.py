from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from toy_gallery import NOW, House, enrolment, like, unit_rows

from regard.engine.galleries.gallery import Gallery
from regard.errors import InvalidParameter, ResourceAlreadyExists, ResourceNotFound, ResourceNotReady


def test_a_collection_is_bound_to_the_model_that_made_it(house: House) -> None:
    made = house.gallery.create("staff", {"k": "v"})
    assert made.face_model == house.gallery.face_model == "fr-feature-87aacdfe"
    assert house.gallery.get("staff") == made
    assert (made.created_at, made.tags) == (NOW, {"k": "v"})
    with pytest.raises(ResourceAlreadyExists, match="The collection id: staff already exists"):
        house.gallery.create("staff", {})


def test_what_is_enrolled_is_found_best_first(house: House) -> None:
    staff = house.collection()
    probe = unit_rows(1, 5)[0]
    rows = np.stack([like(probe, 0.5), probe, like(probe, 0.9), like(probe, 0.1)])
    (stored,) = house.gallery.enrol(staff, [enrolment(rows)])
    (found,) = house.gallery.search(staff, probe[None], most=10, threshold=0)
    assert [match.face.face_id for match in found] == [stored[row].face_id for row in (1, 2, 0, 3)]
    assert [match.cosine for match in found] == pytest.approx([1, 0.9, 0.5, 0.1], abs=1e-3)
    similarities = [match.similarity for match in found]
    assert similarities == sorted(similarities, reverse=True)
    assert similarities[0] == pytest.approx(100, abs=0.01)
    assert len(house.gallery.search(staff, probe[None], most=2, threshold=0)[0]) == 2


@pytest.mark.parametrize("threshold", [0, 50, 80, 90, 99, 100])
def test_no_match_lies_below_the_threshold(house: House, threshold: float) -> None:
    staff = house.collection()
    probe = unit_rows(1, 5)[0]
    cosines = np.linspace(-0.9, 1, 60)
    house.gallery.enrol(staff, [enrolment(np.stack([like(probe, cosine) for cosine in cosines]))])
    (found,) = house.gallery.search(staff, probe[None], most=100, threshold=threshold)
    expected = sum(house.gallery.calibration.similarity(cosines.astype(np.float32)) >= threshold - 0.02)
    assert abs(len(found) - expected) <= 1
    assert found
    assert all(match.similarity >= threshold - 1e-3 for match in found)


def test_many_probes_each_have_their_own_answer(house: House) -> None:
    staff = house.collection()
    rows = unit_rows(5)
    (stored,) = house.gallery.enrol(staff, [enrolment(rows)])
    found = house.gallery.search(staff, rows, most=1, threshold=90)
    assert [matches[0].face.face_id for matches in found] == [face.face_id for face in stored]


def test_a_face_is_not_in_its_own_result(house: House) -> None:
    staff = house.collection()
    probe = unit_rows(1, 5)[0]
    rows = np.stack([probe, like(probe, 0.95, 1), like(probe, 0.9, 2)])
    (stored,) = house.gallery.enrol(staff, [enrolment(rows)])
    found = house.gallery.search_face(staff, stored[0].face_id, most=10, threshold=80)
    assert [match.face.face_id for match in found] == [stored[1].face_id, stored[2].face_id]
    assert len(house.gallery.search_face(staff, stored[0].face_id, most=1, threshold=80)) == 1
    with pytest.raises(InvalidParameter, match=r"0000 was not found in the collection staff"):
        house.gallery.search_face(staff, "0000", most=1, threshold=80)


def test_the_same_picture_is_stored_once_and_has_the_same_ids_everywhere(house: House) -> None:
    staff, guests = house.collection("staff"), house.collection("guests")
    rows = unit_rows(3)
    (first,) = house.gallery.enrol(staff, [enrolment(rows)])
    again = house.gallery.enrol(staff, [enrolment(rows), enrolment(rows)])
    assert again == [first, first]
    assert house.gallery.size(staff) == 3
    (elsewhere,) = house.gallery.enrol(guests, [enrolment(rows)])
    assert [face.face_id for face in elsewhere] == [face.face_id for face in first]
    assert house.follower.agreement() == []


def test_another_external_id_or_another_picture_is_another_face(house: House) -> None:
    staff, rows = house.collection(), unit_rows(1)
    enrolments = [
        enrolment(rows, "one"),
        enrolment(rows, "one", "ada"),
        enrolment(rows, "one", "grace"),
        enrolment(rows, "two"),
    ]
    stored = house.gallery.enrol(staff, enrolments)
    assert len({faces[0].face_id for faces in stored}) == 4
    assert [faces[0].external_image_id for faces in stored] == [None, "ada", "grace", None]


def test_pictures_without_faces_keep_their_place(house: House) -> None:
    staff = house.collection()
    nothing, rows = enrolment(unit_rows(0), "empty"), unit_rows(2)
    stored = house.gallery.enrol(staff, [nothing, enrolment(rows, "full"), nothing])
    assert [len(faces) for faces in stored] == [0, 2, 0]
    assert house.gallery.enrol(staff, [nothing]) == [[]]
    assert house.gallery.enrol(staff, []) == []


def test_deleted_faces_are_gone_from_lists_and_searches(house: House) -> None:
    staff, rows = house.collection(), unit_rows(3)
    (stored,) = house.gallery.enrol(staff, [enrolment(rows)])
    ids = [face.face_id for face in stored]
    assert house.gallery.delete_faces(staff, [ids[1], "unknown", ids[1]]).deleted == [ids[1]]
    assert [face.face_id for face in house.gallery.faces(staff, 0, 10)] == [ids[0], ids[2]]
    assert house.gallery.search(staff, rows[1:2], most=5, threshold=90) == [[]]
    assert house.gallery.size(staff) == 2
    assert house.follower.agreement() == []


def test_faces_come_in_pages_and_by_name(house: House) -> None:
    staff = house.collection()
    (stored,) = house.gallery.enrol(staff, [enrolment(unit_rows(5))])
    first = house.gallery.faces(staff, 0, 2)
    assert first == stored[:2]
    assert house.gallery.faces(staff, first[-1].key, 10) == stored[2:]
    named = [stored[3].face_id, stored[0].face_id, "unknown"]
    assert house.gallery.faces(staff, 0, 10, named) == [stored[0], stored[3]]


def test_a_deleted_collection_takes_its_faces_along(house: House) -> None:
    staff, rows = house.collection(), unit_rows(2)
    house.gallery.enrol(staff, [enrolment(rows)])
    house.gallery.delete("staff")
    assert list(house.index.collections()) == []  # not only when somebody searches next
    with pytest.raises(ResourceNotFound, match="staff"):
        house.gallery.get("staff")
    with pytest.raises(ResourceNotFound):
        house.gallery.delete("staff")
    with pytest.raises(ResourceNotFound):
        house.gallery.enrol(staff, [enrolment(rows)])
    reborn = house.collection()
    assert house.gallery.size(reborn) == 0
    assert house.gallery.search(reborn, rows, most=5, threshold=0) == [[], []]
    assert house.follower.agreement() == []


def test_a_collection_of_another_model_is_neither_searched_nor_added_to(house: House) -> None:
    old = house.rows.create("old", "other-12345678", {}, NOW)
    for refused in (
        lambda: house.gallery.search(old, unit_rows(1), most=1, threshold=0),
        lambda: house.gallery.enrol(old, [enrolment(unit_rows(1))]),
    ):
        with pytest.raises(ResourceNotReady, match="faces of the model other-12345678; this server runs fr-feature"):
            refused()
    house.gallery.delete("old")


def test_faces_without_embeddings_are_a_mistake(house: House) -> None:
    bare = enrolment(unit_rows(1))
    bare = replace(bare, faces=replace(bare.faces, embeddings=None))
    with pytest.raises(ValueError, match="with their embeddings"):
        house.gallery.enrol(house.collection(), [bare])


def test_comparing_gives_each_candidate_its_similarity(house: House) -> None:
    probe = unit_rows(1, 5)[0]
    found = house.gallery.compare(probe, np.stack([like(probe, 0.2), probe]))
    assert found == pytest.approx(house.gallery.calibration.similarity(np.array([0.2, 1.0])), abs=1e-3)


def test_enrolling_searching_and_deleting_at_once_leave_index_and_rows_agreeing(house: House) -> None:
    names = [f"c{number}" for number in range(3)]

    def work(seed: int) -> None:
        gallery: Gallery = house.gallery
        for turn in range(8):
            name, rows = names[(seed + turn) % 3], unit_rows(4, seed * 100 + turn)
            with suppress(ResourceAlreadyExists):
                gallery.create(name, {})
            with suppress(ResourceNotFound):  # another may have deleted it meanwhile
                held = gallery.get(name)
                (stored,) = gallery.enrol(held, [enrolment(rows, f"{seed}-{turn}")])
                found = gallery.search(held, rows, most=3, threshold=99)
                assert all(match.similarity >= 99 for matches in found for match in matches)
                gallery.delete_faces(held, [stored[0].face_id])
                if turn % 4 == 3:
                    gallery.delete(name)

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(work, seed) for seed in range(6)]:
            done.result()
    assert house.follower.agreement() == []
