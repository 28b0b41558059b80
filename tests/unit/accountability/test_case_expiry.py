"""Cases have a time too: candidates who were somebody else, old cases, and what came of a refused authorisation."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from safekeeping import MakeSafe, by_key, ruled

from regard.accountability.profiles.catalogue import PROFILES
from regard.accountability.profiles.rules import ReviewRules
from regard.domain.authorisations import AuthorisationKind, AuthorisationState
from regard.domain.authority import Action
from regard.domain.people import Role
from regard.store.authorisation_rows import AuthorisationRows
from regard.store.tables.cases import case_candidates, case_pictures, cases, face_pictures, searches
from regard.store.tables.ledger import ledger_entries

SQLITE = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
REVIEWED = ruled(
    PROFILES["public-safety"],
    people=False,
    retention={"false_candidates_days": 31, "cases_days": 1095},
    review=ReviewRules(agreements=2),
)


@pytest.mark.control(2)
def test_a_candidate_who_was_somebody_else_goes_after_31_days_and_the_verified_one_stays(safe_under: MakeSafe) -> None:
    safe = safe_under(REVIEWED)
    safe.collection()
    safe.case("c1")
    safe.decide("c1", 1, "verified")
    safe.decide("c1", 2, "not_identified")
    safe.later(days=30)
    assert safe.sweep() == {}
    safe.later(days=1, seconds=1)
    assert safe.sweep() == {"candidates": 1}
    assert [each["number"] for each in safe.rows(case_candidates)] == [1]
    kept = [(each["kind"], each["number"]) for each in safe.rows(case_pictures)]
    assert kept == [("candidate", 1), ("probe", 0)]
    assert safe.rows(searches)[0]["sealed_candidates"] == b"sealed list"


@SQLITE
@pytest.mark.control(2)
def test_where_nobody_was_identified_nothing_of_the_search_is_left_but_that_it_was_made(safe_under: MakeSafe) -> None:
    safe = safe_under(REVIEWED)
    safe.collection()
    safe.case("c1", state="not_identified", decided_at=safe.now)
    safe.decide("c1", 1, "not_identified")
    safe.decide("c1", 2, "not_identified")
    safe.later(days=32)
    assert safe.sweep() == {"candidates": 2}
    assert safe.rows(case_candidates) == safe.rows(case_pictures) == []
    (search,) = safe.rows(searches)
    assert (search["sealed_candidates"], search["probe_sha256"], search["probe_edits"]) == (None, None, {})
    assert (search["person_id"], search["gallery_size"], search["candidate_count"]) == ("ada", 1000, 2)
    assert safe.sweep() == {}


def test_an_old_case_is_purged_and_its_row_stays(safe_under: MakeSafe) -> None:
    safe = safe_under(REVIEWED)
    safe.collection()
    safe.case("old", purge_after=safe.now + timedelta(days=10))
    safe.case("older", state="verified")
    safe.later(days=11)
    assert safe.sweep() == {"cases": 1}
    assert [each["id"] for each in safe.rows(cases, state="purged")] == ["old"]
    safe.later(days=1085)
    assert safe.sweep() == {"cases": 1}
    assert {each["state"] for each in safe.rows(cases)} == {"purged"}
    assert safe.rows(case_candidates) == safe.rows(case_pictures) == []


@SQLITE
def test_what_hangs_on_a_face_that_was_removed_as_damaged_goes_too(safe_under: MakeSafe) -> None:
    safe = safe_under(REVIEWED)
    staff = safe.collection()
    with safe.database.write() as connection:
        row = {"collection_key": staff.key, "face_id": "gone", "sealed": b"sealed"}
        connection.execute(face_pictures.insert().values(row))
    assert safe.sweep() == {}
    assert safe.rows(face_pictures) == []


@pytest.mark.control(10, 11)
@pytest.mark.parametrize("state", [AuthorisationState.REFUSED, AuthorisationState.UNCONFIRMED])
def test_what_came_of_a_refused_authorisation_is_purged_at_once_and_its_use_stays_on_record(
    safe_under: MakeSafe, state: AuthorisationState
) -> None:
    safe = safe_under(REVIEWED.model_copy(update={"people": True, "trained": ()}))

    safe.person("ada", Role.ENROLLER, Role.SEARCHER)
    safe.authorise(
        "ada", AuthorisationKind.EXIGENT, state=AuthorisationState.EMERGENCY, confirm_by=safe.now + timedelta(days=2)
    )
    staff = safe.collection()
    with safe.may(Action.ENROL, "staff", operation="IndexFaces", caller=by_key("ada", "A-ada")) as grant:
        safe.enrol(grant, staff, "input", basis=None)
    safe.case("c1", "A-ada")
    safe.case("other")
    with safe.database.write() as connection:  # the entry of the search, that names whom it found
        row = {"position": 1, "leaf": b"l" * 32, "recorded_at": safe.now, "salt": b"s", "body": b"{}"}
        connection.execute(ledger_entries.insert().values(row | {"request_id": "r-c1"}))
    assert safe.sweep() == {}
    if state is AuthorisationState.REFUSED:
        AuthorisationRows(safe.database).decide("A-ada", [AuthorisationState.EMERGENCY], state, "bob", safe.now)
    else:
        with safe.database.write() as connection:
            connection.exec_driver_sql("UPDATE authorisations SET confirm_by = 0")
    assert safe.sweep() == {"authorisations": 2}
    assert AuthorisationRows(safe.database).get("A-ada").state is state  # type: ignore[union-attr]
    assert safe.held(staff) == []
    assert {each["case_id"] for each in safe.rows(case_candidates)} == {"other"}
    (search,) = safe.rows(searches, case_id="c1")
    assert search["sealed_candidates"] is None
    assert (search["person_id"], search["searched_at"]) == ("ada", safe.now)
    assert safe.entries()[1] is None
    said = [json.loads(each) for each in safe.entries()[2:] if each]
    assert [[1, 1]] in [each["facts"].get("erased") for each in said]
    assert safe.sweep() == {}
