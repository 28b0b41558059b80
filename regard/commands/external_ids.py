"""What `--external-id` says: how the faces of a file are called in the collection."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from regard.commands.terminal import readable
from regard.engine.bulk.folder_indexing import Namer, Unnamed
from regard.errors import InvalidParameter

#: The service model's ExternalImageId: these characters, at most 255.
_FOREIGN = re.compile(r"[^a-zA-Z0-9_.\-:]")
_LONGEST = 255


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
    """`name` as the service takes it: other characters become '_', and what is empty is none."""
    return _FOREIGN.sub("_", name)[:_LONGEST] or None


def _from_table(table: Path, folder: Path) -> Namer:
    names = _read(table, folder)

    def name(file: Path) -> str | None:
        if str(file) not in names:
            raise Unnamed(f"{readable(table)} has no row for it.")
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
    """Relative to the folder, or absolute; `folder / path` is `path` then. Spelt as the walk spells it."""
    place = folder / path
    return place.parent.resolve() / place.name
