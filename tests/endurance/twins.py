"""Faces by the hundred thousand: two pictures of each person, so that a search by one finds the other if it is there.

They are drawn from the codebook of the default embedder: a choice of it in every group is a person, noise makes two
pictures of that. The codes then describe them about as well as they describe real faces.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from regard.domain.arrays import FloatArray
from regard.index.embedded import codebook
from regard.index.embedded.codebook import Codebook

#: Of the spread within a group; the cosines of two pictures of a person then lie between 0.7 and 0.95.
NOISE = 0.4
_BATCH = 8192


def face_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


def twin(number: int) -> int:
    """Whoever else this person is."""
    return number ^ 1


def write(file: Path, count: int, version: str) -> None:
    """A Parquet file of so many faces, an even number, of this embedder's version."""
    known = codebook.of(version)
    assert known is not None
    schema = pa.schema([("face_id", pa.string()), ("embedding", pa.list_(pa.float16(), known.dimension))])
    with pq.ParquetWriter(file, schema, use_dictionary=False, compression="NONE") as writer:
        for start in range(0, count, _BATCH):
            vectors = _drawn(known, min(_BATCH, count - start), seed=start).astype(np.float16)
            ids = [face_id(number) for number in range(start, start + len(vectors))]
            lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), known.dimension)
            writer.write_table(pa.table([ids, lists], schema=schema))


def _drawn(known: Codebook, count: int, seed: int) -> FloatArray:
    rng = np.random.default_rng(seed)
    groups, choices, _ = known.centroids.shape
    people = known.centroids[np.arange(groups), rng.integers(0, choices, (count // 2, groups))]
    pictures = np.repeat(people, 2, axis=0)
    pictures = pictures + NOISE * known.centroids.std(axis=1) * rng.standard_normal(pictures.shape, np.float32)
    return np.asarray(pictures.reshape(count, -1) @ known.projection.T, np.float32)
