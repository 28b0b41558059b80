from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from toy_gallery import NOW, House, unit_rows

from regard.domain.authority import Action
from regard.engine.galleries.gallery import GallerySize
from regard.errors import ResourceAlreadyExists, ResourceNotFound

# -- collections -----------------------------------------------------------------------------------------------------


def test_a_collection_is_bound_to_the_model_that_made_it(house: House) -> None:
    grant = house.may(Action.ADMINISTER, "staff")
    made = house.galleries.create(grant, "staff", {"k": "v"})
    assert made.face_model == house.matcher.models.default.version == "fr-feature-87aacdfe"
    assert house.galleries.get(house.may(Action.READ, "staff"), "staff") == made
    assert (made.created_at, made.tags) == (NOW, {"k": "v"})
    with pytest.raises(ResourceAlreadyExists, match="The collection id: staff already exists"):
        house.galleries.create(grant, "staff", {})


def test_a_collection_is_described_by_how_much_it_holds(house: House) -> None:
    staff = house.collection()
    house.enrol(staff, unit_rows(3))
    house.users.create(house.may(Action.ENROL, "staff"), "staff", "ada")
    found = house.galleries.describe(house.may(Action.READ, "staff"), "staff")
    assert found == GallerySize(collection=staff, faces=3, users=1)
    with pytest.raises(ResourceNotFound, match="nobody"):
        house.galleries.describe(house.may(Action.READ, "nobody"), "nobody")


def test_collections_come_in_pages_and_by_id_with_their_sizes(house: House) -> None:
    staff, guests = house.collection("staff"), house.collection("guests")
    house.enrol(staff, unit_rows(3))
    grant = house.may(Action.READ)
    assert house.galleries.page(grant, 0, 10) == [staff, guests]
    assert house.galleries.page(grant, 0, 1) == [staff]
    assert house.galleries.page(grant, staff.key, 10) == [guests]
    assert [(each.collection, each.faces) for each in house.galleries.sizes(grant)] == [(guests, 0), (staff, 3)]


def test_tags_become_what_the_change_makes_of_them(house: House) -> None:
    house.galleries.create(house.may(Action.ADMINISTER, "staff"), "staff", {"site": "oslo"})
    house.galleries.retag(house.may(Action.ADMINISTER, "staff"), "staff", lambda tags: {**tags, "team": "red"})
    found = house.galleries.get(house.may(Action.READ, "staff"), "staff")
    assert found.tags == {"site": "oslo", "team": "red"}
    with pytest.raises(ResourceNotFound):
        house.galleries.retag(house.may(Action.ADMINISTER, "nobody"), "nobody", dict)


def test_a_deleted_collection_takes_its_faces_along(house: House) -> None:
    staff, rows = house.collection(), unit_rows(2)
    house.enrol(staff, rows)
    house.delete("staff")
    assert list(house.index.collections()) == []  # at once, not at the next search
    with pytest.raises(ResourceNotFound, match="staff"):
        house.galleries.get(house.may(Action.READ, "staff"), "staff")
    with pytest.raises(ResourceNotFound):
        house.delete("staff")
    with pytest.raises(ResourceNotFound):
        house.enrol(staff, rows)
    reborn = house.collection()
    assert house.size(reborn) == 0
    assert house.matcher.faces(reborn, rows, most=5, threshold=0) == [[], []]
    assert house.index_sync.agreement() == []


def test_a_collection_of_another_model_can_be_deleted(house: House) -> None:
    house.collections.create("old", "other-12345678", {}, NOW)
    house.delete("old")
    assert house.collections.find("old") is None


# -- faces -----------------------------------------------------------------------------------------------------------


def test_deleted_faces_are_gone_from_lists_and_searches(house: House) -> None:
    staff, rows = house.collection(), unit_rows(3)
    ids = [face.face_id for face in house.enrol(staff, rows)]
    deletion = house.galleries.delete_faces(house.may(Action.DELETE, "staff"), "staff", [ids[1], "unknown", ids[1]])
    assert deletion.deleted == [ids[1]]
    assert [face.face_id for face in house.faces(staff)] == [ids[0], ids[2]]
    assert house.matcher.faces(staff, rows[1:2], most=5, threshold=90) == [[]]
    assert len(house.index.keys(staff.key)) == 2  # at once, not at the next search
    assert house.size(staff) == 2
    assert house.index_sync.agreement() == []


def test_faces_come_in_pages_and_by_name(house: House) -> None:
    staff, grant = house.collection(), house.may(Action.READ, "staff")
    stored = house.enrol(staff, unit_rows(5))
    first = house.galleries.faces(grant, staff, 0, 2)
    assert first == stored[:2]
    assert house.galleries.faces(grant, staff, first[-1].key, 10) == stored[2:]
    named = [stored[3].face_id, stored[0].face_id, "unknown"]
    assert house.galleries.faces(grant, staff, 0, 10, face_ids=named) == [stored[0], stored[3]]


# -- the gate --------------------------------------------------------------------------------------------------------


def test_no_door_opens_to_a_grant_for_another_act_or_collection(house: House) -> None:
    staff, galleries = house.collection(), house.galleries
    (face,) = house.enrol(staff, unit_rows(1))
    house.opens_only_to(Action.ADMINISTER, "new", lambda grant: galleries.create(grant, "new", {}))
    house.opens_only_to(Action.ADMINISTER, "staff", lambda grant: galleries.retag(grant, "staff", lambda _: {"a": "b"}))
    house.opens_only_to(Action.READ, "staff", lambda grant: galleries.describe(grant, "staff"))
    house.opens_only_to(Action.READ, "staff", lambda grant: galleries.faces(grant, staff, 0, 1))
    house.opens_only_to_all(Action.READ, galleries.sizes)
    house.opens_only_to_all(Action.READ, lambda grant: galleries.page(grant, 0, 1))
    house.opens_only_to(Action.DELETE, "staff", lambda grant: galleries.delete_faces(grant, "staff", [face.face_id]))
    house.opens_only_to(Action.DELETE, "staff", lambda grant: galleries.delete(grant, "staff"))
    assert house.collections.page(0, 10) == [staff]
    assert house.faces(staff) == [face]


def test_any_act_may_ask_for_the_collection_it_is_about_and_for_no_other(house: House) -> None:
    staff = house.collection()
    for action in Action:
        assert house.galleries.get(house.may(action, "staff"), "staff") == staff
        with pytest.raises(RuntimeError, match="for the collection elsewhere was used for staff"):
            house.galleries.get(house.may(action, "elsewhere"), "staff")


# -- at once ---------------------------------------------------------------------------------------------------------


def test_enrolling_searching_and_deleting_at_once_leave_index_and_rows_agreeing(house: House) -> None:
    names = [f"c{number}" for number in range(3)]

    def work(seed: int) -> None:
        for turn in range(8):
            name, rows = names[(seed + turn) % 3], unit_rows(4, seed * 100 + turn)
            with suppress(ResourceAlreadyExists):
                house.collection(name)
            with suppress(ResourceNotFound):  # another thread may have deleted it
                held = house.galleries.get(house.may(Action.READ, name), name)
                stored = house.enrol(held, rows, f"{seed}-{turn}")
                found = house.matcher.faces(held, rows, most=3, threshold=99)
                assert all(match.similarity >= 99 for matches in found for match in matches)
                house.galleries.delete_faces(house.may(Action.DELETE, name), name, [stored[0].face_id])
                if turn % 4 == 3:
                    house.delete(name)

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(work, seed) for seed in range(6)]:
            done.result()
    assert house.index_sync.agreement() == []
