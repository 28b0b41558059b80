"""A search under a reviewing profile, from the request for it to what it came to, through the native API alone: by five
people, none of whom has the machine."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agency import portrait
from native import Office, office
from people import crowd, encoded

from regard.domain.comparisons import COMPONENTS

HEADER = "x_regard_authorisation"
ASKED = {"purpose": "violent-crime", "offence": "robbery", "basis": "CCTV", "declaration": "no protected activity"}
OPINION = {
    "opinion": "same",
    "components": dict.fromkeys(COMPONENTS, "similar"),
    "reason": "The marks beside the nose agree.",
}
#: What whoever searches may not learn before two people have agreed.
SECRET = ("eileen", "collins")


def sent(content: bytes) -> str:
    return base64.b64encode(content).decode()


def approved(desk: Office, login: str) -> str:
    asked = desk.post(login, "/authorisations", ASKED)
    return str(desk.post("ove", f"/authorisations/{asked['id']}/approve", {})["id"])


@pytest.fixture(scope="module")
def desk(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("walk"), models) as made:
        made.post("ann", "/collections", {"collection_id": "suspects"})
        under = {HEADER: approved(made, "eve")}
        for name, content in (("eileen", portrait()), ("collins", portrait(left=60))):
            picture = {"image": sent(content), "external_image_id": name}
            made.post("eve", "/collections/suspects/faces", picture, **under)
        yield made


def searched(desk: Office, **more: Any) -> Any:
    body = {"image": sent(portrait(dark=0.9)), **more}
    return desk.post("sam", "/collections/suspects/search", body, **{HEADER: approved(desk, "sam")})


@pytest.mark.control(38)
def test_candidates_go_by_aliases_until_two_people_have_agreed_and_then_by_what_they_are(desk: Office) -> None:
    found = searched(desk)
    assert found["candidates"]
    assert found["case"]["needed"] == 2
    assert not any(each in str(found) for each in SECRET)
    assert {each["similarity"] for each in found["candidates"]} == {found["threshold"]} == {99.0}
    case = f"/cases/{found['case']['id']}"
    before = desk.get("sam", case)
    assert {each["external_image_id"] for each in before["candidates"]} == {None}
    for login in ("rob", "ray"):
        while (pair := desk.post(login, "/reviews/next")["pair"]) is not None:
            assert desk.post(login, f"/reviews/{pair['number']}", OPINION)["number"] == pair["number"]
    after = desk.get("sam", case)
    assert after["case"]["state"] == "verified"
    assert {each["external_image_id"] for each in after["candidates"]} <= set(SECRET)
    state = desk.post("sam", f"{case}/corroborations", {"kind": "witness", "reference": "W-1", "independent": True})
    assert state == {"state": "actionable"}
    report = desk.ask("aud", "GET", f"/reports/cases/{found['case']['id']}?form=html")
    assert (report.status, b"eileen" in report.content) == (200, True)
    assert desk.get("aud", f"/reports/cases/{found['case']['id']}/proofs")["proofs"]
    assert desk.ask("sam", "GET", f"/reports/warrants/{found['case']['id']}?form=html").status == 200


@pytest.mark.control(1)
def test_nobody_searches_without_an_authorisation_or_under_somebody_elses(desk: Office) -> None:
    body = {"image": sent(portrait())}
    without = desk.ask("sam", "POST", "/collections/suspects/search", body)
    assert (without.status, "authorisation" in without.json["detail"]) == (403, True)
    theirs = desk.ask("sam", "POST", "/collections/suspects/search", body, **{HEADER: approved(desk, "sue")})
    assert (theirs.status, "somebody else's" in theirs.json["detail"]) == (403, True)
    for login in ("ann", "ove", "aud", "eve", "rob"):
        assert desk.ask(login, "POST", "/collections/suspects/search", body).status == 403


def test_the_profiles_threshold_is_taken_where_none_is_said_and_none_below_it(desk: Office) -> None:
    under = {HEADER: approved(desk, "sam")}
    refused = desk.ask(
        "sam", "POST", "/collections/suspects/search", {"image": sent(portrait()), "threshold": 80}, **under
    )
    assert (refused.status, "99 or more" in refused.json["detail"]) == (403, True)


def test_a_picture_of_several_people_is_refused_though_one_was_chosen(desk: Office) -> None:
    body = {"image": sent(encoded(crowd(1, 2, 160))), "face": {"left": 0, "top": 0, "width": 0.5, "height": 1}}
    refused = desk.ask("sam", "POST", "/collections/suspects/search", body, **{HEADER: approved(desk, "sam")})
    assert (refused.status, "shows 2 faces" in refused.json["detail"]) == (403, True)


def test_the_searches_of_an_authorisation_are_counted_whoever_carries_it(desk: Office) -> None:
    asked = desk.post("sam", "/authorisations", ASKED | {"searches": 1})
    one = f"/authorisations/{asked['id']}"
    desk.post("ove", f"{one}/approve", {})
    body = {"image": sent(portrait(dark=0.95))}
    desk.post("sam", "/collections/suspects/search", body, **{HEADER: asked["id"]})
    refused = desk.ask("sam", "POST", "/collections/suspects/search", body, **{HEADER: asked["id"]})
    assert (refused.status, "have been made" in refused.json["detail"]) == (403, True)
    assert desk.get("sam", one)["authorisation"]["searches_done"] == 1


def test_a_searcher_lists_no_faces_and_a_face_is_enrolled_on_a_basis(desk: Office) -> None:
    assert desk.ask("sam", "GET", "/collections/suspects/faces").status == 403
    assert len(desk.get("eve", "/collections/suspects/faces")["faces"]) == 2
    refused = desk.ask("eve", "POST", "/collections/suspects/faces", {"image": sent(portrait(left=30))})
    assert (refused.status, "basis" in refused.json["detail"]) == (403, True)


def test_which_face_was_chosen_is_on_record(desk: Office) -> None:
    box = {"left": 0.3, "top": 0.1, "width": 0.3, "height": 0.4}
    case = searched(desk, face=box)["case"]["id"]
    report = desk.get("aud", f"/reports/cases/{case}")
    assert report["searches"][0]["probe_edits"]["chosen_face"] == box
