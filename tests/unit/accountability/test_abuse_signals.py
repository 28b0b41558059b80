"""Signs of abuse: what is one, and what is ordinary work."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from safekeeping import MakeSafe, by_key, ruled

from regard.accountability.abuse_signals import SignalRules, signals
from regard.accountability.permissions import PERMISSIONS
from regard.accountability.recorded_deeds import Deed
from regard.domain.authority import Action
from regard.store.incident_rows import IncidentRows

COLLECTION = "/v1/collections/{collection_id}"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def deeds(count: int, operation: str, action: str, every: timedelta = timedelta(seconds=10), **more: Any) -> list[Deed]:
    values = {"who": "ann", "outcome": "allowed", "collection": "staff", "threshold": 99.0, "facts": {}} | more
    return [
        Deed(at=NOON + number * every, operation=operation, action=action, **values)  # type: ignore[arg-type]
        for number in range(count)
    ]


def kinds(found: Iterable[Deed], rules: SignalRules | None = None) -> list[str]:
    return [each.kind for each in signals(found, rules or SignalRules())]


@pytest.mark.control(56)
def test_comparisons_in_bulk_are_a_search_by_another_name() -> None:
    assert kinds(deeds(99, "CompareFaces", "compare")) == []
    assert kinds(deeds(100, "CompareFaces", "compare")) == ["bulk-compare"]
    assert kinds(deeds(100, "CompareFaces", "compare", timedelta(minutes=5))) == [], "spread over a working day"


@pytest.mark.control(56)
def test_enrolling_somebody_to_search_for_them_is_seen() -> None:
    pairs = []
    for number in range(10):
        face = f"face-{number}"
        pairs += deeds(1, "IndexFaces", "enrol", facts={"faces": [face]})
        pairs += deeds(1, "SearchFaces", "search", facts={"probe_face": face})
    assert kinds(pairs) == ["enrolled-to-search"]
    others = [each for each in pairs if each.action == "search"]
    assert kinds(others) == [], "somebody else enrolled them"


@pytest.mark.control(56)
def test_associations_lists_and_exports_in_bulk_are_seen() -> None:
    assert kinds(deeds(100, "AssociateFaces", "enrol")) == ["bulk-associate"]
    assert kinds(deeds(100, "ListFaces", "read")) == ["bulk-list"]
    assert kinds(deeds(1, "collections export", "export")) == ["exports"]
    for operation in ("subject find", "POST /v1/subject/find"):
        assert kinds(deeds(10, operation, "read")) == ["subject-access"]
        assert kinds(deeds(9, operation, "read")) == []


@pytest.mark.control(56)
@pytest.mark.parametrize(
    ("kind", "action", "operation"),
    [
        ("bulk-associate", "enrol", f"POST {COLLECTION}/users/{{user_id}}/faces"),
        ("bulk-associate", "enrol", f"POST {COLLECTION}/users/{{user_id}}/merge"),
        ("bulk-associate", "enrol", "users associate"),
        ("bulk-list", "read", f"GET {COLLECTION}/faces"),
        ("bulk-list", "read", f"GET {COLLECTION}/users"),
        ("bulk-list", "read", f"GET {COLLECTION}/users/{{user_id}}"),
        ("bulk-list", "read", f"GET {COLLECTION}/quality"),
        ("bulk-list", "read", "faces list"),
    ],
)
def test_the_same_by_another_door_is_seen_too(kind: str, action: str, operation: str) -> None:
    assert operation in {**PERMISSIONS.routes, **PERMISSIONS.commands}
    assert kinds(deeds(100, operation, action)) == [kind]
    assert kinds(deeds(99, operation, action)) == []


@pytest.mark.control(56)
@pytest.mark.parametrize("operation", ["evaluate", "POST /v1/evaluations"])
def test_evaluations_in_bulk_are_comparisons_by_another_name(operation: str) -> None:
    assert kinds(deeds(10, operation, "evaluate")) == ["bulk-evaluate"]
    assert kinds(deeds(9, operation, "evaluate")) == []


def test_many_searches_of_one_person_in_short_time_and_not_of_a_hundred() -> None:
    assert kinds(deeds(100, "SearchFacesByImage", "search")) == ["many-searches"]
    crowd = [each for n in range(100) for each in deeds(1, "SearchFacesByImage", "search", who=f"p{n}")]
    assert kinds(crowd) == []
    assert kinds(deeds(100, "SearchFacesByImage", "search", outcome="failed")) == []


def test_one_face_again_and_again_over_days() -> None:
    found = {"candidates": [{"face": "eve", "similarity": 99.5}, {"face": "x", "similarity": 99.1}]}
    assert kinds(deeds(10, "SearchFacesByImage", "search", timedelta(hours=7), facts=found)) == ["same-face"]
    assert kinds(deeds(9, "SearchFacesByImage", "search", timedelta(hours=7), facts=found)) == []


@pytest.mark.parametrize(
    "means", ["password_set", "password_removed", "codes_set", "codes_removed", "identity_added", "passkey_removed"]
)
def test_who_changes_what_others_sign_in_with_is_shown_and_who_changes_their_own_is_not(means: str) -> None:
    changed = "PUT /v1/people/{who}/password"
    assert kinds(deeds(1, changed, "sign-in", facts={means: "olga"})) == ["others-means"]
    assert kinds(deeds(1, changed, "sign-in", facts={means: "ann"})) == []
    assert kinds(deeds(1, "POST /v1/first-run", "administer", facts={means: "olga"})) == []


def test_the_first_password_of_whoever_was_added_is_no_sign_and_another_is() -> None:
    added = deeds(1, "people add", "administer", facts={"person_added": "olga"})
    given = deeds(1, "people password", "sign-in", facts={"password_set": "olga"})
    key = deeds(1, "people key", "administer", facts={"key": "K", "holder": "olga"})
    assert kinds([*added, *given, *key]) == []
    assert kinds([*added, *given, *given]) == ["others-means"]
    assert kinds(key) == ["others-means"]
    assert kinds(deeds(1, "services key", "administer", facts={"key": "K", "holder": "door"})) == []
    assert kinds(deeds(1, "authorise request", "administer", facts={"holder": "olga"})) == []


@pytest.mark.control(56)
def test_who_sets_what_two_of_one_case_act_with_is_a_serious_sign() -> None:
    given = [
        one
        for who in ("ove", "sam")
        for one in deeds(1, "PUT /v1/people/{who}/password", "sign-in", facts={"password_set": who})
    ]
    approved = deeds(1, "authorise approve", "administer", who="ove", facts={"about_authorisation": "A-1"})
    under = {"who": "sam", "facts": {"case": "case-1"}, "authorisation": "A-1"}
    found = deeds(1, "SearchFacesByImage", "search", **under)
    (low, serious) = signals([*given, *approved, *found], SignalRules())
    assert (low.kind, serious.kind, serious.who, serious.severity) == ("others-means", "one-hand", "ann", "serious")
    assert serious.description.startswith("2 changes of what ove and sam act with")
    assert kinds([*given, *found]) == ["others-means"], "who approved was somebody else"
    reviewed = deeds(1, "POST /v1/reviews/{number}", "review", who="ove", facts={"case": "case-1"})
    assert kinds([*given, *found, *reviewed]) == ["others-means", "one-hand"]
    elsewhere = deeds(1, "POST /v1/reviews/{number}", "review", who="ove", facts={"case": "case-2"})
    assert kinds([*given, *found, *elsewhere]) == ["others-means"]
    added = [one for who in ("ove", "sam") for one in deeds(1, "people add", "x", facts={"person_added": who})]
    own = [one for who in ("ove", "sam") for one in deeds(1, "x", "x", who=who, facts={"password_set": who})]
    assert kinds([*added, *given, *approved, *found]) == ["one-hand", "new-accounts"], "none has set their own"
    assert kinds([*added, *given, *_later(own), *_later(approved, 2), *_later(found, 2)]) == ["new-accounts"]


@pytest.mark.control(56)
def test_accounts_that_one_person_made_and_that_meet_in_a_case_on_their_first_day_are_a_sign() -> None:
    added = [one for who in ("ove", "sam") for one in deeds(1, "people add", "x", facts={"person_added": who})]
    approved = deeds(1, "authorise approve", "administer", who="ove", facts={"about_authorisation": "A-1"})
    under = {"who": "sam", "facts": {"case": "case-1"}, "authorisation": "A-1"}
    met = _later([*approved, *deeds(1, "SearchFacesByImage", "search", **under)], 60)
    (sign,) = signals([*added, *met], SignalRules())
    assert (sign.kind, sign.who, sign.count, sign.severity) == ("new-accounts", "ann", 2, "low")
    assert "of which ove and sam had a part in one case" in sign.description
    known = deeds(1, "POST /v1/sign-in", "sign-in", who="ove")
    assert kinds([*added, *known, *_later(met, 24 * 60)]) == [], "one of them had worked here before"
    assert kinds([*added, *met[:1]]) == [], "there is no case"
    by_another = deeds(1, "people add", "x", who="abe", facts={"person_added": "ove"})
    assert kinds([*by_another, *added[1:], *met]) == [], "each was added by somebody else"
    alone = [replace(each, who="ann") if each.who == "ove" else each for each in met]
    assert kinds([*added, *alone]) == ["new-accounts"], "who made the account had a part too"
    themself = deeds(1, "POST /v1/first-run", "x", who="ove", facts={"person_added": "ove"})
    assert kinds([*themself, *added[1:], *met]) == []
    refused = [replace(each, outcome="refused") for each in added]
    assert kinds([*refused, *met]) == []


def _later(found: list[Deed], minutes: int = 1) -> list[Deed]:
    return [replace(each, at=each.at + timedelta(minutes=minutes)) for each in found]


def test_refusals_in_a_row_and_not_one_now_and_then() -> None:
    refused = deeds(10, "SearchFaces", "search", outcome="refused")
    assert kinds(refused) == ["refusals"]
    mixed = [each for pair in zip(refused, deeds(10, "ListFaces", "read"), strict=True) for each in pair]
    assert kinds(mixed) == []


@pytest.mark.control(47)
def test_low_thresholds_and_changes_of_one() -> None:
    assert kinds(deeds(10, "SearchFaces", "search", threshold=50.0)) == ["low-thresholds"]
    assert kinds(deeds(1, "thresholds approve", "administer")) == ["thresholds-lowered"]
    assert kinds(deeds(1, "POST /v1/thresholds/{collection_id}/approve", "administer")) == ["thresholds-lowered"]


def test_searches_at_night_where_it_is_known_when_people_work() -> None:
    late = deeds(1, "SearchFaces", "search")
    here = late[0].at.astimezone().time()
    awake = ((datetime.combine(NOON, here) + timedelta(hours=shift)).time() for shift in (-1, 1))
    asleep = ((datetime.combine(NOON, here) + timedelta(hours=shift)).time() for shift in (1, 3))
    assert kinds(late, SignalRules(hours=tuple(awake))) == []  # type: ignore[arg-type]
    assert kinds(late, SignalRules(hours=tuple(asleep))) == ["at-night"]  # type: ignore[arg-type]
    assert kinds(late, SignalRules(hours=(time(0), time(23, 59, 59, 999999)))) == []


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
@pytest.mark.control(46, 56)
def test_the_server_opens_an_incident_for_a_serious_sign_once(safe_under: MakeSafe) -> None:
    safe = safe_under(ruled())
    for _ in range(100):
        safe.later(seconds=1)
        with safe.may(Action.COMPARE, operation="CompareFaces", caller=by_key("ann"), threshold=99.0):
            pass
    with safe.may(Action.READ) as grant:
        (signal,) = safe.watch.signals(grant, timedelta(days=1))
    assert (signal.kind, signal.who, signal.count) == ("bulk-compare", "K", 100)
    assert safe.watch.look(safe.gate) == 1
    (incident,) = IncidentRows(safe.database).all()
    assert (incident.kind, incident.severity, incident.opened_by) == ("signal", "serious", None)
    assert incident.facts == {"signal": "bulk-compare", "who": "K", "count": 100}
    with safe.may(Action.COMPARE, operation="CompareFaces", caller=by_key("ann"), threshold=99.0):
        pass
    assert safe.watch.look(safe.gate) == 0
    safe.later(days=2)
    with safe.may(Action.READ) as grant:
        assert safe.watch.signals(grant, timedelta(days=1)) == []
