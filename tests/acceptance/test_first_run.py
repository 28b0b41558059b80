"""The link by which whoever started the server becomes its administrator: once, and only while there is nobody."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from live_server import Live, without_models
from test_native_api import PASSWORD, Answer, ask, sign_in

from regard.domain.people import Role

PROFILES = {"open": {}, "public-safety": {"profile": "public-safety", "assessment": "DPIA-7"}}


@pytest.fixture(params=PROFILES)
def live(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Live]:
    with without_models(tmp_path, accountability=PROFILES[request.param]) as server:
        yield server


def offered(live: Live) -> str:
    token = live.engine.first_run.offer()
    assert token is not None
    return token


def become(live: Live, token: str, login: str = "ada", password: str = PASSWORD) -> Answer:
    body = {"token": token, "name": "Ada Lovelace", "login": login, "password": password}
    return ask(live, "POST", "/v1/first-run", body)


def test_whoever_has_the_link_becomes_administrator_and_can_sign_in(live: Live) -> None:
    assert become(live, offered(live)).status == 201
    token = sign_in(live).said["token"]
    me = ask(live, "GET", "/v1/me", token=token).said
    assert me["roles"] == ([] if me["profile"] == "open" else ["administrator"])  # "open" asks nobody for roles
    assert live.engine.stores.people.roles(me["id"]) == {Role.ADMINISTRATOR}
    added = ask(live, "POST", "/v1/people", {"name": "Rob", "login": "rob", "roles": ["reviewer"]}, token=token)
    assert added.status == 201


@pytest.mark.slow
def test_the_link_works_once_and_there_is_no_other(live: Live) -> None:
    token = offered(live)
    assert become(live, token).status == 201
    assert become(live, token, "eve").status == 403
    assert live.engine.first_run.offer() is None
    assert sign_in(live, "eve").status != 200


@pytest.mark.parametrize("token", ["wrong", "x" * 32, "é"])
def test_a_wrong_link_makes_nobody(live: Live, token: str) -> None:
    assert become(live, token).status == 403  # none has been offered
    right = offered(live)
    assert become(live, token).status == 403
    assert not live.engine.stores.people.any()
    assert become(live, right).status == 201


def test_a_fault_in_what_is_given_does_not_use_the_link_up(live: Live) -> None:
    token = offered(live)
    assert become(live, token, password="short").status == 400
    assert become(live, token, login="two words").status == 400
    assert not live.engine.stores.people.any()
    assert become(live, token).status == 201


def test_of_many_who_open_it_at_once_one_becomes_administrator(live: Live) -> None:
    token = offered(live)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda number: become(live, token, f"ada{number}").status, range(8)))
    assert sorted(answers)[:1] == [201]
    assert answers.count(201) == 1
    assert len(live.engine.stores.people.all()) == 1
