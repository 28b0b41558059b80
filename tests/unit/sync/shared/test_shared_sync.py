"""Followers of several servers on one database and one index that they share."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from shared_servers import MODEL, NOW, Server, embedded, keys, on_sqlite, person
from stores import feeds_of
from toy_shared import ToyShared

from regard.errors import InternalServerError, ResourceNotReady
from regard.sync import shared_sync
from regard.sync.shared_sync import SharedSync

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
    elsewhere = SharedSync(two.database, feeds_of(theirs, ToyShared()))
    theirs.name = shared.faces.name
    elsewhere.feeds["users"].index.name = shared.users.name
    elsewhere.catch_up(elsewhere.watermark())
    assert theirs.moment == shared.faces.moment > 0


@on_sqlite
def test_users_are_followed_by_a_feed_of_their_own(one, two, shared, staff, make_units):
    one.users.create(staff.key, "ada", NOW)
    for seed in range(3):
        person(one, staff, "ada", make_units(1, seed=seed)[0])
    assert shared.users.all() == {staff.key: [3]}
    assert shared.faces.all() == {}
    (hits,) = two.follower.search("users", staff.key, make_units(1, seed=2), limit=5, threshold=0.9)
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
            (hits,) = two.follower.search("users", staff.key, vector, limit=5, threshold=0.9)
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
        other = SharedSync(two.database, feeds_of(_Through(shared.faces), shared.users))
        other.catch_up(other.watermark())
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


@pytest.mark.slow
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
    monkeypatch.setattr("regard.sync.feed.BATCH", 4)
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
    monkeypatch.setattr(shared_sync, "_RETRY_SECONDS", 60.0)
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
    with pytest.raises(ResourceNotReady, match=r"set `\[index\] milvus`"):
        alone.held(staff)
    with embedded(alone) as guests:
        assert alone.held(guests) == []
    (difference,) = alone.follower.agreement()
    assert str(difference) == f"collection {staff.key}: it lives in an index that the settings do not name"
    alone.database.close()


@on_sqlite
def test_an_index_that_knows_more_than_a_restored_database_is_filled_anew(
    url, one, shared, staff, enrol, tmp_path, make_units
):
    """The same keys are given to other faces than those the index has."""
    server = Server(url, shared, tmp_path / "restore_guard.json")
    file = Path(server.database._engine.url.database)
    with one.database.write():  # all of it in the file
        pass
    for each in (one, server):
        each.database.close()
    before = file.read_bytes()
    server = Server(url, shared, tmp_path / "restore_guard.json")
    enrol(server, staff, 5)
    server.database.close()
    file.write_bytes(before)
    server = Server(url, shared, tmp_path / "restore_guard.json")
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
    assert list(map(str, one.follower.agreement())) == [
        f"collection {staff.key}: 1 faces are in SQL but not in the index, of keys 2",
        f"collection {staff.key}: 1 faces are in the index but not in SQL, of keys 40",
        "collection 98: 1 users are in the index but not in SQL, of keys 7",
    ]
    assert one.follower.agreement(shared=False) == []
