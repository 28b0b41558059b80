from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from toy_gallery import NOW, House, like, unit_rows

from regard.domain.arrays import FloatArray
from regard.domain.authority import Action
from regard.domain.galleries import Collection
from regard.domain.user_acts import UNDOABLE, UserAct, UserActKind
from regard.engine.galleries.user_curation import Curated
from regard.engine.galleries.user_files import Advice, UserFile
from regard.engine.galleries.user_history import Undone
from regard.engine.galleries.user_vectors import MOST_USER_FACES, SEPARATED
from regard.errors import Conflict, InvalidParameter, ResourceNotFound, ServiceQuotaExceeded
from regard.store.user_act_rows import UserActRows


@pytest.fixture
def staff(house: House) -> Collection:
    return house.collection()


def give(house: House, staff: Collection, user_id: str, rows: FloatArray, picture: str = "") -> list[str]:
    """A user with these faces; their ids."""
    grant = house.may(Action.ENROL, staff.id)
    if user_id not in house.user_rows.there(staff.key, [user_id]):
        house.users.create(grant, staff.id, user_id)
    ids = [face.face_id for face in house.enrol(staff, rows, picture or user_id)]
    moved = house.users.associate(grant, staff.id, user_id, ids, threshold=0).moved
    assert moved == ids
    return ids


def take(house: House, staff: Collection, user_id: str, face_ids: list[str]) -> None:
    house.users.disassociate(house.may(Action.ENROL, staff.id), staff.id, user_id, face_ids)


def merge(house: House, staff: Collection, user_id: str, *others: str, seen: str | None = None) -> Curated:
    grant = house.may(Action.ENROL, staff.id)
    return house.curation.merge(grant, staff.id, user_id, seen, dict.fromkeys(others))


def separate(
    house: House, staff: Collection, user_id: str, face_ids: list[str] | None = None, others: tuple[str, ...] = ()
) -> Curated:
    grant = house.may(Action.ENROL, staff.id)
    return house.curation.separate(grant, staff.id, user_id, None, face_ids=face_ids or [], others=others)


def acts(house: House, staff: Collection) -> list[UserAct]:
    return house.history.page(house.may(Action.READ, staff.id), staff.id, None, 100)


def undo(house: House, staff: Collection, key: int | None = None) -> Undone:
    """That act, or the last."""
    chosen = acts(house, staff)[0].key if key is None else key
    return house.history.undo(house.may(Action.ENROL, staff.id), staff.id, chosen)


def shown(house: House, staff: Collection, user_id: str) -> UserFile:
    return house.user_files.show(house.may(Action.READ, staff.id), staff.id, user_id)


def whose(house: House, staff: Collection) -> dict[str, set[str]]:
    """The faces of each user; "" has nobody's."""
    found: dict[str, set[str]] = {}
    for face in house.faces(staff):
        found.setdefault(face.user_id or "", set()).add(face.face_id)
    return found


def found_first(house: House, staff: Collection, probe: FloatArray) -> str | None:
    """Whom a search finds first: the index has followed."""
    found = house.matcher.users(staff, probe, most=1, threshold=0)
    return found[0].user.id if found else None


# -- merging ----------------------------------------------------------------------------------------------------


def test_any_number_of_users_become_one_who_is_found_by_all_their_faces(house: House, staff: Collection) -> None:
    rows = unit_rows(6)
    ids = [give(house, staff, name, rows[row : row + 2]) for row, name in ((0, "ada"), (2, "bea"), (4, "cleo"))]
    done = merge(house, staff, "ada", "bea", "cleo")
    assert set(done.moved) == {*ids[1], *ids[2]}
    assert whose(house, staff) == {"ada": {each for some in ids for each in some}}
    assert found_first(house, staff, rows[5]) == "ada"
    assert house.user_rows.there(staff.key, ["ada", "bea", "cleo"]) == {"ada"}


def test_a_merge_of_more_than_a_user_may_have_changes_nothing(house: House, staff: Collection) -> None:
    rows = unit_rows(MOST_USER_FACES + 1)
    give(house, staff, "ada", rows[:60])
    give(house, staff, "bea", rows[60:])
    before = whose(house, staff)
    with pytest.raises(ServiceQuotaExceeded, match="101 faces"):
        merge(house, staff, "ada", "bea")
    assert whose(house, staff) == before
    assert [each.kind for each in acts(house, staff)] == [UserActKind.GIVE] * 2


def test_nobody_is_merged_with_themselves_or_with_nobody_at_all(house: House, staff: Collection) -> None:
    give(house, staff, "ada", unit_rows(1))
    for others in ((), ("ada",)):
        with pytest.raises(InvalidParameter, match="at least one"):
            merge(house, staff, "ada", *others)
    with pytest.raises(ResourceNotFound):
        merge(house, staff, "ada", "nobody")


# -- undoing ----------------------------------------------------------------------------------------------------


def test_a_wrong_merge_is_undone_and_everybody_is_found_as_before(house: House, staff: Collection) -> None:
    rows = unit_rows(3)
    for row, name in enumerate(("ada", "bea", "cleo")):
        give(house, staff, name, rows[row : row + 1])
    before = whose(house, staff)
    merge(house, staff, "ada", "bea", "cleo")
    act = acts(house, staff)[0]
    assert (act.kind, act.user_id, act.others) == (UserActKind.MERGE, "ada", {"bea": 1, "cleo": 1})
    assert len(undo(house, staff).moved) == 2
    assert whose(house, staff) == before
    assert [found_first(house, staff, row) for row in rows] == ["ada", "bea", "cleo"]
    with pytest.raises(Conflict, match="already"):
        undo(house, staff, act.key)


def test_what_was_given_taken_or_deleted_comes_back(house: House, staff: Collection) -> None:
    first, second = give(house, staff, "ada", unit_rows(2))
    take(house, staff, "ada", [second])
    assert undo(house, staff).moved == [second]
    assert whose(house, staff) == {"ada": {first, second}}
    house.users.delete(house.may(Action.DELETE, staff.id), staff.id, "ada")
    assert whose(house, staff) == {"": {first, second}}
    assert set(undo(house, staff).moved) == {first, second}
    assert whose(house, staff) == {"ada": {first, second}}
    given = next(each for each in acts(house, staff) if each.kind is UserActKind.GIVE)
    undo(house, staff, given.key)
    assert whose(house, staff) == {"": {first, second}}


def test_a_face_that_was_moved_again_stays_where_it_is(house: House, staff: Collection) -> None:
    rows = unit_rows(4)
    give(house, staff, "ada", rows[:1])
    first, second = give(house, staff, "bea", rows[1:3])
    merge(house, staff, "ada", "bea")
    merged = acts(house, staff)[0].key
    take(house, staff, "ada", [first])
    done = undo(house, staff, merged)
    assert (done.moved, done.stayed) == ([second], [first])
    assert whose(house, staff)[""] == {first}


def test_undoing_what_has_all_been_changed_since_is_refused(house: House, staff: Collection) -> None:
    ids = give(house, staff, "ada", unit_rows(2))
    given = acts(house, staff)[0].key
    take(house, staff, "ada", ids)
    with pytest.raises(Conflict, match="changed since"):
        undo(house, staff, given)


def test_after_thirty_days_an_act_is_neither_shown_nor_undone_nor_kept(house: House, staff: Collection) -> None:
    give(house, staff, "ada", unit_rows(1))
    key = acts(house, staff)[0].key
    house.clock = NOW + UNDOABLE - timedelta(seconds=1)
    assert [each.key for each in acts(house, staff)] == [key]
    house.clock = NOW + UNDOABLE
    assert acts(house, staff) == []
    with pytest.raises(ResourceNotFound, match="can be undone"):
        undo(house, staff, key)
    rows = UserActRows(house.database)
    assert (rows.old(house.clock - UNDOABLE), rows.purge(house.clock - UNDOABLE)) == (1, 1)
    assert rows.old(house.clock - UNDOABLE) == 0


def test_an_act_goes_with_its_last_face(house: House, staff: Collection) -> None:
    ids = give(house, staff, "ada", unit_rows(2))
    take(house, staff, "ada", ids)
    assert len(acts(house, staff)) == 2
    house.galleries.delete_faces(house.may(Action.DELETE, staff.id), staff.id, ids)
    assert acts(house, staff) == []


# -- not this person ----------------------------------------------------------------------------------------------


def test_a_face_that_is_not_somebodys_is_neither_proposed_nor_given_nor_merged_into_them(
    house: House, staff: Collection
) -> None:
    (ada,) = unit_rows(1)
    give(house, staff, "ada", ada[None])
    wrong = like(ada, 0.9, seed=1)
    (face,) = give(house, staff, "ada", wrong[None], "second")
    assert separate(house, staff, "ada", [face]).moved == [face]
    assert whose(house, staff)[""] == {face}
    read = house.may(Action.READ, staff.id)
    assert house.likenesses.of_user(read, staff.id, "ada", 0).faces == []
    grant = house.may(Action.ENROL, staff.id)
    (refused,) = house.users.associate(grant, staff.id, "ada", [face], threshold=0).refused
    assert refused.reason == SEPARATED
    house.users.create(grant, staff.id, "bea")
    house.users.associate(grant, staff.id, "bea", [face], threshold=0)
    (other,) = give(house, staff, "bea", like(ada, 0.8, seed=2)[None], "third")
    done = merge(house, staff, "ada", "bea")
    assert (done.moved, done.stayed) == ([other], [face])
    assert whose(house, staff)["bea"] == {face}
    assert [each.face_id for each in shown(house, staff, "ada").apart] == [face]


def test_what_is_not_one_of_the_merged_is_not_who_they_became(house: House, staff: Collection) -> None:
    rows = unit_rows(3)
    give(house, staff, "ada", rows[:1])
    kept, wrong = give(house, staff, "bea", rows[1:])
    separate(house, staff, "bea", [wrong])
    merge(house, staff, "ada", "bea")
    assert [each.face_id for each in shown(house, staff, "ada").apart] == [wrong]
    undo(house, staff)
    assert shown(house, staff, "ada").apart == []
    assert [each.face_id for each in shown(house, staff, "bea").apart] == [wrong]
    assert whose(house, staff)["bea"] == {kept}


def test_not_this_person_is_undone_and_lifted(house: House, staff: Collection) -> None:
    first, second = give(house, staff, "ada", unit_rows(2))
    separate(house, staff, "ada", [second])
    assert undo(house, staff).moved == [second]
    assert shown(house, staff, "ada").apart == []
    separate(house, staff, "ada", [first])
    house.curation.allow(house.may(Action.ENROL, staff.id), staff.id, "ada", None, face_ids=[first])
    grant = house.may(Action.ENROL, staff.id)
    assert house.users.associate(grant, staff.id, "ada", [first], threshold=0).moved == [first]


def test_two_users_who_are_not_one_are_proposed_no_more(house: House, staff: Collection) -> None:
    (ada,) = unit_rows(1)
    give(house, staff, "ada", ada[None])
    give(house, staff, "bea", like(ada, 0.9)[None])
    read = house.may(Action.READ, staff.id)
    (pair,), following = house.likenesses.pairs(read, staff.id, 0, 100, 80)
    assert ({pair.first.id, pair.second.id}, following) == ({"ada", "bea"}, None)
    assert [each.user.id for each in house.likenesses.of_user(read, staff.id, "bea", 80).users] == ["ada"]
    separate(house, staff, "ada", others=("bea",))
    for name in ("ada", "bea"):
        assert house.likenesses.of_user(read, staff.id, name, 80).users == []
    assert house.likenesses.pairs(read, staff.id, 0, 100, 80) == ([], None)


# -- proposals, doubts, quality ------------------------------------------------------------------------------------


def test_proposals_come_in_order_of_likeness_and_the_same_picture_once(house: House, staff: Collection) -> None:
    (ada,) = unit_rows(1)
    give(house, staff, "ada", ada[None])
    near = like(ada, 0.95, seed=1)
    rows = np.stack([like(ada, 0.8, seed=2), near, like(near, 0.995, seed=3), like(ada, 0.7, seed=4)])
    far, *twins, farther = (face.face_id for face in house.enrol(staff, rows, "crowd"))
    found = house.likenesses.of_user(house.may(Action.READ, staff.id), staff.id, "ada", 0).faces
    order = [each.face.face_id for each in found if each.cosine > 0.5]
    assert order[0] in twins
    assert order[1:] == [far, farther], "one of the two that are the same picture"


def test_the_face_that_is_least_like_the_others_comes_first(house: House, staff: Collection) -> None:
    ada, stranger = unit_rows(2)
    good = np.stack([like(ada, 0.9, seed=seed) for seed in (1, 2, 3)])
    (wrong,) = give(house, staff, "ada", stranger[None], "wrong")
    give(house, staff, "ada", good)
    file = shown(house, staff, "ada")
    assert file.faces[0].face.face_id == wrong
    assert [each.doubtful for each in file.faces] == [True, False, False, False]
    likeness = [each.likeness or 0 for each in file.faces]
    assert likeness == sorted(likeness)
    assert file.advice is Advice.DOUBTS


def test_what_more_pictures_would_change(house: House, staff: Collection) -> None:
    (ada,) = unit_rows(1)
    house.users.create(house.may(Action.ENROL, staff.id), staff.id, "ada")
    assert shown(house, staff, "ada").advice is Advice.FIRST
    give(house, staff, "ada", like(ada, 0.85, seed=1)[None], "one")
    assert shown(house, staff, "ada").advice is Advice.MORE
    give(house, staff, "ada", np.stack([like(ada, 0.85, seed=seed) for seed in (2, 3, 4)]), "three")
    assert shown(house, staff, "ada").advice is Advice.ENOUGH
    (bea,) = unit_rows(1, seed=9)
    give(house, staff, "bea", np.stack([like(bea, 0.99, seed=seed) for seed in (1, 2)]))
    assert shown(house, staff, "bea").advice is Advice.OTHERS


def test_the_same_picture_again_is_a_group_and_a_bad_one_is_named(house: House, staff: Collection) -> None:
    rows = unit_rows(4)
    first = [face.face_id for face in house.enrol(staff, rows, "first", utility=90)]
    again = [face.face_id for face in house.enrol(staff, np.stack([like(rows[1], 0.99)]), "again", utility=90)]
    (poor,) = house.enrol(staff, unit_rows(1, seed=7), "poor", utility=30)
    pages, after = [], 0
    while True:
        page = house.quality.page(house.may(Action.READ, staff.id), staff.id, after, 2)
        pages.append(page)
        if page.next is None:
            break
        after = page.next
    groups = [[face.face_id for face in group] for page in pages for group in page.duplicates]
    assert groups == [[first[1], again[0]]]
    assert [face.face_id for page in pages for face in page.poor] == [poor.face_id]
    assert sum(page.looked for page in pages) == 6


# -- a stale view -------------------------------------------------------------------------------------------------


def test_whoever_changes_a_user_that_another_has_changed_is_told_how_they_are_now(
    house: House, staff: Collection
) -> None:
    first, second = give(house, staff, "ada", unit_rows(2))
    give(house, staff, "bea", unit_rows(1, seed=5))
    seen = shown(house, staff, "ada").user.version
    take(house, staff, "ada", [second])
    before = whose(house, staff)
    enrol, delete = house.may(Action.ENROL, staff.id), house.may(Action.DELETE, staff.id)
    for act in (
        lambda: house.users.disassociate(enrol, staff.id, "ada", [first], seen=seen),
        lambda: house.users.associate(enrol, staff.id, "ada", [second], threshold=0, seen=seen),
        lambda: house.users.delete(delete, staff.id, "ada", seen=seen),
        lambda: merge(house, staff, "ada", "bea", seen=seen),
        lambda: house.curation.merge(enrol, staff.id, "bea", None, {"ada": seen}),
        lambda: house.curation.separate(enrol, staff.id, "ada", seen, face_ids=[first]),
    ):
        with pytest.raises(Conflict, match="since you looked") as caught:
            act()
        now = shown(house, staff, "ada").user.version
        assert caught.value.current == {"user_id": "ada", "version": now, "face_ids": [first]}
    assert whose(house, staff) == before


def test_no_door_opens_to_a_grant_for_another_act_or_collection(house: House, staff: Collection) -> None:
    give(house, staff, "ada", unit_rows(1))
    house.opens_only_to(Action.ENROL, "staff", lambda grant: house.curation.merge(grant, "staff", "ada", None, {}))
    house.opens_only_to(
        Action.ENROL, "staff", lambda grant: house.curation.separate(grant, "staff", "ada", None, face_ids=[])
    )
    house.opens_only_to(
        Action.ENROL, "staff", lambda grant: house.curation.allow(grant, "staff", "ada", None, face_ids=[])
    )
    house.opens_only_to(Action.READ, "staff", lambda grant: house.history.page(grant, "staff", None, 1))
    house.opens_only_to(Action.READ, "staff", lambda grant: house.user_files.show(grant, "staff", "ada"))
    house.opens_only_to(Action.READ, "staff", lambda grant: house.likenesses.of_user(grant, "staff", "ada", 80))
    house.opens_only_to(Action.READ, "staff", lambda grant: house.likenesses.pairs(grant, "staff", 0, 1, 80))
    house.opens_only_to(Action.READ, "staff", lambda grant: house.quality.page(grant, "staff", 0, 1))
