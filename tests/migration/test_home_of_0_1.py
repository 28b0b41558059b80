"""A home of version 0.1 goes on. Its database, as 0.1 wrote it and as each kind of database dumps it, holds made-up
unit vectors: `staff` lives in the shared index, `guests` is on its way there and has come eight faces of ten far,
`gone` was deleted, and every user has had three vectors."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from alembic import command
from alembic.config import Config
from granting import Granting
from postgres_server import PostgresServer
from stores import MODEL, NOW, feeds_of, new_faces, units
from toy_shared import ToyShared

from regard.domain.authority import Action
from regard.domain.galleries import EMBEDDED, MILVUS, Collection
from regard.engine.transfer.index_migration import IndexMigration
from regard.index.embedded.embedded_index import EmbeddedIndex
from regard.store import database
from regard.store.collection_rows import CollectionRows
from regard.store.database import Database
from regard.store.face_rows import FaceRows
from regard.store.feed_tables import FACE_FEED, USER_FEED
from regard.store.idempotency_rows import IdempotencyRows
from regard.store.indexed_file_rows import IndexedFileRows
from regard.store.key_rows import KeyRows
from regard.store.move_rows import Move, MoveRows
from regard.store.user_rows import UserRows
from regard.store.vector_rows import VectorRows
from regard.sync.index_sync import IndexSync
from regard.sync.shared_sync import SharedSync

HERE = Path(__file__).parent
STAFF, GUESTS = [1, 2, 3, 4], list(range(8, 18))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database that 0.1 has left."""
    dump = (HERE / f"home_0_1.{request.param}.sql").read_text(encoding="utf-8")
    if request.param == "sqlite":
        with closing(sqlite3.connect(tmp_path / "regard.db")) as connection:
            connection.executescript(dump)
        yield f"sqlite:///{tmp_path / 'regard.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.database() as name:
        server.run(dump, name=name)
        yield server.url(name)


@pytest.fixture
def opened(url: str) -> Iterator[Database]:
    opened = database.open(url)
    yield opened
    opened.close()


class Server:
    """A server on that home, and the shared index as it was left."""

    def __init__(self, opened: Database, restore_guard: Path) -> None:
        self.faces, self.users = ToyShared(), ToyShared()
        self.faces.name, self.users.name = "the-faces-index", "the-users-index"
        vectors = VectorRows(opened, FACE_FEED)
        self.faces.add(1, *vectors.among(1, np.array(STAFF)))
        self.faces.add(2, *vectors.among(2, np.array(GUESTS[:8])))
        self.users.add(1, *VectorRows(opened, USER_FEED).among(1, np.array([3])))
        self.faces.asked.clear(), self.users.asked.clear()
        restore_guard.write_text("[7, 17, 6]", encoding="utf-8")
        self.shared = SharedSync(opened, feeds_of(self.faces, self.users), restore_guard=restore_guard)
        self.sync = IndexSync(opened, feeds_of(EmbeddedIndex(), EmbeddedIndex()), shared=self.shared)
        self.sync.rebuild()
        self.staff, self.guests = (CollectionRows(opened).get(name) for name in ("staff", "guests"))
        self._rows = {feed.feed: VectorRows(opened, feed) for feed in (FACE_FEED, USER_FEED)}

    def finds_itself(self, feed: str, collection: Collection) -> list[int]:
        """The keys of the vectors that are found first by themselves, at cosine 1."""
        stored = self._rows[feed].of(collection.key, 0, 100)
        assert stored is not None
        found = self.sync.search(feed, collection.key, stored.embeddings, limit=3, threshold=0.5)
        np.testing.assert_allclose([hits.cosines[0] for hits in found], 1, atol=1e-6)
        assert [int(hits.keys[0]) for hits in found] == stored.keys.tolist()
        return stored.keys.tolist()


@pytest.fixture
def server(opened: Database, tmp_path: Path) -> Server:
    return Server(opened, tmp_path / "shared.json")


def test_every_face_and_user_is_found_wherever_it_lives(server: Server) -> None:
    assert (server.staff.index, server.guests.index) == (MILVUS, EMBEDDED)
    assert server.finds_itself("faces", server.staff) == STAFF
    assert server.finds_itself("faces", server.guests) == GUESTS
    assert server.finds_itself("users", server.staff) == [3]
    assert server.finds_itself("users", server.guests) == [6]
    assert server.sync.agreement() == []


def test_the_shared_index_is_not_filled_again(server: Server) -> None:
    assert not {"add", "drop"} & {*server.faces.asked, *server.users.asked}


def test_a_move_goes_on_where_it_was(server: Server, opened: Database) -> None:
    moves = MoveRows(opened)
    assert moves.unfinished() == {"guests": MILVUS}
    assert moves.of(server.guests) == Move(index=MILVUS, reached={"faces": 15})
    with Granting() as granting:
        migration = IndexMigration(CollectionRows(opened), moves, server.shared)
        moved = migration.move(granting.may(Action.MOVE, "guests"), "guests", MILVUS)
    assert moved.vectors == {"faces": 2, "users": 1}
    assert server.faces.all() == {1: STAFF, 2: GUESTS}
    guests = CollectionRows(opened).get("guests")
    assert server.finds_itself("faces", guests) == GUESTS
    assert server.sync.agreement() == []


def test_what_is_written_from_now_on_never_has_a_number_that_was_given_before(server: Server, opened: Database) -> None:
    (face,) = FaceRows(opened).add(server.staff.key, new_faces(1), units(1), MODEL, NOW)
    assert face.key == 18
    FaceRows(opened).delete(server.staff.key, [face.face_id])
    with opened.read() as connection:
        last = connection.exec_driver_sql("SELECT seq, feed, key FROM deletions ORDER BY seq DESC LIMIT 1").one()
    assert tuple(last) == (8, "faces", 18)
    UserRows(opened).delete(server.staff.key, "ada")
    server.sync.follow(server.staff)
    assert server.sync.agreement() == []


def test_nothing_is_lost(opened: Database) -> None:
    with opened.read() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM deletions ORDER BY seq").all()
        checkpoints = connection.exec_driver_sql("SELECT * FROM index_checkpoints ORDER BY feed").all()
    assert [tuple(row) for row in rows] == [
        (1, 1, "users", 1, None),
        (2, 1, "users", 2, None),
        (3, 2, "users", 4, None),
        (4, 2, "users", 5, None),
        (5, 1, "faces", 5, None),
        (6, 3, None, None, None),
        (7, 2, None, None, "milvus"),
    ]
    assert [tuple(row) for row in checkpoints] == [
        ("milvus", "faces", "the-faces-index", 7, 17, 4),
        ("milvus", "users", "the-users-index", 7, 6, 3),
    ]
    assert IndexedFileRows(opened).done(1) == {"/pictures/one.jpg": (123, 456)}
    assert IndexedFileRows(opened).path_of(1, [str(UUID(int=1000))]) == {str(UUID(int=1000)): "/pictures/one.jpg"}
    assert [(key.access_key_id, key.sealed_secret) for key in KeyRows(opened).all()] == [("AKIDEXAMPLE", b"sealed")]
    fingerprint, answer = IdempotencyRows(opened).once(
        ("AKIDEXAMPLE", "IndexFaces", "token-1"), "e" * 64, dict, now=NOW, since=datetime(2026, 1, 1, tzinfo=UTC)
    )
    assert (fingerprint, answer) == ("f" * 64, {"FaceModelVersion": MODEL})


#: What 0005 changes, as 0.1 reads it.
CHANGED = ("removals", "receipts", "sources", "index_positions", "index_moves", "identity")


def test_what_was_migrated_can_be_taken_back_without_loss(url: str) -> None:
    opened = database.open(url)
    _go_to(opened, "0004")
    before = _contents(opened)
    assert [len(rows) for rows in before.values()] == [7, 1, 1, 2, 1, 1]
    assert before["index_moves"] == [(2, "milvus", 15, 0)]
    assert before["removals"][4] == (5, 1, 5, None, None)
    _go_to(opened, "head")
    with opened.write() as connection:
        connection.exec_driver_sql("DELETE FROM deletions WHERE seq = 7")
    _go_to(opened, "0004")
    after = _contents(opened)
    assert after.pop("removals") == before.pop("removals")[:6]
    assert after == before
    with opened.write() as connection:
        connection.exec_driver_sql("INSERT INTO removals (collection_key) VALUES (9)")
        assert connection.exec_driver_sql("SELECT MAX(seq) FROM removals").scalar_one() == 8
    opened.close()


def test_where_deletions_were_pruned_what_is_taken_back_makes_every_index_start_over(url: str) -> None:
    opened = database.open(url)
    before = opened.identity()
    with opened.write() as connection:
        connection.exec_driver_sql("INSERT INTO pruned_deletions (seq) VALUES (3)")
    _go_to(opened, "0004")
    assert opened.identity() != before
    opened.close()


def _go_to(opened: Database, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(database.MIGRATIONS))
    with opened.write() as connection:
        config.attributes["connection"] = connection
        if revision == "head":
            command.upgrade(config, revision)
        else:
            command.downgrade(config, revision)


def _contents(opened: Database) -> dict[str, list[tuple[object, ...]]]:
    contents = {}
    with opened.read() as connection:
        for table in CHANGED:
            rows = connection.exec_driver_sql(f"SELECT * FROM {table}").all()  # noqa: S608 - our own names
            contents[table] = sorted((tuple(row) for row in rows), key=repr)
    return contents
