from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert
from staff import Staff, staffed

from regard.accountability.gate import Gate
from regard.accountability.ledger.ledger import Ledger
from regard.accountability.profiles.catalogue import PROFILES
from regard.accountability.standing import Standing
from regard.accountability.thresholds import Thresholds
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.callers import Principal
from regard.errors import AccessDenied, Conflict, InvalidParameter
from regard.store.collection_rows import CollectionRows
from regard.store.tables.retention import evaluations
from regard.store.threshold_rows import ThresholdRows

NOW = datetime.now(UTC)


class Board:
    """The door behind a gate; a new standing for each act, which remembers nothing."""

    def __init__(self, staff: Staff) -> None:
        self.staff = staff
        self.collections = CollectionRows(staff.database)
        self.door = Thresholds(ThresholdRows(staff.database), self.collections)
        self.collections.create("suspects", "m1", {}, NOW)

    def act(self, command: str, login: str) -> Any:
        ledger = Ledger(lambda: nullcontext(self.staff.database))
        standing = Standing(lambda: nullcontext(self.staff.database))
        action = Action.READ if command.endswith("list") else Action.ADMINISTER
        act = Act(action=action, operation=command, collection="suspects")
        caller = Caller(principal=Principal(access_key_id="", name=login), channel=Channel.CLI)
        return Gate(PROFILES["public-safety"], ledger, standing, assessment="x").open(caller, act)

    def lower(self, login: str = "ann", threshold: float = 95, **given: str) -> None:
        wanted = {"reason": "measured", "evaluation_id": "e-1"} | given
        with self.act("thresholds lower", login) as grant:
            self.door.lower(grant, "suspects", threshold, **wanted)

    def approve(self, login: str, threshold: float = 95) -> None:
        with self.act("thresholds approve", login) as grant:
            self.door.approve(grant, "suspects", threshold)

    def raise_to(self, login: str, threshold: float) -> None:
        with self.act("thresholds raise", login) as grant:
            self.door.raise_to(grant, "suspects", threshold, reason="two false alerts")

    @property
    def in_force(self) -> float:
        standing = Standing(lambda: nullcontext(self.staff.database))
        return standing.rules(PROFILES["public-safety"], "suspects").least_threshold

    def evaluated(self, evaluation_id: str, model: str) -> None:
        values = {"id": evaluation_id, "face_model": model, "name": "ours", "measured_at": NOW, "report": {}}
        with self.staff.database.write() as connection:
            connection.execute(insert(evaluations).values(values))


@pytest.fixture
def board(tmp_path: Path, url: str) -> Iterator[Board]:
    staff = staffed(tmp_path, url)
    made = Board(staff)
    made.evaluated("e-1", "m1")
    made.evaluated("e-2", "m2")
    yield made
    staff.database.close()


@pytest.mark.control(23, 47)
def test_a_threshold_is_lowered_by_two_people_and_raised_by_one(board: Board) -> None:
    board.lower("ove")
    assert board.in_force == 99
    with pytest.raises(AccessDenied, match="another person has to approve"):
        board.approve("ove")
    assert board.in_force == 99
    board.approve("oda")
    assert board.in_force == 95
    board.raise_to("ove", 99)
    assert board.in_force == 99
    with board.act("thresholds list", "aud") as grant:
        steps = [(each.threshold, each.requested_by, each.approved_by) for each in board.door.of(grant, "suspects")]
    assert steps == [(95, "ove-0001", "oda-0001"), (99, "ove-0001", "ove-0001")]


def test_a_lowered_one_is_lowered_further_in_the_same_way(board: Board) -> None:
    board.lower("ove", 95)
    board.approve("oda")
    board.lower("oda", 90)
    assert board.in_force == 95
    board.approve("ove", 90)
    assert board.in_force == 90


@pytest.mark.control(47)
def test_nobody_approves_another_value_than_they_looked_at(board: Board) -> None:
    board.lower("ann", 95)
    board.lower("ann", 10)
    with pytest.raises(Conflict, match="95 is not what waits to be approved for suspects: 10 is"):
        board.approve("ove", 95)
    assert board.in_force == 99
    board.lower("ann", 95)
    board.approve("ove", 95)
    assert board.in_force == 95


def test_an_approval_is_used_once(board: Board) -> None:
    board.lower("ove", 95)
    board.approve("oda")
    board.raise_to("ann", 98)
    with pytest.raises(InvalidParameter, match="No change of the threshold of suspects waits"):
        board.approve("oda")
    assert board.in_force == 98


@pytest.mark.control(47)
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"threshold": 99}, "99 is no lower threshold"),
        ({"threshold": -1}, "is no lower threshold"),
        ({"reason": " "}, "Give a reason"),
        ({"evaluation_id": "none"}, "There is no evaluation none"),
        ({"evaluation_id": "e-2"}, "is of the face model m2, and suspects of m1"),
    ],
)
def test_it_takes_a_lower_number_a_reason_and_an_evaluation_of_that_model(
    board: Board, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidParameter, match=words):
        board.lower("ann", **given)
    with pytest.raises(InvalidParameter, match="no higher threshold"):
        board.raise_to("ann", 98)


@pytest.mark.parametrize("login", ["sam", "eve", "aud", "rob"])
def test_nobody_else_may(board: Board, login: str) -> None:
    with pytest.raises(AccessDenied, match="it takes"):
        board.lower(login)
    board.lower("ann")
    with pytest.raises(AccessDenied, match="it takes"):
        board.approve(login)


def test_what_was_lowered_does_not_follow_to_a_stricter_profile(board: Board) -> None:
    key = board.collections.get("suspects").key
    rows = ThresholdRows(board.staff.database)
    rows.add(key, before=80, threshold=70, reason="r", evaluation_id="e-1", by="ove-0001", now=NOW, approved=True)
    assert board.in_force == 99
