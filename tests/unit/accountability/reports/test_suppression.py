from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.accountability.reports.suppression import Part, Published, publish, publish_nested

LIMIT = 5
CELLS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 12), min_size=1)


def sums(count: int, total: int) -> Iterator[tuple[int, ...]]:
    """Every way for so many counts of 1 or more to have a sum."""
    if count == 1:
        if total >= 1:
            yield (total,)
        return
    for first in range(1, total - count + 2):
        yield from ((first, *rest) for rest in sums(count - 1, total - first))


def known(cells: Mapping[str, int | None], total: int | None) -> dict[str, set[int]]:
    """All values that each withheld count could have, for a reader who knows the sum and that zeros are told."""
    hidden = [label for label, count in cells.items() if count is None]
    if not hidden or total is None:
        return {}
    rest = total - sum(count for count in cells.values() if count is not None)
    ways = list(sums(len(hidden), rest))
    return {label: {way[at] for way in ways} for at, label in enumerate(hidden)}


@pytest.mark.control(14, 25)
@given(CELLS)
def test_no_withheld_count_can_be_worked_out_from_the_sum(cells: dict[str, int]) -> None:
    found = publish({"by": cells}, LIMIT)
    for label, values in known(found.tables["by"], found.total).items():
        assert cells[label] in values
        assert len(values) >= LIMIT, (cells, found)


@pytest.mark.control(14, 25)
@given(CELLS)
def test_every_small_count_is_withheld_and_every_told_count_is_true(cells: dict[str, int]) -> None:
    for label, count in publish({"by": cells}, LIMIT).tables["by"].items():
        assert count is None or (count == cells[label] and (count == 0 or count >= LIMIT))


@given(CELLS, st.integers(1, 3))
def test_another_breakdown_of_the_same_series_tells_no_sum_that_was_withheld(cells: dict[str, int], parts: int) -> None:
    total = sum(cells.values())
    other = {f"part {number}": total // parts + (number < total % parts) for number in range(parts)}
    found = publish({"by": cells, "other": other}, LIMIT)
    if found.total is None:
        assert all(count is None or count == 0 for table in found.tables.values() for count in table.values())


def test_a_single_small_count_takes_the_next_smallest_with_it() -> None:
    found = publish({"by": {"theft": 2, "murder": 9, "fraud": 40}}, LIMIT)
    assert found == Published(total=51, tables={"by": {"theft": None, "murder": None, "fraud": 40}})


def test_two_counts_of_one_are_not_told_by_their_sum() -> None:
    found = publish({"by": {"a": 1, "b": 1, "c": 30}}, LIMIT)
    assert found.tables["by"] == {"a": None, "b": None, "c": None}


def test_nothing_is_withheld_where_nothing_is_small() -> None:
    assert publish({"by": {"a": 5, "b": 0}}, LIMIT) == Published(total=5, tables={"by": {"a": 5, "b": 0}})


@given(st.integers(0, 12), st.integers(0, 12), CELLS)
def test_a_series_that_is_a_cell_of_another_is_not_told_where_the_cell_is_withheld(
    a: int, b: int, part: dict[str, int]
) -> None:
    whole = {"by outcome": {"actionable": sum(part.values()), "open": a, "verified": b}}
    outer, inner = publish_nested(whole, [Part("by outcome", "actionable", {"by": part})], LIMIT)
    cell = outer.tables["by outcome"]["actionable"]
    if cell is None:
        assert inner.total is None
        assert all(count is None or count == 0 for count in inner.tables["by"].values())
    if inner.total is None and None in inner.tables["by"].values():
        assert cell is None
    for label, values in known(outer.tables["by outcome"], outer.total).items():
        assert len(values) >= LIMIT, label


SIZES = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["nobody", "open", "actionable"]), st.integers(1, 12)), min_size=1
)


def counted(groups: list[tuple[str, str, int]], place: int) -> dict[str, int]:
    found: dict[str, int] = {}
    for group in groups:
        found[group[place]] = found.get(group[place], 0) + group[2]
    return found


@pytest.mark.control(14, 25)
@given(SIZES)
def test_no_series_tells_by_subtraction_what_another_withholds(groups: list[tuple[str, str, int]]) -> None:
    """Searches, of which some returned somebody, of which some may be acted on; each by collection too."""
    returned = [group for group in groups if group[1] != "nobody"]
    acted = [group for group in returned if group[1] == "actionable"]
    results = [(name, "nobody" if state == "nobody" else "somebody", count) for name, state, count in groups]
    found = publish_nested(
        {"by result": counted(results, 1), "by collection": counted(groups, 0)},
        [
            Part("by result", "somebody", {"by outcome": counted(returned, 1), "by collection": counted(returned, 0)}),
            Part("by outcome", "actionable", {"by collection": counted(acted, 0)}),
        ],
        LIMIT,
    )
    for outer, inner in ((0, 1), (0, 2), (1, 2)):
        whole, part = found[outer], found[inner]
        for label, count in part.tables["by collection"].items():
            more = whole.tables["by collection"][label]
            assert more is None or count is None or not 0 < more - count < LIMIT, found
        if whole.total is not None and part.total is not None:
            assert not 0 < whole.total - part.total < LIMIT, found


def test_searches_that_found_nobody_are_not_told_by_the_number_of_cases() -> None:
    whole = {"by result": {"nobody": 3, "somebody": 20}}
    opened = Part("by result", "somebody", {"by outcome": {"open": 12, "actionable": 8}})
    searches, cases = publish_nested(whole, [opened], LIMIT)
    assert searches == Published(total=23, tables={"by result": {"nobody": None, "somebody": None}})
    assert cases == Published(total=None, tables={"by outcome": {"open": None, "actionable": None}})
