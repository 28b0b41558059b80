"""The stricter of two profiles, rule by rule: whatever either demands is demanded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from operator import and_, or_
from typing import Any

from regard.accountability.profiles.rules import Rules
from regard.domain.thresholds import ThresholdChange

Combine = Callable[[Any, Any], Any]
#: Stands for the purposes of two profiles that have none in common.
NO_PURPOSE = "(none)"


def _least(one: float | None, other: float | None) -> float | None:
    """The lower of two limits; None is none."""
    return min((each for each in (one, other) if each is not None), default=None)


def _most(one: float | None, other: float | None) -> float | None:
    return max((each for each in (one, other) if each is not None), default=None)


def _both(one: tuple[Any, ...], other: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(each for each in one if each in other)


def _either(one: tuple[Any, ...], other: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*one, *(each for each in other if each not in one))


def _purposes(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """Those of both, where a profile that lists none allows all."""
    return (_both(one, other) or (NO_PURPOSE,)) if one and other else one or other


def _emergency(one: float | None, other: float | None) -> float | None:
    """The shorter; None is where there are no emergencies."""
    return None if one is None or other is None else min(one, other)


#: By a rule's dotted name, what is stricter of two values. Names, words and sources are not compared.
STRICTER: Mapping[str, Combine] = {
    "closed": or_,
    "ledger": or_,
    "people": or_,
    "attributes": and_,
    "untold_attributes": and_,
    "export": and_,
    "erase_seconds": min,
    "least_threshold": max,
    "one_face": or_,
    "least_probe_utility": max,
    "media": _both,
    "phones": and_,
    "trained": _either,
    "assessment": or_,
    "enrolment_basis": or_,
    "consent": or_,
    "most_faces": _least,
    "suppress_below": max,
    "incident_hours": min,
    "authorisation.actions": _either,
    "authorisation.kinds": _both,
    "authorisation.purposes": _purposes,
    "authorisation.forbidden_purposes": _either,
    "authorisation.offence": or_,
    "authorisation.document": or_,
    "authorisation.declaration": or_,
    "authorisation.longest_days": min,
    "authorisation.most_searches": _least,
    "authorisation.emergency_hours": _emergency,
    "review.agreements": max,
    "review.hide_scores": or_,
    "review.seeded_mates": max,
    "review.seeded_nonmates": max,
    "review.corroborations": max,
    "retention.faces_days": _least,
    "retention.faces_unused_days": _least,
    "retention.watchlist_hours": _least,
    "retention.false_candidates_days": _least,
    "retention.cases_days": _least,
    "retention.jobs_days": _least,
    "retention.ledger_least_days": _most,
    "retention.ledger_days": _least,
}
_TABLES = ("authorisation", "review", "retention")


def demands(rules: Rules) -> dict[str, Any]:
    """Every rule by its dotted name."""
    return {name: _at(rules, name) for name in STRICTER}


def covers(one: Rules, other: Rules) -> bool:
    """Whether `one` demands whatever `other` does."""
    return _same(demands(strictest(one, other)), demands(one))


@lru_cache(maxsize=1024)
def strictest(one: Rules, other: Rules) -> Rules:
    """Rules that demand what both do: one of the two if it does already."""
    merged = {name: combine(_at(one, name), _at(other, name)) for name, combine in STRICTER.items()}
    merged |= _authorisation(one, other, merged)
    retention_least, retention_most = merged["retention.ledger_least_days"], merged["retention.ledger_days"]
    if retention_least is not None and retention_most is not None:  # a duty to keep wins
        merged["retention.ledger_days"] = max(retention_least, retention_most)
    for each in (one, other):
        if _same(merged, demands(each)):
            return each
    plain = {name: value for name, value in merged.items() if "." not in name}
    tables = {table: _table(one, table, merged) for table in _TABLES}
    return one.changed(
        name=f"{one.name}+{other.name}",
        title=f"{one.title}, and {other.title}",
        stricter_than=(),
        sources={**other.sources, **one.sources},
        **plain,
        **tables,
    )


@lru_cache(maxsize=1024)
def at_threshold(rules: Rules, change: ThresholdChange) -> Rules:
    """These rules at a collection's own threshold. A lower one than theirs holds for no stricter profile than the one
    it was approved under."""
    lowers = change.threshold < rules.least_threshold
    if change.threshold == rules.least_threshold or (lowers and rules.least_threshold > change.threshold_before):
        return rules
    return rules.changed(least_threshold=change.threshold)


def _same(some: Mapping[str, Any], others: Mapping[str, Any]) -> bool:
    """Whether two demand the same, lists in any order."""
    return all(_unordered(some[name]) == _unordered(others[name]) for name in STRICTER)


def _unordered(value: Any) -> Any:
    return frozenset(value) if isinstance(value, tuple) else value


def _authorisation(one: Rules, other: Rules, merged: Mapping[str, Any]) -> dict[str, Any]:
    """Where only one of two needs authorisations at all, what it says of them stands alone."""
    needing = [each for each in (one, other) if each.authorisation.actions]
    if len(needing) != 1:
        return {}
    return {name: _at(needing[0], name) for name in merged if name.startswith("authorisation.")}


def _table(rules: Rules, table: str, merged: Mapping[str, Any]) -> Any:
    values = {name.split(".")[1]: value for name, value in merged.items() if name.startswith(f"{table}.")}
    kind: type[Any] = type(getattr(rules, table))
    return kind(**values)


def _at(rules: Rules, name: str) -> Any:
    value: Any = rules
    for step in name.split("."):
        value = getattr(value, step)
    return value
