"""The tags of a collection that name its profile: it can be made stricter, and never laxer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from regard.accountability.profiles.catalogue import (
    OPEN,
    OVERLAYS,
    OVERLAYS_TAG,
    PROFILE_TAG,
    PROFILES,
    of_tags,
    tightened,
)
from regard.accountability.profiles.rules import Rules
from regard.accountability.profiles.strictness import covers
from regard.errors import InvalidParameter

Tags = Mapping[str, str]


def check_new(tags: Tags, rules: Rules) -> None:
    """For a new collection, where `rules` hold for the installation. Raises InvalidParameter for a name that is not
    known, or a profile that demands less than they do."""
    _check_known(tags)
    _check_not_laxer(tags, rules)


def check_change(before: Tags, after: Tags, rules: Rules) -> None:
    """For a collection in which `rules` hold. Raises InvalidParameter unless at least as much is demanded after it."""
    old, new = before.get(PROFILE_TAG), after.get(PROFILE_TAG)
    if old == new and before.get(OVERLAYS_TAG) == after.get(OVERLAYS_TAG):
        return
    _check_known(after)
    if lost := set(before.get(OVERLAYS_TAG, "").split()) - set(after.get(OVERLAYS_TAG, "").split()):
        raise InvalidParameter(f"The tag {OVERLAYS_TAG} can only grow; {min(lost)} has to stay.")
    if new == old:
        return
    if old is None:
        _check_not_laxer(after, rules)
    elif new is None:
        raise InvalidParameter(f"The tag {PROFILE_TAG} cannot be taken away: a collection keeps its rules.")
    elif old not in PROFILES or not (PROFILES[new].closed or covers(PROFILES[new], PROFILES[old])):
        raise InvalidParameter(
            f"The profile {new} does not demand all that {old} does, and a collection moves to a stricter one only: "
            f"{_listed(each.name for each in PROFILES.values() if old in each.stricter_than)}."
        )


def check_archive(tags: Tags, rules: Rules, collection_id: str) -> None:
    """For faces of a file that are added to a collection in which `rules` hold. Raises InvalidParameter where the
    collection that they were exported from demanded more."""
    wanted = of_tags(tags, OPEN)
    if not covers(rules, wanted):
        raise InvalidParameter(
            f"The file is of a collection under the profile {wanted.name}, and {collection_id} is under {rules.name}, "
            "which demands less. Import it under another name: --as NAME."
        )


def stamped(tags: Tags, rules: Rules) -> dict[str, str]:
    """The tags of a collection that leaves: they say what held in it, so that it holds wherever it is imported."""
    names = rules.name.split("+")
    profiles, overlays = [each for each in names if each in PROFILES], [each for each in names if each in OVERLAYS]
    own = {PROFILE_TAG: profiles[0]} if rules.people and profiles else {}
    return {**tags, **own, **({OVERLAYS_TAG: " ".join(overlays)} if overlays else {})}


def _check_known(tags: Tags) -> None:
    name = tags.get(PROFILE_TAG)
    if name is not None and name not in PROFILES:
        raise InvalidParameter(f"There is no profile {name!r}; {PROFILE_TAG} is {_listed(PROFILES)}.")
    if unknown := set(tags.get(OVERLAYS_TAG, "").split()) - set(OVERLAYS):
        raise InvalidParameter(
            f"There is no overlay {min(unknown)!r}; {OVERLAYS_TAG} is {_listed(OVERLAYS)}, with a space between two."
        )


def _check_not_laxer(tags: Tags, rules: Rules) -> None:
    name = tags.get(PROFILE_TAG)
    if name is None:
        return
    own = tightened(PROFILES[name], [each for each in rules.name.split("+") if each in OVERLAYS])
    if covers(rules, own) and not covers(own, rules):
        raise InvalidParameter(f"The profile {name} demands less than {rules.name}, which holds here already.")


def _listed(names: Iterable[str]) -> str:
    return " or ".join(names) or "none"
