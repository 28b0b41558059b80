"""A collection from one index to another, through the door; what many servers see of it is tests/unit/sync/shared."""

from __future__ import annotations

import numpy as np
import pytest
from index_syncs import open_index_sync, open_shared_sync
from toy_shared import ToyShared
from transfer_store import MODEL, NOW, Store, units

from regard.domain.authority import Action
from regard.domain.galleries import EMBEDDED, MILVUS, Collection
from regard.engine.transfer.index_migration import IndexMigration, Moved
from regard.errors import InvalidParameter, ResourceNotFound
from regard.index.embedded.embedded_index import EmbeddedIndex
from regard.store.move_rows import MoveRows


class Place:
    """A database whose collections live in an index of this process's own, or in one that servers share."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.own, self.faces, self.users = EmbeddedIndex(), ToyShared(), ToyShared()
        self.shared_sync = open_shared_sync(store.opened, self.faces, self.users)
        self.index_sync = open_index_sync(store.opened, self.own, EmbeddedIndex(), self.shared_sync)
        self.moves = MoveRows(store.opened)
        self.migration = IndexMigration(store.collections, self.moves, self.shared_sync)

    def move(self, into: str, name: str = "people") -> Moved:
        return self.migration.move(self.store.granting.may(Action.MOVE, name), name, into)

    def lives_in(self, name: str = "people") -> str:
        return self.store.collections.get(name).index

    def held(self, collection: Collection) -> int:
        """How many faces a search finds."""
        probe = np.eye(1, 8, dtype=np.float32)
        (hits,) = self.index_sync.search("faces", collection.key, probe, limit=1000, threshold=-1)
        return len(hits.keys)


@pytest.fixture
def place(store: Store) -> Place:
    return Place(store)


@pytest.fixture
def people(store: Store) -> Collection:
    return store.fill()


def test_a_collection_moves_with_its_users_and_comes_home_again(place: Place, people: Collection) -> None:
    there = place.move(MILVUS)
    assert (there.came_from, there.left_in, there.gave_up) == (EMBEDDED, None, False)
    assert place.lives_in() == MILVUS
    assert (len(place.faces.keys(people.key)), len(place.users.keys(people.key))) == (50, 2)
    assert place.held(people) == 50
    assert people.key not in place.own.collections()
    home = place.move(EMBEDDED)
    assert (home.came_from, home.left_in, home.gave_up) == (MILVUS, None, False)
    assert place.lives_in() == EMBEDDED
    assert place.faces.all() == place.users.all() == {}
    assert place.held(people) == 50
    assert place.index_sync.agreement() == []


def test_a_move_says_how_much_it_read_and_how_far_it_is(place: Place, store: Store, people: Collection) -> None:
    said: list[tuple[str, int, int | None]] = []
    grant = store.granting.may(Action.MOVE, "people")
    moved = place.migration.move(grant, "people", MILVUS, lambda *progress: said.append(progress))
    assert moved.vectors == {"faces": 50, "users": 2}
    assert ("Moving faces into milvus", 50, 50) in said
    assert ("Moving users into milvus", 2, 2) in said


def test_a_collection_that_is_there_already_is_left_as_it_is(place: Place, people: Collection) -> None:
    assert place.move(EMBEDDED) == Moved(came_from=EMBEDDED)
    place.move(MILVUS)
    place.faces.asked.clear()
    assert place.move(MILVUS) == Moved(came_from=MILVUS)
    assert place.faces.asked == []


def test_where_there_is_no_such_index_or_collection_nothing_moves(
    place: Place, store: Store, people: Collection
) -> None:
    with pytest.raises(InvalidParameter, match="There is no index elsewhere"):
        place.move("elsewhere")
    alone = IndexMigration(store.collections, place.moves, None)
    with pytest.raises(InvalidParameter, match="There is no index milvus"):
        alone.move(store.granting.may(Action.MOVE, "people"), "people", MILVUS)
    with pytest.raises(ResourceNotFound):
        place.move(MILVUS, "nobody")
    assert place.lives_in() == EMBEDDED
    assert place.moves.unfinished() == {}


def test_a_collection_comes_home_also_when_the_shared_index_does_not_answer(place: Place, people: Collection) -> None:
    place.move(MILVUS)
    place.faces.down = True
    assert place.move(EMBEDDED).left_in == MILVUS
    assert place.held(people) == 50


def test_a_move_that_was_not_finished_is_given_up(place: Place, store: Store, people: Collection) -> None:
    place.moves.begin(people, MILVUS)
    assert place.move(EMBEDDED).gave_up
    assert place.moves.unfinished() == {}
    place.moves.begin(people, MILVUS)
    place.migration.stay(store.granting.may(Action.ADMINISTER, "people"), people)
    assert place.moves.unfinished() == {}
    assert place.lives_in() == EMBEDDED


def test_a_shared_index_that_lost_a_collection_is_filled_again(place: Place, store: Store, people: Collection) -> None:
    place.move(MILVUS)
    lives_there = store.collections.get("people")
    place.faces.remove(people.key, place.faces.keys(people.key)[:5])
    refilled = place.migration.refill(store.granting.may(Action.ADMINISTER, "people"), lives_there)
    assert (refilled.came_from, refilled.vectors) == (MILVUS, {"faces": 50, "users": 2})
    assert place.held(people) == 50
    assert place.index_sync.agreement() == []
    alone = IndexMigration(store.collections, place.moves, None)
    with pytest.raises(InvalidParameter, match="lives in milvus, which the settings do not name"):
        alone.refill(store.granting.may(Action.ADMINISTER, "people"), lives_there)


def test_all_that_a_shared_index_holds_is_made_again_without_what_sql_does_not_know(
    place: Place, store: Store, people: Collection
) -> None:
    other = store.collections.create("empty", MODEL, {}, NOW)
    for name in ("people", "empty"):
        place.move(MILVUS, name)
    place.faces.add(99, np.array([7]), units(1))
    there = [store.collections.get(name) for name in ("people", "empty")]
    place.moves.begin(there[0], MILVUS)  # a filling that was not finished
    place.migration.refill_all(store.granting.may(Action.ADMINISTER), there)
    assert place.faces.collections() == [people.key]
    assert (place.held(people), place.held(other)) == (50, 0)
    assert place.moves.unfinished() == {}


def test_no_door_opens_to_a_grant_for_another_act_or_collection(place: Place, store: Store, people: Collection) -> None:
    opens_only_to, migration = store.granting.opens_only_to, place.migration
    opens_only_to(Action.MOVE, "people", lambda grant: migration.move(grant, "people", MILVUS))
    opens_only_to(Action.ADMINISTER, "people", lambda grant: migration.stay(grant, people))
    opens_only_to(Action.ADMINISTER, "people", lambda grant: migration.refill(grant, people))
    store.granting.opens_only_to_all(Action.ADMINISTER, lambda grant: migration.refill_all(grant, [people]))
    assert place.lives_in() == EMBEDDED
    assert place.moves.unfinished() == {}
