"""Server-sent events: whoever has a page open hears what changed, of what they may see."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from native import PASSWORD, Office, office
from staff import Staff

from regard.accountability.passwords import Passwords
from regard.accountability.people import People
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.callers import Principal
from regard.domain.people import Role


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("events")) as made:
        for login in ("ann", "sam", "rob", "ove", "aud"):
            made.token(login)
        yield made


class Stream:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.response = response
        self.position = ""

    def event(self) -> list[str]:
        """The next event, whatever comes between."""
        data: list[str] = []
        while True:
            line = self.response.readline().decode().rstrip("\n")
            if line.startswith("id: "):
                self.position = line.removeprefix("id: ")
            elif line.startswith("data: "):
                data = json.loads(line.removeprefix("data: "))["changed"]
            elif not line and data:
                return data


@contextmanager
def listening(desk: Office, login: str, path: str = "/v1/events", **headers: str) -> Iterator[Stream]:
    connection = http.client.HTTPConnection("127.0.0.1", desk.live.port, timeout=20)
    connection.request("GET", path, headers={"Authorization": f"Bearer {desk.token(login)}", **headers})
    response = connection.getresponse()
    try:
        assert (response.status, response.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert response.headers["cache-control"] == "no-store"
        stream = Stream(response)
        assert response.readline() == b"retry: 2000\n"
        stream.position = response.readline().decode().removeprefix("id: ").strip()
        yield stream
    finally:
        response.close()
        connection.close()


@contextmanager
def waiting(desk: Office, login: str) -> Iterator[Iterator[dict[str, int]]]:
    """What waits for somebody, each time they are told."""
    with listening(desk, login) as stream:
        lines = (line.decode() for line in iter(stream.response.readline, b""))
        yield (json.loads(line.removeprefix("data: "))["waiting"] for line in lines if line.startswith("data: "))


@pytest.mark.slow
def test_each_hears_of_what_they_may_list_and_of_nothing_else(desk: Office) -> None:
    with listening(desk, "sam") as sam, listening(desk, "aud") as aud, listening(desk, "rob") as rob:
        asked = {"purpose": "fraud", "offence": "fraud", "basis": "file 7", "declaration": "no protected activity"}
        desk.post("sam", "/authorisations", asked)
        assert sam.event() == ["authorisations"]
        assert aud.event() == ["authorisations"]
        desk.post("ann", "/people", {"name": "Una", "login": "una"})
        assert aud.event() == ["people"]
        desk.post("ove", "/suspensions", {"kind": "person", "subject": "sue", "reason": "a test"})
        assert rob.event() == ["suspensions"]  # the first that a reviewer hears
        assert sam.event() == ["suspensions"]


def test_whoever_comes_again_hears_what_they_missed(desk: Office) -> None:
    with listening(desk, "ann") as before:
        position = before.position
    desk.post("ann", "/collections", {"collection_id": "missed"})
    with listening(desk, "ann", **{"Last-Event-ID": str(position)}) as again:
        assert again.event() == ["jobs"]  # what happened to those in between is not known
        assert "collections" in again.event()


def test_what_another_process_does_is_heard_of(desk: Office) -> None:
    engine = desk.live.engine
    caller = Caller(principal=Principal(access_key_id="", name="ann"), channel=Channel.CLI)
    people = People(engine.stores.people, engine.stores.access_keys, engine.stores.sign_ins)
    with listening(desk, "aud") as heard:
        with engine.gate.open(caller, Act(action=Action.ADMINISTER, operation="people add")) as grant:
            people.add(grant, "Udo", "udo", [])
        assert heard.event() == ["people"]


def test_a_refused_act_and_reading_change_nothing(desk: Office) -> None:
    with listening(desk, "aud") as heard:
        assert desk.ask("sam", "POST", "/people", {"name": "Eve", "login": "evil"}).status == 403
        desk.get("aud", "/people")
        desk.post("ann", "/services", {"name": "gate", "answers": "eve"})
        assert heard.event() == ["services"]


def test_streams_hold_no_thread_and_are_limited(desk: Office) -> None:
    with listening(desk, "ove"), listening(desk, "ove"):
        threads = threading.active_count()
        streams = [listening(desk, "ove") for _ in range(14)]
        opened = [each.__enter__() for each in streams]
        try:
            assert len(opened) == 14
            refused = desk.ask("ove", "GET", "/events")
            assert (refused.status, refused.json["code"]) == (429, "Throttling")
            assert desk.get("ove", "/me")["name"] == "Ove"
            assert threading.active_count() < threads + 14
        finally:
            for each in streams:
                each.__exit__(None, None, None)


@pytest.mark.slow
def test_each_is_told_what_waits_for_them_and_a_reviewer_no_number(desk: Office) -> None:
    asked = {"purpose": "fraud", "offence": "fraud", "basis": "file 9", "declaration": "no protected activity"}
    with waiting(desk, "ove") as ove, waiting(desk, "sam") as sam, waiting(desk, "rob") as rob:
        before = next(ove)["authorisations"]
        assert set(next(sam)) == set()
        assert next(rob) == {"reviews": 0}
        made = desk.post("sam", "/authorisations", asked)["id"]
        assert next(ove)["authorisations"] == before + 1
        desk.post("ove", f"/authorisations/{made}/refuse")
        assert next(ove)["authorisations"] == before
        assert set(next(sam)) == set()


def test_a_stream_ends_with_the_role_it_was_opened_with(desk: Office) -> None:
    with listening(desk, "rob") as rob:
        assert not rob.position.isdecimal()
        desk.post("ann", "/people/rob/withdraw", {"roles": ["reviewer"]})
        assert rob.response.read().count(b"event: changed") <= 2  # what was under way, and then its end
    desk.post("ann", "/people/rob/grant", {"roles": ["reviewer"]})


@pytest.mark.parametrize("path", ["/v1/events", "/v1/health/load"])
@pytest.mark.parametrize("how", ["password", "person", "alone"])
@pytest.mark.slow
def test_a_stream_ends_with_the_sign_in_it_was_opened_with(desk: Office, path: str, how: str) -> None:
    login = f"{how}-{path[-4:]}"
    staff = Staff(desk.live.engine.settings.home, desk.live.engine.stores.database)
    desk.live.engine.stores.sign_ins.set_password(staff.add(login, Role.AUDITOR), Passwords().hash(PASSWORD), None)
    with listening(desk, login, path) as heard:
        if how == "password":  # whoever sets it ends what was begun with the one before
            said = desk.ask("ann", "PUT", f"/people/{login}/password", {"password": "another good one"})
        elif how == "person":
            said = desk.ask("ann", "POST", f"/people/{login}/end")
        else:
            said = desk.ask(login, "POST", "/sign-out")
        assert said.status in (200, 204), said.content
        began = time.monotonic()
        heard.response.read()
        assert time.monotonic() - began < 120  # a stream lasts five minutes otherwise
