"""A Parquet file of embeddings that was not exported by Regard, read as faces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import numpy as np

from regard.domain.arrays import HalfArray
from regard.domain.instants import microseconds
from regard.engine.transfer.archive import Compare
from regard.engine.transfer.face_checks import FaceChecks
from regard.engine.transfer.integrity import lengths
from regard.engine.transfer.manifest import BOX, kinds_of
from regard.engine.transfer.model_fit import ModelFit
from regard.errors import InvalidParameter
from regard.media.parquet import ParquetTable
from regard.media.parquet_columns import Columns
from regard.store.transfer_rows import FaceColumns

#: A shorter vector has no direction.
_SHORTEST = 1e-6
#: The length of a UUID as text, and the places of its digits.
_UUID = 36
_DIGITS = [place for place in range(_UUID) if place not in (8, 13, 18, 23)]


class EmbeddingsFile:
    """Embeddings of `face_model` to import. They are scaled to unit length; a face without a box is the whole picture.

    Missing ids are computed from the rest of the row: the same row has the same ids wherever it is imported. Raises
    InvalidParameter for a file without embeddings.
    """

    def __init__(self, table: ParquetTable, face_model: str, dimension: int | None, now: datetime) -> None:
        self._table = table
        self._kinds = kinds_of(table)
        if "embedding" not in self._kinds:
            raise InvalidParameter(
                f"{table.file} has no column `embedding`, only {', '.join(table.columns)[:300] or 'none'}."
            )
        if (sides := [name for name in BOX if name in self._kinds]) and len(sides) < len(BOX):
            raise InvalidParameter(f"{table.file} has {', '.join(sides)} without the other sides of the box.")
        self._dimension = dimension
        self._now = microseconds(now)
        self.face_model = face_model
        self.fit = ModelFit(face_model)
        self.rows = table.rows
        self.ignored = [name for name in table.columns if name not in self._kinds]

    def faces(self, size: int) -> Iterator[FaceColumns]:
        return map(self._faces, self._table.batches(self._kinds, size))

    def check(self, size: int, compare: Compare | None) -> Iterator[int]:
        checks, row = FaceChecks(self._table.file), 0
        for columns in self._table.batches(self._kinds, size):
            long = self._lengths(columns["embedding"], row)
            checks.add(columns)
            self.fit.add(columns["embedding"] / long[:, None])
            if compare:
                compare(self._faces(columns))
            row += len(long)
            yield len(long)
        checks.end()

    def _lengths(self, embeddings: Any, row: int) -> Any:
        """The lengths of N×D embeddings. Raises InvalidParameter if they have the wrong size or no direction."""
        size = embeddings.shape[1]
        self._dimension = self._dimension or size
        if size != self._dimension or size == 0:
            raise InvalidParameter(
                f"{self._table.file}, row {row + 1}: embedding has {size} numbers, not {self._dimension}."
            )
        long = lengths(embeddings)
        if (wrong := np.flatnonzero(~np.isfinite(long) | (long < _SHORTEST))).size:
            at = int(wrong[0])
            reason = "is zero" if long[at] < _SHORTEST else "has a number that is not finite, or far too large"
            raise InvalidParameter(f"{self._table.file}, row {row + at + 1}: embedding {reason}.")
        return long

    def _faces(self, columns: Columns) -> FaceColumns:
        units = _units(columns["embedding"])
        count = len(units)
        nothing: list[Any] = [None] * count
        external = columns.get("external_image_id", nothing)
        image_ids, face_ids = columns.get("image_id"), columns.get("face_id")
        contents = units.view(f"V{2 * units.shape[1]}").ravel().tolist()
        if image_ids is None:  # then face ids are hashed from it, which is shorter than the embedding
            image_ids = _uuids([b"image\0" + row for row in contents])
            contents = [image_id.encode() for image_id in image_ids]
        if face_ids is None:
            start = f"face\0{self.face_model}\n"
            face_ids = _uuids(
                [f"{start}{name or ''}\n".encode() + row for name, row in zip(external, contents, strict=True)]
            )
        boxes = [columns[side] for side in BOX] if BOX[0] in columns else np.tile([[0.0], [0], [1], [1]], count)
        return FaceColumns(
            face_ids=face_ids,
            image_ids=image_ids,
            external_image_ids=external,
            user_ids=nothing,
            user_created_at=nothing,
            boxes=np.stack(list(boxes), axis=1),
            confidences=columns.get("confidence", np.full(count, 100.0)),
            created_at=[self._now] * count,
            embeddings=units,
        )


def _units(embeddings: Any) -> HalfArray:
    rows = embeddings / lengths(embeddings)[:, None]
    return np.asarray(rows, "<f2")


def _uuids(contents: Sequence[bytes]) -> list[str]:
    """`image_loader.uuid_of` of many at once; each content begins with the kind and a zero byte."""
    digests = b"".join([sha256(content).digest()[:16] for content in contents])
    ids = np.frombuffer(bytearray(digests), np.uint8).reshape(-1, 16)
    ids[:, 6] = ids[:, 6] & 0x0F | 0x50  # version 5
    ids[:, 8] = ids[:, 8] & 0x3F | 0x80  # the variant of RFC 9562
    texts = np.full((len(ids), _UUID), ord("-"), np.uint32)
    texts[:, _DIGITS] = np.frombuffer(ids.tobytes().hex().encode(), np.uint8).reshape(-1, len(_DIGITS))
    written: list[str] = texts.view(f"U{_UUID}").ravel().tolist()
    return written
