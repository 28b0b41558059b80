"""The format of an archive: its columns, and the one strict model of what its metadata states."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
from pydantic import AfterValidator, FailFast, Field, ValidationError

from regard.config.toml_tables import Table, fault
from regard.domain.identifiers import COLLECTION_ID, FACE_MODEL_VERSION, USER_ID, Identifier
from regard.domain.instants import EARLIEST, LATEST
from regard.domain.tags import tags_fault
from regard.errors import InvalidParameter
from regard.media.parquet import ParquetTable
from regard.media.parquet_columns import Columns, Kind

#: The key of the manifest in the file's metadata.
NAME = "regard"
KINDS: Mapping[str, Kind] = {
    "face_id": Kind.TEXT,
    "image_id": Kind.TEXT,
    "external_image_id": Kind.TEXT,
    "user_id": Kind.TEXT,
    "user_created_at": Kind.INSTANT,
    "left": Kind.REAL,
    "top": Kind.REAL,
    "width": Kind.REAL,
    "height": Kind.REAL,
    "confidence": Kind.REAL,
    "created_at": Kind.INSTANT,
    "embedding": Kind.VECTOR,
    "utility": Kind.REAL,
}
#: Columns that archives of this format and older ones do not have.
_SINCE = {1: ("utility",)}
#: The sides of a box.
BOX = ("left", "top", "width", "height")
#: The columns that are read of a file which is no archive; all but the embedding may be missing.
PLAIN = ("embedding", "face_id", "image_id", "external_image_id", *BOX, "confidence")
_FORMAT: Final = 2
#: Most characters of what a file says in a message.
_SHOWN = 300


def _id(kind: Identifier) -> AfterValidator:
    def check(text: str) -> str:
        if not kind.allows(text):
            raise ValueError(f"it must be 1 to {kind.longest} of the characters {kind.characters}")
        return text

    return AfterValidator(check)


def _check_tags(tags: dict[str, str]) -> dict[str, str]:
    if mend := tags_fault(tags):
        raise ValueError(mend)
    return tags


def _check_users(users: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
    if len({user_id for user_id, _ in users}) < len(users):
        raise ValueError("no user may be in it twice")
    return users


_Instant = Annotated[int, Field(ge=EARLIEST, le=LATEST)]
_User = tuple[Annotated[str, _id(USER_ID)], _Instant]


class Manifest(Table, frozen=True):
    """What an archive states about its collection. Instants are microseconds since 1970 UTC."""

    collection: Annotated[str, _id(COLLECTION_ID)]
    face_model: Annotated[str, _id(FACE_MODEL_VERSION)]
    created_at: _Instant
    tags: Annotated[dict[str, str], AfterValidator(_check_tags)]
    #: Numbers in an embedding; 0 if there are no faces.
    dimension: Annotated[int, Field(ge=0)]
    faces: Annotated[int, Field(ge=0)]
    #: Their ids and times of creation; users with faces are in the rows of their faces.
    users_without_faces: Annotated[tuple[_User, ...], FailFast(), AfterValidator(_check_users)]
    checksum: Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$")]
    format: Literal[1, 2]


def kinds(version: int) -> Mapping[str, Kind]:
    """The columns of an archive of that format."""
    return {name: kind for name, kind in KINDS.items() if name not in _SINCE.get(version, ())}


def is_archive(table: ParquetTable) -> bool:
    return table.note(NAME) is not None


def kinds_of(table: ParquetTable) -> dict[str, Kind]:
    """The columns of the file that an import reads."""
    names = KINDS if is_archive(table) else PLAIN
    return {name: KINDS[name] for name in names if name in table.columns}


def read_manifest(table: ParquetTable) -> Manifest:
    """Raises InvalidParameter for a file that is not an archive, that has a newer format, or that was altered."""
    text = table.note(NAME)
    if text is None:
        raise InvalidParameter(f"{table.file} was not exported by Regard.")
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        raise _wrong(error, table.file) from None


class Digest:
    """SHA-256 over each column, however its rows are split, and over the manifest."""

    def __init__(self, version: int = _FORMAT) -> None:
        self._kinds = kinds(version)
        self._columns = {name: hashlib.sha256() for name in self._kinds}

    def add(self, columns: Columns) -> None:
        for name, kind in self._kinds.items():
            values = columns[name]
            if kind is Kind.VECTOR:
                content = np.ascontiguousarray(values, "<f2").data
            elif kind is Kind.REAL:
                content = np.ascontiguousarray(values, "<f8").data
            else:  # JSON without the brackets, so that the pieces join into one list
                content = memoryview((json.dumps(values)[1:-1] + ", ").encode())
            self._columns[name].update(content)

    def of(self, manifest: Manifest) -> str:
        about = manifest.model_dump(exclude={"checksum"})
        columns = {name: digest.hexdigest() for name, digest in self._columns.items()}
        whole = json.dumps([about, columns], sort_keys=True)
        return f"sha256:{hashlib.sha256(whole.encode()).hexdigest()}"


def described(**facts: Any) -> Manifest:
    """The manifest of a collection to export, without its checksum. Raises InvalidParameter where it has what no file
    may have."""
    try:
        return Manifest(**facts, checksum=f"sha256:{'0' * 64}", format=_FORMAT)
    except ValidationError as error:
        raise InvalidParameter(f"The collection cannot be exported: {_words(error)}.") from None


def altered(file: Path, how: str = "") -> InvalidParameter:
    return InvalidParameter(
        f"{file} was truncated or altered after it was exported{how}. Nothing was imported; copy or export it again."
    )


def _wrong(error: ValidationError, file: Path) -> InvalidParameter:
    for found in error.errors(include_url=False):
        if found["type"] == "json_invalid":
            return altered(file, f": its metadata `{NAME}` is not JSON ({found['ctx']['error']})")
        if found["loc"] == ("format",) and found["type"] != "missing":
            return InvalidParameter(
                f"{file} has format {repr(found['input'])[:80]}; this Regard reads 1 to {_FORMAT}. Use a newer version."
            )
    return altered(file, f": in its metadata `{NAME}`, {_words(error)}")


def _words(error: ValidationError) -> str:
    """What is wrong, cut short and without what a terminal would obey."""
    said = fault(error, Manifest)[:_SHOWN]
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in said)
