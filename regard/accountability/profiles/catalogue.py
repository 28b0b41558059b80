"""The profiles there are: a TOML file each, beside this one; and those that are laid over another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, reduce
from importlib import resources
from types import MappingProxyType

from regard.accountability.profiles.rules import Rules
from regard.accountability.profiles.strictness import strictest
from regard.config.toml_tables import parse, read

#: The tag of a collection that names its profile.
PROFILE_TAG = "regard:profile"
#: The tag that names what is laid over it, with spaces between.
OVERLAYS_TAG = "regard:overlays"
#: Between the names of what holds together.
_AND = "+"


def _all() -> Mapping[str, Rules]:
    found: dict[str, Rules] = {}
    for file in sorted(resources.files(__package__).iterdir(), key=lambda each: each.name):
        if file.name.endswith(".toml"):
            rules = read(Rules, parse(file.read_text("utf-8"), file.name), file.name)
            found[rules.name] = rules
    return MappingProxyType(found)


_ALL = _all()
#: Those that can be chosen.
PROFILES = MappingProxyType({name: each for name, each in _ALL.items() if not each.overlay})
#: Those that tighten another: the retention law of a place.
OVERLAYS = MappingProxyType({name: each for name, each in _ALL.items() if each.overlay})
OPEN, CLOSED, RECORDED = PROFILES["open"], PROFILES["closed"], PROFILES["recorded"]


@cache
def in_force(profile: str, overlays: tuple[str, ...] = ()) -> Rules:
    """A profile with what is laid over it. A name that is not known closes everything."""
    return tightened(PROFILES.get(profile, CLOSED), overlays)


def tightened(rules: Rules, overlays: Iterable[str]) -> Rules:
    """These rules with overlays upon them. A name that is not known closes everything."""
    return reduce(strictest, (OVERLAYS.get(name, CLOSED) for name in overlays), rules)


def named(name: str) -> Rules | None:
    """The rules that go by this name in a record, such as `eu+illinois`; None if one of them is not there any more."""
    parts = [_ALL.get(each) for each in name.split(_AND)]
    known = [each for each in parts if each is not None]
    return reduce(strictest, known) if len(known) == len(parts) else None


def chosen(name: str) -> Rules:
    """The profile that was chosen by this name. One that is not known any more closes everything."""
    return named(name) or CLOSED


def of_tags(tags: Mapping[str, str], base: Rules) -> Rules:
    """What holds in a collection with these tags, where `base` holds for the installation: all that both demand."""
    own = tags.get(PROFILE_TAG)
    rules = base if own is None else stricter(base, PROFILES.get(own, CLOSED))
    overlays = tags.get(OVERLAYS_TAG, "").split()
    return tightened(rules, overlays) if overlays else rules


def stricter(one: Rules, other: Rules) -> Rules:
    """The stricter of two, or what both demand where neither is. Nothing is stricter than a closed one."""
    return one if one.closed else other if other.closed else strictest(one, other)
