"""The thread of a server that sweeps: alone, beside another server's, and beside those who write."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

import pytest
from safekeeping import MakeSafe, Safe, ruled

from regard.accountability.sweeper import Sweeper
from regard.store import database
from regard.store.receipt_rows import ReceiptRows
from regard.store.tables.retention import erasure_receipts, sweeps

#: A face may be kept for less than a tenth of a second.
AT_ONCE = ruled(enrolment_basis=True, retention={"faces_days": 1e-6})
OFTEN = 0.05


def soon(met: Callable[[], bool], seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while not met():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def now() -> datetime:
    return datetime.now(UTC)


def sweeper(safe: Safe) -> Sweeper:
    return Sweeper(safe.gate, safe.retention, ReceiptRows(safe.database), safe.clock, seconds=OFTEN)


def test_a_running_sweeper_erases_what_becomes_due_and_writes_nothing_while_nothing_is(safe_under: MakeSafe) -> None:
    safe = Safe(safe_under(AT_ONCE).database, AT_ONCE, clock=now)
    staff = safe.collection()
    with sweeper(safe):
        time.sleep(5 * OFTEN)
        assert safe.rows(sweeps) == []
        assert safe.entries() == []
        safe.enrolled(staff, "ada")
        assert soon(lambda: safe.held(staff) == [])
    assert [each["kind"] for each in safe.rows(erasure_receipts)] == ["faces"]


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_two_servers_on_one_database_erase_each_face_once(safe_under: MakeSafe, url: str) -> None:
    safe = Safe(safe_under(AT_ONCE).database, AT_ONCE, clock=now)
    staff = safe.collection()
    with closing(database.open(url)) as opened:
        other = Safe(opened, AT_ONCE, clock=now)
        with sweeper(safe), sweeper(other):
            for number in range(5):
                safe.enrolled(staff, *map(str, range(100)), seed=number)
            assert soon(lambda: safe.held(staff) == [])
    erased = [face for each in safe.rows(erasure_receipts) for face in each["facts"]["faces"]]
    assert (len(erased), len(set(erased))) == (500, 500)
