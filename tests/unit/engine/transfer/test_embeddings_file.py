"""Embeddings of others, from a Parquet file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from transfer_store import MODEL, D, Store, nothing_came, units

from regard.domain.images import Box
from regard.engine.analysis.image_loader import uuid_of
from regard.errors import InvalidParameter


def write_plain(file: Path, embeddings: Any, **columns: Any) -> None:
    pq.write_table(pa.table({"embedding": embeddings, **columns}), file)


def test_embeddings_alone_are_enough(store: Store, file: Path) -> None:
    vectors = units(40)
    write_plain(file, list((vectors * 3).tolist()))
    assert store.embeddings(file).stored == 40
    key = store.collections.get("plain").key
    found = store.faces.page(key, 0, 100)
    content = vectors[0].astype("<f2").tobytes()
    assert found[0].image_id == uuid_of(b"image", content)
    assert found[0].face_id == uuid_of(b"face", f"{MODEL}\n\n{found[0].image_id}".encode())
    assert (found[0].box, found[0].confidence) == (Box(left=0, top=0, width=1, height=1), 100)
    for face, wanted in zip(found, vectors, strict=True):
        embedding = store.faces.embedding(key, face.face_id)
        assert embedding is not None
        assert embedding @ wanted > 0.9999
    assert store.embeddings(file).held == 40


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.float64()])
@pytest.mark.parametrize("wrap", [pa.list_, pa.large_list, lambda kind: pa.list_(kind, D)])
def test_embeddings_may_be_lists_of_any_floating_point_kind(
    store: Store, file: Path, kind: Any, wrap: Callable[[Any], Any]
) -> None:
    numbers = pa.array(units(20).astype(np.float16).ravel()).cast(kind)
    lists = pa.FixedSizeListArray.from_arrays(numbers, D).cast(wrap(kind))
    write_plain(file, lists)
    assert store.embeddings(file, dimension=D).stored == 20


def test_the_other_columns_are_kept(store: Store, file: Path) -> None:
    ids = [uuid_of(b"face", bytes([row])) for row in range(20)]
    sides = {side: [0.25] * 20 for side in ("left", "top", "width", "height")}
    external = pa.array([f"p:{row}" for row in range(20)]).dictionary_encode()
    write_plain(file, units(20).tolist(), face_id=ids, external_image_id=external, confidence=[98.5] * 20, **sides)
    store.embeddings(file)
    found = store.faces.page(store.collections.get("plain").key, 0, 100)
    assert [face.face_id for face in found] == ids
    assert [face.external_image_id for face in found] == [f"p:{row}" for row in range(20)]
    assert (found[3].box, found[3].confidence) == (Box(left=0.25, top=0.25, width=0.25, height=0.25), 98.5)


def test_faces_of_one_picture_have_ids_of_their_own_and_a_row_that_is_there_twice_is_stored_once(
    store: Store, file: Path
) -> None:
    vectors = units(20)
    write_plain(file, vectors[[*range(20), 3]].tolist(), image_id=[uuid_of(b"image", b"one")] * 21)
    assert store.embeddings(file).stored == 20


def spoiled(row: int, value: Any) -> list[Any]:
    vectors: list[Any] = units(40).tolist()
    vectors[row] = value
    return vectors


@pytest.mark.parametrize(
    ("embeddings", "columns", "said"),
    [
        (spoiled(20, [0.0] * D), {}, "row 21: embedding is zero"),
        (spoiled(20, [float("nan")] * D), {}, "row 21: embedding has a number that is not finite"),
        (spoiled(20, [float("inf")] + [0.0] * 7), {}, "row 21: embedding has a number that is not finite"),
        (spoiled(20, [1.0] * 7), {}, "row 21: embedding has 7 numbers"),
        (spoiled(20, None), {}, "row 21: embedding is missing"),
        (spoiled(20, [None] + [1.0] * 7), {}, "row 21: a number of embedding is missing"),
        (units(3, dimension=4).tolist(), {}, "row 1: embedding has 4 numbers, not 8"),
        ([[1] * D] * 3, {}, "not lists of floating-point numbers"),
        ([1.0, 2.0], {}, "not lists of floating-point numbers"),
        (units(2).tolist(), {"external_image_id": ["a b", "c"]}, "row 1: external_image_id is 'a b'"),
        (units(2).tolist(), {"face_id": ["x", None]}, "row 1: face_id is 'x'"),
        (units(2).tolist(), {"face_id": [uuid_of(b"", b""), None]}, "row 2: face_id is missing"),
        (units(2).tolist(), {"face_id": [uuid_of(b"", b"")] * 2}, "row 2: face_id is the same as in row 1"),
        (units(2).tolist(), {"confidence": [1.0, 101.0]}, "row 2: confidence is not a number from 0 to 100"),
        (units(2).tolist(), {"confidence": [1.0, None]}, "row 2: confidence is missing"),
        (units(2).tolist(), {"left": [0.1, 0.1]}, "has left without the other sides"),
    ],
)
def test_what_cannot_be_a_face_is_refused_with_its_row(
    store: Store, file: Path, embeddings: Any, columns: dict[str, Any], said: str
) -> None:
    write_plain(file, embeddings, **columns)
    with pytest.raises(InvalidParameter, match=said):
        store.embeddings(file, dimension=D)
    assert nothing_came(store)


def test_a_file_without_embeddings_or_that_is_none_is_refused(store: Store, file: Path) -> None:
    pq.write_table(pa.table({"vector": [[1.0]]}), file)
    with pytest.raises(InvalidParameter, match="no column `embedding`, only vector"):
        store.embeddings(file)
    with pytest.raises(InvalidParameter, match="was not exported by Regard"):
        store.bring(file)
    file.write_bytes(b"\xff\xd8 a photograph")
    with pytest.raises(InvalidParameter, match="not a Parquet file"):
        store.embeddings(file)
