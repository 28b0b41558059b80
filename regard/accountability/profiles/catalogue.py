"""The profiles there are: a TOML file each, beside this one."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType

from regard.accountability.profiles.rules import Rules
from regard.config.toml_tables import parse, read

#: The tag of a collection that names its profile.
PROFILE_TAG = "regard:profile"


def _all() -> Mapping[str, Rules]:
    found: dict[str, Rules] = {}
    for file in sorted(resources.files(__package__).iterdir(), key=lambda each: each.name):
        if file.name.endswith(".toml"):
            rules = read(Rules, parse(file.read_text("utf-8"), file.name), file.name)
            found[rules.name] = rules
    return MappingProxyType(found)


PROFILES = _all()
OPEN, CLOSED, RECORDED = PROFILES["open"], PROFILES["closed"], PROFILES["recorded"]


def stricter(one: Rules, other: Rules) -> Rules:
    """The stricter of two; `one` where neither is. Nothing is stricter than a closed one."""
    return other if other.closed or one.name in other.stricter_than else one
