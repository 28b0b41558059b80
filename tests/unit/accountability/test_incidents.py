"""Incidents have recipients and a clock, and end when everybody was told."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from safekeeping import MakeSafe, ruled

from regard.domain.authority import Action
from regard.errors import InvalidParameter, ResourceNotFound

pytestmark = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)


@pytest.mark.control(46)
def test_recipients_must_be_told_within_the_hours_of_the_profile_and_it_is_overdue_after(safe_under: MakeSafe) -> None:
    safe = safe_under(ruled(incident_hours=24))
    with safe.may(Action.ADMINISTER) as grant:
        made = safe.incidents.open(grant, "misuse", "serious", "a search without a case")
    assert [(each.recipient, each.due_at) for each in made.notices] == [("the board", safe.now + timedelta(hours=24))]
    entry = json.loads(safe.entries()[-1] or b"")
    assert entry["facts"] == {"incident": made.id, "incident_kind": "misuse", "severity": "serious"}
    with safe.may(Action.READ) as grant:
        assert list(safe.incidents.overdue(grant)) == []
        safe.later(hours=24, seconds=1)
        assert [each.id for each in safe.incidents.overdue(grant)] == [made.id]
    with safe.may(Action.ADMINISTER) as grant:
        with pytest.raises(InvalidParameter, match="the board must be told"):
            safe.incidents.close(grant, made.id, "retrained")
        safe.incidents.notify(grant, made.id, "the board", "letter 4")
        with pytest.raises(InvalidParameter, match="has been told"):
            safe.incidents.notify(grant, made.id, "the board")
        closed = safe.incidents.close(grant, made.id, "retrained")
    assert (closed.resolution, closed.notices[0].reference) == ("retrained", "letter 4")
    with safe.may(Action.READ) as grant:
        assert list(safe.incidents.overdue(grant)) == []
        assert list(safe.incidents.list(grant)) == []
        assert [each.id for each in safe.incidents.list(grant, closed=True)] == [made.id]


def test_of_a_critical_one_they_are_told_at_once_and_others_can_be_named(safe_under: MakeSafe) -> None:
    safe = safe_under(ruled())
    with safe.may(Action.ADMINISTER) as grant:
        made = safe.incidents.open(grant, "breach", "critical", "a disk was stolen", ["the mayor", "the mayor"])
        assert [(each.recipient, each.due_at) for each in made.notices] == [("the mayor", safe.now)]
        told = safe.incidents.notify(grant, made.id, "the press")
    assert [(each.recipient, each.notified_at is not None) for each in told.notices] == [
        ("the mayor", False),
        ("the press", True),
    ]


def test_what_is_no_incident_is_said_to_be_none(safe_under: MakeSafe) -> None:
    safe = safe_under(ruled())
    with safe.may(Action.ADMINISTER) as grant:
        with pytest.raises(InvalidParameter, match="The kinds are"):
            safe.incidents.open(grant, "nothing", "low", "x")
        with pytest.raises(ResourceNotFound, match="There is no incident I-1"):
            safe.incidents.close(grant, "I-1", "x")
