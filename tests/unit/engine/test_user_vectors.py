from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest
from toy_gallery import NOW, House, like, photographs, unit_rows

from regard.domain.arrays import FloatArray
from regard.domain.authority import Action
from regard.domain.galleries import Collection, User, UserMatch, UserStatus
from regard.engine.galleries.user_vectors import MOST_USER_FACES, Refusal, UserChangeResult, most_central, vector
from regard.errors import Conflict, ResourceNotFound, ResourceNotReady, ServiceQuotaExceeded

UNKNOWN = "00000000-1111-2222-3333-444444444444"


@pytest.fixture
def staff(house: House) -> Collection:
    made = house.collection()
    for name in ("ada", "bea"):
        create(house, made, name)
    return made


def create(house: House, collection: Collection, user_id: str) -> None:
    house.users.create(house.may(Action.ENROL, collection.id), collection.id, user_id)


def delete(house: House, collection: Collection, user_id: str) -> None:
    house.users.delete(house.may(Action.DELETE, collection.id), collection.id, user_id)


def user(house: House, collection: Collection, user_id: str) -> User:
    return house.users.get(house.may(Action.READ, collection.id), collection, user_id)


def associate(
    house: House, collection: Collection, user_id: str, face_ids: list[str], threshold: float = 75
) -> UserChangeResult:
    grant = house.may(Action.ENROL, collection.id)
    return house.users.associate(grant, collection.id, user_id, face_ids, threshold=threshold)


def disassociate(house: House, collection: Collection, user_id: str, face_ids: list[str]) -> UserChangeResult:
    return house.users.disassociate(house.may(Action.ENROL, collection.id), collection.id, user_id, face_ids)


def listed(house: House, collection: Collection) -> list[str]:
    return [each.id for each in house.users.page(house.may(Action.READ, collection.id), collection, 0, 10)]


def users_like(
    house: House, collection: Collection, probe: FloatArray, most: int = 5, threshold: float = 0
) -> list[str]:
    """The users that a search finds, best first."""
    return [match.user.id for match in user_matches(house, collection, probe, most, threshold)]


def user_matches(
    house: House, collection: Collection, probe: FloatArray, most: int = 5, threshold: float = 0
) -> list[UserMatch]:
    return house.matcher.users(collection, probe, most=most, threshold=threshold)


def enrol(house: House, staff: Collection, rows: FloatArray, image_id: str = "picture") -> list[str]:
    return [face.face_id for face in house.enrol(staff, rows, image_id)]


def give(house: House, staff: Collection, user_id: str, rows: FloatArray, image_id: str = "") -> list[str]:
    ids = enrol(house, staff, rows, image_id or user_id)
    assert associate(house, staff, user_id, ids, threshold=0).moved == ids
    return ids


# -- the vector ------------------------------------------------------------------------------------------------------


def test_a_users_vector_is_the_mean_of_their_faces_made_a_unit_vector() -> None:
    rows = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
    np.testing.assert_allclose(vector(rows), [0.5**0.5, 0.5**0.5, 0], rtol=1e-6)
    assert vector(rows).dtype == np.float32
    np.testing.assert_allclose(vector(rows[:1]), rows[0])
    assert np.isfinite(vector(np.array([[1, 0], [-1, 0]], np.float32))).all()


def test_the_most_central_face_is_most_like_the_others_and_the_first_of_equals() -> None:
    middle = unit_rows(1, 3)[0]
    rows = np.stack([like(middle, 0.7, 1), like(middle, 0.7, 2), middle, unit_rows(1, 8)[0]])
    assert most_central(rows) == 2
    assert most_central(unit_rows(2)) == most_central(unit_rows(1)) == 0


# -- users -----------------------------------------------------------------------------------------------------------


def test_a_user_without_faces_is_created_and_nobody_finds_them(house: House, staff: Collection) -> None:
    assert user(house, staff, "ada").status is UserStatus.CREATED
    assert listed(house, staff) == ["ada", "bea"]
    assert user_matches(house, staff, unit_rows(1)[0], 10, 0) == []
    with pytest.raises(Conflict, match="ada already exists"):
        create(house, staff, "ada")
    assert house.galleries.describe(house.may(Action.READ, "staff"), "staff").users == 2


def test_a_user_is_found_by_all_their_faces_together(house: House, staff: Collection) -> None:
    give(house, staff, "bea", photographs(2, 2))
    rows = photographs(1, 3, 0.7)
    give(house, staff, "ada", rows)
    assert user(house, staff, "ada").status is UserStatus.ACTIVE
    probe = unit_rows(1, 1001)[0]
    (match,) = user_matches(house, staff, probe, 10, 80)
    assert match.user == user(house, staff, "ada")
    assert match.cosine == pytest.approx(float(vector(rows) @ probe), abs=1e-3)
    assert match.cosine > max(rows @ probe)
    assert match.similarity == pytest.approx(
        house.matcher.models.default.calibration.similarity(np.float32(match.cosine)), abs=1e-3
    )
    assert users_like(house, staff, probe, 10, 0) == ["ada", "bea"]
    assert users_like(house, staff, probe, 1, 0) == ["ada"]


def test_a_change_of_faces_changes_where_the_user_is_found(house: House, staff: Collection) -> None:
    first, second = photographs(1, 1)[0], photographs(2, 1)[0]
    (one,), (two,) = (enrol(house, staff, row[None], name) for row, name in ((first, "1"), (second, "2")))
    associate(house, staff, "ada", [one], threshold=75)
    assert users_like(house, staff, first, 5, 90) == ["ada"]
    assert users_like(house, staff, second, 5, 90) == []
    associate(house, staff, "ada", [two], threshold=0)
    disassociate(house, staff, "ada", [one])
    assert users_like(house, staff, first, 5, 90) == []
    assert users_like(house, staff, second, 5, 90) == ["ada"]
    assert len(house.users_index.keys(staff.key)) == 1
    change = disassociate(house, staff, "ada", [two])
    assert (change.moved, change.status) == ([two], UserStatus.CREATED)
    assert user_matches(house, staff, second, 5, 0) == []
    assert house.index_sync.agreement() == []


def test_a_deleted_user_is_not_found_and_their_faces_are(house: House, staff: Collection) -> None:
    rows = photographs(1, 2)
    ids = give(house, staff, "ada", rows)
    delete(house, staff, "ada")
    assert list(house.users_index.collections()) == []  # at once, not at the next search
    assert user_matches(house, staff, rows[0], 5, 0) == []
    (found,) = house.matcher.faces(staff, rows[:1], most=5, threshold=80)
    assert [(match.face.face_id, match.face.user_id) for match in found] == [(ids[0], None), (ids[1], None)]
    create(house, staff, "ada")
    assert house.faces(staff, "ada") == []


def test_matching_faces_say_whose_they_are(house: House, staff: Collection) -> None:
    rows = photographs(1, 3)
    ids = enrol(house, staff, rows)
    associate(house, staff, "ada", ids[:2], threshold=75)
    (found,) = house.matcher.faces(staff, rows[:1], most=5, threshold=80)
    assert {match.face.face_id: match.face.user_id for match in found} == dict(
        zip(ids, ["ada", "ada", None], strict=True)
    )


def test_a_users_face_stays_until_it_is_taken_from_them(house: House, staff: Collection) -> None:
    ids = enrol(house, staff, photographs(1, 2))
    associate(house, staff, "ada", ids[:1], threshold=75)
    deletion = house.galleries.delete_faces(house.may(Action.DELETE, "staff"), "staff", [*ids, UNKNOWN])
    assert (deletion.deleted, deletion.kept) == ([ids[1]], {ids[0]: "ada"})
    disassociate(house, staff, "ada", ids[:1])
    assert house.galleries.delete_faces(house.may(Action.DELETE, "staff"), "staff", ids[:1]).deleted == ids[:1]


def test_a_deleted_collection_takes_its_users_along(house: House, staff: Collection) -> None:
    rows = photographs(1, 2)
    give(house, staff, "ada", rows)
    house.delete("staff")
    assert list(house.users_index.collections()) == []
    again = house.collection()
    assert listed(house, again) == []
    assert user_matches(house, again, rows[0], 5, 0) == []
    with pytest.raises(ResourceNotFound, match="ada does not exist"):
        associate(house, again, "ada", [UNKNOWN], threshold=75)
    assert house.index_sync.agreement() == []


# -- associating -----------------------------------------------------------------------------------------------------


def test_why_a_face_is_not_associated(house: House, staff: Collection) -> None:
    mine = give(house, staff, "ada", photographs(1, 2))
    theirs = give(house, staff, "bea", photographs(2, 1))
    ids = enrol(house, staff, np.concatenate([photographs(3, 1), photographs(1, 3)[2:]]), "fresh")
    asked = [theirs[0], *ids, mine[0], UNKNOWN, ids[1], UNKNOWN]
    change = associate(house, staff, "ada", asked, threshold=75)
    assert change.moved == [ids[1]]  # once; and what is hers already is passed over
    assert change.status is UserStatus.ACTIVE
    unknown, other, unlike = change.refused
    assert unknown == Refusal(face_id=UNKNOWN, reason="FACE_NOT_FOUND")
    assert other == Refusal(face_id=theirs[0], reason="ASSOCIATED_TO_A_DIFFERENT_USER", user_id="bea")
    expected = house.matcher.similarities(staff, vector(photographs(1, 2)), photographs(3, 1))[0]
    assert (unlike.face_id, unlike.reason, unlike.user_id) == (ids[0], "LOW_MATCH_CONFIDENCE", None)
    assert unlike.similarity == pytest.approx(expected, abs=0.1)
    assert {face.face_id for face in house.faces(staff, "ada")} == {*mine, ids[1]}


def test_the_threshold_decides_who_is_alike_enough(house: House, staff: Collection) -> None:
    middle = unit_rows(1, 5)[0]
    give(house, staff, "ada", middle[None])
    bar = house.matcher.models.default.calibration.cosine(75)
    above, below = enrol(house, staff, np.stack([like(middle, bar + 0.01), like(middle, bar - 0.01)]))
    assert associate(house, staff, "ada", [below], threshold=75).moved == []
    assert associate(house, staff, "ada", [above], threshold=75).moved == [above]
    assert associate(house, staff, "ada", [below], threshold=0).moved == [below]


def test_of_a_users_first_faces_those_count_that_are_like_the_most_central(house: House, staff: Collection) -> None:
    rows = np.concatenate([photographs(2, 1), photographs(1, 3)])
    stranger, *same = enrol(house, staff, rows)
    change = associate(house, staff, "ada", [stranger, *same], threshold=75)
    assert change.moved == same
    assert [(each.face_id, each.reason) for each in change.refused] == [(stranger, "LOW_MATCH_CONFIDENCE")]
    # Alone it is taken, whoever it is: there is nobody to be unlike.
    assert associate(house, staff, "bea", [stranger], threshold=75).moved == [stranger]


def test_of_two_strangers_the_first_named_makes_the_user(house: House, staff: Collection) -> None:
    ids = enrol(house, staff, unit_rows(2))
    change = associate(house, staff, "ada", ids[::-1], threshold=75)
    assert change.moved == [ids[1]]
    assert [each.face_id for each in change.refused] == [ids[0]]


def test_where_nothing_is_associated_the_user_stays_as_they_were(house: House, staff: Collection) -> None:
    change = associate(house, staff, "ada", [UNKNOWN], threshold=75)
    assert (change.moved, change.status) == ([], UserStatus.CREATED)
    ids = give(house, staff, "ada", photographs(1, 2))
    before = house.users_index.keys(staff.key).tolist()
    again = associate(house, staff, "ada", ids, threshold=75)
    assert (again.moved, again.refused, again.status) == ([], [], UserStatus.ACTIVE)
    assert house.users_index.keys(staff.key).tolist() == before


def test_a_user_has_a_hundred_faces_at_most(house: House, staff: Collection) -> None:
    rows = photographs(1, MOST_USER_FACES + 1)
    ids = enrol(house, staff, rows)
    assert len(associate(house, staff, "ada", ids[:99], threshold=75).moved) == 99
    with pytest.raises(ServiceQuotaExceeded, match="ada would have 101 faces; the maximum is 100"):
        associate(house, staff, "ada", ids[99:], threshold=75)
    assert len(house.faces(staff, "ada")) == 99
    assert associate(house, staff, "ada", ids[:100], threshold=75).moved == [ids[99]]
    assert house.index_sync.agreement() == []


def test_why_a_face_is_not_disassociated(house: House, staff: Collection) -> None:
    mine = give(house, staff, "ada", photographs(1, 2))
    theirs = give(house, staff, "bea", photographs(2, 1))
    (free,) = enrol(house, staff, photographs(3, 1), "free")
    change = disassociate(house, staff, "ada", [theirs[0], free, UNKNOWN, mine[1], mine[1]])
    assert (change.moved, change.status) == ([mine[1]], UserStatus.ACTIVE)
    assert change.refused == [
        Refusal(face_id=UNKNOWN, reason="FACE_NOT_FOUND"),
        Refusal(face_id=theirs[0], reason="ASSOCIATED_TO_A_DIFFERENT_USER", user_id="bea"),
    ]
    (left,) = house.faces(staff, "ada")
    assert left.face_id == mine[0]


def test_users_of_another_model_are_neither_searched_nor_given_faces(house: House) -> None:
    old = house.collections.create("old", "other-12345678", {}, NOW)
    create(house, old, "ada")
    for refused in (
        lambda: user_matches(house, old, unit_rows(1)[0], 1, 0),
        lambda: associate(house, old, "ada", [UNKNOWN], threshold=0),
    ):
        with pytest.raises(ResourceNotReady, match="faces of the model other-12345678"):
            refused()
    delete(house, old, "ada")


# -- the gate --------------------------------------------------------------------------------------------------------


def test_no_door_opens_to_a_grant_for_another_act_or_collection(house: House, staff: Collection) -> None:
    users = house.users
    mine = give(house, staff, "ada", photographs(1, 1))
    (free,) = enrol(house, staff, photographs(1, 2)[1:], "free")
    house.opens_only_to(Action.ENROL, "staff", lambda grant: users.create(grant, "staff", "cay"))
    house.opens_only_to(
        Action.ENROL, "staff", lambda grant: users.associate(grant, "staff", "ada", [free], threshold=0)
    )
    house.opens_only_to(Action.ENROL, "staff", lambda grant: users.disassociate(grant, "staff", "ada", mine))
    house.opens_only_to(Action.READ, "staff", lambda grant: users.get(grant, staff, "ada"))
    house.opens_only_to(Action.READ, "staff", lambda grant: users.page(grant, staff, 0, 10))
    house.opens_only_to(Action.DELETE, "staff", lambda grant: users.delete(grant, "staff", "ada"))
    assert listed(house, staff) == ["ada", "bea"]
    assert [face.face_id for face in house.faces(staff, "ada")] == mine


# -- at once ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_user_whose_faces_change_is_found_all_the_while(house: House, staff: Collection) -> None:
    rows = photographs(1, 2)
    _, spare = give(house, staff, "ada", rows)
    stop = threading.Event()

    def search() -> int:
        searches = 0
        while not stop.is_set():
            assert users_like(house, staff, rows[0], 1, 80) == ["ada"]
            searches += 1
        return searches

    with ThreadPoolExecutor(2) as pool:
        searchers = [pool.submit(search) for _ in range(2)]
        try:
            for _ in range(40):
                disassociate(house, staff, "ada", [spare])
                associate(house, staff, "ada", [spare], threshold=75)
        finally:
            stop.set()
        assert all(searcher.result() > 0 for searcher in searchers)


def test_changes_at_once_leave_index_and_rows_agreeing(house: House, staff: Collection) -> None:
    ids = enrol(house, staff, photographs(1, 30))

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(10):
            name, chosen = f"u{rng.integers(3)}", [ids[row] for row in rng.choice(len(ids), 5)]
            with suppress(Conflict):
                create(house, staff, name)
            with suppress(ResourceNotFound):  # another thread may have deleted them
                associate(house, staff, name, chosen, threshold=75)
                disassociate(house, staff, name, chosen[:2])
                if rng.random() < 0.3:
                    delete(house, staff, name)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work, seed) for seed in range(4)]:
            done.result()
    assert house.index_sync.agreement() == []
    for user in house.users.page(house.may(Action.READ, "staff"), staff, 0, 10):
        theirs = {face.face_id for face in house.faces(staff, user.id)}
        assert (user.status is UserStatus.ACTIVE) == bool(theirs)
