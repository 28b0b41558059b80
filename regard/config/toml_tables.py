"""TOML tables read into frozen models by pydantic, and what is wrong in one said in words."""

from __future__ import annotations

import reprlib
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError

from regard.errors import SettingsError

Place = tuple[int | str, ...]
T = TypeVar("T")

#: A value longer than this is cut short in a message.
_SHOWN_CHARACTERS = 80
#: A hundred times the built-in cards. Reading a hundred megabytes would take minutes.
_MOST_BYTES = 1_000_000
#: `tomllib` takes time by the square of a key's parts, and a key stands on one line.
_MOST_LINE_CHARACTERS = 4096
_MENDS = {
    "bool_type": "it must be true or false",
    "dict_type": "it must be a table",
    "finite_number": "it must be a finite number",
    "float_type": "it must be a number",
    "int_from_float": "it must be a whole number",
    "int_parsing": "it must be a whole number",
    "int_type": "it must be a whole number",
    "model_type": "it must be a table",
    "string_type": "it must be text",
    "tuple_type": "it must be a list",
}
_BOUNDS = {
    "greater_than": "it must be above {gt:,.15g}",
    "greater_than_equal": "it must be at least {ge:,.15g}",
    "less_than_equal": "it must be at most {le:,.15g}",
    "literal_error": "it must be {expected}",
    "too_long": "it must hold {max_length} values",
    "too_short": "it must hold at least {min_length}",
}
#: Far more of a value than is shown, and not all of one that is deep or wide.
_REPR = reprlib.Repr()
_REPR.maxlevel = _REPR.maxlist = _REPR.maxdict = _REPR.maxstring = _REPR.maxlong = _REPR.maxother = 200


class Table(BaseModel, frozen=True, extra="forbid", strict=True, hide_input_in_errors=True):
    """A table as we read them all: frozen, no unknown key, and no text where a number is due."""


def text_of(file: Path) -> str:
    """What a TOML file holds. Raises SettingsError where it is too large, OSError, and UnicodeDecodeError."""
    if file.is_fifo():
        raise SettingsError(f"{file} is a pipe, which may never end; name a file")
    with file.open("rb") as stream:
        content = stream.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise SettingsError(f"{file} is larger than {_MOST_BYTES / 1e6:g} MB; it cannot be a file of settings or cards")
    return content.decode()


def parse(text: str, where: str) -> dict[str, Any]:
    """The tables of a TOML text; `where` is its name for messages. Raises SettingsError."""
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > _MOST_LINE_CHARACTERS:
            raise SettingsError(
                f"{where} is not valid TOML: line {number} has {len(line):,} characters, and Regard reads at most "
                f"{_MOST_LINE_CHARACTERS:,}"
            )
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise SettingsError(f"{where} is not valid TOML: its lists or tables are nested too deep") from None
    except ValueError as error:  # a number of too many digits is not even a TOMLDecodeError
        raise SettingsError(f"{where} is not valid TOML: {error}") from error


def read(kind: type[T], values: object, where: str) -> T:
    """A value of TOML as a `kind`. Raises SettingsError, naming `where`, the key, its value and what is right."""
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        raise SettingsError(f"{where}: {fault(error, kind)}") from None


def dotted(place: Place) -> str:
    """A place in a table as people write it: sources[1].pip."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).removeprefix(".")


def fault(error: ValidationError, kind: Any, spell: Callable[[Place], str] = dotted, *, secret: bool = False) -> str:
    """What is wrong first, and how to mend it: an unknown key before a missing one. A secret's value is not shown."""
    found = sorted(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")[0]
    name, about = spell(found["loc"]), found["type"]
    if about == "extra_forbidden":
        *table, key = found["loc"]
        return f"{name} is not a key here; {suggestion(str(key), _keys(kind, tuple(table)))}"
    if about == "missing":
        return f"{name} is missing"
    if about == "value_error" and isinstance(found["input"], dict | BaseModel):  # of the whole table
        return f"{name}: {_mend(found)}" if name else _mend(found)
    value = "wrong" if secret else shown(found["input"])
    return f"{name or 'it'} is {value}; {_mend(found)}"


def shown(value: object) -> str:
    """A value for a message, cut short where it is long."""
    try:
        text = _REPR.repr(value)
    except ValueError:  # Python writes out no number of more than 4,300 digits
        text = "a number of too many digits"
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def suggestion(name: str, known: Iterable[str]) -> str:
    """What there is instead of an unknown name, the nearest first."""
    known = list(known)
    near = get_close_matches(name, known, n=1)
    listed = f"here are {', '.join(known)}"
    return f"did you mean {near[0]}? T{listed}" if near else f"t{listed}"


def _mend(found: Mapping[str, Any]) -> str:
    about, context = found["type"], found.get("ctx", {})
    if about == "value_error":
        return str(context["error"])
    return _BOUNDS[about].format(**context) if about in _BOUNDS else _MENDS.get(about, found["msg"])


def _keys(kind: Any, place: Place) -> list[str]:
    """The keys of the table at a place inside a `kind`."""
    for step in place:
        if isinstance(step, str) and isinstance(kind, type) and issubclass(kind, BaseModel):
            kind = kind.model_fields[step].annotation
    table = next(_tables(kind), None)
    return [] if table is None else list(table.model_fields)


def _tables(kind: Any) -> Iterator[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for inner in get_args(kind):
        yield from _tables(inner)
