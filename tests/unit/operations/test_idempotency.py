from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from regard.domain.callers import Principal, TemporaryCredential
from regard.domain.results import Result
from regard.errors import Conflict, IdempotentParameterMismatch
from regard.operations.idempotency import LIFETIME, Idempotency
from regard.store import database
from regard.store.database import Database
from regard.store.idempotency_rows import IdempotencyRows

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ADA, BOB = Principal(access_key_id="A", name="ada"), Principal(access_key_id="B", name="bob")


@dataclass
class Desk:
    """Idempotency over a real database, on a day of our choice; what is done leaves a mark in it."""

    database: Database
    now: datetime = NOW
    done: int = field(default=0)

    def __post_init__(self) -> None:
        self.idempotency = Idempotency(IdempotencyRows(self.database), lambda: self.now)

    def ask(
        self, *, caller: Principal = ADA, operation: str = "CreateUser", named: str | None = "t", **given: Any
    ) -> Mapping[str, Any]:
        """The members answered."""
        request = given if named is None else given | {"ClientRequestToken": named}
        return self.idempotency.answer(caller, operation, request, self.act).members

    def act(self) -> Result:
        with self.database.write() as connection:
            connection.exec_driver_sql("INSERT INTO deletions (collection_key) VALUES (1)")
        self.done += 1
        return Result(members={"UserStatus": "ACTIVE", "Number": self.done}, headers={"x-number": str(self.done)})

    def count(self, table: str) -> int:
        with self.database.read() as connection:
            return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())  # noqa: S608


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened = database.open(f"sqlite:///{tmp_path / 'regard.db'}")
    yield Desk(opened)
    opened.close()


def test_the_same_request_is_answered_again_and_does_nothing_again(desk: Desk) -> None:
    first = desk.ask(UserId="u", FaceIds=["a", "b"])
    assert desk.ask(FaceIds=["a", "b"], UserId="u") == first == {"UserStatus": "ACTIVE", "Number": 1}
    assert desk.count("deletions") == 1


def test_without_a_token_every_request_counts_and_nothing_is_remembered(desk: Desk) -> None:
    assert [desk.ask(named=None, UserId="u")["Number"] for _ in range(2)] == [1, 2]
    assert desk.count("idempotency_keys") == 0


def test_an_answer_that_is_given_again_has_its_members_and_no_headers(desk: Desk) -> None:
    request = {"UserId": "u", "ClientRequestToken": "t"}
    first, again = (desk.idempotency.answer(ADA, "CreateUser", request, desk.act) for _ in range(2))
    assert again == Result(members=first.members)
    assert again.headers == {}
    assert desk.idempotency.answer(ADA, "CreateUser", {"UserId": "u"}, desk.act).headers == {"x-number": "2"}


@pytest.mark.parametrize(
    "other",
    [
        {"UserId": "v", "FaceIds": ["a", "b"], "Bytes": b"1"},
        {"UserId": "u", "FaceIds": ["a"], "Bytes": b"1"},
        {"UserId": "u", "FaceIds": ["a", "b"], "Bytes": b"2"},
        {"UserId": "u", "FaceIds": ["a", "b"]},
        {"UserId": "u", "FaceIds": ["a", "b"], "Bytes": b"1", "UserMatchThreshold": 75.0},
    ],
)
def test_a_token_with_other_input_is_refused_and_does_nothing(desk: Desk, other: dict[str, Any]) -> None:
    given = {"UserId": "u", "FaceIds": ["a", "b"], "Bytes": b"1"}
    first = desk.ask(**given)
    with pytest.raises(IdempotentParameterMismatch, match="The ClientRequestToken: t you have supplied is already in"):
        desk.ask(**other)
    assert desk.ask(**given) == first
    assert desk.count("deletions") == 1


def test_blobs_and_moments_are_told_apart(desk: Desk) -> None:
    desk.ask(At=NOW, Bytes=b"\xff" * 5_000_000)
    desk.ask(At=NOW, Bytes=b"\xff" * 5_000_000)
    with pytest.raises(IdempotentParameterMismatch):
        desk.ask(At=NOW + timedelta(seconds=1), Bytes=b"\xff" * 5_000_000)
    assert desk.done == 1


def test_a_token_belongs_to_one_key_and_one_operation(desk: Desk) -> None:
    role = TemporaryCredential(access_key_id="ASIA", role="r", name="n", expires_at=NOW)
    travelling = Principal(access_key_id="A", name="ada", temporary_credential=role)
    assert desk.ask(UserId="u")["Number"] == 1
    assert desk.ask(UserId="u", caller=BOB)["Number"] == 2
    assert desk.ask(UserId="u", operation="DeleteUser")["Number"] == 3
    assert desk.ask(UserId="u", named="T")["Number"] == 4
    assert desk.ask(UserId="u", caller=travelling)["Number"] == 1


def test_a_token_is_remembered_for_seven_days_and_may_then_be_used_again(desk: Desk) -> None:
    desk.ask(UserId="u")
    desk.now = NOW + LIFETIME - timedelta(seconds=1)
    assert timedelta(days=7) == LIFETIME
    assert desk.ask(UserId="u")["Number"] == 1
    desk.now = NOW + LIFETIME
    assert desk.ask(UserId="v")["Number"] == 2
    assert desk.ask(UserId="v")["Number"] == 2
    assert desk.count("idempotency_keys") == 1


def test_what_fails_leaves_neither_effect_nor_receipt_and_may_be_tried_again(desk: Desk) -> None:
    def fail() -> Result:
        desk.act()
        raise Conflict

    request = {"UserId": "u", "ClientRequestToken": "t"}
    with pytest.raises(Conflict):
        desk.idempotency.answer(ADA, "CreateUser", request, fail)
    assert (desk.count("deletions"), desk.count("idempotency_keys")) == (0, 0)
    desk.idempotency.answer(ADA, "CreateUser", request, desk.act)
    assert (desk.count("deletions"), desk.count("idempotency_keys")) == (1, 1)


def test_of_many_at_once_one_takes_effect_and_all_have_its_answer(desk: Desk) -> None:
    start = threading.Barrier(8)

    def ask(_: int) -> Mapping[str, Any]:
        start.wait(timeout=10)
        return desk.ask(UserId="u")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert answers == [{"UserStatus": "ACTIVE", "Number": 1}] * 8
    assert desk.count("deletions") == 1


def test_what_another_process_answered_is_answered_here(desk: Desk, tmp_path: Path) -> None:
    first = desk.ask(UserId="u")
    opened = database.open(f"sqlite:///{tmp_path / 'regard.db'}")
    assert Desk(opened).ask(UserId="u") == first
    opened.close()


def test_a_receipt_keeps_no_content_of_the_request(desk: Desk) -> None:
    desk.ask(UserId="Eileen Collins")
    with desk.database.read() as connection:
        row = connection.exec_driver_sql("SELECT * FROM idempotency_keys").one()
    assert not any("Eileen" in str(value) for value in row)


def test_what_was_answered_is_known_without_being_done_again(desk: Desk) -> None:
    request = {"ClientRequestToken": "t", "UserId": "x"}
    assert desk.idempotency.known(ADA, "CreateUser", request) is None
    first = desk.ask(UserId="x")
    known = desk.idempotency.known(ADA, "CreateUser", request)
    assert known is not None
    assert (dict(known.members), desk.done) == (dict(first), 1)
    assert desk.idempotency.known(BOB, "CreateUser", request) is None
    assert desk.idempotency.known(ADA, "CreateUser", {"UserId": "x"}) is None
    with pytest.raises(IdempotentParameterMismatch):
        desk.idempotency.known(ADA, "CreateUser", request | {"UserId": "y"})
    desk.now += LIFETIME
    assert desk.idempotency.known(ADA, "CreateUser", request) is None
