"""Soundness: whether faces that come from elsewhere, or lie in the database, are what faces must be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import HalfArray
from regard.domain.galleries import Collection
from regard.domain.reporting import Progress
from regard.errors import InvalidParameter
from regard.media.parquet import Columns
from regard.store.transfer_rows import TransferRows

#: The service model's FaceId and ImageId, ExternalImageId, UserId.
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
#: What each id may be, and whether it may be missing.
_IDS = {
    "face_id": (_UUID, False),
    "image_id": (_UUID, False),
    "external_image_id": (re.compile(r"[a-zA-Z0-9_.\-:]{1,255}"), True),
    "user_id": (re.compile(r"[a-zA-Z0-9_.\-:]{1,128}"), True),
}
#: A box may leave its picture, but not by much more than its size.
_NUMBERS = {**dict.fromkeys(("left", "top", "width", "height"), (-10, 10)), "confidence": (0, 100)}
#: How far from 1 the length of a unit vector may be once it has been rounded to float16.
_ROUNDING = 2e-3
#: The exponent of infinities and of what is no number, in float16's bits: quicker to look at than to ask numpy.
_SPECIAL = 0x7C00
_PIECE = 8192
#: Faults shown of one collection.
_SHOWN = 10


def lengths(embeddings: NDArray[Any]) -> NDArray[np.float32]:
    """The lengths of N×D vectors; what is not finite has a length that is not."""
    rows = embeddings.astype(np.float32, copy=False)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(np.sqrt(np.einsum("nd,nd->n", rows, rows)), np.float32)


def unsound(embeddings: NDArray[Any]) -> list[int]:
    """The rows of N×D that are no unit vectors."""
    return np.flatnonzero(~(np.abs(lengths(embeddings) - 1) <= _ROUNDING)).tolist()


def check_finite(embeddings: HalfArray, file: Path, row: int) -> None:
    """Raises InvalidParameter for an embedding that is not finite; `row` are the rows of the file before these."""
    special = (np.ascontiguousarray(embeddings).view(np.uint16) & _SPECIAL) == _SPECIAL
    if special.any():
        raise InvalidParameter(f"{file}, row {row + int(np.argmax(special.any(axis=1))) + 1}: embedding is not finite.")


def check_columns(columns: Columns, file: Path, row: int) -> None:
    """Raises InvalidParameter for an id that Rekognition's model does not allow, and for what is no box or confidence.

    Columns that are not there are passed over.
    """
    for name, (allowed, optional) in _IDS.items():
        for place, value in enumerate(columns.get(name, ()), row + 1):
            if value is None and not optional:
                raise InvalidParameter(f"{file}, row {place}: {name} is missing.")
            if value is not None and not allowed.fullmatch(value):
                raise InvalidParameter(f"{file}, row {place}: {name} is {value[:300]!r}; allowed is {allowed.pattern}.")
    for name, (least, most) in _NUMBERS.items():
        right = (columns[name] >= least) & (columns[name] <= most) if name in columns else np.ones(1, bool)
        if not right.all():
            place = row + int(np.argmin(right)) + 1
            raise InvalidParameter(f"{file}, row {place}: {name} is not a number from {least} to {most}.")


def faults(rows: TransferRows, collection: Collection, progress: Progress, total: int) -> list[str]:
    """What is wrong with the embeddings that SQL has of a collection, in words; empty when all is well."""
    found, size, after, done = [], 0, -1, 0
    while stored := rows.embeddings(collection, after, _PIECE):
        after, done = stored[-1][0], done + len(stored)
        size = size or len(stored[0][2])
        found += list(_wrong(stored, size))
        progress(f"Reading {collection.id}", done, total)
    said = found[:_SHOWN] + ([f"... and {len(found) - _SHOWN:,} more"] if len(found) > _SHOWN else [])
    if wanting := rows.users_wanting_vectors(collection):
        said.append(f"{wanting:,} users have faces and no vector: an import was not ended; run it again")
    return said


def _wrong(stored: Sequence[tuple[int, str, bytes]], size: int) -> Iterator[str]:
    whole = [each for each in stored if len(each[2]) == size and size % 2 == 0]
    for _, face_id, embedding in stored:
        if len(embedding) != size or size % 2:
            yield f"face {face_id}: the embedding has {len(embedding)} bytes, the first one {size}"
    if whole:
        vectors = np.frombuffer(b"".join(each[2] for each in whole), "<f2").reshape(len(whole), -1)
        for row in unsound(vectors):
            yield f"face {whole[row][1]}: the embedding is not a unit vector"
