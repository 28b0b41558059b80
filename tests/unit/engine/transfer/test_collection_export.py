"""Collections out into a file and in again: nothing is lost, nothing that is wrong comes in."""

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
from transfer_store import BATCH, MODEL, NOW, D, Store, nothing_came, silent, units

from regard.engine.analysis.image_loader import uuid_of
from regard.engine.galleries.user_vectors import vector
from regard.engine.transfer import collection_export, collection_import, integrity
from regard.engine.transfer.collection_export import Archive
from regard.engine.transfer.collection_import import Importer, Target
from regard.errors import InternalServerError, InvalidParameter, ResourceNotFound
from regard.index.embedded.embedded_index import EmbeddedIndex
from regard.media.parquet import ParquetTable
from regard.sync.index_sync import IndexSync

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
    assert table.column_names == list(collection_export.KINDS)
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

    collection_export.export(store.rows, "people", file, write)
    other.bring(file)
    assert other.all("people") == before
    assert len(store.all("people")) > len(before)


def test_an_export_that_fails_leaves_what_was_there(store: Store, file: Path) -> None:
    store.fill()
    file.write_bytes(b"the last one")

    def stop(description: str, done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collection_export.export(store.rows, "people", file, stop)
    assert file.read_bytes() == b"the last one"
    assert not (file.parent / "people.parquet.part").exists()


def test_a_collection_whose_embeddings_differ_in_size_is_not_exported(store: Store, file: Path) -> None:
    store.fill()
    damage(store, "X'0000'")
    with pytest.raises(InternalServerError, match="verify people"):
        store.export(file)
    assert not file.exists()
    with pytest.raises(ResourceNotFound):
        store.export(file, "nobody")


# -- going on --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [1, 2, 3])
def test_an_import_that_was_stopped_goes_on_and_ends_the_same(
    store: Store, other: Store, file: Path, after: int
) -> None:
    store.fill()
    store.export(file)

    def stop(description: str, done: int, total: int | None) -> None:
        if description.startswith("Importing") and done >= after * BATCH:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        other.bring(file, report=stop)
    assert other.rows.users_wanting_vectors(other.collections.get("people")) == 2
    done = other.bring(file)
    assert (done.stored, done.held) == (50 - after * BATCH, after * BATCH)
    assert other.all("people") == store.all("people")
    assert other.bring(file).stored == 0
    assert other.all("people") == store.all("people")


def test_a_transaction_is_made_of_many_pieces(
    store: Store, other: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.fill()
    store.export(file)
    monkeypatch.setattr(collection_import, "PIECE", 5)
    done: list[int] = []
    importer = Importer(other.collections, other.rows, batch=17)
    with closing(ParquetTable(file)) as table:
        archive = Archive(table)
        target = Target(name="people", created_at=NOW, tags=archive.manifest.tags, users_without_faces=[["nobody", 0]])
        importer.run(archive, target, lambda said, count, _: done.append(count) if "Importing" in said else None)
    assert done == [15, 30, 45, 50]
    assert [face for face, _ in other.all("people")[:50]] == [face for face, _ in store.all("people")[:50]]


def test_an_index_that_follows_finds_imported_faces_and_users(store: Store, other: Store, file: Path) -> None:
    store.fill()
    store.export(file)
    index, users_index = EmbeddedIndex(), EmbeddedIndex()
    follower = IndexSync(other.opened, faces_index=index, users_index=users_index)
    follower.rebuild()
    other.bring(file)
    follower.catch_up()
    (hits,) = index.search(other.collections.get("people").key, units(50)[7:8], limit=1, threshold=0.99)
    assert len(hits.keys) == 1
    assert len(users_index.keys(other.collections.get("people").key)) == 2
    assert follower.agreement() == []


def test_a_collection_with_other_faces_is_left_alone_unless_told_to_add(store: Store, other: Store, file: Path) -> None:
    store.fill()
    store.export(file)
    there = other.collections.create("people", MODEL, {}, NOW)
    other.enrol(there, units(4, seed=3), start=500)
    with pytest.raises(InvalidParameter, match="4 faces that the file does not have"):
        other.bring(file)
    assert other.collections.face_count(there.key) == 4
    assert other.bring(file, add=True).stored == 50
    assert other.collections.face_count(there.key) == 54


def test_a_user_who_gains_faces_gets_the_vector_of_all(store: Store, other: Store, file: Path) -> None:
    store.fill()
    store.export(file)
    there = other.collections.create("people", MODEL, {}, NOW)
    other.enrol(there, units(1, seed=9), start=500)
    other.users.create(there.key, "ada", NOW)
    with other.users.changing(there.key, "ada") as change:
        change.join([other.faces.page(there.key, 0, 1)[0].key])
        change.set_vector(units(1, seed=9)[0])
    index, users_index = EmbeddedIndex(), EmbeddedIndex()
    follower = IndexSync(other.opened, faces_index=index, users_index=users_index)
    follower.rebuild()
    other.bring(file, add=True)
    found = other.users.vector(there.key, "ada")
    assert found is not None
    assert np.allclose(found, vector(np.concatenate([units(1, seed=9), units(50)[:3]])), atol=2e-3)
    follower.catch_up()
    assert follower.agreement() == []


def test_a_face_with_another_embedding_or_model_is_refused(store: Store, other: Store, file: Path) -> None:
    store.fill()
    store.export(file)
    there = other.collections.create("people", MODEL, {}, NOW)
    other.enrol(there, units(50, seed=5))
    for add in (False, True):
        with pytest.raises(InvalidParameter, match="with another embedding"):
            other.bring(file, add=add)
    other.collections.create("others", "toy-2", {}, NOW)
    with pytest.raises(InvalidParameter, match="faces of the model toy-2, and the file has faces of toy-1"):
        other.bring(file, "others")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_a_file_that_was_cut_off_is_refused(store: Store, other: Store, file: Path, share: float) -> None:
    store.fill()
    store.export(file)
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InvalidParameter, match=r"people\.parquet"):
        other.bring(file)
    assert nothing_came(other)


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
    with pytest.raises(InvalidParameter, match="cut off or altered"):
        other.bring(file)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 2}, "of the format 2"),
        ({"faces": 49}, "cut off or altered"),
        ({"collection": "strangers"}, "cut off or altered"),
        ({"users_without_faces": []}, "cut off or altered"),
        ({"more": 1}, "cut off or altered"),
        ({"tags": 7}, "cut off or altered"),
    ],
)
def test_what_the_file_says_of_the_collection_is_checked_too(
    store: Store, other: Store, file: Path, change: dict[str, Any], said: str
) -> None:
    store.fill()
    store.export(file)
    table = ParquetTable(file)
    described = table.description("regard") | change
    table.close()
    whole = pq.read_table(file)
    pq.write_table(whole.replace_schema_metadata({"regard": json.dumps(described)}), file)
    with pytest.raises(InvalidParameter, match=said):
        other.bring(file)
    assert nothing_came(other)


def damage(store: Store, blob: str) -> None:
    with store.opened.write() as connection:
        connection.exec_driver_sql(f"UPDATE faces SET embedding = {blob} WHERE key = 7")  # noqa: S608


@pytest.mark.parametrize(
    ("blob", "said"),
    [("X'0000'", "has 2 bytes, the first one 16"), ("zeroblob(16)", "not a unit"), (f"X'{'007E' * 8}'", "not a unit")],
)
def test_unsound_embeddings_in_the_database_are_named(store: Store, blob: str, said: str) -> None:
    collection = store.fill()
    assert integrity.faults(store.rows, collection, silent, 50) == []
    damage(store, blob)
    (fault,) = integrity.faults(store.rows, collection, silent, 50)
    assert said in fault
    assert uuid_of(b"face", b"6") in fault
