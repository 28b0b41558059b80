"""Counts that may be published: small ones are left out, and others with them, so that none can be worked out.

A count below the limit could be of somebody whom a reader knows. Leaving out one cell of a table whose sum is published
leaves nothing out: so as many others go as it takes for the sum to be that of several different sets of counts. Zeros
are published, for they are about nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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


def publish_with_part(
    whole: Breakdowns, where: tuple[str, str], part: Breakdowns, limit: int
) -> tuple[Published, Published]:
    """Two series of which the sum of the second is a cell of the first: (its breakdown, its label). Neither may tell
    what the other withholds."""
    breakdown, label = where
    of_part = publish(part, limit)
    hidden = any(None in cells.values() for cells in of_part.tables.values())
    forced = {breakdown: frozenset({label})} if of_part.total is None and hidden else None
    of_whole = publish(whole, limit, forced)
    if label in whole.get(breakdown, {}) and of_whole.tables[breakdown][label] is None:
        return of_whole, withheld(part)
    return of_whole, of_part


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
