"""The load of the last hour, told by requests that are answered at known times."""

from __future__ import annotations

from regard.domain.reporting import RequestRecord
from regard.telemetry.recent_load import SLOT_SECONDS, RecentLoad


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def record(seconds: float, status: int = 200, code: str | None = None) -> RequestRecord:
    return RequestRecord(
        request_id="",
        service="rekognition",
        operation="DetectFaces",
        principal=None,
        status=status,
        code=code,
        seconds=seconds,
        waited=0,
        received=0,
        sent=0,
    )


def test_a_slot_tells_what_was_answered_failed_and_refused_in_it_and_how_fast() -> None:
    clock = Clock()
    load = RecentLoad(clock)
    for hundredth in range(1, 101):
        load.answered(record(hundredth / 100))
    load.answered(record(2.0, 500, "InternalServerError"))
    load.answered(record(0.0, 400, "ThrottlingException"))
    assert load.slots() == []
    clock.now += SLOT_SECONDS
    (slot,) = load.slots()
    assert (slot.at, slot.answered, slot.failed, slot.refused) == (1_000_000, 102, 1, 1)
    assert (slot.p50, slot.p95, slot.p99) == (0.5, 0.96, 1.0)


def test_slots_in_which_nothing_happened_are_told_with_the_queue_that_stood_then() -> None:
    clock = Clock()
    load = RecentLoad(clock)
    load.waiting(3)
    load.waiting(1)
    clock.now += 3 * SLOT_SECONDS
    assert [each.waiting for each in load.slots()] == [3, 1, 1]
    assert [each.p99 for each in load.slots()] == [None] * 3
    assert [each.at for each in load.slots(1_000_000)] == [1_000_005, 1_000_010]


def test_an_hour_is_kept_however_long_nobody_looked() -> None:
    clock = Clock()
    load = RecentLoad(clock)
    load.answered(record(0.1))
    clock.now += 86_400
    found = load.slots()
    assert len(found) == 720
    assert found[-1].at == 1_086_395
    assert not any(each.answered for each in found)


def test_a_clock_that_is_set_back_goes_on_with_the_slot_it_had() -> None:
    clock = Clock()
    load = RecentLoad(clock)
    clock.now -= 3600
    load.answered(record(0.1))
    clock.now += 3600 + SLOT_SECONDS
    assert [each.answered for each in load.slots()] == [1]
