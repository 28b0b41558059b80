from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest

from regard.domain.cases import (
    CandidateState,
    CaseState,
    Corroboration,
    Opinion,
    independent_support,
    state_of,
    still_needed,
    verdict,
)

SAME, DIFFERENT, UNSURE = Opinion.SAME, Opinion.DIFFERENT, Opinion.INCONCLUSIVE


@pytest.mark.parametrize(
    ("opinions", "state", "left"),
    [
        ([], CandidateState.PENDING, 2),
        ([SAME], CandidateState.PENDING, 1),
        ([SAME, SAME], CandidateState.VERIFIED, 0),
        ([DIFFERENT, DIFFERENT], CandidateState.NOT_IDENTIFIED, 0),
        ([UNSURE, UNSURE], CandidateState.INCONCLUSIVE, 0),
        ([SAME, DIFFERENT], CandidateState.DISPUTED, 1),
        ([SAME, DIFFERENT, SAME], CandidateState.VERIFIED, 0),
        ([SAME, DIFFERENT, DIFFERENT], CandidateState.NOT_IDENTIFIED, 0),
        ([SAME, DIFFERENT, UNSURE], CandidateState.INCONCLUSIVE, 0),
    ],
)
@pytest.mark.control(8)
def test_two_who_agree_decide_and_a_third_where_they_differ(
    opinions: list[Opinion], state: CandidateState, left: int
) -> None:
    assert verdict(opinions, 2) is state
    assert still_needed(opinions, 2) == left


@pytest.mark.control(8)
@pytest.mark.parametrize("needed", [1, 2, 3, 4])
def test_nobody_is_verified_by_fewer_than_are_needed_and_every_case_comes_to_an_end(needed: int) -> None:
    for count in range(2 * needed):
        for opinions in itertools.product(Opinion, repeat=count):
            found = verdict(opinions, needed)
            assert (found is CandidateState.VERIFIED) == (opinions.count(SAME) >= needed)
            if count == 2 * needed - 1:
                assert found not in (CandidateState.PENDING, CandidateState.DISPUTED)


@pytest.mark.control(32)
def test_a_case_is_actionable_only_if_somebody_is_verified_and_enough_else_supports_it() -> None:
    every = [list(each) for size in (1, 2, 3) for each in itertools.product(CandidateState, repeat=size)]
    for states, supported in itertools.product(every, (False, True)):
        undecided = {CandidateState.PENDING, CandidateState.DISPUTED} & set(states)
        actionable = supported and not undecided and CandidateState.VERIFIED in states
        assert (state_of(states, supported) is CaseState.ACTIONABLE) == actionable
        assert (state_of(states, supported) is CaseState.OPEN) == bool(undecided)


def support(reference: str, kind: str = "witness", *, independent: bool = True) -> Corroboration:
    now = datetime(2026, 11, 28, tzinfo=UTC)
    return Corroboration(
        key=0, case_id="c", kind=kind, reference=reference, independent=independent, person_id="sam", added_at=now
    )


@pytest.mark.control(32)
@pytest.mark.parametrize(
    "again",
    [
        " w-1 ",
        "W - 1",
        "w 1",
        "W\N{EN DASH}1",
        "Ｗ－１",
        "W\N{ZERO WIDTH SPACE}-1",
        "w_1",
        "W-1.",
        "\N{CYRILLIC CAPITAL LETTER WE}-1",
    ],
)
def test_one_reference_supports_a_case_once_however_it_is_written(again: str) -> None:
    assert len(independent_support([support("W-1"), support(again)])) == 1


@pytest.mark.control(32)
@pytest.mark.parametrize(
    ("reference", "again"),
    [
        ("W-1", "\N{CYRILLIC CAPITAL LETTER WE}-1"),
        ("CAT 10", "\N{CYRILLIC CAPITAL LETTER ES}AT 10"),
        ("ВН-7", "BH-7"),
        ("вн-7", "BH-7"),
        ("report A", "report \N{GREEK CAPITAL LETTER ALPHA}"),
        ("Ё-3", "Ë-\N{CYRILLIC CAPITAL LETTER ZE}"),
    ],
)
def test_a_reference_in_letters_that_look_the_same_supports_a_case_once(reference: str, again: str) -> None:
    assert len(independent_support([support(reference), support(again)])) == 1
    assert len(independent_support([support(again), support(reference)])) == 1
    assert len(independent_support([support(reference), support(again, "documents")])) == 2


@pytest.mark.control(32)
@pytest.mark.parametrize("other", ["W-2", "W-11", "W 1 1", "V-1", "की"])
def test_other_references_and_other_kinds_support_it_again(other: str) -> None:
    assert len(independent_support([support("W-1"), support(other)])) == 2
    assert len(independent_support([support(other), support(other, "documents")])) == 2
    assert independent_support([support(other, independent=False)]) == []
    assert len(independent_support([support("कि"), support("की")])) == 2
    assert len(independent_support([support("§"), support("#")])) == 2
