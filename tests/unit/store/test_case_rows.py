from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from regard.domain.cases import CandidateState, Case, CaseCandidate, CaseState, Opinion, PairKind, Search
from regard.domain.people import Person
from regard.store.case_rows import CaseRows
from regard.store.people_rows import PeopleRows
from regard.store.picture_rows import PictureRows
from regard.store.review_rows import ReviewRows
from regard.store.seed_rows import SeedRows

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
LONG_AGO = NOW - timedelta(days=1)
RITA, RON, SAM = "rita".ljust(36, "0"), "ron".ljust(36, "0"), "sam".ljust(36, "0")


def case(case_id: str = "case-1", **other: object) -> Case:
    found = Case(
        id=case_id,
        collection="staff",
        authorisation_id=None,
        profile="public-safety",
        state=CaseState.OPEN,
        reviews_needed=2,
        opened_by=SAM,
        opened_at=NOW,
    )
    return replace(found, **other)  # type: ignore[arg-type]


def candidate(case_id: str = "case-1", number: int = 1, **other: object) -> CaseCandidate:
    found = CaseCandidate(
        case_id=case_id,
        number=number,
        search_id=None,
        alias=f"{case_id}-{number}",
        kind=PairKind.CANDIDATE,
        face_id=f"face-{number}",
        user_id=None,
        state=CandidateState.PENDING,
    )
    return replace(found, **other)  # type: ignore[arg-type]


def search(**other: object) -> Search:
    found = Search(
        id="search-1",
        request_id="r1",
        case_id="case-1",
        authorisation_id="auth-1",
        person_id=SAM,
        operation="SearchFacesByImage",
        collection="staff",
        collection_key=1,
        profile="public-safety",
        searched_at=NOW,
        probe_sha256="0" * 64,
        probe_edits={"edits": [{"kind": "crop"}]},
        face_model="m",
        threshold=99.0,
        gallery_size=7,
        expected_false=0.5,
        candidate_count=1,
        sealed_candidates=b"\x00sealed",
    )
    return replace(found, **other)  # type: ignore[arg-type]


@pytest.fixture
def rows(store):
    for person in (RITA, RON, SAM):
        PeopleRows(store.database).add(Person(id=person, name=person, login=person.rstrip("0"), created_at=NOW))
    return CaseRows(store.database)


@pytest.fixture
def filled(store, rows):
    """A case of two candidates, the first of them with both pictures."""
    rows.add(case())
    rows.add_search(search())
    rows.add_candidates([candidate(number=1, search_id="search-1"), candidate(number=2)])
    pictures = PictureRows(store.database)
    pictures.add("case-1", "probe", 0, "0" * 64, b"p")
    pictures.add("case-1", "candidate", 1, "0" * 64, b"c")
    return rows


def test_cases_searches_and_candidates_come_back_as_they_were_stored(filled):
    assert filled.find("case-1") == case()
    assert filled.all() == [case()]
    assert filled.all([CaseState.VERIFIED]) == []
    assert filled.all(collection="elsewhere") == []
    assert filled.candidates("case-1") == [candidate(number=1, search_id="search-1"), candidate(number=2)]
    assert filled.by_aliases(["case-1-2", "unknown"]) == [(case(), candidate(number=2))]
    assert (
        filled.searches("case-1") == filled.searches_under("auth-1") == filled.searches_naming("face-1") == [search()]
    )
    assert filled.searches_naming("face-2") == []
    assert filled.searches_between(NOW, NOW + timedelta(seconds=1)) == [search()]
    assert filled.searches_between(LONG_AGO, NOW) == []


def test_a_pair_without_a_picture_or_of_ones_own_search_is_nobodys_to_judge(store, filled):
    reviews = ReviewRows(store.database)
    assert [(each.number, each.needed, each.opinions) for each in reviews.open_pairs(RITA, None, LONG_AGO)] == [
        (1, 2, ())
    ]
    assert reviews.open_pairs(SAM, None, LONG_AGO) == []
    assert reviews.open_pairs(RITA, "elsewhere", LONG_AGO) == []
    filled.corroborate("case-1", "witness", "report 1", RITA, NOW, independent=True)
    assert reviews.open_pairs(RITA, None, LONG_AGO) == []
    filled.decide("case-1", 1, CandidateState.VERIFIED, NOW)
    assert reviews.open_pairs(RON, None, LONG_AGO) == []


def test_who_was_given_a_pair_has_it_until_they_judge_it_or_leave_it(store, filled):
    reviews = ReviewRows(store.database)
    mine = reviews.assign("case-1", 1, RITA, NOW)
    assert reviews.assigned(RITA, None, LONG_AGO) == mine
    assert reviews.assigned(RITA, "elsewhere", LONG_AGO) is None
    assert reviews.assigned(RITA, None, NOW) is None  # left
    assert reviews.open_pairs(RITA, None, LONG_AGO) == []
    assert reviews.open_pairs(RON, None, LONG_AGO)[0].assigned == 1
    assert reviews.assign("case-1", 1, RITA, NOW + timedelta(hours=2)).key == mine.key
    assert reviews.get(mine.key, RON) is None
    assert reviews.give(mine.key, Opinion.SAME, {"nose": "similar"}, "why", NOW)
    assert not reviews.give(mine.key, Opinion.DIFFERENT, {}, "again", NOW)
    assert reviews.opinions("case-1", 1) == [Opinion.SAME]
    assert reviews.open_pairs(RON, None, LONG_AGO)[0].opinions == (Opinion.SAME,)
    (kept,) = reviews.of_case("case-1")
    assert (kept.opinion, kept.components, kept.reason) == (Opinion.SAME, {"nose": "similar"}, "why")


def test_seeded_pairs_are_no_cases_and_are_counted_by_reviewer(store, rows):
    reviews, seeds = ReviewRows(store.database), SeedRows(store.database)
    rows.add(case("seed-1", state=CaseState.SEEDED, opened_by=None, reviews_needed=1))
    rows.add_candidates([candidate("seed-1", kind=PairKind.SEEDED_MATE)])
    assert (rows.find("seed-1"), rows.all(), rows.by_aliases(["seed-1-1"])) == (None, [], [])
    assert reviews.seeds("staff") == {PairKind.SEEDED_MATE: 1}
    reviews.give(reviews.assign("seed-1", 1, RITA, NOW).key, Opinion.DIFFERENT, {}, "why", NOW)
    rows.decide("seed-1", 1, CandidateState.NOT_IDENTIFIED, NOW)
    seeds.end("seed-1")
    assert rows.candidates("seed-1")[0].face_id == ""
    (result,) = reviews.seeded_results()
    assert (result.reviewer_id, result.kind, result.opinion, result.count) == (
        RITA,
        PairKind.SEEDED_MATE,
        Opinion.DIFFERENT,
        1,
    )
    seeds.forget("staff", undrawn_before=NOW + timedelta(days=1), judged_before=NOW)
    assert len(reviews.seeded_results()) == 1
    seeds.forget("staff", undrawn_before=NOW, judged_before=NOW + timedelta(days=1))
    assert reviews.seeded_results() == []


def test_seeded_pairs_that_nobody_judged_go_with_any_face_of_the_collection(store, rows):
    staff = store.collection("staff")
    first, second = store.enrol(staff, 2)
    pictures, seeds = PictureRows(store.database), SeedRows(store.database)
    pictures.keep(staff.key, {first.face_id: b"1", second.face_id: b"2"})
    assert {each.face_id for each in seeds.some(staff.key)} == {first.face_id, second.face_id}
    rows.add(case("seed-1", state=CaseState.SEEDED, opened_by=None))
    rows.add_candidates([candidate("seed-1", kind=PairKind.SEEDED_MATE)])
    rows.add(case("case-1"))
    store.faces.delete(staff.key, [first.face_id])
    assert ReviewRows(store.database).seeds("staff") == {}
    assert rows.find("case-1") is not None
    assert pictures.of_faces(staff.key, [first.face_id, second.face_id]) == {second.face_id: b"2"}


def test_candidates_that_wait_for_a_picture_are_found_by_their_face(store, filled):
    pictures = PictureRows(store.database)
    assert pictures.lacking("staff", "face-1") == []
    assert pictures.lacking("staff", "face-2") == [("case-1", 2)]
    assert pictures.lacking("elsewhere", "face-2") == []


@pytest.mark.parametrize("whole", [False, True])
def test_candidates_that_are_not_decided_go_with_their_faces_and_others_stay(store, whole):
    rows, pictures, staff = CaseRows(store.database), PictureRows(store.database), store.collection()
    (face, other) = store.enrol(staff, 2)
    rows.add(case())
    rows.add_search(search())
    found = [
        candidate(face_id=face.face_id, user_id="ada", search_id="search-1"),
        candidate(number=2, face_id=face.face_id, state=CandidateState.VERIFIED, search_id="search-1"),
        candidate(number=3, face_id=other.face_id, state=CandidateState.DISPUTED, search_id="search-1"),
    ]
    rows.add(case("elsewhere", collection="visitors"))
    rows.add_candidates([*found, candidate("elsewhere", face_id=face.face_id)])
    for each in (1, 2, 3):
        pictures.add("case-1", "candidate", each, "0" * 64, b"sealed")
    assert rows.open_and_decided() == []
    if whole:
        store.collections.delete("staff")
    else:
        store.faces.delete(staff.key, [face.face_id])
    erased = {"state": CandidateState.ERASED, "face_id": "", "user_id": None}
    assert rows.candidates("case-1") == [
        replace(found[0], **erased),
        found[1],
        replace(found[2], **erased) if whole else found[2],
    ]
    assert rows.candidates("elsewhere") == [candidate("elsewhere", face_id=face.face_id)]
    assert {number for _, number in pictures.of_case("case-1")} == ({2} if whole else {2, 3})
    assert rows.open_and_decided() == (["case-1"] if whole else [])
    (kept,) = rows.searches("case-1")
    assert kept.sealed_candidates is not None, "it tells of others"
