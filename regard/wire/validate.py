"""Holds the values of a request to the model: returns them parsed, or names every fault at once, each with its path.

Paths are spelled as AWS does, in lower camel case: image.s3Object.name.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, cast

import pybase64

from regard.errors import BrokenConstraint, RegardError, Serialization
from regard.wire.constraints import broken, outside
from regard.wire.schema import Shape

SHOWN_CHARACTERS = 64
"""Characters of a faulty value that are repeated to the caller."""
LISTED_FAULTS = 20
"""Faults that are spelt out; the rest are only counted."""

NULL = "Member must not be null"
BITS = MappingProxyType({"integer": 31, "long": 63})
NO_OVERSIZE: Mapping[str, type[RegardError]] = MappingProxyType({})


def validate(shape: Shape, value: object, oversize: Mapping[str, type[RegardError]] = NO_OVERSIZE) -> Any:
    """`value`, in the types of JSON, parsed as `shape`: blobs to bytes, timestamps to datetime, no unknown members.

    A null member counts as absent. Raises Serialization for a value of the wrong JSON type, BrokenConstraint with
    every constraint that is broken, and `oversize[shape.name]`, if given, for a blob longer than its shape allows.
    """
    reader = _Reader(oversize)
    parsed = reader.read(shape, value, "")
    if reader.faults:
        raise BrokenConstraint(_sentence(reader.faults))
    return parsed


def _sentence(faults: list[str]) -> str:
    count = f"{len(faults)} validation error{'s' if len(faults) > 1 else ''} detected: "
    rest = f"; and {len(faults) - LISTED_FAULTS} more" if len(faults) > LISTED_FAULTS else ""
    return count + "; ".join(faults[:LISTED_FAULTS]) + rest


class _Reader:
    """One walk over one request. A wrong type ends the walk; a broken constraint is noted, and it goes on."""

    def __init__(self, oversize: Mapping[str, type[RegardError]]) -> None:
        self.faults: list[str] = []
        self._oversize = oversize
        self._readers = {
            "structure": self._structure,
            "list": self._list,
            "map": self._map,
            "blob": self._blob,
            "string": _string,
            "boolean": _boolean,
            "integer": _whole,
            "long": _whole,
            "float": _number,
            "double": _number,
            "timestamp": _timestamp,
        }

    def read(self, shape: Shape, value: object, path: str) -> Any:
        parsed = self._readers[shape.type](shape, value, path)
        if parsed is not None:
            self._note(path, broken(shape, parsed), parsed)
        return parsed

    def _note(self, path: str, constraints: Iterable[str], value: object = None) -> None:
        shown = f"'{_shortened(value)}' " if isinstance(value, str | int | float) else ""
        self.faults.extend(f"Value {shown}at '{path}' failed to satisfy constraint: {text}" for text in constraints)

    def _null(self, path: str) -> None:
        self.faults.append(f"Value null at '{path}' failed to satisfy constraint: {NULL}")

    def _structure(self, shape: Shape, value: object, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _mistyped(path, "an object", value)
        prefix = f"{path}." if path else ""
        parsed = {
            name: self.read(member, value[name], prefix + _camel(name))
            for name, member in shape.members.items()
            if value.get(name) is not None
        }
        for name in shape.required:
            if name not in parsed:
                self._null(prefix + _camel(name))
        if shape.union and len(parsed) != 1:
            self._note(path, [f"Exactly one member must be set: [{', '.join(shape.members)}]"])
        return parsed

    def _list(self, shape: Shape, value: object, path: str) -> list[Any] | None:
        if not isinstance(value, list):
            raise _mistyped(path, "a list", value)
        if self._too_many(shape, value, path):
            return None
        element = cast(Shape, shape.element)
        return [self._entry(element, item, f"{path}.{n}.member") for n, item in enumerate(value, 1)]

    def _map(self, shape: Shape, value: object, path: str) -> dict[str, Any] | None:
        if not isinstance(value, dict):
            raise _mistyped(path, "an object", value)
        if self._too_many(shape, value, path):
            return None
        name, element = cast(Shape, shape.key), cast(Shape, shape.element)
        return {
            self.read(name, key, f"{path}.key"): self._entry(element, item, f"{path}.{_shortened(key)}")
            for key, item in value.items()
        }

    def _too_many(self, shape: Shape, value: list[Any] | dict[str, Any], path: str) -> bool:
        """Whether there are more entries than allowed; if so, that is noted as the fault, and no entry need be read."""
        if shape.max is None or len(value) <= shape.max:
            return False
        self._note(path, outside(shape, len(value), "length"))
        return True

    def _entry(self, shape: Shape, value: object, path: str) -> Any:
        if value is None:
            self._null(path)
            return None
        return self.read(shape, value, path)

    def _blob(self, shape: Shape, value: object, path: str) -> bytes | None:
        if not isinstance(value, str):
            raise _mistyped(path, "base64 text", value)
        if shape.max is not None and _decoded_length(value) > shape.max:
            if shape.name in self._oversize:
                raise self._oversize[shape.name]()
            self._note(path, outside(shape, _decoded_length(value), "length"))
            return None
        try:
            return pybase64.b64decode(value, validate=True)
        except ValueError as error:
            raise Serialization(f"Value at '{path}' is not valid base64") from error


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]


def _decoded_length(text: str) -> int:
    """How many bytes `text` decodes to, without decoding it."""
    return len(text) * 3 // 4 - text[-2:].count("=")


def _string(_: Shape, value: object, path: str) -> str:
    if not isinstance(value, str):
        raise _mistyped(path, "a string", value)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:  # half of a surrogate pair, which no store or log could hold
            raise Serialization(f"Value at '{path}' is not valid Unicode") from error
    return value


def _boolean(_: Shape, value: object, path: str) -> bool:
    if not isinstance(value, bool):
        raise _mistyped(path, "true or false", value)
    return value


def _whole(shape: Shape, value: object, path: str) -> int:
    number = int(value) if isinstance(value, float) and value.is_integer() else value
    limit = 1 << BITS[shape.type]
    if isinstance(number, bool) or not isinstance(number, int) or not -limit <= number < limit:
        raise _mistyped(path, f"a whole number of {BITS[shape.type] + 1} bits", value)
    return number


def _number(_: Shape, value: object, path: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) or not isinstance(value, int | float) else float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _mistyped(path, "a finite number", value)
    return number


def _timestamp(shape: Shape, value: object, path: str) -> datetime:
    try:
        return datetime.fromtimestamp(_number(shape, value, path), UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise _mistyped(path, "seconds since 1970", value) from error


def _shortened(value: object) -> str:
    text = str(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"


JSON_NAMES = MappingProxyType(
    {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
)


def _mistyped(path: str, wanted: str, value: object) -> Serialization:
    where = f"Value at '{path}'" if path else "The request body"
    return Serialization(f"{where} must be {wanted}, not {JSON_NAMES.get(type(value), 'null')}")
