"""Three feeds in one suite: the codebook that comes with Regard, another of as many numbers, and none.

Nothing in the package knows the last two: a feed is a table, an index, and where the name of its model stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from granting import Granting
from sqlalchemy import Column, LargeBinary, MetaData, String, Table, delete, insert, update
from stores import NOW, Store
from toy_shared import ToyShared

from regard.domain.arrays import FloatArray
from regard.domain.authority import Action
from regard.domain.galleries import MILVUS, Collection
from regard.engine.transfer.index_migration import IndexMigration
from regard.index.embedded import codebook
from regard.index.embedded.codebook import Codebook
from regard.index.embedded.embedded_index import EmbeddedIndex
from regard.index.milvus.milvus_index import MilvusIndex, MilvusOptions
from regard.index.vector_index import SharedIndex, VectorIndex
from regard.store.deletion_rows import note_deleted
from regard.store.embeddings import packed
from regard.store.feed_tables import FeedTable
from regard.store.model_rows import ModelRows
from regard.store.move_rows import MoveRows
from regard.store.tables.collections import collections
from regard.store.tables.columns import Key
from regard.store.vector_rows import VectorRows
from regard.sync.feed import Feed
from regard.sync.index_sync import IndexSync
from regard.sync.shared_sync import SharedSync

#: The version of the default embedder.
KNOWN = "fr-feature-87aacdfe"
OTHER, SMALL = "pictures-1", "objects-1"
D = 512
#: Of each feed in each collection; enough for two segments.
COUNT = 600

_METADATA = MetaData()
_MODELS = Table(
    "feed_models",
    _METADATA,
    Column("key", Key, primary_key=True, autoincrement=False),
    Column("pictures", String(32)),
    Column("objects", String(32)),
)


def _table(feed: str, model: Column[str], *, replaces: bool = False) -> FeedTable:
    columns = [Column("key", Key, primary_key=True), Column("collection_key", Key), Column("embedding", LargeBinary)]
    table = Table(f"{feed}_vectors", _METADATA, *columns, sqlite_autoincrement=True)
    return FeedTable(feed=feed, table=table, model=model, replaces=replaces)


FEEDS = (
    _table("heads", collections.c.face_model),
    _table("pictures", _MODELS.c.pictures, replaces=True),
    _table("objects", _MODELS.c.objects),
)
NAMES = [feed.feed for feed in FEEDS]


def likenesses(directions: FloatArray, count: int, seed: int) -> FloatArray:
    """N×D unit vectors in the space of D×K directions, four of a kind."""
    rng = np.random.default_rng(seed)
    kinds = np.repeat(rng.standard_normal((-(-count // 4), directions.shape[1]), np.float32), 4, axis=0)[:count]
    share = np.sqrt(rng.beta(6, 3, (count, 1))).astype(np.float32)
    mixed = share * kinds + np.sqrt(1 - share**2) * rng.standard_normal(kinds.shape, np.float32)
    vectors = mixed @ directions.T
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


@cache
def other_directions() -> FloatArray:
    random = np.random.default_rng(7).standard_normal((D, 96))
    return np.asarray(np.linalg.qr(random)[0], np.float32)


@cache
def other_codebook() -> Codebook:
    return codebook.train(likenesses(other_directions(), 6000, seed=8))


def codebook_of(version: str | None) -> Codebook | None:
    return other_codebook() if version == OTHER else codebook.of(version)


def vectors_of(feed: str, seed: int) -> FloatArray:
    known = codebook.of(KNOWN)
    assert known
    directions = {"heads": known.projection, "pictures": other_directions(), "objects": np.eye(8, dtype=np.float32)}
    return likenesses(directions[feed], COUNT, seed)


class Server:
    """A server with three feeds."""

    def __init__(self, store: Store, indexes: Sequence[VectorIndex], shared: Sequence[SharedIndex] = ()) -> None:
        self.database = store.database
        self.indexes = dict(zip(NAMES, indexes, strict=True))
        feeds = [Feed(table=table, index=index) for table, index in zip(FEEDS, indexes, strict=True)]
        theirs = [Feed(table=table, index=index) for table, index in zip(FEEDS, shared, strict=False)]
        self.shared = SharedSync(store.database, theirs) if theirs else None
        self.sync = IndexSync(store.database, feeds, shared=self.shared)

    def add(self, collection: Collection, seed: int) -> None:
        for feed in FEEDS:
            blobs = packed(vectors_of(feed.feed, seed))
            with self.database.write() as connection:
                rows = [{"collection_key": collection.key, "embedding": blob} for blob in blobs]
                connection.execute(insert(feed.table), rows)
        self.sync.follow(collection)

    def delete(self, feed: FeedTable, collection: Collection, keys: Sequence[int]) -> None:
        with self.database.write() as connection:
            note_deleted(connection, collection.key, feed.feed, keys)
            connection.execute(delete(feed.table).where(feed.table.c.key.in_(keys)))
        self.sync.follow(collection)


def found_by_themselves(server: Server, feed: FeedTable, collection: Collection, rounding: float) -> list[int]:
    """The keys of all vectors of a feed in a collection, each of which finds itself first."""
    stored = VectorRows(server.database, feed).of(collection.key, 0, 10_000)
    assert stored is not None
    found = server.sync.search(feed.feed, collection.key, stored.embeddings, limit=5, threshold=0.3)
    assert [int(hits.keys[0]) for hits in found] == stored.keys.tolist()
    np.testing.assert_allclose([hits.cosines[0] for hits in found], 1, atol=rounding)
    exact = stored.embeddings[np.searchsorted(stored.keys, found[0].keys)] @ stored.embeddings[0]
    np.testing.assert_allclose(found[0].cosines, exact, atol=2 * rounding)
    return stored.keys.tolist()


@pytest.fixture
def feeds_store(store: Store) -> Store:
    with store.database.write() as connection:
        _METADATA.create_all(connection)
    return store


@pytest.fixture
def made(feeds_store: Store) -> Callable[[str], Collection]:
    """Makes collections, each with the models of its vectors."""

    def make(name: str) -> Collection:
        collection = feeds_store.collections.create(name, KNOWN, {}, NOW)
        with feeds_store.database.write() as connection:
            row = {"key": collection.key, "pictures": OTHER, "objects": SMALL}
            connection.execute(insert(_MODELS).values(row))
        return collection

    return make


@pytest.fixture
def sealed(feeds_store: Store, tmp_path: Path) -> Iterator[Callable[[], list[EmbeddedIndex]]]:
    """Opens an embedded index for each feed, as a process that starts does."""
    with ExitStack() as end:

        def opened() -> list[EmbeddedIndex]:
            end.close()
            indexes = []
            for feed in FEEDS:
                versions = ModelRows(feeds_store.database.committed(), feed)
                index = EmbeddedIndex(
                    lambda key, versions=versions: codebook_of(versions.version(key)),
                    tmp_path / feed.feed,
                    seal=256,
                    threads=2,
                )
                indexes.append(end.enter_context(closing(index)))
            return indexes

        yield opened


@pytest.mark.slow
def test_every_vector_of_every_feed_finds_itself(feeds_store, made, sealed):
    server, staff, guests = Server(feeds_store, sealed()), made("staff"), made("guests")
    for seed, collection in ((1, staff), (2, guests), (3, staff)):
        server.add(collection, seed)
    assert all(index.quiet(60) for index in server.indexes.values())
    sealed_in = {name: sorted(index.resume().sealed) for name, index in server.indexes.items()}
    both = [staff.key, guests.key]
    assert sealed_in == {"heads": both, "pictures": both, "objects": []}
    for feed in FEEDS:
        rounding = 1e-6 if feed.feed == "objects" else 2e-4
        assert len(found_by_themselves(server, feed, staff, rounding)) == 2 * COUNT
        assert len(found_by_themselves(server, feed, guests, rounding)) == COUNT
    assert server.sync.agreement() == []


@pytest.mark.slow
def test_each_feed_goes_on_from_its_files_and_forgets_its_own(feeds_store, made, sealed):
    server, staff = Server(feeds_store, sealed()), made("staff")
    server.add(staff, 1)
    assert all(index.quiet(60) for index in server.indexes.values())
    server.delete(FEEDS[1], staff, [1, 2, 3])
    server = Server(feeds_store, sealed())
    assert [bool(index.resume().sealed) for index in server.indexes.values()] == [True, True, False]
    server.sync.rebuild()
    server.delete(FEEDS[2], staff, [7])
    kept = {feed.feed: found_by_themselves(server, feed, staff, 2e-4) for feed in FEEDS}
    assert [len(keys) for keys in kept.values()] == [COUNT, COUNT - 3, COUNT - 1]
    assert server.sync.agreement() == []


def test_files_under_the_codebook_of_another_model_are_never_used(feeds_store, made, sealed):
    server, staff = Server(feeds_store, sealed()), made("staff")
    server.add(staff, 1)
    assert all(index.quiet(60) for index in server.indexes.values())
    with feeds_store.database.write() as connection:  # as where the database of another home was put in its place
        connection.execute(update(_MODELS).values(pictures=KNOWN))
        connection.execute(update(collections).values(face_model=SMALL))
    indexes = sealed()
    assert [dict(index.resume().sealed) for index in indexes] == [{}, {}, {}]
    assert [index.collections() for index in indexes] == [[], [], []]
    server = Server(feeds_store, indexes)
    server.sync.rebuild()
    for feed in (FEEDS[0], FEEDS[2]):
        found_by_themselves(server, feed, staff, 1e-6)


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("where", ["toy", "milvus-lite"])
@pytest.mark.slow
def test_a_collection_moves_into_a_shared_index_with_all_its_feeds(feeds_store, made, tmp_path, where):
    with ExitStack() as end:
        shared: list[SharedIndex] = [ToyShared() for _ in FEEDS]
        if where == "milvus-lite":
            options = MilvusOptions(uri=str(tmp_path / "lite.db"))
            originals = [VectorRows(feeds_store.database.committed(), feed).among for feed in FEEDS]
            shared = [MilvusIndex(options, feed.feed, among) for feed, among in zip(FEEDS, originals, strict=True)]
            end.callback(shared[0].close)
        server, staff = Server(feeds_store, [EmbeddedIndex() for _ in FEEDS], shared), made("staff")
        server.add(staff, 1)
        migration = IndexMigration(feeds_store.collections, MoveRows(feeds_store.database), server.shared)
        with Granting() as granting:
            moved = migration.move(granting.may(Action.MOVE, "staff"), "staff", MILVUS)
        assert moved.vectors == dict.fromkeys(NAMES, COUNT)
        server.delete(FEEDS[1], staff, [1, 2])
        for feed, left in zip(FEEDS, (COUNT, COUNT - 2, COUNT), strict=True):
            assert len(found_by_themselves(server, feed, staff, 1e-5)) == left
        assert server.sync.agreement() == []


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_vectors_of_another_model_with_as_many_numbers_are_found_at_their_true_cosines(feeds_store, made, sealed):
    """Under the codebook of the first they were found at 0.35, 0.31, 0.24, 0.16 and 0.09."""
    server, staff = Server(feeds_store, sealed()), made("staff")
    server.add(staff, 1)
    others = feeds_store.collections.create("others", "another-model", {}, NOW)
    rng, cosines = np.random.default_rng(5), np.array([1, 0.9, 0.7, 0.5, 0.3])
    probe, *rest = np.linalg.qr(rng.standard_normal((D, 6)))[0].T
    vectors = cosines[:, None] * probe + np.sqrt(1 - cosines**2)[:, None] * np.stack(rest)
    with feeds_store.database.write() as connection:
        blobs = packed(vectors.astype(np.float32))
        rows = [{"collection_key": others.key, "embedding": blob} for blob in blobs]
        connection.execute(insert(FEEDS[0].table), rows)
    (hits,) = server.sync.search("heads", others.key, probe[None].astype(np.float32), limit=9, threshold=0)
    np.testing.assert_allclose(hits.cosines, cosines, atol=1e-3)
    found_by_themselves(server, FEEDS[0], staff, 2e-4)
