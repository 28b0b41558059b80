"""What reports say of the rules of single collections, where those demand more than the installation's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from regard.accountability.profiles.catalogue import of_tags
from regard.accountability.profiles.rules import Rules
from regard.accountability.profiles.strictness import at_threshold
from regard.accountability.reports.report import Listing
from regard.accountability.reports.sources import Sources
from regard.accountability.reports.system import rules_listing


def rules_by_collection(sources: Sources, base: Rules) -> dict[str, Rules]:
    """What holds in each collection, by its name, where `base` holds for the installation; at the threshold that two
    people have lowered it to."""
    found = {}
    for each, _ in sources.sizes():
        rules, change = of_tags(each.tags, base), sources.thresholds.last(each.key)
        found[each.id] = rules if change is None else at_threshold(rules, change)
    return found


def collection_rules(base: Rules, held: Mapping[str, Rules]) -> Iterator[Listing]:
    """The rules that hold in some collections only, a list for each kind of them."""
    alike: dict[tuple[str, float], list[str]] = {}
    for name, rules in held.items():
        if (kind := (rules.name, rules.least_threshold)) != (base.name, base.least_threshold):
            alike.setdefault(kind, []).append(name)
    for names in alike.values():
        yield rules_listing(held[names[0]], f"In {_listed(names)} these hold instead: {held[names[0]].title}")


def _listed(names: list[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
