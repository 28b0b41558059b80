"""Error rates, measured through the native API by somebody who tests the system independently."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from live_server import Live, with_models
from people import encoded, head
from test_native_api import PASSWORD, ask, sign_in

from regard.accountability.passwords import Passwords
from regard.domain.people import Person, Role


@dataclass
class Lab:
    live: Live
    token: str


@pytest.fixture(scope="module")
def lab(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with with_models(models, tmp_path_factory.mktemp("lab"), accountability={"profile": "public-safety"}) as live:
        stores, now = live.engine.stores, datetime.now(UTC)
        for login, role in (("alice", Role.AUDITOR), ("sam", Role.SEARCHER)):
            stores.people.add(Person(id=f"{login}-1", name=login, login=login, created_at=now))
            stores.people.grant(f"{login}-1", [role], None, now)
            stores.sign_ins.set_password(f"{login}-1", Passwords().hash(PASSWORD), now)
        yield Lab(live, sign_in(live, "alice").said["token"])


def pictures(people: int) -> list[dict[str, Any]]:
    """Two pictures each of so many people, who are one person in truth."""
    return [
        {
            "image": base64.b64encode(encoded(head(170 + 4 * number + side))).decode(),
            "person": f"person {number}",
            "labels": {"sex": "f" if number % 2 else "m"},
        }
        for number in range(people)
        for side in range(2)
    ]


@pytest.mark.control(16)
@pytest.mark.slow
def test_whoever_tests_the_system_independently_measures_it_by_the_api(lab: Lab) -> None:
    body = {"name": "Independent lab", "gallery_size": 100, "thresholds": [95], "pictures": pictures(10)}
    made = ask(lab.live, "POST", "/v1/evaluations", body, lab.token)
    assert made.status == 201, made.content
    found = made.said["evaluation"]
    at = {each["threshold"]: each for each in found["rates"]["everybody"]["thresholds"]}
    assert set(at) == {80, 90, 95, 99}
    assert (at[80]["fmr"]["errors"], at[80]["fmr"]["trials"]) == (180, 180)
    assert {each["group"] for each in found["rates"]["groups"]} == {"f", "m"}
    assert ask(lab.live, "GET", "/v1/evaluations", token=lab.token).said["evaluations"] == [found]
    assert ask(lab.live, "GET", f"/v1/evaluations/{found['id']}", token=lab.token).said["evaluation"] == found
    with closing(sqlite3.connect(lab.live.engine.settings.home / "regard.db")) as connection:
        assert connection.execute("SELECT count(*) FROM faces").fetchone() == (0,)


@pytest.mark.control(56)
def test_a_searcher_cannot_compare_pictures_by_calling_it_an_evaluation(lab: Lab) -> None:
    token = sign_in(lab.live, "sam").said["token"]
    body = {"name": "two", "pictures": pictures(10)}
    refused = ask(lab.live, "POST", "/v1/evaluations", body, token)
    assert refused.status == 403
    assert "it takes one of the roles administrator or auditor" in refused.said["detail"]


def test_too_few_people_are_refused_and_an_evaluation_that_is_not_there_is_a_404(lab: Lab) -> None:
    few = {"name": "few", "pictures": [each | {"person": "ada"} for each in pictures(10)]}
    refused = ask(lab.live, "POST", "/v1/evaluations", few, lab.token)
    assert refused.status == 400
    assert "at least 10 people" in refused.said["detail"]
    assert ask(lab.live, "GET", "/v1/evaluations/none", token=lab.token).status == 404
