from __future__ import annotations

import numpy as np
import pytest
from toy_gallery import NOW, House, like, photographs, unit_rows

from regard.domain.authority import Action
from regard.errors import InvalidParameter, ResourceNotReady

# -- faces -----------------------------------------------------------------------------------------------------------


def test_what_is_enrolled_is_found_best_first(house: House) -> None:
    staff = house.collection()
    probe = unit_rows(1, 5)[0]
    rows = np.stack([like(probe, 0.5), probe, like(probe, 0.9), like(probe, 0.1)])
    stored = house.enrol(staff, rows)
    (found,) = house.matcher.faces(staff, probe[None], most=10, threshold=0)
    assert [match.face.face_id for match in found] == [stored[row].face_id for row in (1, 2, 0, 3)]
    assert [match.cosine for match in found] == pytest.approx([1, 0.9, 0.5, 0.1], abs=1e-3)
    similarities = [match.similarity for match in found]
    assert similarities == sorted(similarities, reverse=True)
    assert similarities[0] == pytest.approx(100, abs=0.01)
    assert len(house.matcher.faces(staff, probe[None], most=2, threshold=0)[0]) == 2


def test_a_poor_probe_finds_its_good_mate_before_poor_strangers_that_look_more_alike(house: House) -> None:
    """Poor pictures of strangers look alike; the utility of each face was kept with it."""
    staff = house.collection()
    probe = unit_rows(1, 5)[0]
    strangers = np.stack([like(probe, 0.7, seed) for seed in range(20, 50)])
    house.enrol(staff, strangers, "poor", utility=10)
    (mate,) = house.enrol(staff, like(probe, 0.6)[None], "good", utility=95)

    def best(utility: float | None) -> tuple[str, float]:
        utilities = None if utility is None else np.array([utility], np.float32)
        ((match,),) = house.matcher.faces(staff, probe[None], utilities, most=1, threshold=40)
        return match.face.face_id, match.similarity

    assert best(10)[0] == mate.face_id
    assert best(10)[1] == pytest.approx(best(95)[1] - 1, abs=5)  # the mate is good: 0.6 means what it always means
    assert best(95)[0] != mate.face_id
    assert best(None)[0] != mate.face_id
    assert {face.utility for face in house.faces(staff)} == {10, 95}


def test_a_user_is_as_good_as_their_faces_are_on_average(house: House) -> None:
    staff = house.collection()
    grant = house.may(Action.ENROL, "staff")
    rows = photographs(1, 2)
    ids = [
        house.enrol(staff, row[None], f"picture-{at}", utility=20 + 60 * at)[0].face_id for at, row in enumerate(rows)
    ]
    for user_id, theirs in (("both", ids), ("none", [])):
        house.users.create(grant, "staff", user_id)
        house.users.associate(grant, "staff", user_id, theirs, threshold=0)
    assert house.user_rows.utility(staff.key, "both") == pytest.approx(50)
    assert house.user_rows.utility(staff.key, "none") is None
    (found,) = house.matcher.users(staff, rows[0], 10, most=5, threshold=0)
    (plain,) = house.matcher.users(staff, rows[0], most=5, threshold=0)
    assert found.cosine == pytest.approx(plain.cosine)
    assert found.similarity < plain.similarity


@pytest.mark.parametrize("threshold", [0, 50, 80, 90, 99, 100])
def test_no_match_lies_below_the_threshold(house: House, threshold: float) -> None:
    staff = house.collection()
    probe = unit_rows(1, 5)[0]
    cosines = np.linspace(-0.9, 1, 60)
    house.enrol(staff, np.stack([like(probe, cosine) for cosine in cosines]))
    (found,) = house.matcher.faces(staff, probe[None], most=100, threshold=threshold)
    expected = sum(house.matcher.models.default.calibration.similarity(cosines.astype(np.float32)) >= threshold - 0.02)
    assert abs(len(found) - expected) <= 1
    assert found
    assert all(match.similarity >= threshold - 1e-3 for match in found)


def test_many_probes_each_have_their_own_answer(house: House) -> None:
    staff = house.collection()
    rows = unit_rows(5)
    stored = house.enrol(staff, rows)
    found = house.matcher.faces(staff, rows, most=1, threshold=90)
    assert [matches[0].face.face_id for matches in found] == [face.face_id for face in stored]


def test_a_face_of_another_collection_is_not_found(house: House) -> None:
    staff, guests = house.collection("staff"), house.collection("guests")
    rows = unit_rows(2)
    house.enrol(guests, rows)
    assert house.matcher.faces(staff, rows, most=5, threshold=0) == [[], []]


def test_a_collection_of_another_model_is_not_searched(house: House) -> None:
    old = house.collections.create("old", "other-12345678", {}, NOW)
    for refused in (
        lambda: house.matcher.faces(old, unit_rows(1), most=1, threshold=0),
        lambda: house.matcher.users(old, unit_rows(1)[0], most=1, threshold=0),
    ):
        with pytest.raises(ResourceNotReady, match=r"faces of the model other-12345678, .*there is no card for it"):
            refused()


def test_an_enrolled_face_lends_its_embedding_to_a_search(house: House) -> None:
    staff, rows = house.collection(), unit_rows(2)
    first, _ = house.enrol(staff, rows)
    found = house.matcher.embedding(staff, first.face_id)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, rows[0], atol=1e-3)
    guests = house.collection("guests")
    with pytest.raises(InvalidParameter, match=r"^faceId was not found in the collection\.$"):
        house.matcher.embedding(guests, first.face_id)


# -- users -----------------------------------------------------------------------------------------------------------


def test_users_are_found_best_first_and_none_below_the_threshold(house: House) -> None:
    staff, probe = house.collection(), photographs(1, 1)[0]
    grant = house.may(Action.ENROL, "staff")
    for name, cosine in (("near", 0.95), ("nearer", 0.99), ("far", 0.1)):
        (face,) = house.enrol(staff, like(probe, cosine)[None], name)
        house.users.create(grant, "staff", name)
        house.users.associate(grant, "staff", name, [face.face_id], threshold=0)
    found = house.matcher.users(staff, probe, most=10, threshold=0)
    assert [match.user.id for match in found] == ["nearer", "near", "far"]
    assert [match.cosine for match in found] == pytest.approx([0.99, 0.95, 0.1], abs=2e-3)
    assert [match.user.id for match in house.matcher.users(staff, probe, most=10, threshold=90)] == ["nearer", "near"]
    assert [match.user.id for match in house.matcher.users(staff, probe, most=1, threshold=0)] == ["nearer"]


# -- what it means ---------------------------------------------------------------------------------------------------


def test_comparing_gives_each_candidate_its_similarity(house: House) -> None:
    probe = unit_rows(1, 5)[0]
    found = house.matcher.similarities(house.collection(), probe, np.stack([like(probe, 0.2), probe]))
    assert found == pytest.approx(house.matcher.models.default.calibration.similarity(np.array([0.2, 1.0])), abs=1e-3)


def test_false_candidates_by_chance_grow_with_the_gallery_and_fall_with_the_threshold(house: House) -> None:
    staff = house.collection()
    assert house.matcher.expected_false(staff, 80, 10_000) == pytest.approx(1)
    assert house.matcher.expected_false(staff, 90, 10_000) == pytest.approx(0.1)
    assert house.matcher.expected_false(staff, 80, 0) == 0
