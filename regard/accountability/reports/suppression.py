"""Counts that may be published: small ones are left out, and others with them, so that none can be worked out.

A count below the limit could be of somebody whom a reader knows. Leaving out one cell of a table whose sum is published
leaves nothing out: so as many others go as it takes for the sum to be that of several different sets of counts. Zeros
are published, for they are about nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

#: The breakdowns of a series: by name, the counts by label.
Breakdowns = Mapping[str, Mapping[str, int]]
#: What stands where a count was left out.
MARK = "*"


@dataclass(frozen=True, slots=True)
class Published:
    """A series: how many in all, and the same by several breakdowns. None is a count that is withheld."""

    total: int | None
    tables: Mapping[str, Mapping[str, int | None]]


def publish(tables: Breakdowns, limit: int, forced: Mapping[str, frozenset[str]] | None = None) -> Published:
    """The breakdowns of one series, each of which has the same sum, with what must be withheld left out.

    `limit` is the lowest count that is published, but for 0; `forced` are labels to leave out whatever they count. If
    the sum itself gives away a count in one breakdown, nothing of the series is told: another would tell the sum.
    """
    total = max((sum(cells.values()) for cells in tables.values()), default=0)
    left_out = {name: _left_out(cells, limit, (forced or {}).get(name, frozenset())) for name, cells in tables.items()}
    gives_away = any(_gives_away(cells, left_out[name], limit) for name, cells in tables.items())
    if gives_away or not _may_tell(total, limit):
        return withheld(tables)
    return Published(
        total=total,
        tables={
            name: {label: None if label in left_out[name] else count for label, count in cells.items()}
            for name, cells in tables.items()
        },
    )


@dataclass(frozen=True, slots=True)
class Part:
    """A series that counts what one cell of another does: of its breakdown, under its label."""

    breakdown: str
    label: str
    tables: Breakdowns


def publish_nested(whole: Breakdowns, parts: Sequence[Part], limit: int) -> list[Published]:
    """A series, a part of it, a part of that, and so on. None tells what another withholds, neither by its sum nor by
    how much less it counts in a breakdown that both have."""
    tables = [whole, *(part.tables for part in parts)]
    forced: list[dict[str, frozenset[str]]] = [{} for _ in tables]
    gone: set[int] = set()
    while True:
        found = [
            withheld(each) if level in gone else publish(each, limit, forced[level])
            for level, each in enumerate(tables)
        ]
        more = list(_given_away(tables, parts, found, limit))
        if not more:
            return found
        for level, breakdown, labels in more:
            if breakdown is None:
                gone.add(level)
            else:
                forced[level][breakdown] = forced[level].get(breakdown, frozenset()) | labels


def _given_away(
    tables: Sequence[Breakdowns], parts: Sequence[Part], found: Sequence[Published], limit: int
) -> Iterator[tuple[int, str | None, frozenset[str]]]:
    """What else is to be withheld, as a series' place, its breakdown and labels there; the whole series without one."""
    for at, part in enumerate(parts):
        whole, cells = found[at], found[at].tables.get(part.breakdown, {})
        if cells.get(part.label) and found[at + 1].total is None:
            yield at, part.breakdown, frozenset({part.label})
        hidden = [tables[at][part.breakdown][label] for label, count in cells.items() if count is None]
        if whole.total is None or cells.get(part.label, 0) is not None:
            continue
        for inner in range(at + 1, len(tables)):
            # The cell counts what its part does, and as much at least as what is a part of that.
            rest = sum(hidden) - (found[inner].total or 0) - (len(hidden) - 2)
            if found[inner].total and (inner == at + 1 or rest < limit):
                yield inner, None, frozenset()
    for outer, inner in combinations(range(len(tables)), 2):
        for name in tables[outer].keys() & tables[inner].keys():
            more, less = found[outer].tables[name], found[inner].tables[name]
            if any(0 < (more.get(label) or 0) - count < limit for label, count in less.items() if count is not None):
                yield inner, name, frozenset(tables[inner][name])


def withheld(tables: Breakdowns) -> Published:
    """Nothing of a series but its labels, and what counts nothing."""
    empty = {name: {label: None if count else 0 for label, count in cells.items()} for name, cells in tables.items()}
    counts_nothing = all(count == 0 for cells in tables.values() for count in cells.values())
    return Published(total=0 if counts_nothing else None, tables=empty)


def told(count: int, limit: int) -> int | None:
    """A count that is part of no sum that is published."""
    return count if _may_tell(count, limit) else None


def shown(count: int | None) -> str:
    return MARK if count is None else f"{count:,}"


def _may_tell(count: int, limit: int) -> bool:
    return count == 0 or count >= limit


def _left_out(cells: Mapping[str, int], limit: int, forced: frozenset[str]) -> set[str]:
    """The labels whose counts are left out: those below the limit, and the smallest others until the sum of all that
    are gives nothing away."""
    hidden = {label for label, count in cells.items() if not _may_tell(count, limit) or (label in forced and count)}
    others = sorted((count, label) for label, count in cells.items() if label not in hidden and count)
    while hidden and others and _gives_away(cells, hidden, limit):
        hidden.add(others.pop(0)[1])
    return hidden


def _gives_away(cells: Mapping[str, int], hidden: set[str], limit: int) -> bool:
    """Whether the sum of the hidden counts, which anybody can work out, tells one of them: a single one, or counts that
    could hardly be others. Each is 1 or more, so one of n with the sum s is between 1 and s - n + 1."""
    if not hidden:
        return False
    spread = sum(cells[label] for label in hidden) - len(hidden)
    return len(hidden) == 1 or spread < limit - 1
