"""What the operator has written about celebrities: names and addresses by user id, in a TOML file."""

from __future__ import annotations

import hashlib
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Annotated

from pydantic import AfterValidator, Field

from regard.config.toml_tables import Table, parse, read, text_of
from regard.errors import ResourceNotReady, SettingsError

_LETTERS = string.digits + string.ascii_letters
_ID_LENGTH = 8
#: Somebody may follow it with a click.
_ADDRESS = re.compile(r"(https?://)?[\w.-]+(:\d+)?([/?#]\S*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Celebrity:
    """Somebody who is recognised: a user of the operator's collection. `id` is of letters and digits."""

    id: str
    name: str
    urls: tuple[str, ...]


def _name(value: str) -> str:
    if not (value.strip() and value.isprintable()):
        raise ValueError("it must be a name, in letters that can be printed")
    return value


def _address(value: str) -> str:
    if _ADDRESS.fullmatch(value) is None:
        raise ValueError("it must be an address of the web, such as www.wikidata.org/wiki/Q7259")
    return value


class _Entry(Table, frozen=True):
    name: Annotated[str, AfterValidator(_name)]
    urls: Annotated[tuple[Annotated[str, AfterValidator(_address)], ...], Field(strict=False)] = ()  # in TOML a list


class CelebrityNames:
    """Reads the file again when it has changed. Safe from many threads."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = Lock()
        self._stamp: tuple[int, int] | None = None
        self._entries: Mapping[str, _Entry] = {}

    def check(self) -> None:
        """Raises SettingsError for a file that is wrong."""
        self._read()

    def ready(self) -> None:
        """The same while requests are served: ResourceNotReady, which tells clients no path."""
        try:
            self._read()
        except SettingsError as error:
            fault = error.message.replace(str(self._file), self._file.name)
            raise ResourceNotReady(
                f"Celebrities cannot be named: {fault}. Mend that file, the server reads it again by itself."
            ) from error

    def of(self, user_id: str) -> Celebrity:
        """Who that user is; without an entry, one of that name. Raises SettingsError for a file that is wrong."""
        entry = self._read().get(user_id) or _Entry(name=user_id)
        return Celebrity(id=celebrity_id(user_id), name=entry.name, urls=entry.urls)

    def _read(self) -> Mapping[str, _Entry]:
        with self._lock:
            try:
                status = self._file.stat()
            except FileNotFoundError:
                self._stamp, self._entries = None, {}
                return self._entries
            except OSError as error:
                raise SettingsError(f"{self._file} cannot be read: {error.strerror}") from error
            stamp = status.st_mtime_ns, status.st_size
            if stamp != self._stamp:
                try:
                    text = text_of(self._file)
                except OSError as error:
                    raise SettingsError(f"{self._file} cannot be read: {error.strerror}") from error
                except UnicodeDecodeError as error:
                    raise SettingsError(f"{self._file} is not text in UTF-8: {error.reason}") from error
                tables = parse(text, str(self._file))
                self._entries = {key: read(_Entry, table, f"{self._file}, {key!r}") for key, table in tables.items()}
                self._stamp = stamp
            return self._entries


def celebrity_id(user_id: str) -> str:
    """Eight letters and digits, the same for the same user id everywhere."""
    number = int.from_bytes(hashlib.sha256(b"celebrity\0" + user_id.encode()).digest())
    letters = []
    for _ in range(_ID_LENGTH):
        number, letter = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[letter])
    return "".join(letters)
