"""Ways to break one value of a request, and whether the service model then forbids the request."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from regard.wire.schema import Shape

#: A list or text longer than this is not written out only to break a maximum.
LONGEST = 5000

ABSENT = object()
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Site:
    """One value of a request: where it stands, whether that is a member that must be there, or an entry."""

    shape: Shape
    path: Path
    value: Any
    required: bool = False
    entry: bool = False

    def breakages(self) -> list[list[Breakage]]:
        """Every way to break it, by family; no family is empty."""
        families = (_type(self), _presence(self), _bounds(self), _content(self))
        return [family for family in map(list, families) if family]


@dataclass(frozen=True)
class Breakage:
    """What is wrong, where, and what stands there now; `refused` where no server may take it."""

    what: str
    path: Path
    value: Any
    refused: bool

    def __str__(self) -> str:
        return f"{self.what} at /{'/'.join(map(str, self.path))}"

    def applied(self, values: Any) -> Any:
        """`values`, broken; itself left as it was."""
        if not self.path:
            return self.value
        broken = copy.deepcopy(values)
        holder = broken
        for step in self.path[:-1]:
            holder = holder[step]
        if self.value is ABSENT:
            del holder[self.path[-1]]
        else:
            holder[self.path[-1]] = self.value
        return broken


def sites(site: Site) -> Iterator[Site]:
    """This value, and every one inside it as far as types still fit their shapes."""
    yield site
    shape, value, path = site.shape, site.value, site.path
    if shape.type == "structure" and isinstance(value, dict):
        for name in filter(shape.members.__contains__, value):
            required = name in shape.required or shape.union
            yield from sites(Site(shape.members[name], (*path, name), value[name], required=required))
    elif shape.element is not None and isinstance(value, dict | list):
        for place in value if isinstance(value, dict) else range(len(value)):
            yield from sites(Site(shape.element, (*path, place), value[place], entry=True))


_EVERY = (7, 1.5, True, "x", "", [], [1], {}, {"a": 1})
#: What each type of the model is in JSON, in Python's types.
JSON_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "blob": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float),
}


def _type(site: Site) -> Iterator[Breakage]:
    for other in _EVERY:
        if type(other) not in JSON_TYPES[site.shape.type]:
            yield Breakage(f"{type(other).__name__} for {site.shape.type}", site.path, other, refused=True)


def _presence(site: Site) -> Iterator[Breakage]:
    yield Breakage("null", site.path, None, refused=site.required or site.entry or not site.path)
    if site.required:
        yield Breakage("missing", site.path, ABSENT, refused=True)
    if site.shape.type == "structure" and isinstance(site.value, dict):
        yield Breakage("unknown member", (*site.path, "Unknown"), [{"a": [1, None]}], refused=False)
        for name in site.shape.members if site.shape.union else ():
            if name not in site.value:
                yield Breakage("second of a union", (*site.path, name), {}, refused=True)


def _bounds(site: Site) -> Iterator[Breakage]:
    shape = site.shape
    if shape.type in ("string", "list"):
        entry = site.value[0] if isinstance(site.value, list) and site.value else None
        unit: Any = "x" if shape.type == "string" else [entry]
        if shape.min:
            yield Breakage("too short", site.path, unit * (int(shape.min) - 1), refused=True)
        if shape.max is not None and shape.max < LONGEST:
            yield Breakage("too long", site.path, unit * (int(shape.max) + 1), refused=True)
    elif shape.type in ("integer", "long", "float", "double"):
        whole, bounded = shape.type in ("integer", "long"), shape.max is not None
        if shape.min is not None:
            yield Breakage("below the minimum", site.path, int(shape.min) - 1, refused=True)
        if shape.max is not None:
            yield Breakage("above the maximum", site.path, int(shape.max) + 1, refused=True)
        yield Breakage("huge", site.path, 10**30, refused=whole or bounded)
        yield Breakage("tiny", site.path, 5e-324, refused=whole)
        for odd in (float("nan"), float("inf"), float("-inf"), 10**400):
            yield Breakage("not finite", site.path, odd, refused=True)


_HOSTILE = (
    "a b",
    "é",
    "a\n",
    "\x00",
    "../../etc/passwd",
    "'; DROP TABLE faces; --",
    "%s%n{0}{}",
    "\u202e\ufeff",
    "😀",
    "x" * LONGEST,
    "-" * 100_000,
)


def _content(site: Site) -> Iterator[Breakage]:
    shape = site.shape
    if shape.type == "blob":
        yield Breakage("empty blob", site.path, "", refused=bool(shape.min))
        for text in ("@@@@", "YWJ", "YQ==YQ==", "YQ==\n", "Y Q==", "é", "\ud800", "data:image/png;base64,AAAA"):
            yield Breakage("not base64", site.path, text, refused=True)
    elif shape.type == "string":
        yield Breakage("half a surrogate pair", site.path, "\ud800", refused=True)
        for text in _HOSTILE:
            yield Breakage("hostile text", site.path, text, refused=_forbidden(shape, text))


def _forbidden(shape: Shape, text: str) -> bool:
    if shape.max is not None and len(text) > shape.max:
        return True
    if shape.enum:
        return text not in shape.enum
    return shape.pattern is not None and not shape.pattern.matches(text[:LONGEST])
