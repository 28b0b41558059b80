"""What SQL has of collections, and whether indexes agree with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from granting import Granting
from index_syncs import open_index_sync, open_shared_sync
from toy_shared import ToyShared
from transfer_store import MODEL, NOW, Store, silent, units

from regard.domain.authority import Action
from regard.domain.galleries import MILVUS, Collection
from regard.engine.analysis.image_loader import uuid_of
from regard.engine.transfer.integrity import IndexCheck, Integrity, lengths, unsound
from regard.errors import InternalServerError, ResourceNotFound
from regard.index.embedded.embedded_index import EmbeddedIndex
from regard.store.damage_rows import DamageRows
from regard.store.move_rows import MoveRows


@pytest.fixture
def integrity(store: Store) -> Integrity:
    return Integrity(
        collections=store.collections, rows=store.rows, moves=MoveRows(store.opened), damage=DamageRows(store.opened)
    )


def faults(store: Store, integrity: Integrity, collection: Collection) -> list[str]:
    return integrity.faults(store.granting.may(Action.READ, collection.id), collection, silent)


# -- what faces must be ----------------------------------------------------------------------------------------------


def test_lengths_are_those_of_the_rows_and_are_not_finite_where_a_number_is_not() -> None:
    rows = np.array([[3, 4], [0, 0], [np.inf, 1], [np.nan, 1]], np.float16)
    found = lengths(rows)
    assert found[:2].tolist() == [5, 0]
    assert not np.isfinite(found[2:]).any()


def test_unsound_are_the_rows_that_are_no_unit_vectors() -> None:
    rows = units(6).astype(np.float16)
    assert unsound(rows) == []
    rows[[1, 4]] = rows[[1, 4]] * 2
    rows[5] = np.nan
    assert unsound(rows) == [1, 4, 5]


# -- the database ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("blob", "said"),
    [("X'0000'", "has 2 bytes, most others 16"), ("zeroblob(16)", "not a unit"), (f"X'{'007E' * 8}'", "not a unit")],
)
def test_unsound_embeddings_in_the_database_are_named(store: Store, integrity: Integrity, blob: str, said: str) -> None:
    collection = store.fill()
    assert faults(store, integrity, collection) == []
    store.damage(blob)
    fault, remedy = faults(store, integrity, collection)
    assert said in fault
    assert uuid_of(b"face", b"6") in fault
    assert "`regard collections repair people`" in remedy


def test_of_many_faults_the_first_are_shown_and_the_others_counted(store: Store, integrity: Integrity) -> None:
    collection = store.fill()
    with store.opened.write() as connection:
        connection.exec_driver_sql("UPDATE faces SET embedding = zeroblob(16)")
    found = faults(store, integrity, collection)
    assert len(found) == 12
    assert found[-2] == "... and 40 more"


def test_an_import_that_was_stopped_is_a_fault_that_says_what_to_do(store: Store, other: Store, file: Path) -> None:
    store.fill()
    store.export(file)

    def stop(description: str, done: int, total: int | None) -> None:
        if description.startswith("Importing"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        other.bring(file, report=stop)
    there = Integrity(
        collections=other.collections, rows=other.rows, moves=MoveRows(other.opened), damage=DamageRows(other.opened)
    )
    (fault,) = faults(other, there, other.collections.get("people"))
    assert "2 users have faces and no vector" in fault
    assert "run it again" in fault


def test_reading_reports_how_far_it_is(store: Store, integrity: Integrity) -> None:
    collection, said = store.fill(), []
    grant = store.granting.may(Action.READ, "people")
    integrity.faults(grant, collection, lambda *progress: said.append(progress))
    assert said[-1] == ("Reading people", 50, 50)


def test_one_collection_is_looked_at_or_all_of_them(store: Store, integrity: Integrity) -> None:
    people, empty = store.fill(), store.collections.create("empty", MODEL, {}, NOW)
    grant = store.granting.may(Action.READ)
    assert integrity.collections(grant, None) == [people, empty]
    assert integrity.collections(grant, "empty") == [empty]
    assert (integrity.size(grant, people), integrity.size(grant, empty)) == (50, 0)
    with pytest.raises(ResourceNotFound):
        integrity.collections(grant, "nobody")


def test_a_move_that_was_interrupted_is_told_of_until_it_is_finished(store: Store, integrity: Integrity) -> None:
    people, grant = store.fill(), store.granting.may(Action.READ, "people")
    assert integrity.unfinished(grant, people) is None
    MoveRows(store.opened).begin(people, MILVUS)
    assert integrity.unfinished(grant, people) == MILVUS
    MoveRows(store.opened).end(people, MILVUS)
    assert integrity.unfinished(grant, people) is None


# -- the indexes -----------------------------------------------------------------------------------------------------


class Indexes:
    """An index of this process's own and one that servers share, which follow a database."""

    def __init__(self, store: Store) -> None:
        self.own, self.shared = EmbeddedIndex(), ToyShared()
        shared = open_shared_sync(store.opened, self.shared, ToyShared())
        self.check = IndexCheck(open_index_sync(store.opened, self.own, EmbeddedIndex(), shared))


@pytest.fixture
def indexes(store: Store) -> Indexes:
    return Indexes(store)


def test_an_index_that_holds_what_sql_holds_agrees_and_another_is_told_of(store: Store, indexes: Indexes) -> None:
    people, grant = store.fill(), store.granting.may(Action.READ)
    assert indexes.check.agreement(grant) == []
    lost = indexes.own.keys(people.key)[:1]
    indexes.own.remove(people.key, lost)
    assert [each.collection_key for each in indexes.check.agreement(grant)] == [people.key]


def test_the_shared_index_is_left_alone_on_request_and_says_how_it_is(store: Store, indexes: Indexes) -> None:
    store.fill()
    grant = store.granting.may(Action.READ)
    assert indexes.check.shared_health(grant) == "a toy, well"
    indexes.shared.asked.clear()
    assert indexes.check.agreement(grant, shared=False) == []
    assert indexes.shared.asked == []
    indexes.shared.down = True
    with pytest.raises(InternalServerError, match="The toy is away"):
        indexes.check.shared_health(grant)
    alone = IndexCheck(open_index_sync(store.opened, EmbeddedIndex(), EmbeddedIndex()))
    assert alone.shared_health(grant) is None


# -- the gate --------------------------------------------------------------------------------------------------------


def test_no_door_opens_to_a_grant_for_another_act_or_collection(
    store: Store, integrity: Integrity, indexes: Indexes, granting: Granting
) -> None:
    people = store.fill()
    granting.opens_only_to(Action.READ, "people", lambda grant: integrity.faults(grant, people, silent))
    granting.opens_only_to(Action.READ, "people", lambda grant: integrity.unfinished(grant, people))
    granting.opens_only_to_all(Action.READ, indexes.check.agreement)
    granting.opens_only_to(Action.READ, None, indexes.check.shared_health)


def test_any_act_may_ask_for_the_collections_it_is_about_and_for_no_other(
    store: Store, integrity: Integrity, granting: Granting
) -> None:
    people = store.fill()
    for action in Action:
        assert integrity.collections(granting.may(action, "people"), "people") == [people]
        assert integrity.size(granting.may(action, "people"), people) == 50
        for door in (
            lambda grant: integrity.collections(grant, "people"),
            lambda grant: integrity.size(grant, people),
            lambda grant: integrity.collections(grant, None),
        ):
            with pytest.raises(RuntimeError, match="a grant for the collection elsewhere was used for"):
                door(granting.may(action, "elsewhere"))
