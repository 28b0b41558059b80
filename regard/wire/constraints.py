"""What the model requires of a value that already has the right type, in AWS's own words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from regard.wire.patterns import MOST_CHARACTERS, Pattern
from regard.wire.schema import Shape

SIZED = frozenset({"string", "blob", "list", "map"})
NUMBERS = frozenset({"integer", "long", "float", "double"})


def broken(shape: Shape, value: Any) -> Iterator[str]:
    """Each constraint of `shape` that `value` breaks; `value` has the Python type that `shape` is parsed to."""
    if shape.type in SIZED:
        yield from outside(shape, len(value), "length")
    elif shape.type in NUMBERS:
        yield from outside(shape, value, "value")
    if shape.pattern is not None and not _matches(shape.pattern, shape.max, value):
        yield f"Member must satisfy regular expression pattern: {shape.pattern.text}"
    if shape.enum and value not in shape.enum:
        yield f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"


def outside(shape: Shape, size: float, measure: str) -> Iterator[str]:
    """Each bound of `shape` that `size` exceeds; `measure` is "length" or "value"."""
    if shape.min is not None and size < shape.min:
        yield f"Member must have {measure} greater than or equal to {shape.min}"
    if shape.max is not None and size > shape.max:
        yield f"Member must have {measure} less than or equal to {shape.max}"


def _matches(pattern: Pattern, longest: float | None, value: str) -> bool:
    if len(value) > max(longest or 0, MOST_CHARACTERS):
        return longest is not None  # if there is a maximum, the length is the fault
    return pattern.matches(value)
