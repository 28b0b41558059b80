"""In whose hand somebody was, by what changed how they sign in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from regard.accountability.hands import Change, Hands, Part

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def change(of: str, days: float, by: str = "ann", *, key: bool = False, taken: bool = False) -> Change:
    return Change(at=NOON + days * DAY, by=by, of=of, key=key, taken=taken)


def part(person: str, days: float = 0, *ids: str) -> Part:
    return Part(person=person, at=NOON + days * DAY, ids=frozenset({person, *ids}))


def one(*changes: Change, parts: tuple[Part, ...] = (part("ove"), part("sam")), **began: float) -> dict[str, list[str]]:
    return Hands(changes, {who: NOON + days * DAY for who, days in began.items()}).one(parts)


BOTH = {"ann": ["ove", "sam"]}


@pytest.mark.control(56)
def test_who_set_the_passwords_of_two_could_have_been_both_until_they_set_their_own() -> None:
    given = (change("ove", -2), change("sam", -2))
    assert one(*given) == BOTH
    assert one(*given, change("sam", -1, "sam")) == {}
    assert one(*given, change("sam", 1, "sam")) == BOTH, "they acted before"
    assert one(change("ove", -2), change("sam", 1)) == {}, "it was set after they acted"
    assert one(change("ove", -2), change("sam", -2, "bob")) == {}, "two hands"


@pytest.mark.control(56)
def test_a_password_set_anew_is_in_doubt_for_a_month_also_when_its_owner_is_said_to_have_set_another() -> None:
    anew = (change("ove", -2), change("sam", -2), change("ove", -1, "ove"), change("sam", -1, "sam"))
    assert one(*anew, ove=-9, sam=-9) == BOTH
    assert one(*anew, ove=-9) == {}, "the first of hers"
    assert one(*anew, ove=-9, sam=-9, parts=(part("ove", 29), part("sam", 29))) == {}


@pytest.mark.control(56)
def test_a_key_that_somebody_made_for_others_counts_beside_another_and_not_beside_their_own_acts() -> None:
    key = change("sam", -2, key=True)
    assert one(key, change("ove", -2)) == BOTH
    assert one(key, parts=(part("ann"), part("sam"))) == {}, "keys are made for others every day"
    assert one(change("door", -2, key=True), change("ove", -2), parts=(part("ove"), part("sam", 0, "door"))) == BOTH


@pytest.mark.control(56)
def test_who_had_a_part_themselves_needs_only_one_other_and_what_is_taken_is_no_way_in() -> None:
    assert one(change("sam", -2), parts=(part("ann"), part("sam"))) == {"ann": ["sam"]}
    assert one(change("sam", -2), parts=(part("sam"), part("sam"))) == {}
    assert one(change("sam", -2, taken=True), change("ove", -2, taken=True)) == {}
