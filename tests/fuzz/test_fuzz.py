"""Requests drawn from the service model, valid and broken: a few hundred every time, ten thousand by `make fuzz`."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis.strategies import SearchStrategy
from live_server import Live
from rich import box
from rich.console import Console
from rich.table import Table

from regard.operations.acts import ACTS

from .caller import Caller
from .conformity import faults
from .conftest import Plan
from .strategies import PRELUDE, Request, stories

pytestmark = pytest.mark.slow

BUILT = frozenset(ACTS)
#: Stories in a row about one operation. Few: from its tenth on, hypothesis draws most examples after earlier ones.
STORIES = 3
#: From so many requests on, every operation must have succeeded once, or nothing is proved about it.
ENOUGH = 3000
#: Resident memory may grow by so many MB after the first round; hypothesis and the server share this process.
GROWTH = 200

Tally = Counter[tuple[str, bool, str]]


def test_no_request_makes_the_server_fail_or_break_its_word(
    live: Live, caller: Caller, plan: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    tally: Tally = Counter()
    number, warm = plan.seed, None
    if plan.told:
        with capsys.disabled():
            Console().print(f"\nseed {plan.seed}: repeat these requests with --fuzz-seed {plan.seed}")
    try:
        while tally.total() < plan.requests:
            for operation in sorted(BUILT):
                play(stories(BUILT, operation), caller, tally, number)
            number += 1
            warm = warm or resident()
    finally:
        if plan.told:
            with capsys.disabled():
                Console(width=180).print(
                    table(tally), f"resident MB: {warm or 0:.0f} once warm, {resident():.0f} at the end"
                )
    assert live.get("/health/ready") == (200, {"status": "ready"})
    assert live.engine.index_sync.agreement() == []
    assert resident() - (warm or 0) < GROWTH
    assert sum(count for (*_, code), count in tally.items() if code == "OK") > tally.total() / 5
    assert plan.requests < ENOUGH or vain(tally) == []


def play(drawn: SearchStrategy[list[Request]], caller: Caller, tally: Tally, number: int) -> None:
    """Tell a few stories, each to a server without collections."""

    @seed(number)
    @settings(max_examples=STORIES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(drawn)
    def tell(story: list[Request]) -> None:
        clear(caller)
        for request in story:
            answer = caller.send(request)
            if request not in PRELUDE:
                tally[request.operation, request.valid, answer.code] += 1
            wrong = list(faults(request, answer, BUILT))
            assert not wrong, f"{request.operation}: {'; '.join(wrong)}\n{answer}"

    tell()


def clear(caller: Caller) -> None:
    """Delete every collection, so that a story means the same wherever it stands."""
    caller.forget()
    while names := caller.listed("ListCollections", "CollectionIds"):
        for name in names:
            assert caller.send(Request("DeleteCollection", {"CollectionId": name})).status == 200


def vain(tally: Tally) -> list[str]:
    """The operations that never succeeded."""
    return sorted(name for name in BUILT if not tally[name, True, "OK"])


def resident() -> float:
    """Resident memory in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def table(tally: Tally) -> Table:
    """What was asked and what came of it; the operations that are not built in one row."""
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    result = Table("operation", "valid", "broken", "OK", "errors", title=f"{tally.total()} requests", box=box.SIMPLE)
    for (name, valid, code), count in tally.items():
        row = rows[name if name in BUILT else "not built"]
        row["valid" if valid else "broken"] += count
        row[code] += count
    for name, row in sorted(rows.items()):
        counts = [str(row.pop(column, 0)) for column in ("valid", "broken", "OK")]
        result.add_row(name, *counts, ", ".join(f"{code} {count}" for code, count in row.most_common()))
    return result
