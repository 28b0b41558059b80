"""One administrator who acts as several people: what an audit finds, and what the server tells by itself."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from agency import portrait
from native import PASSWORD, Office, office

from regard.domain.comparisons import COMPONENTS

UNDER = "x_regard_authorisation"
ASKED = {"purpose": "violent-crime", "offence": "robbery", "basis": "CCTV", "declaration": "no protected activity"}
OPINION = {"opinion": "same", "components": dict.fromkeys(COMPONENTS, "similar"), "reason": "The marks agree."}
STOLEN = "a password that ann knows"


def image(content: bytes) -> dict[str, str]:
    return {"image": base64.b64encode(content).decode()}


@pytest.fixture
def desk(models: Path, tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path / "home", models) as made:
        made.post("ann", "/collections", {"collection_id": "suspects"})
        faces = image(portrait()) | {"external_image_id": "eileen"}
        made.post("eve", "/collections/suspects/faces", faces, **{UNDER: approved(made, "eve")})
        yield made


def approved(desk: Office, login: str, by: str = "ove") -> str:
    asked = desk.post(login, "/authorisations", ASKED)
    return str(desk.post(by, f"/authorisations/{asked['id']}/approve", {})["id"])


def sign_in(desk: Office, login: str, password: str) -> None:
    desk.tokens[login] = desk.post("", "/sign-in", {"login": login, "password": password})["token"]


def take_over(desk: Office, login: str) -> None:
    """Ann sets their password, and another in their name."""
    desk.token(login)
    assert desk.ask("ann", "PUT", f"/people/{login}/password", {"password": STOLEN}).status == 200
    sign_in(desk, login, STOLEN)
    assert desk.ask(login, "PUT", f"/people/{login}/password", {"password": PASSWORD}).status == 200
    sign_in(desk, login, PASSWORD)


def searched(desk: Office, by: str = "ove") -> None:
    under = {UNDER: approved(desk, "sam", by)}
    desk.post("sam", "/collections/suspects/search", image(portrait(dark=0.9)), **under)
    for reviewer in ("rob", "ray"):
        while (pair := desk.post(reviewer, "/reviews/next")["pair"]) is not None:
            desk.ask(reviewer, "POST", f"/reviews/{pair['number']}", OPINION)


def exceptions(desk: Office) -> list[dict[str, Any]]:
    now = datetime.now(UTC)
    period = f"since={now - timedelta(days=1):%Y-%m-%d}&until={now:%Y-%m-%d}"
    return [
        each
        for each in desk.get("aud", f"/reports/audit?{period}")["exceptions"]
        if each["rule"] == "No two of them were in one hand"
    ]


def signs(desk: Office) -> dict[str, str]:
    return {each["kind"]: each["severity"] for each in desk.get("aud", "/incidents/signals")["signals"]}


@pytest.mark.control(43, 56)
@pytest.mark.slow
def test_an_administrator_who_takes_over_an_approver_and_a_searcher_is_found(desk: Office) -> None:
    searched(desk)
    assert exceptions(desk) == []
    for login in ("ove", "sam"):
        take_over(desk, login)
    searched(desk)
    (found,) = exceptions(desk)
    assert found["words"].startswith("ann-0001 had set what ove-0001 and sam-0001 act with")
    assert signs(desk)["one-hand"] == "serious"


@pytest.mark.control(43, 56)
@pytest.mark.slow
def test_a_key_made_for_a_searcher_and_a_reviewer_who_was_taken_over_are_one_hand(desk: Office) -> None:
    desk.post("ann", "/people/sam/keys", {"name": "mine"})
    assert signs(desk)["others-means"] == "low"
    searched(desk)
    assert exceptions(desk) == []
    take_over(desk, "rob")
    searched(desk)
    (found,) = exceptions(desk)
    assert found["words"].startswith("ann-0001 had set what rob-0001 and sam-0001 act with")


@pytest.mark.control(56)
def test_one_whose_password_was_set_anew_is_nothing_unusual(desk: Office) -> None:
    take_over(desk, "sam")
    searched(desk)
    assert exceptions(desk) == []
    assert "one-hand" not in signs(desk)
