"""The layers of the settings: what the file, the environment and the command line each say, checked where it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from regard.config.moved_settings import MOVED
from regard.config.sections import SECTIONS, is_secret
from regard.config.toml_tables import Table, fault, parse, shown, suggestion, text_of
from regard.errors import SettingsError

PREFIX = "REGARD_"
#: Variables that are no settings: `home` is where settings are looked for, the authorisation is a command's option, the
#: others are the tests' own.
_NO_SETTINGS = frozenset({"REGARD_AUTHORISATION", "REGARD_HOME", "REGARD_TEST_DATA", "REGARD_TEST_MODELS"})


class Origin(StrEnum):
    """Where a setting's value comes from; each wins over those before it."""

    DEFAULT = "default"
    FILE = "regard.toml"
    ENVIRONMENT = "environment"
    OVERRIDE = "command line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What one origin says: of each section just the keys in `model_fields_set`."""

    origin: Origin
    sections: Mapping[str, Table]


def from_file(file: Path) -> Layer:
    """What `regard.toml` says; nothing if there is no such file. Raises SettingsError."""
    if not file.is_file():
        return Layer(origin=Origin.FILE, sections={})
    try:
        tables = parse(text_of(file), str(file))
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file} is not valid TOML: {error}") from error
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}") from error
    _refuse_flat(tables, file)
    spelling = _Spelling(f"{file}: ", in_file, _key)
    return Layer(
        origin=Origin.FILE,
        sections={name: _section(name, table, spelling) for name, table in tables.items()},
    )


def from_environment(environment: Mapping[str, str]) -> Layer:
    """What the variables `REGARD_…` say. Raises SettingsError."""
    texts = {
        name.removeprefix(PREFIX).lower(): text
        for name, text in environment.items()
        if name.startswith(PREFIX) and name not in _NO_SETTINGS
    }
    if old := [name for name in texts if name in MOVED]:
        raise SettingsError("; ".join(f"{PREFIX}{name.upper()} is now {variable(*MOVED[name])}" for name in old))
    values: dict[str, dict[str, str]] = {}
    for name, text in texts.items():
        section, _, key = name.partition("_")
        if section not in SECTIONS or not key:
            raise SettingsError(f"{PREFIX}{name.upper()} is not a setting; {_nearest(name, variable)}")
        values.setdefault(section, {})[key] = text
    spelling = _Spelling("", variable, variable)
    return Layer(
        origin=Origin.ENVIRONMENT,
        sections={name: _section(name, given, spelling, texts=True) for name, given in values.items()},
    )


def from_overrides(overrides: Mapping[str, Mapping[str, object]]) -> Layer:
    """What the command line says, by section; None is what it does not say. Raises SettingsError."""
    given = {
        name: {key: value for key, value in values.items() if value is not None} for name, values in overrides.items()
    }
    spelling = _Spelling("the command line: ", in_file, _key)
    return Layer(
        origin=Origin.OVERRIDE,
        sections={name: _section(name, values, spelling) for name, values in given.items()},
    )


def in_file(section: str, key: str) -> str:
    """A setting as it stands in `regard.toml`."""
    return f"[{section}] {key}"


def variable(section: str, key: str) -> str:
    """A setting as it is called in the environment."""
    return f"{PREFIX}{section}_{key}".upper()


def _key(_: str, key: str) -> str:
    return key


class _Spelling(NamedTuple):
    """How a layer calls a setting, alone and among those of its section, and what comes before that in a message."""

    where: str
    name: Callable[[str, str], str]
    short: Callable[[str, str], str]


def _section(name: str, values: Mapping[str, object], spelling: _Spelling, *, texts: bool = False) -> Table:
    """One section, checked; `texts` where every value is text. Raises SettingsError."""
    if name not in SECTIONS:
        listed = suggestion(f"[{name}]", [f"[{section}]" for section in SECTIONS])
        raise SettingsError(f"{spelling.where}[{name}] is not a section; {listed}")
    table = SECTIONS[name]
    for key in values:
        if key not in table.model_fields:
            if key in MOVED:
                raise SettingsError(f"{spelling.where}{spelling.name(name, key)} is now {spelling.name(*MOVED[key])}")
            listed = suggestion(spelling.short(name, key), [spelling.short(name, one) for one in table.model_fields])
            raise SettingsError(f"{spelling.where}{spelling.name(name, key)} is not a setting; {listed}")
    try:
        return table.model_validate_strings(values) if texts else table.model_validate(values)
    except ValidationError as error:
        key = str(error.errors(include_url=False)[0]["loc"][0])
        said = fault(error, table, lambda _: spelling.name(name, key), secret=is_secret(name, key))
        raise SettingsError(f"{spelling.where}{said}") from None


def _refuse_flat(tables: Mapping[str, object], file: Path) -> None:
    """Raises SettingsError for what stands outside the sections: settings of 0.1, and slips."""
    flat = {name: value for name, value in tables.items() if not isinstance(value, dict)}
    if old := [name for name in flat if name in MOVED]:
        raise SettingsError(f"{file} sets {'; '.join(f'{name}, which is now {in_file(*MOVED[name])}' for name in old)}")
    for name, value in flat.items():
        if name in SECTIONS:
            raise SettingsError(f"{file}: {name} is {shown(value)}; write [{name}], and its settings below it")
        if name == "home":
            raise SettingsError(f"{file} sets home, the folder that it lies in; choose that by --home or {PREFIX}HOME")
        raise SettingsError(f"{file} sets {name}, which is not a setting; {_nearest(name, in_file)}")


def _nearest(name: str, spell: Callable[[str, str], str]) -> str:
    """What an unknown name of no section may be meant for."""
    near = get_close_matches(name, _BY_NAME, n=1)
    if near:
        return f"did you mean {spell(*_BY_NAME[near[0]])}?"
    return f"the sections are {', '.join(f'[{section}]' for section in SECTIONS)}"


#: Every setting, by its key alone, by both its names and by its old one: what a slip is compared with.
_BY_NAME: Mapping[str, tuple[str, str]] = {
    name: (section, key)
    for section, table in SECTIONS.items()
    for key in table.model_fields
    for name in (key, f"{section}_{key}")
} | dict(MOVED)
