"""The option `--external-id`: the external image ids that faces get in the collection."""

from __future__ import annotations

import csv
from pathlib import Path

from regard.commands.terminal import readable
from regard.domain.identifiers import EXTERNAL_IMAGE_ID
from regard.engine.bulk.folder_indexing import Namer, Unnamed
from regard.errors import InvalidParameter


def namer(choice: str, folder: Path) -> Namer:
    """`filename`, `folder`, `none`, or the CSV file of that name. Raises InvalidParameter."""
    if choice == "filename":
        return lambda file: accepted(file.name)
    if choice == "folder":
        return lambda file: accepted(file.parent.name)
    if choice == "none":
        return lambda _: None
    return _from_table(Path(choice), folder.resolve())


def accepted(name: str) -> str | None:
    """`name` as the service accepts it: other characters become '_'; None if it is empty."""
    return EXTERNAL_IMAGE_ID.made_from(name)


def _from_table(table: Path, folder: Path) -> Namer:
    names = _read(table, folder)

    def name(file: Path) -> str | None:
        if str(file) not in names:
            raise Unnamed(f"{readable(table)} has no row for this file.")
        return names[str(file)]

    return name


def _read(table: Path, folder: Path) -> dict[str, str | None]:
    try:
        with table.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            rows = csv.DictReader(file)
            if not {"path", "external_id"} <= set(rows.fieldnames or ()):
                raise InvalidParameter(f"{readable(table)} needs a first line with the columns path and external_id.")
            return {str(_inside(folder, row["path"] or "")): accepted(row["external_id"] or "") for row in rows}
    except OSError as error:
        raise InvalidParameter(
            f"--external-id is filename, folder, none or a CSV file; {readable(table)}: {error.strerror}."
        ) from error
    except csv.Error as error:
        raise InvalidParameter(f"{readable(table)} is not a CSV file: {error}.") from error


def _inside(folder: Path, path: str) -> Path:
    """A path relative to the folder, or absolute (`folder / path` is `path` then), in the form the walk returns."""
    place = folder / path
    return place.parent.resolve() / place.name
