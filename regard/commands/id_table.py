"""The CSV file of `--external-id`: its rows checked as a whole, and every fault told with its line."""

from __future__ import annotations

import codecs
import csv
import io
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from regard.commands.terminal import readable
from regard.domain.identifiers import EXTERNAL_IMAGE_ID, name_of, spelled
from regard.engine.bulk.folder_walk import Photo
from regard.errors import InvalidParameter

_COLUMNS = ("path", "external_id")
#: Spreadsheets write the second where the comma is the decimal sign.
_SEPARATORS = (",", ";", "\t")
_ALPHABET = "letters a-z and A-Z, digits, '_', '.', '-', ':'"
#: Faults told of one table; the others are counted.
_MOST_FAULTS = 10


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it was read, and the line that it begins on."""

    line: int
    cells: list[str]


def read_table(table: Path, content: bytes, folder: Path, photos: Sequence[Photo]) -> dict[str, str | None]:
    """Path to external id, of every file that the table names; None for an empty id.

    Paths are absolute or relative to `folder`. Raises InvalidParameter with each fault and its line: rows with too few
    or too many columns, files named twice or not there, ids that are too long or that two rows would share by chance,
    text that is not UTF-8.
    """
    name = readable(table)
    rows = rows_of(name, text_of(content))
    try:
        header = next(rows, Row(1, []))
        columns = [cell.strip().lower() for cell in header.cells]
        if any(columns.count(column) != 1 for column in _COLUMNS):
            raise InvalidParameter(f"{name}, line 1: the first line must name the columns path and external_id, once.")
        path_column, id_column = (columns.index(each) for each in _COLUMNS)
        reading = _Reading(_Places(folder, photos), len(columns), path_column, id_column)
        for row in rows:
            if any(row.cells):
                reading.add(row)
    except Unreadable as error:
        raise InvalidParameter(f"{name}, {error}") from error
    if reading.faults:
        raise InvalidParameter(_told(name, reading.faults))
    return reading.ids


def _told(name: str, faults: list[str]) -> str:
    if len(faults) == 1:
        return f"{name}, {faults[0]}"
    lines = "".join(f"\n  {fault}" for fault in faults[:_MOST_FAULTS])
    more = f"\n  and {len(faults) - _MOST_FAULTS:,} more" if len(faults) > _MOST_FAULTS else ""
    return f"{name} has {len(faults):,} faults:{lines}{more}"


# -- text and rows -----------------------------------------------------------------------------------------------


class Unreadable(Exception):
    """Raised where no further row can be told; the message has the line."""


def text_of(content: bytes) -> str:
    """Bytes that are not UTF-8 are kept apart: a file's name may have them, if there is such a file."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    return content.decode("utf-8-sig", "surrogateescape")


def rows_of(name: str, text: str) -> Iterator[Row]:
    if (place := text.find("\0")) >= 0:
        line = text.count("\n", 0, place) + 1
        raise InvalidParameter(f"{name}, line {line}: there is a NUL byte; save the table as text in UTF-8.")
    first = text.split("\n", 1)[0]
    separator = max(_SEPARATORS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=None), delimiter=separator, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise Unreadable(f'line {line}: {error}; look for a quotation mark (") that is not closed.') from error
        yield Row(line, cells)


# -- what rows say -----------------------------------------------------------------------------------------------


class _Places:
    """Finds the photographs that paths of the table mean."""

    def __init__(self, folder: Path, photos: Sequence[Photo]) -> None:
        self._folder = folder
        self._found = {photo.path for photo in photos}
        self._composed = {unicodedata.normalize("NFC", path): path for path in self._found}
        self._resolved = cache(Path.resolve)

    def path(self, written: str) -> str | None:
        """The file in the form the walk returns; None if there is none. Accents may be written in either way."""
        place = self._folder / written  # `written` itself, if it is absolute
        path = str(self._resolved(place.parent) / place.name)
        if path in self._found:
            return path
        if known := self._composed.get(unicodedata.normalize("NFC", path)):
            return known
        try:
            return path if Path(path).exists() else None
        except OSError:  # such as a name that is too long for any file
            return None


@dataclass(slots=True)
class _Reading:
    """What the rows read so far say, and their faults."""

    places: _Places
    width: int
    path_column: int
    id_column: int
    ids: dict[str, str | None] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    _lines: dict[str, int] = field(default_factory=dict)
    _texts: dict[str, str] = field(default_factory=dict)

    def add(self, row: Row) -> None:
        fault = self._fault(row)
        if fault:
            self.faults.append(f"line {row.line}: {fault}")

    def _fault(self, row: Row) -> str | None:
        if len(row.cells) != self.width:
            return (
                f"there are {len(row.cells)} columns, and {self.width} in the first line; "
                "put a path or an id with a separator in it between quotation marks."
            )
        written, text = row.cells[self.path_column], row.cells[self.id_column].strip()
        if not written.strip():
            return "the path is empty."
        path = self.places.path(written)
        if path is None:
            return _not_there(written)
        if path in self._lines:
            return f"{_shown(written)} has an id already, on line {self._lines[path]}; keep one of the two."
        self._lines[path] = row.line
        if fault := self._id_fault(text):
            return fault
        self.ids[path] = _identifier(text) or None
        return None

    def _id_fault(self, text: str) -> str | None:
        if _foreign(text):
            return "the id is not UTF-8; save the table as UTF-8."
        if not text.isprintable():
            return f"the id {text!r} has a line break or another character in it that cannot be seen."
        identifier = _identifier(text)
        if len(text) > EXTERNAL_IMAGE_ID.longest or name_of(spelled(text)) != unicodedata.normalize("NFC", text):
            return f"the id {readable(text[:40])}… is too long; use at most {EXTERNAL_IMAGE_ID.longest} of {_ALPHABET}."
        if (other := self._texts.setdefault(identifier, text)) != text:
            return f"the id {text} is written {identifier}, as is {other}; use another for one of them."
        return None


def _identifier(text: str) -> str:
    """An id that the service allows stays as it is; any other is spelled as a name is."""
    return text if EXTERNAL_IMAGE_ID.allows(text) else spelled(text)


def _not_there(written: str) -> str:
    if _foreign(written):
        return f"there is no file {readable(written)}, and the path is not UTF-8; save the table as UTF-8."
    return f"there is no file {_shown(written)}; paths are absolute, or relative to the folder that is indexed."


def _shown(text: str) -> str:
    return readable(text) if text.isprintable() or _foreign(text) else repr(text)


def _foreign(text: str) -> bool:
    """Whether there are bytes in it that are not UTF-8."""
    return any("\udc80" <= character <= "\udcff" for character in text)
