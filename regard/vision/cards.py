"""The catalogue: every model is a card of data, built-in ones in `cards.toml`, more in the user's `models.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args
from urllib.parse import urlsplit

from regard.errors import SettingsError
from regard.vision.faces.calibration import Calibration

TASKS = (
    "face-detector",
    "face-embedder",
    "face-landmarks",
    "face-pose",
    "eye-state",
    "gender",
    "age",
    "expression",
)
_CHANNELS = {"RGB": 3, "BGR": 3, "GREY": 1}
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
#: Exact versions only, and nothing that a client could take for an option.
_PIP_SPEC = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.!+_-]*")
_NPM_SPEC = re.compile(r"(@[a-z0-9][a-z0-9._-]*/)?[a-z0-9][a-z0-9._-]*@[0-9][A-Za-z0-9.+-]*")

SourceKind = Literal["url", "pip", "npm", "file"]
_KINDS: tuple[SourceKind, ...] = get_args(SourceKind)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One place that has a model's bytes: a URL, a package's exact version and the member inside it, or a file."""

    kind: SourceKind
    at: str
    member: str | None = None

    def __post_init__(self) -> None:
        if (self.kind in ("pip", "npm")) != (self.member is not None):
            raise ValueError(
                f"source {self.at!r}: a package needs the member to take from it, and nothing else has one"
            )
        if self.kind == "url" and (urlsplit(self.at).scheme not in ("https", "http") or not urlsplit(self.at).hostname):
            raise ValueError(f"source {self.at!r} is not an https or http address")
        if self.kind == "pip" and not _PIP_SPEC.fullmatch(self.at):
            raise ValueError(f"source {self.at!r} is not of the form NAME==VERSION")
        if self.kind == "npm" and not _NPM_SPEC.fullmatch(self.at):
            raise ValueError(f"source {self.at!r} is not of the form NAME@VERSION")
        if self.kind == "file" and not Path(self.at).is_absolute():
            raise ValueError(f"source {self.at!r} is not an absolute path")

    def __str__(self) -> str:
        return self.at if self.kind == "url" else f"{self.kind} {self.at}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """What a model is fed: pixels 0..255 as (x - mean) / std, per channel. Width and height 0: any size.

    Channels are RGB, BGR or GREY.
    """

    width: int
    height: int
    channels: str
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.channels not in _CHANNELS:
            raise ValueError(f"input.channels is {self.channels!r}, not one of {', '.join(_CHANNELS)}")
        if self.width < 0 or self.height < 0 or (self.width == 0) != (self.height == 0):
            raise ValueError("input.width and input.height are both 0 (any size) or both above it")
        if not len(self.mean) == len(self.std) == _CHANNELS[self.channels]:
            raise ValueError(f"input.mean and input.std need {_CHANNELS[self.channels]} numbers for {self.channels}")
        if not all(value > 0 for value in self.std):
            raise ValueError("input.std holds numbers above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """All there is to know about one model before its file is opened. `family` names the code that reads its output.

    `mirror` (an embedder's mean of a face and its mirror image), `dimension` and `calibration` are embedders' alone.
    """

    name: str
    task: str
    family: str
    file: str
    sha256: str
    size: int
    licence: str
    provenance: str
    pack: str
    sources: tuple[Source, ...]
    input: Input
    non_commercial: bool = False
    mirror: bool = False
    dimension: int | None = None
    calibration: Calibration | None = None

    @property
    def version(self) -> str:
        """What an embedder's vectors are bound to: the same name for the same bytes."""
        return f"{self.name}-{self.sha256[:8]}"

    def __post_init__(self) -> None:
        for value in (self.name, self.family, self.file, self.pack):
            if not _PLAIN_NAME.fullmatch(value):
                raise ValueError(f"{value!r} is not a plain name (letters, digits, '.', '_', '-')")
        if self.task not in TASKS:
            raise ValueError(f"task {self.task!r} is not one of {', '.join(TASKS)}")
        if not _SHA256.fullmatch(self.sha256):
            raise ValueError(f"sha256 {self.sha256!r} is not 64 lower-case hexadecimal digits")
        if self.size <= 0:
            raise ValueError(f"size {self.size} is not a number of bytes")
        if not self.licence or not self.provenance:
            raise ValueError("licence and provenance say something")
        if not self.sources:
            raise ValueError("sources names at least one place to fetch the file from")
        self._check_embedder()

    def _check_embedder(self) -> None:
        if self.task == "face-embedder":
            if self.dimension is None or self.dimension <= 0:
                raise ValueError("an embedder needs its dimension")
        elif self.mirror or self.dimension is not None or self.calibration is not None:
            raise ValueError("mirror, dimension and calibration are for embedders only")


def catalogue(user_file: Path | None = None) -> dict[str, ModelCard]:
    """Every card by name: the built-in ones, then those of `user_file` if it exists.

    Raises SettingsError, naming file, card and key, for a card that is not right, or whose name or file is taken.
    """
    built_in = resources.files("regard.vision").joinpath("cards.toml").read_text(encoding="utf-8")
    cards = {card.name: card for card in parse(built_in, "cards.toml")}
    if user_file is None or not user_file.is_file():
        return cards
    try:
        text = user_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{user_file} cannot be read: {error}") from error
    for card in parse(text, str(user_file)):
        if card.name in cards:
            raise SettingsError(f"{user_file}: the card {card.name!r} exists already; give yours another name")
        for other in cards.values():
            if card.file == other.file and card.sha256 != other.sha256:
                raise SettingsError(f"{user_file}: the file {card.file!r} of {card.name!r} is {other.name!r}'s already")
        cards[card.name] = card
    return cards


def parse(text: str, where: str) -> list[ModelCard]:
    """The cards in a TOML text, one table each; `where` is its name for messages. Raises SettingsError."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{where} is not valid TOML: {error}") from error
    return [_card(name, values, where) for name, values in tables.items()]


class _Table:
    """A TOML table being read: every key is taken once, by its type; a key still there at the end is unknown."""

    def __init__(self, values: object, where: str) -> None:
        if not isinstance(values, dict):
            raise SettingsError(f"{where}: {values!r} is not a table")
        self._left: dict[str, Any] = dict(values)
        self._where = where

    def take(self, key: str, kind: type[T]) -> T:
        if key not in self._left:
            raise SettingsError(f"{self._where}: the key {key!r} is missing")
        value = self._left.pop(key)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise SettingsError(f"{self._where}: {key} is {value!r}, not {_SPOKEN[kind]}")
        return value

    def has(self, key: str) -> bool:
        return key in self._left

    def take_if_there(self, key: str, kind: type[T]) -> T | None:
        return self.take(key, kind) if self.has(key) else None

    def numbers(self, key: str) -> tuple[float, ...]:
        return _floats(self.take(key, list), f"{self._where}: {key}")

    def tables(self, key: str) -> Iterable[_Table]:
        return [_Table(value, f"{self._where}: {key}") for value in self.take(key, list)]

    def points(self, key: str) -> tuple[tuple[float, float], ...]:
        rows = [_floats(row, f"{self._where}: {key}") for row in self.take(key, list)]
        if any(len(row) != 2 for row in rows):
            raise SettingsError(f"{self._where}: {key} is a list of [cosine, false match rate] pairs")
        return tuple((row[0], row[1]) for row in rows)

    def finish(self) -> None:
        if self._left:
            raise SettingsError(f"{self._where}: unknown key {', '.join(map(repr, self._left))}")


_SPOKEN: dict[type, str] = {str: "text", int: "a whole number", bool: "true or false", list: "a list", dict: "a table"}


def _floats(values: object, where: str) -> tuple[float, ...]:
    if not isinstance(values, list) or any(isinstance(v, bool) or not isinstance(v, int | float) for v in values):
        raise SettingsError(f"{where}: {values!r} is not a list of numbers")
    return tuple(float(value) for value in values)


def _card(name: str, values: object, where: str) -> ModelCard:
    table = _Table(values, f"{where}, card {name!r}")
    try:
        card = ModelCard(
            name=name,
            task=table.take("task", str),
            family=table.take("family", str),
            file=table.take("file", str),
            sha256=table.take("sha256", str),
            size=table.take("size", int),
            licence=table.take("licence", str),
            provenance=table.take("provenance", str),
            pack=table.take_if_there("pack", str) or "own",
            sources=tuple(_source(source) for source in table.tables("sources")),
            input=_input(_Table(table.take("input", dict), f"{where}, card {name!r}: input")),
            non_commercial=table.take_if_there("non_commercial", bool) or False,
            mirror=table.take_if_there("mirror", bool) or False,
            dimension=table.take_if_there("dimension", int),
            calibration=Calibration(table.points("calibration")) if table.has("calibration") else None,
        )
    except ValueError as error:
        raise SettingsError(f"{where}, card {name!r}: {error}") from error
    table.finish()
    return card


def _source(table: _Table) -> Source:
    kinds = [kind for kind in _KINDS if table.has(kind)]
    if len(kinds) != 1:
        raise ValueError(f"each of sources has exactly one of the keys {', '.join(_KINDS)}")
    source = Source(kind=kinds[0], at=table.take(kinds[0], str), member=table.take_if_there("member", str))
    table.finish()
    return source


def _input(table: _Table) -> Input:
    result = Input(
        width=table.take("width", int),
        height=table.take("height", int),
        channels=table.take("channels", str),
        mean=table.numbers("mean"),
        std=table.numbers("std"),
    )
    table.finish()
    return result
