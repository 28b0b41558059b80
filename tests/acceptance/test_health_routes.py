"""Health, models and accuracy by the native API: for those who run and check the server, and nobody else."""

from __future__ import annotations

import hashlib
import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from native import Office, office

from regard.vision.cards import catalogue


@pytest.fixture(scope="module")
def desk(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("health"), models) as made:
        yield made


class Told:
    """A stream of events, one after the other."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self._response = response
        self.position = 0

    def next(self) -> dict[str, Any]:
        while True:
            line = self._response.readline().decode().rstrip("\n")
            if line.startswith("id: "):
                self.position = int(line.removeprefix("id: "))
            elif line.startswith("data: "):
                found: dict[str, Any] = json.loads(line.removeprefix("data: "))
                return found


@contextmanager
def listening(desk: Office, login: str, **headers: str) -> Iterator[Told]:
    connection = http.client.HTTPConnection("127.0.0.1", desk.live.port, timeout=30)
    connection.request("GET", "/v1/health/load", headers={"Authorization": f"Bearer {desk.token(login)}", **headers})
    response = connection.getresponse()
    try:
        assert (response.status, response.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert response.headers["x-accel-buffering"] == "no"
        yield Told(response)
    finally:
        response.close()
        connection.close()


def test_an_administrator_sees_what_the_server_holds_runs_on_and_has_answered(desk: Office) -> None:
    desk.post("ann", "/collections", {"collection_id": "held"})
    desk.get("ann", "/collections")
    found = desk.get("ann", "/health")
    assert found["versions"]["regard"]
    assert found["versions"]["database"].startswith("SQLite")
    assert (found["collections"], found["faces"], found["faults"]) == (1, 0, [])
    answered = {each["operation"]: each["answered"] for each in found["operations"]}
    assert answered["POST /v1/collections"] == 1
    assert {each["name"] for each in found["present"]["indexes"]} == {"faces", "users"}
    assert found["present"]["memory_left"] > 0
    assert {each["holds"] for each in found["disks"]} == {"database", "index", "models", "objects"}
    (faces,) = [each for each in found["packs"] if each["name"] == "faces"]
    assert (faces["chosen"], faces["missing"]) == (True, [])


def test_nothing_of_anybody_is_in_it(desk: Office) -> None:
    desk.post("ann", "/collections", {"collection_id": "secret-operation"})
    said = desk.ask("ann", "GET", "/health").content.decode()
    for word in ("secret-operation", "ann", "sam", str(desk.live.engine.settings.home)):
        assert f'"{word}"' not in said
    assert "secret-operation" not in said


@pytest.mark.parametrize(
    ("path", "may"),
    [
        ("/health", {"ann", "aud"}),
        ("/models", {"ann", "aud", "ove"}),
        ("/accuracy", {"ann", "aud", "ove"}),
    ],
)
def test_only_those_who_run_or_check_the_server_are_told(desk: Office, path: str, may: set[str]) -> None:
    asked = {login: desk.ask(login, "GET", path).status for login in ("ann", "aud", "ove", "sam", "rob", "eve")}
    assert {login for login, status in asked.items() if status == 200} == may
    assert {status for login, status in asked.items() if login not in may} == {403}
    if path == "/health":
        assert desk.ask("sam", "GET", "/health/load").status == 403


@pytest.mark.slow
def test_the_load_is_told_as_it_goes_on_and_what_was_missed_when_one_comes_again(desk: Office) -> None:
    desk.get("ann", "/people")
    with listening(desk, "aud") as heard:
        first, second = heard.next(), heard.next()
        position = heard.position
    assert second["slots"]
    assert second["present"]["resident"] is None or second["present"]["resident"] > 0
    assert sum(each["answered"] for each in [*first["slots"], *second["slots"]]) > 0
    with listening(desk, "aud", **{"Last-Event-ID": str(position)}) as again:
        assert all(each["at"] > position for each in again.next()["slots"])


def test_every_model_is_told_with_its_licence_and_the_hash_of_its_file(desk: Office) -> None:
    found = {each["name"]: each for each in desk.get("ove", "/models")["models"]}
    assert set(found) == set(catalogue())
    folder = desk.live.engine.settings.models_folder
    (file,) = found["sface"]["files"]
    assert hashlib.sha256((folder / file["file"]).read_bytes()).hexdigest() == file["sha256"]
    assert (found["sface"]["licence"], found["sface"]["installed"]) == ("Apache-2.0", True)
    assert len(found["faceres"]["files"]) == 2


def test_the_face_models_in_use_are_told_with_what_their_scores_mean(desk: Office) -> None:
    desk.post("ann", "/collections", {"collection_id": "counted"})
    (found,) = desk.get("aud", "/accuracy")["face_models"]
    default = desk.live.engine.known_models.default
    assert (found["version"], found["default"], found["collections"]) == (default.version, True, 3)
    assert found["points"] == [list(each) for each in default.calibration.points]
    at = {each["similarity"]: each for each in found["at"]}
    assert {similarity: each["fmr"] for similarity, each in at.items()} == pytest.approx({80: 1e-4, 90: 1e-5, 99: 1e-6})
    assert at[80]["cosine"] < at[90]["cosine"] < at[99]["cosine"]
    assert "2,587 people" in found["measured_on"]
