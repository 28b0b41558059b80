"""What is sent back: a result as the JSON that its output shape describes, an error as AWS's clients read it."""

from __future__ import annotations

import math
import operator
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cache, partial
from types import MappingProxyType
from typing import Any, SupportsFloat

import numpy as np
import orjson

from regard.domain.results import SpelledList
from regard.errors import RegardError
from regard.wire.constraints import broken
from regard.wire.schema import Shape


class NonconformingOutput(TypeError):
    """An operation's result does not fit its output shape: a mistake in this program, never the caller's."""


def encode_result(shape: Shape, members: Mapping[str, Any]) -> bytes:
    """The JSON of `members` less those that are None or not in the shape; blobs in base64, timestamps in epoch seconds.

    Numbers may be numpy scalars, lists any sequence, arrays included; a SpelledList is not looked into. Raises
    TypeError or ValueError for what the shape cannot express, numbers that are not finite among them.
    """
    return orjson.dumps(_writer(shape)(members))


def encode_error(error: RegardError, request_id: str) -> bytes:
    """The JSON of an error; `Logref` is the request's id, under which the failure is found in the log.

    The keys are those that Rekognition sends. The message is under `Message` only: every SDK looks there if `message`
    is missing, and clients that ignore case would fail on both. `Detail` is
    Regard's own: what helps more than AWS's words.
    """
    body = {"__type": error.code, "Code": error.code, "Logref": request_id, "Message": error.public}
    return orjson.dumps(body | ({"Detail": error.detail} if error.detail else {}))


def check_output(shape: Shape, value: Any) -> None:
    """Raises NonconformingOutput, naming every place, unless `value` fits `shape`.

    It does not fit with a member that the shape lacks, without one that is required, with a value of another type or
    one that breaks a constraint of the model.
    """
    faults = list(_misfits(shape, value, shape.name))
    if faults:
        raise NonconformingOutput("; ".join(faults))


@cache
def _writer(shape: Shape) -> Callable[[Any], Any]:
    """What makes a value of that shape plain: put together once, for a page of results has 50,000 values."""
    if shape.type == "structure":
        return partial(_members, {name: _writer(member) for name, member in shape.members.items()})
    if shape.element is None:
        return _SCALARS[shape.type]
    write = _writer(shape.element)
    if shape.type == "list":
        return lambda value: _joined(value) if type(value) is SpelledList else [write(item) for item in value]
    return lambda value: {str(key): write(item) for key, item in value.items() if item is not None}


def _members(writers: Mapping[str, Callable[[Any], Any]], value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: writers[name](member) for name, member in value.items() if member is not None and name in writers}


def _joined(value: SpelledList) -> orjson.Fragment:
    return orjson.Fragment(b"[" + b",".join(value.items) + b"]")


def _epoch(moment: datetime | float) -> float:
    if not isinstance(moment, datetime):
        return _finite(moment)
    if moment.tzinfo is None:
        raise ValueError("a timestamp without a time zone")
    return round(moment.timestamp(), 3)


def _finite(value: SupportsFloat) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is not a number in JSON; it must be finite")
    return number


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a string, found {type(value).__name__}")
    return value


_SCALARS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "string": _text,
        "boolean": bool,
        "integer": operator.index,
        "long": operator.index,
        "float": _finite,
        "double": _finite,
        "timestamp": _epoch,
        "blob": lambda value: b64encode(value).decode(),
    }
)

_WHOLE = (int, np.integer)
_REAL = (float, np.floating, *_WHOLE)
_ACCEPTED: Mapping[str, tuple[type, ...]] = MappingProxyType(
    {
        "structure": (Mapping,),
        "map": (Mapping,),
        "list": (list, tuple, np.ndarray),
        "string": (str,),
        "boolean": (bool, np.bool_),
        "integer": _WHOLE,
        "long": _WHOLE,
        "float": _REAL,
        "double": _REAL,
        "timestamp": (datetime, *_REAL),
        "blob": (bytes,),
    }
)


def _accepted(shape: Shape, value: Any) -> bool:
    return isinstance(value, _ACCEPTED[shape.type]) and (shape.type == "boolean" or not isinstance(value, bool))


def _misfits(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if type(value) is SpelledList:
        yield from _misfits(shape, [orjson.loads(item) for item in value.items], path)
        return
    if not _accepted(shape, value):
        yield f"{path} is {type(value).__name__}, not {shape.type}"
        return
    if shape.type != "list" or len(value):  # AWS sends empty lists even where its model asks for one entry
        yield from (f"{path}: {text}" for text in broken(shape, value))
    if shape.type == "structure":
        given = {name for name, member in value.items() if member is not None}
        yield from (f"{path} has no member {name}" for name in sorted(set(value) - set(shape.members)))
        yield from (f"{path}.{name} is missing" for name in shape.required if name not in given)
        for name in sorted(given & set(shape.members)):
            yield from _misfits(shape.members[name], value[name], f"{path}.{name}")
    elif shape.element is not None:
        for place, item in value.items() if shape.type == "map" else enumerate(value):
            yield from _misfits(shape.element, item, f"{path}[{place}]")
    elif isinstance(value, datetime) and value.tzinfo is None:
        yield f"{path} has no time zone"
    elif isinstance(value, _REAL) and not np.isfinite(value):
        yield f"{path} is not finite"
