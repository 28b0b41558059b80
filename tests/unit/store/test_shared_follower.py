"""Followers of several servers on one database and one index that they share."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toy_shared import ToyShared

from regard.domain import EMBEDDED, MILVUS, Collection, FloatArray
from regard.engine.mover import Mover
from regard.errors import InternalServerError, ResourceNotReady
from regard.store import database, shared_follower
from regard.store.collection_rows import CollectionRows
from regard.store.face_rows import FaceRows
from regard.store.follower import Follower
from regard.store.move_rows import MoveRows
from regard.store.shared_follower import SharedFollower
from regard.store.user_rows import UserRows
from regard.store.vectors_embedded import EmbeddedIndex

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MODEL = "face-model-1"
Store = Any


#: What a database's kind makes no difference to.
on_sqlite = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)


class Shared:
    """What all servers share beside the database."""

    def __init__(self) -> None:
        self.faces, self.users = ToyShared(), ToyShared()


class Server:
    """One server on a database: its connections, its indexes, its follower."""

    def __init__(self, url: str, shared: Shared | None, furthest: Path | None = None) -> None:
        self.database = database.open(url)
        self.collections = CollectionRows(self.database, MILVUS)
        self.faces, self.users = FaceRows(self.database), UserRows(self.database)
        self.index, self.users_index = EmbeddedIndex(), EmbeddedIndex()
        self.shared = shared and SharedFollower(
            self.database, faces_index=shared.faces, users_index=shared.users, furthest=furthest
        )
        self.follower = Follower(
            self.database, faces_index=self.index, users_index=self.users_index, shared=self.shared
        )
        self.moves = MoveRows(self.database)
        self.mover = Mover(self.moves, self.shared)

    def found(self, collection: Collection, probe: FloatArray) -> list[int]:
        (hits,) = self.follower.search_faces(collection.key, probe[:1], limit=1000, threshold=0.9)
        return hits.keys.tolist()

    def held(self, collection: Collection) -> list[int]:
        """What a search for anybody finds."""
        probe = np.eye(1, 16, dtype=np.float32)
        (hits,) = self.follower.search_faces(collection.key, probe, limit=100_000, threshold=-1)
        return sorted(hits.keys.tolist())


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Shared:
    monkeypatch.setattr(shared_follower, "_PATIENCE", 0.0)
    return Shared()


@pytest.fixture
def servers(url: str, shared: Shared) -> Iterator[list[Server]]:
    made = [Server(url, shared) for _ in range(2)]
    yield made
    for server in made:
        server.database.close()


@pytest.fixture
def one(servers: list[Server]) -> Server:
    return servers[0]


@pytest.fixture
def two(servers: list[Server]) -> Server:
    return servers[1]


@pytest.fixture
def staff(one: Server) -> Collection:
    """A collection that lives in the shared index."""
    return one.collections.create("staff", MODEL, {}, NOW)


@pytest.fixture
def enrol(make_new: Any, make_units: Any) -> Any:
    def made(server: Server, collection: Collection, count: int = 1, seed: int = 0) -> list[Any]:
        faces = server.faces.add(collection.key, make_new(count), make_units(count, seed=seed), MODEL, NOW)
        server.follower.follow(collection)
        return faces

    return made


def person(server: Server, collection: Collection, name: str, vector: FloatArray) -> None:
    with server.users.changing(collection.key, name) as change:
        change.set_vector(vector)
    server.follower.follow(collection)


@contextmanager
def embedded(server: Server, name: str = "guests") -> Iterator[Collection]:
    yield CollectionRows(server.database).create(name, MODEL, {}, NOW)


def keys(faces: list[Any]) -> list[int]:
    return [face.key for face in faces]


# -- following -------------------------------------------------------------------------------------------------------


def test_what_one_server_stores_and_deletes_the_other_finds_and_not(one, two, shared, staff, enrol, make_units):
    faces = enrol(one, staff, 3)
    assert shared.faces.all() == {staff.key: keys(faces)}
    assert two.found(staff, make_units(1)) == [faces[0].key]
    two.faces.delete(staff.key, [faces[0].face_id])
    two.follower.follow(staff)
    assert shared.faces.all() == {staff.key: keys(faces[1:])}
    assert one.found(staff, make_units(1)) == []
    assert one.follower.agreement() == two.follower.agreement() == []


def test_each_index_has_only_the_collections_that_live_in_it(one, two, shared, staff, enrol):
    enrol(one, staff, 2)
    with embedded(one) as guests:
        faces = enrol(one, guests, 3)
        assert two.held(guests) == keys(faces)
        assert (one.index.collections(), two.index.collections()) == ([guests.key], [guests.key])
        assert list(shared.faces.all()) == [staff.key]
        again = Server(one.collections._database._engine.url.render_as_string(hide_password=False), shared)
        again.follower.rebuild()
        assert again.index.collections() == [guests.key]
        again.database.close()


@on_sqlite
def test_a_search_asks_nothing_twice_when_nothing_is_new(one, two, shared, staff, enrol, make_units):
    enrol(one, staff, 2)
    with embedded(one) as guests:
        enrol(one, guests, 5)  # higher keys, and none of them for the shared index
    shared.faces.asked.clear()
    two.found(staff, make_units(1))
    assert shared.faces.asked == ["search"]


@on_sqlite
def test_a_server_learns_when_the_index_had_it_all(one, two, shared, staff, enrol, make_units):
    """Two clients of one Milvus need not see each other's writes at once, unless they are told until when."""
    enrol(one, staff, 2)
    theirs = ToyShared()
    elsewhere = SharedFollower(two.database, faces_index=theirs, users_index=ToyShared())
    theirs.name = shared.faces.name
    elsewhere.tracks[1].index.name = shared.users.name
    elsewhere.catch_up(elsewhere.head())
    assert theirs.moment == shared.faces.moment > 0


@on_sqlite
def test_users_are_followed_by_a_track_of_their_own(one, two, shared, staff, make_units):
    one.users.create(staff.key, "ada", NOW)
    for seed in range(3):
        person(one, staff, "ada", make_units(1, seed=seed)[0])
    assert shared.users.all() == {staff.key: [3]}
    assert shared.faces.all() == {}
    (hits,) = two.follower.search_users(staff.key, make_units(1, seed=2), limit=5, threshold=0.9)
    assert hits.keys.tolist() == [3]
    two.users.delete(staff.key, "ada")
    two.follower.follow(staff)
    assert shared.users.all() == {}
    assert one.follower.agreement() == []


@on_sqlite
def test_while_a_users_vector_is_replaced_by_another_server_a_search_finds_them(one, two, staff, make_units):
    vector = make_units(1)
    one.users.create(staff.key, "ada", NOW)
    person(one, staff, "ada", vector[0])
    misses, stop = [], threading.Event()

    def search() -> None:
        while not stop.is_set():
            (hits,) = two.follower.search_users(staff.key, vector, limit=5, threshold=0.9)
            misses.extend([] if len(hits.keys) else [1])

    with ThreadPoolExecutor(1) as pool:
        searching = pool.submit(search)
        for _ in range(25):
            person(one, staff, "ada", vector[0])
        stop.set()
        searching.result(timeout=30)
    assert misses == []
    assert one.follower.agreement() == []


@on_sqlite
def test_deleting_a_collection_leaves_no_trace_in_the_shared_index(one, two, shared, staff, enrol):
    enrol(one, staff, 3)
    two.follower.follow(two.collections.delete("staff"))
    assert shared.faces.all() == {}
    again = one.collections.create("staff", MODEL, {}, NOW)
    assert one.held(again) == []


@on_sqlite
def test_what_is_undone_is_never_followed(one, shared, staff, make_new, make_units):
    def change_and_take_back() -> None:
        with one.database.write():
            one.faces.add(staff.key, make_new(1), make_units(1), MODEL, NOW)
            one.follower.follow(staff)
            raise ValueError("not after all")

    with pytest.raises(ValueError, match="not after all"):
        change_and_take_back()
    one.follower.catch_up()
    assert shared.faces.all() == {}
    with one.database.write():
        (face,) = one.faces.add(staff.key, make_new(1), make_units(1), MODEL, NOW)
        one.follower.follow(staff)
        assert shared.faces.all() == {}
    assert shared.faces.all() == {staff.key: [face.key]}


# -- taking turns ----------------------------------------------------------------------------------------------------


def test_a_slow_server_never_adds_back_what_another_has_removed(one, two, shared, staff, enrol, make_new, make_units):
    enrol(one, staff, 1)
    shared.faces.wait.clear()
    shared.faces.adding.clear()
    (late,) = one.faces.add(staff.key, make_new(1), make_units(1, seed=5), MODEL, NOW)
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(one.follower.follow, staff)
        assert shared.faces.adding.wait(30)
        two.faces.delete(staff.key, [late.face_id])
        removing = pool.submit(two.follower.follow, staff)
        with pytest.raises(TimeoutError):
            removing.result(timeout=0.3)  # it waits for its turn
        shared.faces.wait.set()
        slow.result(timeout=30)
        removing.result(timeout=30)
    assert late.key not in shared.faces.all()[staff.key]
    assert one.follower.agreement() == []


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_one_whose_turn_was_ended_looks_again_at_what_it_added(
    one, two, shared, staff, enrol, make_new, make_units, postgres
):
    """PostgreSQL ends the transaction of a machine that stands still; when it goes on, the face may be gone."""
    enrol(one, staff, 1)
    shared.faces.wait.clear()
    shared.faces.adding.clear()
    (late,) = one.faces.add(staff.key, make_new(1), make_units(1, seed=5), MODEL, NOW)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(one.follower.catch_up, staff.key)
        assert shared.faces.adding.wait(30)
        name = one.database._engine.url.database
        ended = postgres.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "  # noqa: S608 - the test's own name
            f"WHERE datname = '{name}' AND state = 'idle in transaction'"
        )
        assert ended == [[True]]
        two.faces.delete(staff.key, [late.face_id])
        # The other server's turn, while the first one still adds.
        other = SharedFollower(two.database, faces_index=_Through(shared.faces), users_index=shared.users)
        other.catch_up(other.head())
        shared.faces.wait.set()
        with pytest.raises(InternalServerError):
            slow.result(timeout=30)
    assert late.key in shared.faces.all()[staff.key]
    one.follower.catch_up(staff.key)
    assert late.key not in shared.faces.all()[staff.key]
    assert one.follower.agreement() == []


class _Through(ToyShared):
    """The same index by a way on which nothing waits."""

    def __init__(self, toy: ToyShared) -> None:
        super().__init__()
        self.__dict__.update({name: value for name, value in toy.__dict__.items() if name != "wait"})


def test_work_that_was_cut_off_is_done_again(one, two, shared, staff, enrol, make_new, make_units):
    faces = enrol(one, staff, 2)
    more = one.faces.add(staff.key, make_new(3), make_units(3, seed=5), MODEL, NOW)
    one.faces.delete(staff.key, [faces[0].face_id])
    # Killed after it had added, before it had removed and said so.
    shared.faces.add(staff.key, np.array(keys(more)), make_units(3, seed=5))
    assert two.held(staff) == keys([faces[1], *more])
    assert shared.faces.all() == {staff.key: keys([faces[1], *more])}
    assert two.follower.agreement() == []


def test_many_servers_adding_and_deleting_at_once_agree_in_the_end(url, one, shared, staff, make_new, make_units):
    def work(lane: int) -> None:
        server = Server(url, shared)
        for turn in range(6):
            faces = server.faces.add(staff.key, make_new(4), make_units(4, seed=lane * 100 + turn), MODEL, NOW)
            server.follower.follow(staff)
            server.faces.delete(staff.key, [faces[0].face_id])
            server.follower.follow(staff)
            assert set(keys(faces[1:])) <= set(server.held(staff))
        server.database.close()

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(work, lane) for lane in range(3)]:
            done.result(timeout=60)
    assert one.follower.agreement() == []
    assert len(shared.faces.all()[staff.key]) == 3 * 6 * 3


# -- an index that is another, or away -------------------------------------------------------------------------------


@on_sqlite
def test_an_index_that_was_emptied_is_filled_anew(one, two, shared, staff, enrol, make_units):
    faces = enrol(one, staff, 3)
    shared.faces.empty()
    shared.faces.add(99, np.array([7]), make_units(1))  # whatever another one may hold
    two.follower.rebuild()
    assert shared.faces.all() == {staff.key: keys(faces)}
    shared.faces.empty()
    (new,) = enrol(one, staff, 1, seed=9)
    assert two.held(staff) == keys([*faces, new])
    assert one.follower.agreement() == []


@on_sqlite
def test_a_long_filling_is_made_in_many_turns_and_goes_on_where_it_was(one, two, shared, staff, enrol, monkeypatch):
    monkeypatch.setattr("regard.store.tracks.BATCH", 4)
    faces = enrol(one, staff, 10)
    shared.faces.empty()
    one.shared._suspect = True
    one.shared._advance()
    one.shared._advance()
    assert shared.faces.all() == {staff.key: keys(faces[:8])}
    shared.faces.asked.clear()
    heard = []
    two.follower.rebuild(lambda _, done, __: heard.append(done))
    assert shared.faces.all() == {staff.key: keys(faces)}
    assert heard == [2]


@on_sqlite
def test_while_the_shared_index_is_away_the_embedded_one_goes_on(one, two, shared, staff, enrol, make_units):
    first = enrol(one, staff, 1)
    with embedded(one) as guests:
        shared.faces.down = shared.users.down = True
        faces = enrol(one, guests, 2)
        assert two.held(guests) == keys(faces)
        (late,) = enrol(one, staff, 1, seed=3)  # stored, though the index does not have it
        one.faces.delete(staff.key, [first[0].face_id])
        one.follower.follow(staff)
        with pytest.raises(InternalServerError, match="The toy is away"):
            two.held(staff)
        one.follower.rebuild()  # as a server does that starts now
    shared.faces.down = shared.users.down = False
    assert two.held(staff) == [late.key]
    assert shared.faces.all() == {staff.key: [late.key]}
    assert two.follower.agreement() == []


@on_sqlite
def test_one_that_does_not_answer_is_not_asked_by_everybody(one, shared, staff, monkeypatch):
    monkeypatch.setattr(shared_follower, "_PATIENCE", 60.0)
    one.held(staff)
    shared.faces.down = True
    with pytest.raises(InternalServerError, match="The toy is away"):
        one.held(staff)
    shared.faces.down = False
    shared.faces.asked.clear()
    with pytest.raises(InternalServerError, match="The toy is away"):
        one.held(staff)
    assert shared.faces.asked == []


@on_sqlite
def test_without_the_setting_its_collections_cannot_be_searched_and_others_can(url, one, staff, enrol):
    enrol(one, staff, 1)
    alone = Server(url, None)
    alone.follower.rebuild()
    with pytest.raises(ResourceNotReady, match="set `milvus`"):
        alone.held(staff)
    with embedded(alone) as guests:
        assert alone.held(guests) == []
    assert alone.follower.agreement() == [f"collection {staff.key}: it lives in an index that the settings do not name"]
    alone.database.close()


@on_sqlite
def test_an_index_that_knows_more_than_a_restored_database_is_filled_anew(
    url, one, shared, staff, enrol, tmp_path, make_units
):
    """The same keys are given to other faces than those the index has."""
    server = Server(url, shared, tmp_path / "furthest.json")
    file = Path(server.database._engine.url.database)
    with one.database.write():  # all of it in the file
        pass
    for each in (one, server):
        each.database.close()
    before = file.read_bytes()
    server = Server(url, shared, tmp_path / "furthest.json")
    enrol(server, staff, 5)
    server.database.close()
    file.write_bytes(before)
    server = Server(url, shared, tmp_path / "furthest.json")
    server.follower.rebuild()
    assert shared.faces.all() == {}
    enrol(server, staff, 1, seed=8)
    assert server.found(staff, make_units(1, seed=8)) == [1]
    server.database.close()


@on_sqlite
def test_agreement_names_what_differs_both_ways(one, shared, staff, enrol, make_units):
    enrol(one, staff, 2)
    shared.faces.remove(staff.key, np.array([2]))
    shared.faces.add(staff.key, np.array([40]), make_units(1))
    shared.users.add(98, np.array([7]), make_units(1))
    assert one.follower.agreement() == [
        f"collection {staff.key}: 1 faces are in SQL but not in the index, of keys 2",
        f"collection {staff.key}: 1 faces are in the index but not in SQL, of keys 40",
        "collection 98: 1 users are in the index but not in SQL, of keys 7",
    ]
    assert one.follower.agreement(shared=False) == []


# -- moving ----------------------------------------------------------------------------------------------------------


def everywhere(shared: Shared, *servers: Server) -> tuple[list[int], ...]:
    """Collections held: by the shared index, then by each server's own."""
    return (shared.faces.collections(), *(server.index.collections() for server in servers))


def test_a_collection_moves_there_and_back_with_its_users(one, two, shared, enrol, make_units):
    with embedded(one) as guests:
        faces = enrol(one, guests, 5)
        one.users.create(guests.key, "ada", NOW)
        person(one, guests, "ada", make_units(1, seed=4)[0])
        assert two.held(guests) == keys(faces)
        assert one.follower.agreement() == []
        moved = one.mover.move(guests, MILVUS)
        assert (moved.faces, moved.users) == (5, 1)
        for server in (one, two):
            assert server.held(guests) == keys(faces)
            (hits,) = server.follower.search_users(guests.key, make_units(1, seed=4), limit=5, threshold=0.9)
            assert hits.keys.tolist() == [1]
            with embedded(server, f"other-{id(server)}") as other:
                enrol(server, other, 1)
            assert server.follower.agreement() == []
        assert guests.key not in one.index.collections() + two.index.collections()
        assert shared.users.all() == {guests.key: [1]}
        back = two.mover.move(two.collections.get("guests"), EMBEDDED)
        assert back.left_in is None
        assert shared.faces.all() == shared.users.all() == {}
        for server in (one, two):
            assert server.held(guests) == keys(faces)
            assert server.follower.agreement() == []
        again = one.mover.move(one.collections.get("guests"), MILVUS)
        assert again.faces == 5
        assert two.held(guests) == keys(faces)


def test_nothing_is_missed_while_a_collection_moves(one, two, shared, enrol, make_new, make_units, monkeypatch):
    """Searches find every face, those that come are found at once, those that go are not, wherever it lives."""
    monkeypatch.setattr("regard.store.tracks.BATCH", 16)
    stop, wrong = threading.Event(), []
    with embedded(one) as guests:
        steady = keys(enrol(one, guests, 200))

        def watch(server: Server) -> None:
            while not stop.is_set():
                wrong.extend(set(steady) - set(server.held(guests)))

        def work(server: Server) -> None:
            seed = 1000
            while not stop.is_set():
                seed += 1
                (face,) = server.faces.add(guests.key, make_new(1), make_units(1, seed=seed), MODEL, NOW)
                server.follower.follow(guests)
                if server.found(guests, make_units(1, seed=seed)) != [face.key]:
                    wrong.append(face.key)
                server.faces.delete(guests.key, [face.face_id])
                server.follower.follow(guests)
                wrong.extend(server.found(guests, make_units(1, seed=seed)))

        with ThreadPoolExecutor(4) as pool:
            working = [pool.submit(watch, one), pool.submit(watch, two), pool.submit(work, two)]
            try:
                for into in (MILVUS, EMBEDDED, MILVUS, EMBEDDED):
                    one.mover.move(one.collections.get("guests"), into)
            finally:
                stop.set()
            for done in working:
                done.result(timeout=60)
        assert wrong == []
        for server in (one, two):
            assert server.held(guests) == steady
            assert server.follower.agreement() == []
        assert everywhere(shared, one, two) == ([], [guests.key], [guests.key])


@on_sqlite
def test_a_move_that_was_cut_off_goes_on_where_it_was(one, two, shared, enrol, monkeypatch):
    monkeypatch.setattr("regard.store.tracks.BATCH", 4)
    with embedded(one) as guests:
        faces = enrol(one, guests, 10)

        def cut(_: str, done: int, __: int | None) -> None:
            if done == 8:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            one.mover.move(guests, MILVUS, cut)
        assert one.collections.get("guests").index == EMBEDDED
        assert two.held(guests) == keys(faces)
        assert two.follower.agreement() == []
        assert two.moves.unfinished() == {"guests": MILVUS}
        two.faces.delete(guests.key, [faces[0].face_id])
        two.follower.follow(guests)
        assert shared.faces.all() == {guests.key: keys(faces[1:8])}  # what is half there leaves no trace either
        (new,) = enrol(two, guests, 1, seed=3)
        moved = two.mover.move(two.collections.get("guests"), MILVUS)
        assert moved.faces == 3
        assert one.held(guests) == keys([*faces[1:], new])
        assert two.moves.unfinished() == {}
        assert one.follower.agreement() == []


@on_sqlite
@pytest.mark.parametrize("end", ["give up", "delete"])
def test_a_move_that_is_abandoned_leaves_nothing_behind(one, two, shared, enrol, end, monkeypatch):
    monkeypatch.setattr("regard.store.tracks.BATCH", 4)
    with embedded(one) as guests:
        faces = enrol(one, guests, 10)
        one.follower.rebuild()
        move = one.moves.begin(guests, MILVUS)
        one.shared.catch_up(one.shared.head())
        one.shared.fill(guests.key, 0, move.faces)
        assert shared.faces.all() == {guests.key: keys(faces[:4])}
        if end == "give up":
            assert two.mover.move(guests, EMBEDDED).gave_up
            assert two.held(guests) == one.held(guests) == keys(faces)
        else:
            two.follower.follow(two.collections.delete("guests"))
            two.shared.catch_up(two.shared.head())
        assert shared.faces.all() == {}
        assert one.moves.unfinished() == {}
        assert one.follower.agreement() == two.follower.agreement() == []


@on_sqlite
def test_a_collection_comes_home_also_when_the_shared_index_is_lost(one, two, shared, staff, enrol):
    faces = enrol(one, staff, 3)
    shared.faces.down = True
    assert one.mover.move(staff, EMBEDDED).left_in == MILVUS
    assert two.held(staff) == one.held(staff) == keys(faces)
    shared.faces.down = False
    one.follower.catch_up()
    assert shared.faces.all() == {}


@on_sqlite
def test_all_of_it_is_rebuilt_with_what_sql_knows_nothing_of(one, two, shared, staff, enrol, make_units):
    faces = enrol(one, staff, 3)
    shared.faces.add(99, np.array([7]), make_units(1))
    one.moves.begin(staff, MILVUS)  # a rebuilding that was not ended
    one.mover.refill_all([staff])
    assert shared.faces.all() == {staff.key: keys(faces)}
    assert two.held(staff) == keys(faces)


@on_sqlite
def test_a_shared_index_is_rebuilt_and_not_searched_meanwhile(one, two, shared, staff, enrol, make_units):
    faces = enrol(one, staff, 3)
    shared.faces.remove(staff.key, np.array([faces[0].key]))
    shared.faces.add(staff.key, np.array([77]), make_units(1))
    seen = []

    def watch(*_: object) -> None:
        with pytest.raises(ResourceNotReady, match="is being rebuilt"):
            two.held(staff)
        seen.append(1)

    one.mover.refill(staff, watch)
    assert seen
    assert shared.faces.all() == {staff.key: keys(faces)}
    assert two.held(staff) == keys(faces)
    assert one.follower.agreement() == []
