"""Exports: a whole collection in a Parquet file (an archive), which other tools can read too.

One row per face. What concerns the collection as a whole is JSON in the file's metadata, under `regard`, with a
checksum over the content rather than the bytes: a copy that was recompressed and kept its metadata is still valid, and
two exports with the same checksum hold the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from regard.accountability.gate import Grant
from regard.domain.authority import Action
from regard.domain.instants import microseconds
from regard.domain.reporting import Progress
from regard.engine.transfer.integrity import check_columns, check_finite
from regard.errors import InvalidParameter
from regard.media import parquet
from regard.media.parquet import Columns, Draft, Kind, ParquetTable
from regard.store.transfer_rows import FaceColumns, Snapshot, TransferRows

#: Faces in a row group: 16 MiB of embeddings at D=512.
ROWS = 16_384
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
}
#: Called with each piece while a file is checked.
Compare = Callable[[FaceColumns], None]
_NAME = "regard"
_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an archive states about its collection. Instants are microseconds since 1970 UTC."""

    collection: str
    face_model: str
    created_at: int
    tags: dict[str, str]
    #: Numbers in an embedding; 0 if there are no faces.
    dimension: int
    faces: int
    #: Their ids and times of creation; users with faces are in the rows of their faces.
    users_without_faces: list[list[Any]]
    checksum: str = ""
    format: int = _FORMAT


class CollectionExport:
    """Writes collections to files."""

    def __init__(self, rows: TransferRows) -> None:
        self._rows = rows

    def export(self, grant: Grant, collection_id: str, file: Path, progress: Progress) -> Manifest:
        """Write the collection, as it is at this moment, to `file`; an existing file is replaced at the end.

        Raises ResourceNotFound; InvalidParameter if another process is exporting to the same file; OSError.
        """
        grant.require(Action.EXPORT, collection_id)
        with self._rows.snapshot(collection_id) as moment:
            pieces = moment.faces(ROWS)
            first = next(pieces, None)
            manifest = _manifest(moment, 0 if first is None else first.embeddings.shape[1])
            digest = _Digest()
            with parquet.draft(file, KINDS, manifest.dimension) as made:
                done = 0
                for piece in chain([] if first is None else [first], pieces):
                    _write(made, digest, piece)
                    done += len(piece)
                    progress(f"Exporting {collection_id}", done, manifest.faces)
                manifest = replace(manifest, checksum=digest.of(manifest))
                made.finish(_NAME, asdict(manifest))
        return manifest


def _manifest(moment: Snapshot, dimension: int) -> Manifest:
    collection = moment.collection
    return Manifest(
        collection=collection.id,
        face_model=collection.face_model,
        created_at=microseconds(collection.created_at),
        tags=collection.tags,
        dimension=dimension,
        faces=moment.face_count(),
        users_without_faces=[list(each) for each in moment.users_without_faces()],
    )


def _write(made: Draft, digest: _Digest, piece: FaceColumns) -> None:
    columns = {
        "face_id": list(piece.face_ids),
        "image_id": list(piece.image_ids),
        "external_image_id": list(piece.external_image_ids),
        "user_id": list(piece.user_ids),
        "user_created_at": list(piece.user_created_at),
        **dict(zip(("left", "top", "width", "height"), np.ascontiguousarray(piece.boxes.T), strict=True)),
        "confidence": piece.confidences,
        "created_at": list(piece.created_at),
        "embedding": piece.embeddings,
    }
    digest.add(columns)
    made.write(columns)


class Archive:
    """An archive to import. Raises InvalidParameter if the file is not an archive, or has a newer format."""

    def __init__(self, table: ParquetTable) -> None:
        self._table = table
        self.manifest = _read_manifest(table)
        if lost := [name for name in KINDS if name not in table.columns]:
            raise InvalidParameter(f"{table.file} lacks the columns {', '.join(lost)}.")
        if table.rows != self.manifest.faces:
            raise _altered(table.file)
        self.face_model = self.manifest.face_model
        self.rows = table.rows

    def faces(self, size: int) -> Iterator[FaceColumns]:
        return map(_face_columns, self._table.batches(KINDS, size))

    def check(self, size: int, compare: Compare | None) -> Iterator[int]:
        digest, row = _Digest(), 0
        for columns in self._table.batches(KINDS, size):
            embeddings = columns["embedding"]
            if embeddings.dtype != np.float16 or embeddings.shape[1] != self.manifest.dimension:
                raise _altered(self._table.file)
            check_columns(columns, self._table.file, row)
            check_finite(embeddings, self._table.file, row)
            digest.add(columns)
            if compare:
                compare(_face_columns(columns))
            row += len(embeddings)
            yield len(embeddings)
        if digest.of(self.manifest) != self.manifest.checksum:
            raise _altered(self._table.file)


def is_archive(table: ParquetTable) -> bool:
    return table.description(_NAME) is not None


def _read_manifest(table: ParquetTable) -> Manifest:
    said = table.description(_NAME)
    if not isinstance(said, dict):
        raise InvalidParameter(f"{table.file} was not exported by Regard.")
    if said.get("format") != _FORMAT:
        raise InvalidParameter(
            f"{table.file} has format {said.get('format')}; this Regard reads {_FORMAT}. Use a newer version."
        )
    try:
        manifest = Manifest(**said)
    except TypeError as error:
        raise _altered(table.file) from error
    if manifest.faces and manifest.checksum == "":
        raise _altered(table.file)
    return manifest


def _face_columns(columns: Columns) -> FaceColumns:
    return FaceColumns(
        face_ids=columns["face_id"],
        image_ids=columns["image_id"],
        external_image_ids=columns["external_image_id"],
        user_ids=columns["user_id"],
        user_created_at=columns["user_created_at"],
        boxes=np.stack([columns[side] for side in ("left", "top", "width", "height")], axis=1),
        confidences=columns["confidence"],
        created_at=columns["created_at"],
        embeddings=columns["embedding"],
    )


class _Digest:
    """SHA-256 over each column, however its rows are split, and over the manifest."""

    def __init__(self) -> None:
        self._columns = {name: hashlib.sha256() for name in KINDS}

    def add(self, columns: Columns) -> None:
        for name, kind in KINDS.items():
            values = columns[name]
            if kind is Kind.VECTOR:
                content = np.ascontiguousarray(values, "<f2").data
            elif kind is Kind.REAL:
                content = np.ascontiguousarray(values, "<f8").data
            else:  # JSON without the brackets, so that the pieces join into one list
                content = memoryview((json.dumps(values)[1:-1] + ", ").encode())
            self._columns[name].update(content)

    def of(self, manifest: Manifest) -> str:
        about = {name: value for name, value in asdict(manifest).items() if name != "checksum"}
        columns = {name: digest.hexdigest() for name, digest in self._columns.items()}
        whole = json.dumps([about, columns], sort_keys=True)
        return f"sha256:{hashlib.sha256(whole.encode()).hexdigest()}"


def _altered(file: Path) -> InvalidParameter:
    return InvalidParameter(
        f"{file} was truncated or altered after it was exported. Nothing was imported; copy or export it again."
    )
