from __future__ import annotations

from stores import MODEL

from regard.store.feed_tables import FACE_FEED, USER_FEED
from regard.store.model_rows import ModelRows
from regard.store.move_rows import Move, MoveRows
from regard.store.placement_rows import PlacementRows


def test_collections_are_told_by_where_they_live_and_where_they_go(store):
    here, there, arriving, again = (store.collection(name).key for name in ("here", "there", "arriving", "again"))
    moves, rows = MoveRows(store.database), PlacementRows(store.database)
    moves.end(store.collections.get("there"), "milvus")
    moves.end(store.collections.get("again"), "milvus")
    moves.begin(store.collections.get("arriving"), "milvus")
    moves.begin(store.collections.get("again"), "milvus")  # is rebuilt where it is
    assert rows.living_in("embedded") == [here, arriving]
    assert rows.living_elsewhere("embedded") == [there, again]
    assert rows.held_by("milvus") == [there, arriving, again]
    assert rows.not_held_by("milvus") == [here]
    assert rows.arriving_in("milvus") == [arriving]
    store.collections.delete("here")
    assert rows.existing([here, there, 99]) == {there}


def test_the_model_of_a_collections_vectors_is_the_one_it_is_bound_to(store):
    staff = store.collection()
    for feed in (FACE_FEED, USER_FEED):
        assert ModelRows(store.database, feed).version(staff.key) == MODEL
        assert ModelRows(store.database, feed).version(99) is None


def test_a_move_that_begins_again_has_come_nowhere(store):
    staff, moves = store.collection(), MoveRows(store.database)
    assert moves.of(staff) is None
    assert moves.begin(staff, "milvus") == moves.of(staff) == Move(index="milvus")
    with store.database.write() as connection:
        connection.exec_driver_sql("INSERT INTO index_move_progress VALUES (1, 'faces', 5)")
    assert moves.of(staff) == Move(index="milvus", reached={"faces": 5})
    moves.begin(staff, "milvus")
    assert moves.of(staff) == Move(index="milvus")
    assert moves.give_up(staff) == "milvus"
    assert moves.of(staff) is None
