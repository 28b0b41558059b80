"""Collections out into a file and in again: nothing is lost, nothing that is wrong comes in."""

from __future__ import annotations

import json
import random
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regard.domain import Box, Collection, FloatArray
from regard.engine import archives, imports, soundness
from regard.engine.archives import Archive, Manifest
from regard.engine.imports import Imported, Importer, Target
from regard.engine.people import vector
from regard.engine.pictures import uuid_of
from regard.engine.precomputed import Precomputed
from regard.errors import InternalServerError, InvalidParameter, ResourceNotFound
from regard.media.parquet import ParquetTable
from regard.store import database
from regard.store.archive_rows import ArchiveRows
from regard.store.collection_rows import CollectionRows
from regard.store.database import Database
from regard.store.face_rows import FaceRows, NewFace
from regard.store.follower import Follower
from regard.store.user_rows import UserRows
from regard.store.vectors_embedded import EmbeddedIndex

NOW = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
D, BATCH = 8, 16
MODEL = "toy-1"


def silent(description: str, done: int, total: int | None) -> None:
    """No progress."""


def units(count: int, seed: int = 0, dimension: int = D) -> FloatArray:
    vectors = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


@dataclass
class Store:
    """A database with what this file asks of it."""

    opened: Database

    def __post_init__(self) -> None:
        self.collections = CollectionRows(self.opened)
        self.faces = FaceRows(self.opened)
        self.users = UserRows(self.opened)
        self.rows = ArchiveRows(self.opened)
        self.importer = Importer(self.collections, self.rows, batch=BATCH)

    def fill(self, name: str = "people", count: int = 50) -> Collection:
        """A collection with tags, faces of all kinds, two users with faces and one without."""
        collection = self.collections.create(name, MODEL, {"site": "Ålesund"}, NOW)
        self.enrol(collection, units(count))
        for number, user_id in enumerate(("ada", "bob", "nobody")):
            self.users.create(collection.key, user_id, NOW + timedelta(seconds=number))
        ids = [face.face_id for face in self.faces.page(collection.key, 0, 5)]
        for user_id, theirs in (("ada", ids[:3]), ("bob", ids[3:])):
            with self.users.changing(collection.key, user_id) as change:
                change.join([each.key for each in change.candidates(theirs).values()])
                embeddings = change.embeddings()
                assert embeddings is not None
                change.set_vector(vector(embeddings))
        return collection

    def enrol(self, collection: Collection, embeddings: FloatArray, start: int = 0) -> None:
        new = [
            NewFace(
                face_id=uuid_of(b"face", str(start + row).encode()),
                image_id=uuid_of(b"image", str(row // 3).encode()),
                external_image_id=None if row % 4 == 0 else f"photo-{row}.jpg",
                box=Box(left=row / 100, top=0.1, width=1 / 3, height=-0.01),
                confidence=99.123456,
            )
            for row in range(len(embeddings))
        ]
        self.faces.add(collection.key, new, embeddings, MODEL, NOW)

    def all(self, name: str) -> list[tuple[Any, ...]]:
        """All that a client or the index can learn of a collection, without keys."""
        key = self.collections.get(name).key
        return [
            *(
                (replace(face, key=0), self.faces.embedding(key, face.face_id).tolist())  # type: ignore[union-attr]
                for face in self.faces.page(key, 0, 10_000)
            ),
            *sorted(
                (user.id, user.status, None if (found := self.users.vector(key, user.id)) is None else found.tolist())
                for user in self.users.page(key, 0, 100)
            ),
        ]

    def export(self, file: Path, name: str = "people") -> Manifest:
        return archives.export(self.rows, name, file, silent)

    def bring(self, file: Path, name: str = "people", *, add: bool = False, report: Any = silent) -> Imported:
        table = ParquetTable(file)
        try:
            archive = Archive(table)
            about = archive.manifest
            target = Target(
                name=name,
                created_at=NOW,
                tags=about.tags,
                users_without_faces=about.users_without_faces,
                adding=add,
            )
            return self.importer.run(archive, target, report)
        finally:
            table.close()

    def embeddings(self, file: Path, name: str = "plain", dimension: int | None = None) -> Imported:
        table = ParquetTable(file)
        try:
            return self.importer.run(
                Precomputed(table, MODEL, dimension, NOW), Target(name=name, created_at=NOW), silent
            )
        finally:
            table.close()


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[Callable[[str], Store]]:
    opened: list[Database] = []

    def call(name: str) -> Store:
        opened.append(database.open(f"sqlite:///{tmp_path / name}.db"))
        return Store(opened[-1])

    yield call
    for each in opened:
        each.close()


@pytest.fixture
def store(open_store: Callable[[str], Store]) -> Store:
    return open_store("here")


@pytest.fixture
def other(open_store: Callable[[str], Store]) -> Store:
    return open_store("there")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "people.parquet"


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
    assert table.column_names == list(archives.KINDS)
    assert table.schema.field("embedding").type == pa.list_(pa.float16(), D)
    first = table.slice(1, 1).to_pylist()[0]
    assert (first["external_image_id"], first["user_id"], first["created_at"]) == ("photo-1.jpg", "ada", NOW)
    assert np.allclose(np.array(first["embedding"], np.float32), units(50)[1], atol=1e-3)


def test_what_is_written_during_an_export_is_not_in_it(
    store: Store, other: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = store.fill()
    before = store.all("people")
    monkeypatch.setattr(archives, "ROWS", 20)

    def write(description: str, done: int, total: int | None) -> None:
        if done == archives.ROWS:
            store.enrol(collection, units(30, seed=1), start=1000)
            store.faces.delete(collection.key, [store.faces.page(collection.key, 0, 50)[-1].face_id])

    archives.export(store.rows, "people", file, write)
    other.bring(file)
    assert other.all("people") == before
    assert len(store.all("people")) > len(before)


def test_an_export_that_fails_leaves_what_was_there(store: Store, file: Path) -> None:
    store.fill()
    file.write_bytes(b"the last one")

    def stop(description: str, done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        archives.export(store.rows, "people", file, stop)
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
    monkeypatch.setattr(imports, "PIECE", 5)
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
    follower = Follower(other.opened, faces_index=index, users_index=users_index)
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
    follower = Follower(other.opened, faces_index=index, users_index=users_index)
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


# -- damage ----------------------------------------------------------------------------------------------------------


def nothing_came(other: Store) -> bool:
    return other.collections.page(0, 10) == []


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
    assert soundness.faults(store.rows, collection, silent, 50) == []
    damage(store, blob)
    (fault,) = soundness.faults(store.rows, collection, silent, 50)
    assert said in fault
    assert uuid_of(b"face", b"6") in fault


# -- embeddings of others --------------------------------------------------------------------------------------------


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
        (units(2).tolist(), {"face_id": [uuid_of(b"", b"")] * 2}, "row 2: the face_id of row 1 again"),
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
