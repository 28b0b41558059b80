from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from staff import Staff, staffed

from regard.accountability.gate import Gate
from regard.accountability.ledger.ledger import Ledger
from regard.accountability.ledger.ledger_resumption import LedgerResumption, Resumed
from regard.accountability.profiles.catalogue import PROFILES, RECORDED
from regard.accountability.profiles.rules import Rules
from regard.accountability.standing import Standing
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.callers import Principal
from regard.errors import AccessDenied, InternalServerError, InvalidParameter
from regard.store.ledger_rows import LedgerRows
from regard.store.resumption_rows import ResumptionRows

LATE = datetime.now(UTC)


class Machine:
    """A gate with a ledger, and a clock that can be set."""

    def __init__(self, staff: Staff, rules: Rules) -> None:
        self.now, self.rows = LATE, LedgerRows(staff.database)
        ledger = Ledger(lambda: nullcontext(staff.database), clock=lambda: self.now)
        standing = Standing(lambda: nullcontext(staff.database), clock=lambda: self.now, ticks=lambda: 0.0)
        self.gate = Gate(rules, ledger, standing)
        self.door = LedgerResumption(self.rows, ResumptionRows(staff.database), clock=lambda: self.now)

    def read(self, login: str = "aud") -> None:
        with self.gate.open(caller(login), Act(action=Action.READ, operation="collections list")):
            pass

    def resume(self, login: str) -> Resumed:
        with self.gate.open(caller(login), Act(action=Action.ADMINISTER, operation="ledger resume")) as grant:
            return self.door.resume(grant, "the battery was empty")

    def last(self) -> dict[str, str]:
        entries = self.rows.entries(0, 1_000)
        return dict(json.loads(entries[-1].body or b"{}"))


def caller(login: str) -> Caller:
    return Caller(principal=Principal(access_key_id="", name=login), channel=Channel.CLI)


@pytest.fixture
def staff(tmp_path: Path, url: str) -> Iterator[Staff]:
    made = staffed(tmp_path, url)
    yield made
    made.database.close()


@pytest.mark.control(9)
def test_a_clock_set_back_stops_all_until_two_people_confirm_it(staff: Staff) -> None:
    machine = Machine(staff, PROFILES["public-safety"])
    machine.read()
    machine.now = LATE - timedelta(hours=1)
    with pytest.raises(InternalServerError, match="3600 seconds behind"):
        machine.read()
    assert machine.resume("ove") == Resumed(behind=3600.0, confirmed=False)
    with pytest.raises(InternalServerError, match="seconds behind"):
        machine.read()
    with pytest.raises(AccessDenied, match="another person"):
        machine.resume("ove")
    assert machine.resume("ann").confirmed
    machine.read()
    said = machine.last()
    assert said["time"] == f"{LATE:%Y-%m-%dT%H:%M:%S.%fZ}"
    assert said["clock"] == f"{machine.now:%Y-%m-%dT%H:%M:%S.%fZ}"
    machine.now = LATE + timedelta(seconds=1)
    machine.read()
    assert "clock" not in machine.last()
    with pytest.raises(InvalidParameter, match="not behind"):
        machine.resume("ove")


def test_what_was_confirmed_holds_for_no_clock_that_is_further_behind(staff: Staff) -> None:
    machine = Machine(staff, PROFILES["public-safety"])
    machine.read()
    machine.now = LATE - timedelta(hours=1)
    machine.resume("ove")
    machine.resume("ann")
    machine.now = LATE - timedelta(hours=2)
    with pytest.raises(InternalServerError, match="7200 seconds behind"):
        machine.read()
    assert not machine.resume("ove").confirmed  # nobody's word of before counts for it
    assert machine.resume("ann").confirmed
    machine.read()


def test_who_may_not_confirm_is_refused_and_that_is_recorded(staff: Staff) -> None:
    machine = Machine(staff, PROFILES["public-safety"])
    machine.read()
    machine.now = LATE - timedelta(hours=1)
    with pytest.raises(AccessDenied, match="it takes"):
        machine.resume("sam")
    assert machine.last()["outcome"] == "refused"


def test_where_nobody_is_known_one_word_is_all_there_is(staff: Staff) -> None:
    machine = Machine(staff, RECORDED)
    machine.read("anybody")
    machine.now = LATE - timedelta(hours=1)
    assert machine.resume("anybody").confirmed
    machine.read("anybody")
