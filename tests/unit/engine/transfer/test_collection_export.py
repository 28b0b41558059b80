"""Collections out into a file: nothing is lost, and a file that is not what was exported is seen to be none."""

from __future__ import annotations

import json
import random
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from transfer_store import MODEL, NOW, D, Store, nothing_came, silent, units

from regard.domain.authority import Action
from regard.engine.transfer import collection_export
from regard.engine.transfer.manifest import KINDS, Digest, is_archive, kinds, read_manifest
from regard.errors import InternalServerError, InvalidParameter, ResourceNotFound
from regard.media.parquet import ParquetTable

# -- out and in ------------------------------------------------------------------------------------------------------


def test_a_collection_comes_out_of_a_file_as_it_went_in(store: Store, other: Store, file: Path) -> None:
    store.fill()
    exported = store.export(file)
    done = other.bring(file)
    assert (done.stored, done.held) == (50, 0)
    assert other.all("people") == store.all("people")
    collection = other.collections.get("people")
    assert (collection.tags, collection.face_model, collection.created_at) == ({"site": "Ålesund"}, MODEL, NOW)
    assert other.export(file).checksum == exported.checksum


def test_what_is_known_of_a_face_s_utility_travels_with_it(store: Store, other: Store, file: Path) -> None:
    collection = store.fill()
    store.enrol(collection, units(2, seed=5), start=1000, utility=62.5)
    store.export(file)
    other.bring(file)
    known = {face.utility for face in other.faces.page(other.collections.get("people").key, 0, 100)}
    assert known == {None, 62.5}


def test_an_archive_of_before_there_was_utility_is_read(store: Store, other: Store, file: Path) -> None:
    store.fill()
    store.export(file)
    table = ParquetTable(file)
    manifest = read_manifest(table).model_copy(update={"format": 1})
    digest = Digest(1)
    for columns in table.batches(kinds(1), 100):
        digest.add(columns)
    table.close()
    old = manifest.model_copy(update={"checksum": digest.of(manifest)})
    whole = pq.read_table(file).drop_columns(["utility"])
    pq.write_table(whole.replace_schema_metadata({"regard": old.model_dump_json()}), file)
    assert other.bring(file).stored == 50
    assert other.all("people") == store.all("people")


def test_an_empty_collection_travels_too(store: Store, other: Store, file: Path) -> None:
    store.collections.create("people", MODEL, {}, NOW)
    assert store.export(file).faces == 0
    assert other.bring(file).stored == 0
    assert other.collections.face_count(other.collections.get("people").key) == 0


def test_the_file_is_its_owners_alone_and_nothing_lies_beside_it(store: Store, file: Path) -> None:
    store.fill()
    (file.parent / "people.parquet.part").write_bytes(b"of an export that was killed")
    store.export(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir() if "parquet" in path.name] == ["people.parquet"]


def test_the_file_says_to_any_reader_what_it_holds(store: Store, file: Path) -> None:
    store.fill()
    store.export(file)
    table = pq.read_table(file)
    assert table.column_names == list(KINDS)
    assert table.schema.field("embedding").type == pa.list_(pa.float16(), D)
    first = table.slice(1, 1).to_pylist()[0]
    assert (first["external_image_id"], first["user_id"], first["created_at"]) == ("photo-1.jpg", "ada", NOW)
    assert np.allclose(np.array(first["embedding"], np.float32), units(50)[1], atol=1e-3)


def test_what_is_written_during_an_export_is_not_in_it(
    store: Store, other: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = store.fill()
    before = store.all("people")
    monkeypatch.setattr(collection_export, "ROWS", 20)

    def write(description: str, done: int, total: int | None) -> None:
        if done == collection_export.ROWS:
            store.enrol(collection, units(30, seed=1), start=1000)
            store.faces.delete(collection.key, [store.faces.page(collection.key, 0, 50)[-1].face_id])

    store.export(file, report=write)
    other.bring(file)
    assert other.all("people") == before
    assert len(store.all("people")) > len(before)


def test_an_export_that_fails_leaves_what_was_there(store: Store, file: Path) -> None:
    store.fill()
    file.write_bytes(b"the last one")

    def stop(description: str, done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.export(file, report=stop)
    assert file.read_bytes() == b"the last one"
    assert not (file.parent / "people.parquet.part").exists()


def test_a_collection_whose_embeddings_differ_in_size_is_not_exported(store: Store, file: Path) -> None:
    store.fill()
    store.damage("X'0000'")
    with pytest.raises(InternalServerError, match="verify people"):
        store.export(file)
    assert not file.exists()
    with pytest.raises(ResourceNotFound):
        store.export(file, "nobody")


# -- a file that is not what was exported --------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_a_file_that_was_cut_off_is_refused(store: Store, other: Store, file: Path, share: float) -> None:
    store.fill()
    store.export(file)
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InvalidParameter, match=r"people\.parquet"):
        other.bring(file)
    assert nothing_came(other)


@pytest.mark.slow
def test_a_flipped_bit_is_found_or_changes_nothing(store: Store, other: Store, file: Path) -> None:
    store.fill()
    store.export(file)
    content, whole = file.read_bytes(), store.all("people")
    draw = random.Random(0)  # noqa: S311
    refused = 0
    for number in range(120):
        changed = bytearray(content)
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
        file.write_bytes(changed)
        name = f"try-{number}"
        try:
            other.bring(file, name)
        except InvalidParameter:
            refused += 1
            with pytest.raises(ResourceNotFound):
                other.collections.get(name)
        else:
            assert other.all(name) == whole
    assert refused > 60


def test_an_embedding_that_was_altered_is_found_though_the_file_is_sound(
    store: Store, other: Store, file: Path
) -> None:
    store.fill()
    store.export(file)
    table = pq.read_table(file).replace_schema_metadata({"regard": pq.read_metadata(file).metadata[b"regard"]})
    pq.write_table(table, file)  # packed anew, the same content
    assert other.bring(file, "same").stored == 50
    embeddings = np.array(table["embedding"].to_pylist(), np.float16)
    embeddings[[3, 4]] = embeddings[[4, 3]]
    swapped = pa.FixedSizeListArray.from_arrays(pa.array(embeddings.ravel()), D)
    place = table.column_names.index("embedding")
    pq.write_table(table.set_column(place, table.schema.field("embedding"), swapped), file)
    with pytest.raises(InvalidParameter, match="truncated or altered"):
        other.bring(file)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 3}, "has format 3"),
        ({"format": 1}, "truncated or altered"),
        ({"faces": 49}, "truncated or altered"),
        ({"collection": "strangers"}, "truncated or altered"),
        ({"users_without_faces": []}, "truncated or altered"),
        ({"more": 1}, "truncated or altered"),
        ({"tags": 7}, "truncated or altered"),
    ],
)
def test_what_the_file_says_of_the_collection_is_checked_too(
    store: Store, other: Store, file: Path, change: dict[str, Any], said: str
) -> None:
    store.fill()
    store.export(file)
    table = ParquetTable(file)
    described = json.loads(table.note("regard") or b"") | change
    table.close()
    whole = pq.read_table(file)
    pq.write_table(whole.replace_schema_metadata({"regard": json.dumps(described)}), file)
    with pytest.raises(InvalidParameter, match=said):
        other.bring(file)
    assert nothing_came(other)


def test_a_file_of_anything_else_is_no_archive(store: Store, file: Path) -> None:
    store.fill()
    store.export(file)
    assert archive_of(file)
    pq.write_table(pa.table({"embedding": [[1.0]]}), file)
    assert not archive_of(file)


def archive_of(file: Path) -> bool:
    with closing(ParquetTable(file)) as table:
        return is_archive(table)


# -- the gate --------------------------------------------------------------------------------------------------------


def test_the_door_opens_to_no_grant_for_another_act_or_collection(store: Store, file: Path) -> None:
    store.fill()
    store.granting.opens_only_to(
        Action.EXPORT, "people", lambda grant: store.exports.export(grant, "people", file, silent)
    )
    assert not file.exists()
