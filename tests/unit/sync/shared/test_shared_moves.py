"""Collections on their way into the shared index and home, and rebuilding it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from shared_servers import MODEL, NOW, Server, Shared, embedded, keys, on_sqlite, person

from regard.domain.galleries import EMBEDDED, MILVUS
from regard.errors import ResourceNotReady


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
        moved = one.migration.move(guests, MILVUS)
        assert moved.vectors == {"faces": 5, "users": 1}
        for server in (one, two):
            assert server.held(guests) == keys(faces)
            (hits,) = server.follower.search("users", guests.key, make_units(1, seed=4), limit=5, threshold=0.9)
            assert hits.keys.tolist() == [1]
            with embedded(server, f"other-{id(server)}") as other:
                enrol(server, other, 1)
            assert server.follower.agreement() == []
        assert guests.key not in one.index.collections() + two.index.collections()
        assert shared.users.all() == {guests.key: [1]}
        back = two.migration.move(two.collections.get("guests"), EMBEDDED)
        assert back.left_in is None
        assert shared.faces.all() == shared.users.all() == {}
        for server in (one, two):
            assert server.held(guests) == keys(faces)
            assert server.follower.agreement() == []
        again = one.migration.move(one.collections.get("guests"), MILVUS)
        assert again.vectors["faces"] == 5
        assert two.held(guests) == keys(faces)


@pytest.mark.slow
def test_nothing_is_missed_while_a_collection_moves(one, two, shared, enrol, make_new, make_units, monkeypatch):
    """Searches find every face, those that come are found at once, those that go are not, wherever it lives."""
    monkeypatch.setattr("regard.sync.feed.BATCH", 16)
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
                    one.migration.move(one.collections.get("guests"), into)
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
    monkeypatch.setattr("regard.sync.feed.BATCH", 4)
    with embedded(one) as guests:
        faces = enrol(one, guests, 10)

        def cut(_: str, done: int, __: int | None) -> None:
            if done == 8:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            one.migration.move(guests, MILVUS, cut)
        assert one.collections.get("guests").index == EMBEDDED
        assert two.held(guests) == keys(faces)
        assert two.follower.agreement() == []
        assert two.moves.unfinished() == {"guests": MILVUS}
        two.faces.delete(guests.key, [faces[0].face_id])
        two.follower.follow(guests)
        assert shared.faces.all() == {guests.key: keys(faces[1:8])}  # what is half there leaves no trace either
        (new,) = enrol(two, guests, 1, seed=3)
        moved = two.migration.move(two.collections.get("guests"), MILVUS)
        assert moved.vectors["faces"] == 3
        assert one.held(guests) == keys([*faces[1:], new])
        assert two.moves.unfinished() == {}
        assert one.follower.agreement() == []


@on_sqlite
@pytest.mark.parametrize("end", ["give up", "delete"])
def test_a_move_that_is_abandoned_leaves_nothing_behind(one, two, shared, enrol, end, monkeypatch):
    monkeypatch.setattr("regard.sync.feed.BATCH", 4)
    with embedded(one) as guests:
        faces = enrol(one, guests, 10)
        one.follower.rebuild()
        move = one.moves.begin(guests, MILVUS)
        one.shared.catch_up(one.shared.watermark())
        one.shared.fill("faces", guests.key, move.reached.get("faces", 0))
        assert shared.faces.all() == {guests.key: keys(faces[:4])}
        if end == "give up":
            assert two.migration.move(guests, EMBEDDED).gave_up
            assert two.held(guests) == one.held(guests) == keys(faces)
        else:
            two.follower.follow(two.collections.delete("guests"))
            two.shared.catch_up(two.shared.watermark())
        assert shared.faces.all() == {}
        assert one.moves.unfinished() == {}
        assert one.follower.agreement() == two.follower.agreement() == []


@on_sqlite
def test_a_collection_comes_home_also_when_the_shared_index_is_lost(one, two, shared, staff, enrol):
    faces = enrol(one, staff, 3)
    shared.faces.down = True
    assert one.migration.move(staff, EMBEDDED).left_in == MILVUS
    assert two.held(staff) == one.held(staff) == keys(faces)
    shared.faces.down = False
    one.follower.catch_up()
    assert shared.faces.all() == {}


@on_sqlite
def test_all_of_it_is_rebuilt_with_what_sql_knows_nothing_of(one, two, shared, staff, enrol, make_units):
    faces = enrol(one, staff, 3)
    shared.faces.add(99, np.array([7]), make_units(1))
    one.moves.begin(staff, MILVUS)  # a rebuilding that was not ended
    one.migration.refill_all([staff])
    assert shared.faces.all() == {staff.key: keys(faces)}
    assert two.held(staff) == keys(faces)


@on_sqlite
def test_a_shared_index_is_rebuilt_and_not_searched_until_it_is(one, two, shared, staff, enrol, make_units):
    faces = enrol(one, staff, 3)
    shared.faces.remove(staff.key, np.array([faces[0].key]))
    shared.faces.add(staff.key, np.array([77]), make_units(1))
    seen = []

    def watch(*_: object) -> None:
        with pytest.raises(ResourceNotReady, match="is being rebuilt"):
            two.held(staff)
        seen.append(1)

    one.migration.refill(staff, watch)
    assert seen
    assert shared.faces.all() == {staff.key: keys(faces)}
    assert two.held(staff) == keys(faces)
    assert one.follower.agreement() == []
