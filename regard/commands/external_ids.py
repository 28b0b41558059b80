"""The option `--external-id`: the external image ids that faces get in the collection."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from regard.commands.id_table import read_table
from regard.commands.terminal import readable
from regard.domain.identifiers import spelled
from regard.engine.analysis.face_analyzer import MOST_FACES
from regard.engine.bulk.folder_indexing import Namer, Unnamed
from regard.engine.bulk.folder_walk import Photo
from regard.errors import InvalidParameter

FOLDER, FILENAME, NONE = "folder", "filename", "none"


def namer(choice: str, folder: Path, photos: Sequence[Photo]) -> Namer:
    """`filename`, `folder`, `none`, or the CSV file of that name for these photographs. Raises InvalidParameter."""
    if choice == FILENAME:
        return lambda file: spelled(file.name) or None
    if choice == FOLDER:
        return lambda file: spelled(file.parent.name) or None
    if choice == NONE:
        return lambda _: None
    return _from_table(Path(choice), folder, photos)


def is_a_person(choice: str) -> bool:
    """Whether an id stands for a person rather than for a picture: of several faces in one picture, all but one would
    get a wrong name."""
    return choice not in (FILENAME, NONE)


def most_faces(choice: str) -> int:
    """The most faces to enrol per picture, unless a person says otherwise. A table may name people or pictures."""
    return 1 if choice == FOLDER else MOST_FACES


def look_alikes(choice: str, photos: Iterable[Photo]) -> list[list[str]]:
    """The names of folders that look the same and are not: accents can be written in two ways (Unicode, UAX 15)."""
    if choice != FOLDER:
        return []
    names = defaultdict(set)
    for name in {Path(photo.path).parent.name for photo in photos}:
        names[unicodedata.normalize("NFC", name)].add(name)
    return [sorted(each) for each in names.values() if len(each) > 1]


def loose(choice: str, folder: Path, photos: Sequence[Photo]) -> int:
    """How many photographs are in the folder itself where others are in folders below it: its name is no person's."""
    top = str(folder.resolve())
    count = sum(os.path.dirname(photo.path) == top for photo in photos) if choice == FOLDER else 0  # noqa: PTH120
    return count if count < len(photos) else 0


def _from_table(table: Path, folder: Path, photos: Sequence[Photo]) -> Namer:
    try:
        content = table.read_bytes()
    except OSError as error:
        raise InvalidParameter(
            f"--external-id is filename, folder, none or a CSV file; {readable(table)}: {error.strerror}."
        ) from error
    ids = read_table(table, content, folder.resolve(), photos)

    def name(file: Path) -> str | None:
        if str(file) not in ids:
            raise Unnamed(f"{readable(table)} has no row for this file.")
        return ids[str(file)]

    return name
