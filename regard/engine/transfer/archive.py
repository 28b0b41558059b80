"""An archive, which is a collection that Regard exported, read as faces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from regard.engine.transfer.face_checks import FaceChecks
from regard.engine.transfer.integrity import unsound
from regard.engine.transfer.manifest import BOX, Digest, altered, kinds, read_manifest
from regard.engine.transfer.model_fit import ModelFit
from regard.errors import InvalidParameter
from regard.media.parquet import ParquetTable
from regard.media.parquet_columns import Columns
from regard.store.transfer_rows import FaceColumns

#: Called with each piece while a file is checked.
Compare = Callable[[FaceColumns], None]


class Archive:
    """An archive to import. Raises InvalidParameter if the file is not an archive, or has a newer format."""

    def __init__(self, table: ParquetTable) -> None:
        self._table = table
        self.manifest = read_manifest(table)
        self._kinds = kinds(self.manifest.format)
        if lost := [name for name in self._kinds if name not in table.columns]:
            raise InvalidParameter(f"{table.file} lacks the columns {', '.join(lost)}.")
        if table.rows != self.manifest.faces:
            raise altered(table.file, f": it has {table.rows:,} rows, and {self.manifest.faces:,} were written")
        self.face_model = self.manifest.face_model
        self.fit = ModelFit(self.face_model)
        self.rows = table.rows

    def faces(self, size: int) -> Iterator[FaceColumns]:
        return map(_face_columns, self._table.batches(self._kinds, size))

    def check(self, size: int, compare: Compare | None) -> Iterator[int]:
        digest, checks, row = Digest(self.manifest.format), FaceChecks(self._table.file), 0
        for columns in self._table.batches(self._kinds, size):
            embeddings = columns["embedding"]
            checks.add(columns)
            self._check_embeddings(embeddings, row)
            digest.add(columns)
            self.fit.add(embeddings)
            if compare:
                compare(_face_columns(columns))
            row += len(embeddings)
            yield len(embeddings)
        checks.end()
        if digest.of(self.manifest) != self.manifest.checksum:
            raise altered(self._table.file)

    def _check_embeddings(self, embeddings: Any, row: int) -> None:
        if embeddings.dtype != np.float16 or embeddings.shape[1] != self.manifest.dimension:
            raise altered(self._table.file, f": its embeddings are {embeddings.shape[1]} numbers of {embeddings.dtype}")
        if wrong := unsound(embeddings):
            raise InvalidParameter(f"{self._table.file}, row {row + wrong[0] + 1}: embedding is not a unit vector.")


def _face_columns(columns: Columns) -> FaceColumns:
    return FaceColumns(
        face_ids=columns["face_id"],
        image_ids=columns["image_id"],
        external_image_ids=columns["external_image_id"],
        user_ids=columns["user_id"],
        user_created_at=columns["user_created_at"],
        boxes=np.stack([columns[side] for side in BOX], axis=1),
        confidences=columns["confidence"],
        created_at=columns["created_at"],
        embeddings=columns["embedding"],
        utilities=columns.get("utility"),
    )
