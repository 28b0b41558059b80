"""The way through the native API, with toy routes on a real server: who is let in, in what turn, what is answered."""

from __future__ import annotations

import http.client
import json
import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from stores import Store

from regard.accountability.gate import Gate
from regard.accountability.profiles.catalogue import OPEN
from regard.accountability.secret_box import SecretBox
from regard.accountability.sign_in import Proof, SignIn
from regard.api.application import native_api
from regard.api.door import Door
from regard.api.native_routes import Call, NativeRoute, StrangersCall
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.people import Person
from regard.edge.connections import ConnectionLimits, Connections
from regard.edge.http_server import HttpServer, Listening
from regard.edge.request_pipeline import RequestPipeline
from regard.edge.turns import Lane, Turns
from regard.errors import AccessDenied, InternalServerError, SettingsError, SignInRefused
from regard.store.people_rows import PeopleRows
from regard.store.sign_in_rows import SignInRows

pytestmark = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
Answer = tuple[int, Any, Mapping[str, str]]
SECRET = "/var/lib/regard/seal.key"
ADA = Proof(person_id="1" * 36, name="Ada", means=("password",))


class Given(BaseModel):
    text: str = ""


class Seen(BaseModel):
    """What a route was called with."""

    act: list[Any]
    authorisation: str
    person: str


@dataclass(frozen=True)
class Toys:
    """Routes that tell what they are given, fail, or wait until they may go on."""

    go_on: threading.Event = field(default_factory=threading.Event)
    inside: list[int] = field(default_factory=list)

    def routes(self) -> Sequence[NativeRoute]:
        return (
            NativeRoute(
                "GET",
                "/search/{name}",
                self.search,
                Action.SEARCH,
                "Search",
                collection="name",
                threshold="threshold",
                count="most",
            ),
            NativeRoute("POST", "/fail", self.fail, Action.READ, "Fail"),
            NativeRoute("POST", "/small", self.small, Action.READ, "Small", most_bytes=100),
            NativeRoute("POST", "/prove", self.prove, Action.SIGN_IN, "Prove", strangers=True),
            NativeRoute("DELETE", "/thing", self.delete, Action.DELETE, "Delete", status=204),
        )

    def search(self, call: Call, name: str, threshold: float | None = None, most: int = 5) -> Seen:
        act, caller = call.grant.act, call.grant.caller
        return Seen(
            act=[act.action, act.operation, act.collection, act.threshold, act.threshold_implied, act.count],
            authorisation=caller.authorisation,
            person=caller.principal.name,
        )

    def fail(self, call: Call, given: Given) -> None:
        faults: Mapping[str, Exception] = {
            "denied": AccessDenied("No."),
            "settings": SettingsError(SECRET),
            "bug": KeyError(SECRET),
            "told": InternalServerError(SECRET, public="The disk is full."),
        }
        raise faults[given.text]

    def small(self, call: Call, given: Given) -> Given:
        return given

    def prove(self, call: StrangersCall, given: Given) -> None:
        self.inside.append(1)
        self.go_on.wait(10)
        raise SignInRefused

    def delete(self, call: Call) -> None:
        pass


@dataclass
class Live:
    port: int
    toys: Toys
    token: str

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, Any, Mapping[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            content = answer.read()
            return (
                answer.status,
                json.loads(content) if content else None,
                {name.lower(): value for name, value in answer.getheaders()},
            )
        finally:
            connection.close()


@pytest.fixture
def live(store: Store, tmp_path: Path) -> Iterator[Live]:
    """A server with three threads for those who are not known yet, and six for all others."""
    toys, gate = Toys(), Gate(OPEN)
    sign_in = SignIn(SignInRows(store.database), SecretBox(tmp_path / "seal.key"))
    PeopleRows(store.database).add(Person(id=ADA.person_id, name="Ada", login="ada", created_at=datetime.now(UTC)))
    act = Act(action=Action.SIGN_IN, operation="a test")
    with gate.open(Caller(principal=ADA.principal, channel=Channel.API), act) as grant:
        token, _ = sign_in.begin(grant, ADA)
    turns = Turns(dict.fromkeys(Lane, 6) | {Lane.SIGN_IN: 3}, places=64)
    pipeline = RequestPipeline(turns=turns)
    application = native_api([toys], Door(pipeline=pipeline, gate=gate, sign_in=sign_in), pipeline)
    with running(application) as port:
        yield Live(port, toys, token)
        toys.go_on.set()


@contextmanager
def running(application: Any) -> Iterator[int]:
    ports: list[int] = []
    limits = ConnectionLimits(most=4096, most_strangers=4096, vouched_seconds=75)
    server = HttpServer(application, Listening(host="127.0.0.1", port=0), Connections(limits), announce=ports.append)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not ports:
        time.sleep(0.01)
    try:
        yield ports[0]
    finally:
        server.should_exit = True
        thread.join()


def test_a_route_becomes_an_act_from_its_parameters(live: Live) -> None:
    status, said, _ = live.ask("GET", "/search/staff?threshold=90&most=7", x_regard_authorisation="A-1")
    assert status == 200
    assert said == {
        "act": ["search", "GET /v1/search/{name}", "staff", 90.0, False, 7],
        "authorisation": "A-1",
        "person": "Ada",
    }
    assert live.ask("GET", "/search/staff")[1]["act"][3:5] == [0.0, True]


def test_every_answer_has_the_id_of_its_request_and_is_kept_nowhere(live: Live) -> None:
    for path in ("/search/staff", "/search/staff?most=x", "/nowhere"):
        _, _, headers = live.ask("GET", path)
        assert len(headers["x-regard-request-id"]) == 36
        assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("fault", "status", "detail"),
    [
        ("denied", 403, "No."),
        ("settings", 500, "The server has a fault"),
        ("bug", 500, "The server has a fault"),
        ("told", 500, "The disk is full."),
    ],
)
def test_a_fault_of_the_server_tells_the_log_all_and_the_client_what_is_public(
    live: Live, fault: str, status: int, detail: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "regard"):
        found, said, _ = live.ask("POST", "/fail", json.dumps({"text": fault}).encode())
    assert (found, said["status"]) == (status, status)
    assert detail in said["detail"]
    assert SECRET not in json.dumps(said)
    assert (SECRET in caplog.text) == (status == 500)


@pytest.mark.parametrize(("size", "status"), [(100, 200), (101, 413)])
def test_a_body_is_read_as_far_as_its_route_says(live: Live, size: int, status: int) -> None:
    body = json.dumps({"text": ""}).encode()
    body = body[:-2] + b"x" * (size - len(body)) + body[-2:]
    assert len(body) == size
    assert live.ask("POST", "/small", body)[0] == status


def test_an_answer_without_content_has_none(live: Live) -> None:
    assert live.ask("DELETE", "/thing")[:2] == (204, None)


def test_those_who_are_not_known_hold_up_only_each_other(live: Live) -> None:
    with ThreadPoolExecutor(12) as pool:
        strangers = [pool.submit(live.ask, "POST", "/prove", b"{}") for _ in range(12)]
        while len(live.toys.inside) < 2:
            time.sleep(0.01)
        for _ in range(5):
            assert live.ask("GET", "/search/staff")[0] == 200
        assert len(live.toys.inside) == 2
        live.toys.go_on.set()
        assert {each.result()[0] for each in strangers} == {401}
    assert len(live.toys.inside) == 12


def test_a_stranger_is_let_in_nowhere_else(live: Live) -> None:
    for token in ("", "Basic x", "Bearer", "Bearer x.y"):
        status, said, headers = live.ask("GET", "/search/staff", Authorization=token)
        assert (status, said["code"] in ("MissingAuthenticationToken", "UnrecognizedClient")) == (401, True)
        assert headers["www-authenticate"] == "Bearer"
