"""The Regions that a server answers for: one, several, or any that a client has been set to."""

from __future__ import annotations

import re

#: Instead of a Region: whichever a request is signed for.
ANY = "any"
#: What ARNs carry where nothing else says: the Region of AWS that clients are set to most.
_USUAL = "us-east-1"
_FORM = re.compile(r"[a-z0-9-]{1,64}", re.ASCII)


def is_region(name: str) -> bool:
    """Whether this may be a Region's name: small letters, digits and hyphens."""
    return _FORM.fullmatch(name) is not None


def is_served(name: str, regions: tuple[str, ...]) -> bool:
    """Whether a server for these Regions answers for that one."""
    return name in regions or (ANY in regions and is_region(name))


def first(regions: tuple[str, ...]) -> str:
    """The Region to recommend."""
    return next((name for name in regions if name != ANY), _USUAL)
