"""Authorisations, people, services, thresholds and profiles through the native API, by people who share no machine."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from live_server import without_models
from native import PASSWORD, Office, office
from staff import client_with

from regard.accountability.passwords import Passwords
from regard.accountability.permissions import PERMISSIONS
from regard.domain.people import Role

ASKED = {
    "purpose": "violent-crime",
    "offence": "robbery, 12 May",
    "basis": "CCTV of the shop",
    "declaration": "no protected activity",
    "searches": 3,
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("office")) as made:
        made.post("ann", "/collections", {"collection_id": "suspects"})
        yield made


# -- authorisations -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T00:00:00Z"])
def test_a_moment_that_nothing_can_be_counted_from_is_refused(desk: Office, moment: str) -> None:
    training = {"subject": "faces", "reference": "C-1", "completed_at": moment}
    sign = {"place": "here", "since": moment, "until": moment}
    for login, path, body in (
        ("sam", "/authorisations", ASKED | {"starts_at": moment}),
        ("ann", "/people/sam/trainings", training),
        ("ove", "/reports/notice", sign),
    ):
        refused = desk.ask(login, "POST", path, body)
        assert (refused.status, "of the years 1970 to 9998" in str(refused.json)) == (422, True)
    day = moment[:10]
    assert desk.ask("aud", "GET", f"/reports/audit?since={day}&until={day}").status == 400


def test_one_person_requests_another_approves_and_the_first_ends_it(desk: Office) -> None:
    asked = desk.post("sam", "/authorisations", ASKED | {"scope": {"collections": ["suspects"]}})
    one = f"/authorisations/{asked['id']}"
    assert (asked["state"], asked["scope"]["collections"], asked["searches_allowed"]) == ("requested", ["suspects"], 3)
    approved = desk.post("ove", f"{one}/approve", {"searches": 1})
    assert (approved["state"], approved["searches_allowed"]) == ("approved", 1)
    file = desk.get("aud", one)
    assert file["names"][file["authorisation"]["decided_by"]] == "Ove (ove)"
    ended = desk.post("sam", f"{one}/end", {"statistics": {"outcome": "none"}})
    assert (ended["state"], ended["statistics"]) == ("ended", {"outcome": "none"})


@pytest.mark.control(1)
def test_nobody_approves_what_they_asked_for_themselves(desk: Office) -> None:
    asked = desk.post("ove", "/authorisations", ASKED)
    refused = desk.ask("ove", "POST", f"/authorisations/{asked['id']}/approve", {})
    assert (refused.status, refused.json["code"]) == (403, "AccessDenied")
    assert desk.post("oda", f"/authorisations/{asked['id']}/approve", {})["state"] == "approved"


def test_of_two_who_decide_at_once_one_is_told_that_the_other_has(desk: Office) -> None:
    asked = desk.post("sam", "/authorisations", ASKED)
    one = f"/authorisations/{asked['id']}"
    for login in ("ove", "oda"):
        desk.token(login)
    with ThreadPoolExecutor(2) as pool:
        decided = pool.map(
            lambda how: desk.ask(how[0], "POST", f"{one}/{how[1]}", how[2]),
            [("ove", "approve", {}), ("oda", "refuse", None)],
        )
        statuses = {each.status for each in decided}
    assert statuses == {200, 409}
    again = desk.ask("oda", "POST", f"{one}/approve", {})
    assert (again.status, again.json["code"]) == (409, "Conflict")


def test_an_emergency_is_usable_at_once_and_ends_when_it_is_refused(desk: Office) -> None:
    asked = desk.post("sam", "/authorisations", ASKED | {"kind": "exigent", "emergency": True})
    assert asked["state"] == "emergency"
    assert datetime.fromisoformat(asked["confirm_by"]) > datetime.now(UTC)
    assert desk.post("ove", f"/authorisations/{asked['id']}/refuse")["state"] == "refused"


def test_a_second_person_agrees_to_faces_that_are_seen_badly(desk: Office) -> None:
    asked = desk.post("sam", "/authorisations", ASKED)
    assert desk.post("ove", f"/authorisations/{asked['id']}/agree")["scope"]["poor_probes"] == "ove-0001"


def test_a_searcher_sees_their_own_and_an_auditor_sees_all(desk: Office) -> None:
    mine = desk.post("sam", "/authorisations", ASKED)["id"]
    theirs = desk.post("sue", "/authorisations", ASKED)["id"]
    listed = desk.get("sam", "/authorisations")
    seen = {each["id"] for each in listed["authorisations"]}
    assert all(each["holder_id"] in listed["names"] for each in listed["authorisations"])
    assert listed["names"]["sam-0001"] == "Sam (sam)"
    assert (mine in seen, theirs in seen) == (True, False)
    assert {mine, theirs} <= {each["id"] for each in desk.get("aud", "/authorisations")["authorisations"]}
    assert desk.ask("sam", "GET", f"/authorisations/{theirs}").status == 404


def test_credentials_of_an_authorisation_are_its_holders_alone(desk: Office) -> None:
    one = f"/authorisations/{desk.post('sam', '/authorisations', ASKED)['id']}"
    desk.post("ove", f"{one}/approve", {})
    given = desk.post("sam", f"{one}/credentials", {"seconds": 60})
    client = client_with(
        desk.live, given["access_key_id"], given["secret_access_key"], given["session_token"], service="sts"
    )
    assert one.rpartition("/")[2] in client.get_caller_identity()["Arn"]
    assert desk.post("sam", f"{one}/web-identity")["token"].count(".") >= 1
    assert desk.ask("sue", "POST", f"{one}/credentials", {}).status == 404


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"purpose": "immigration-status"}, 400),
        ({"basis": "CCTV\u202e of the shop"}, 400),
        ({"searches": 0}, 422),
        ({"ends_at": "2026-11-28T12:00"}, 422),
        ({"scope": {"collections": ["../.."]}}, 422),
        ({"document_sha256": "x"}, 422),
        ({"holder": "nobody-of-that-name"}, 400),
        ({"more": 1}, 422),
    ],
)
def test_a_request_that_the_profile_does_not_know_is_a_problem(desk: Office, changed: Any, status: int) -> None:
    refused = desk.ask("sam", "POST", "/authorisations", ASKED | changed)
    assert refused.status == status, refused.content
    assert refused.headers["content-type"] == "application/problem+json"


def eventually(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


# -- people and services --------------------------------------------------------------------------------------------


def test_an_administrator_adds_a_person_who_signs_in_with_a_password_of_their_own(desk: Office) -> None:
    added = desk.post("ann", "/people", {"name": "Ivy Green", "login": "ivy", "roles": ["searcher"]})
    for_now, for_good = f"{PASSWORD} for now", f"{PASSWORD} for good"
    assert desk.ask("ann", "PUT", "/people/ivy/password", {"password": for_now}).json["name"] == "Ivy Green"
    token = desk.post("", "/sign-in", {"login": "ivy", "password": for_now})["token"]
    desk.tokens["ivy"] = token
    assert desk.ask("ivy", "PUT", "/people/ivy/password", {"password": for_good}).status == 200
    eventually(lambda: desk.ask("ivy", "GET", "/me").status == 401)  # servers follow within a second
    desk.tokens["ivy"] = desk.post("", "/sign-in", {"login": "ivy", "password": for_good})["token"]
    me = desk.get("ivy", "/me")
    assert (me["id"], me["roles"]) == (added["id"], ["searcher"])
    assert desk.ask("ivy", "PUT", "/people/sam/password", {"password": for_good}).status == 403


@pytest.mark.control(56)
def test_with_a_password_that_somebody_else_knows_nothing_is_done_but_to_set_ones_own(desk: Office) -> None:
    given, own = f"{PASSWORD} given", f"{PASSWORD} of hers"
    for name, roles in (("ula", ["searcher"]), ("uma", ["administrator"])):
        desk.post("ann", "/people", {"name": name.title(), "login": name, "roles": roles})
        desk.ask("ann", "PUT", f"/people/{name}/password", {"password": given})
        desk.tokens[name] = desk.post("", "/sign-in", {"login": name, "password": given})["token"]
        me = desk.get(name, "/me")
        assert me["must_set_password"]
        assert set(me["may"]) == {"GET /v1/me", "POST /v1/sign-out", "PUT /v1/people/{who}/password"}
    trained = {"subject": "face comparison", "reference": "C-17", "completed_at": "2026-11-02T00:00:00Z"}
    desk.post("ann", "/people/ula/trainings", trained)
    for method, path in (
        ("POST", "/authorisations"),
        ("GET", "/cases"),
        ("GET", "/profile"),
        ("GET", "/events"),
        ("POST", "/people/ula/codes"),
        ("DELETE", "/people/ula/password"),
        ("POST", "/me/passkeys/options"),
    ):
        refused = desk.ask("ula", method, path, ASKED if path == "/authorisations" else None)
        assert refused.status == 403, path
        assert "First set one of your own" in refused.json["detail"], path
    others = desk.ask("uma", "PUT", "/people/ula/password", {"password": own})
    assert (others.status, "First set one of your own" in others.json["detail"]) == (403, True)
    again = desk.ask("ula", "PUT", "/people/ula/password", {"password": given})
    assert (again.status, "Take another" in again.json["detail"]) == (400, True)
    assert desk.ask("ula", "PUT", "/people/ula/password", {"password": own}).status == 200
    desk.tokens["ula"] = desk.post("", "/sign-in", {"login": "ula", "password": own})["token"]
    assert not desk.get("ula", "/me")["must_set_password"]
    desk.get("ula", "/profile")
    desk.ask("ann", "PUT", "/people/ula/password", {"password": given})
    desk.tokens["ula"] = desk.post("", "/sign-in", {"login": "ula", "password": given})["token"]
    assert desk.ask("ula", "GET", "/profile").status == 403, "it was set anew"


def test_roles_and_trainings_are_given_by_somebody_else_and_end_with_the_person(desk: Office) -> None:
    desk.post("ann", "/people", {"name": "Tom Brown", "login": "tom"})
    assert desk.post("ann", "/people/tom/grant", {"roles": ["reviewer", "searcher"]})["name"] == "Tom Brown"
    trained = {"subject": "face comparison", "reference": "C-17", "completed_at": "2026-11-02T00:00:00Z"}
    desk.post("ann", "/people/tom/trainings", trained)
    key = desk.post("ann", "/people/tom/keys", {})["access_key_id"]
    desk.post("ove", "/people/tom/withdraw", {"roles": ["reviewer"]})
    file = desk.get("aud", "/people/tom")
    assert (file["person"]["roles"], file["keys"]) == (["searcher"], [key])
    assert file["trainings"][0]["expires_at"].startswith("2027-11-02")
    assert desk.post("ann", "/people/tom/end")["keys"] == [key]
    assert desk.get("aud", "/people/tom")["person"]["ended_at"] is not None
    assert desk.ask("ann", "POST", "/people/ann/grant", {"roles": ["overseer"]}).status == 403


def test_a_service_is_answered_for_and_cannot_review(desk: Office) -> None:
    made = desk.post("ann", "/services", {"name": "front door", "answers": "eve", "roles": ["enroller"]})
    assert (made["answers"], made["roles"]) == ("Eve", ["enroller"])
    one = f"/services/{made['id']}"
    key = desk.post("ann", f"{one}/keys", {})
    assert key["secret_access_key"]
    assert desk.ask("ann", "POST", f"{one}/grant", {"roles": ["reviewer"]}).status == 400
    desk.post("ann", f"{one}/grant", {"roles": ["searcher"]})
    desk.post("ann", f"{one}/withdraw", {"roles": ["searcher"]})
    assert desk.post("ann", f"{one}/end")["keys"] == [key["access_key_id"]]
    (found,) = [each for each in desk.get("aud", "/services")["services"] if each["id"] == made["id"]]
    assert found["ended_at"] is not None


def test_codes_of_an_authenticator_app_are_asked_for_until_they_are_removed(desk: Office) -> None:
    desk.post("ann", "/people", {"name": "Kit Moss", "login": "kit", "roles": ["reviewer"]})
    desk.ask("ann", "PUT", "/people/kit/password", {"password": PASSWORD})
    assert desk.post("ann", "/people/kit/codes")["address"].startswith("otpauth://totp/")
    refused = desk.ask("", "POST", "/sign-in", {"login": "kit", "password": PASSWORD})
    assert (refused.status, refused.json["code"]) == (401, "CodeNeeded")
    assert desk.ask("ann", "DELETE", "/people/kit/codes").status == 200
    assert desk.token("kit")


# -- what one may, and the rules ------------------------------------------------------------------------------------


@pytest.mark.control(40)
def test_whoever_needs_a_training_is_told_until_when_theirs_holds(desk: Office) -> None:
    """Before they are refused: the console says so on every page."""
    told = desk.get("sam", "/me")["training"]
    assert told["roles"] == ["searcher"]
    assert datetime.fromisoformat(told["until"]) > datetime.now(UTC)
    assert desk.get("ann", "/me")["training"] is None
    made = desk.post("ann", "/people", {"name": "Tia", "login": "tia", "roles": ["reviewer"]})
    desk.live.engine.stores.sign_ins.set_password(made["id"], Passwords().hash(PASSWORD), None)
    assert desk.get("tia", "/me")["training"] == {"roles": ["reviewer"], "until": None}
    assert desk.ask("tia", "POST", "/reviews/next").status == 403


def test_each_is_told_what_they_may_do_and_no_more(desk: Office) -> None:
    for login, role in (("sam", Role.SEARCHER), ("aud", Role.AUDITOR), ("ann", Role.ADMINISTRATOR)):
        may = set(desk.get(login, "/me")["may"])
        assert may == {route for route, roles in PERMISSIONS.routes.items() if role in roles}
    assert "POST /v1/collections/{collection_id}/search" in desk.get("sam", "/me")["may"]


@pytest.mark.control(27)
@pytest.mark.parametrize("login", ["ann", "eve", "sam", "rob", "aud", "ove"])
def test_a_route_that_is_not_for_a_role_is_refused_to_it(desk: Office, login: str) -> None:
    may = set(desk.get(login, "/me")["may"])
    face_id = "-".join("1" * length for length in (8, 4, 4, 4, 12))
    filled = {"collection_id": "suspects", "who": "sam", "case_id": "case-1", "face_id": face_id, "entry": "0"}
    filled |= {"job_id": "0" * 64}
    asked = "?position=0&size=1&first=0&second=1&since=2026-01-01&until=2026-01-02&bucket=films&name=a.mp4"
    for route in PERMISSIONS.routes:
        method, _, path = route.partition(" /v1")
        # Events are everybody's, and go on and on; whether a sign-in is kept is told to strangers.
        if method != "GET" or path in ("/events", "/sign-in"):
            continue
        told = desk.ask(login, "GET", path.format_map(defaultdict(lambda: "none", filled)) + asked)
        refused = told.status == 403 and "it takes" in told.json["detail"]
        assert refused == (route not in may), (route, told.content)
    created = desk.ask(login, "POST", "/collections", {"collection_id": f"of-{login}"})
    assert created.status == (201 if login == "ann" else 403)


def test_the_rules_in_force_are_told_in_words_with_their_sources(desk: Office) -> None:
    profile = desk.get("sam", "/profile?collection=suspects")
    assert (profile["name"], profile["knows_people"], profile["reviews_needed"]) == ("public-safety", True, 2)
    demands = {each["rule"]: each for each in profile["demands"]}
    assert demands["export"]["words"] == "no collection leaves as a file"
    assert demands["least_threshold"]["source"]["text"]
    names = {each["name"] for each in desk.get("sam", "/profiles")["profiles"]}
    assert {"open", "public-safety", "eu", "illinois"} <= names


def test_without_people_everybody_who_signs_in_may_do_everything(tmp_path: Path) -> None:
    with office(tmp_path, profile="open", assessment=None) as desk:
        assert set(desk.get("sam", "/me")["may"]) == set(PERMISSIONS.routes)
        assert desk.get("sam", "/profile")["name"] == "open"
        refused = desk.ask("sam", "POST", "/authorisations", ASKED)
        assert (refused.status, "knows people" in refused.json["detail"]) == (400, True)


# -- thresholds -----------------------------------------------------------------------------------------------------


def test_a_threshold_is_raised_by_one_and_lowered_by_two_upon_an_evaluation(desk: Office) -> None:
    one = "/thresholds/suspects"
    assert desk.get("ann", one) == {"in_force": 99.0, "changes": []}
    raised = desk.post("ann", f"{one}/raise", {"threshold": 99.5, "reason": "too many candidates"})
    assert (raised["threshold_before"], raised["threshold"]) == (99.0, 99.5)
    assert desk.get("ove", one)["in_force"] == 99.5
    asked = {"threshold": 99.2, "reason": "misses", "evaluation_id": "no-such"}
    refused = desk.ask("ann", "POST", f"{one}/lower", asked)
    assert (refused.status, "no evaluation" in refused.json["detail"]) == (400, True)
    assert desk.ask("ove", "POST", f"{one}/approve", {"threshold": 99.2}).status == 400
    assert desk.ask("ann", "GET", "/thresholds/no-such").status == 404


def test_a_server_without_people_is_reached_by_nobody_who_has_not_signed_in(tmp_path: Path) -> None:
    with without_models(tmp_path) as live:
        stranger = Office(live)
        for route in PERMISSIONS.routes:
            method, _, path = route.partition(" /v1")
            if not path.startswith(("/sign-in", "/first-run")):
                assert stranger.ask("", method, path).status == 401, route


def test_a_period_that_was_asked_for_is_kept(desk: Office) -> None:
    ends = datetime.now(UTC) + timedelta(days=2)
    asked = desk.post("sam", "/authorisations", ASKED | {"ends_at": ends.isoformat()})
    assert datetime.fromisoformat(asked["ends_at"]) == ends
    longer = desk.ask("ove", "POST", f"/authorisations/{asked['id']}/approve", {"ends_at": "2030-01-01T00:00:00Z"})
    assert longer.status == 400
