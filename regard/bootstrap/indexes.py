"""The vector indexes in the settings, and what keeps them in step with SQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from regard.bootstrap.stores import Stores
from regard.config.settings import Settings
from regard.domain.arrays import FloatArray
from regard.domain.galleries import Collection, Hits
from regard.errors import InvalidParameter
from regard.index.embedded import codebook
from regard.index.embedded.embedded_index import Codebooks, EmbeddedIndex, delete_files, files_of
from regard.index.milvus.milvus_index import Consistency, MilvusIndex, MilvusOptions
from regard.store.database import Database
from regard.store.feed_tables import FACE_FEED, USER_FEED, FeedTable
from regard.store.model_rows import ModelRows
from regard.store.vector_rows import VectorRows
from regard.sync.feed import Feed
from regard.sync.index_sync import IndexSync
from regard.sync.shared_sync import SharedSync

#: Every kind of vector that is searched.
FEEDS = (FACE_FEED, USER_FEED)


def embedded_feeds(settings: Settings, stores: Stores, closing: ExitStack) -> list[Feed[EmbeddedIndex]]:
    """Each kind of vector with its embedded index, as its files were left."""
    files = _files(settings, stores.database)
    feeds = []
    for table in FEEDS:
        index = EmbeddedIndex(_codebooks(stores.database, table), files / table.feed)
        closing.callback(index.close)
        feeds.append(Feed(table=table, index=index))
    return feeds


def index_sync(
    settings: Settings, stores: Stores, feeds: Sequence[Feed[EmbeddedIndex]], closing: ExitStack
) -> IndexSync:
    """What asks the right index and keeps all of them in step with SQL; not filled yet."""
    sync = IndexSync(stores.database, feeds, shared=shared_sync(settings, stores, closing))
    for feed in feeds:
        feed.index.lost = partial(sync.reload, feed.table.feed)
    return sync


def shared_sync(settings: Settings, stores: Stores, closing: ExitStack) -> SharedSync | None:
    """What keeps the shared index in step with SQL, if the settings name one; does not connect yet.

    Raises SettingsError for an invalid address, and if the extra is not installed.
    """
    chosen, opened = settings.index, stores.database
    if chosen.milvus is None:
        return None
    options = MilvusOptions(uri=chosen.milvus, token=chosen.milvus_token or "", consistency=Consistency.SESSION)
    name, committed = f"regard_{opened.identity()}", opened.committed()
    feeds = [
        Feed(table=table, index=MilvusIndex(options, f"{name}_{table.feed}", VectorRows(committed, table).among))
        for table in FEEDS
    ]
    shared = SharedSync(opened, feeds, restore_guard=_files(settings, opened) / "shared.json")
    closing.callback(shared.close)
    return shared


def drop_embedded(settings: Settings, stores: Stores, collection_keys: Iterable[int]) -> None:
    """Delete the embedded indexes of these collections, files included: the next start rebuilds them.

    Raises InvalidParameter if another process is using the files.
    """
    with ExitStack() as closing:
        feeds = embedded_feeds(settings, stores, closing)
        if not all(feed.index.writable for feed in feeds):
            raise InvalidParameter("Another process is using the index files. Stop the server, and run this again.")
        for collection_key in collection_keys:
            for feed in feeds:
                feed.index.drop(collection_key)


def erase_embedded(settings: Settings, stores: Stores, collection_key: int) -> None:
    """Delete the files of the embedded indexes of a collection that is gone, unless a server has them open: it does so
    itself."""
    for table in FEEDS:
        delete_files(_files(settings, stores.database) / table.feed, collection_key)


def _codebooks(opened: Database, table: FeedTable) -> Codebooks:
    """The codebook of the model that made a collection's vectors, if Regard has one."""
    models = ModelRows(opened.committed(), table)
    return lambda collection_key: codebook.of(models.version(collection_key))


def _files(settings: Settings, opened: Database) -> Path:
    return files_of(settings.home / "index", opened.identity())


class NoIndex:
    """For a process that only writes: processes that search follow SQL themselves."""

    def follow(self, _: Collection, /) -> None:
        """Does nothing: there is no index to bring up to date."""

    def search(self, feed: str, _: int, __: FloatArray, /, *, limit: int, threshold: float) -> list[Hits]:
        raise RuntimeError(f"there is no index of {feed} here to find {limit} above {threshold} in")
