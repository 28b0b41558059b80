"""What `regard evaluate` measures with: a folder with a folder for each person, or a table of pictures and labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from regard.commands.id_table import Unreadable, rows_of, text_of
from regard.commands.terminal import readable
from regard.engine.bulk.folder_walk import walk
from regard.engine.bulk.picture_evaluation import LabelledPicture
from regard.errors import InvalidParameter

_COLUMNS = ("path", "person")
#: A table with more columns of groups than this names something else in them.
_MOST_GROUP_COLUMNS = 20


def labelled_pictures(place: Path) -> list[LabelledPicture]:
    """The pictures of a folder, whose folders are people; or of a CSV file with the columns path, person and any others
    as groups. Paths are absolute or relative to the file. Raises InvalidParameter."""
    if place.is_dir():
        photos, _ = walk(place)
        return [
            LabelledPicture(path=photo.path, person=Path(photo.path).parent.name, labels={})
            for photo in photos
            if Path(photo.path).parent != place.resolve()
        ]
    try:
        content = place.read_bytes()
    except OSError as error:
        raise InvalidParameter(f"{readable(place)} cannot be read: {error.strerror}.") from error
    return list(_listed(place, content))


def _listed(table: Path, content: bytes) -> Iterator[LabelledPicture]:
    name, folder, seen = readable(table), table.resolve().parent, set()
    try:
        rows = rows_of(name, text_of(content))
        header = next(rows, None)
        columns = _checked(name, [] if header is None else header.cells)
        for row in rows:
            if not any(row.cells):
                continue
            if len(row.cells) != len(columns):
                raise InvalidParameter(f"{name}, line {row.line}: {len(row.cells)} columns, not {len(columns)}.")
            said = dict(zip(columns, (cell.strip() for cell in row.cells), strict=True))
            path = str(folder / said.pop("path"))
            person = said.pop("person")
            if not person or path in seen:
                fault = "the person is empty" if not person else "the picture is named a second time"
                raise InvalidParameter(f"{name}, line {row.line}: {fault}.")
            seen.add(path)
            yield LabelledPicture(path=path, person=person, labels=said)
    except Unreadable as error:
        raise InvalidParameter(f"{name}, {error}") from error


def _checked(name: str, cells: Sequence[str]) -> list[str]:
    columns = [cell.strip().lower() for cell in cells]
    if any(columns.count(each) != 1 for each in _COLUMNS) or len(set(columns)) != len(columns) or "" in columns:
        raise InvalidParameter(
            f"{name}, line 1: the first line must name the columns path and person, and any others each once."
        )
    if len(columns) > len(_COLUMNS) + _MOST_GROUP_COLUMNS:
        raise InvalidParameter(f"{name}, line 1: there are more than {_MOST_GROUP_COLUMNS} columns of groups.")
    return columns
