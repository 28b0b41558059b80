"""Files into collections: from wherever it was stopped, and nothing that is wrong comes in."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from index_syncs import open_index_sync
from transfer_store import BATCH, MODEL, NOW, Store, nothing_came, silent, units

from regard.domain.authority import Action
from regard.engine.galleries.user_vectors import vector
from regard.engine.transfer import collection_import
from regard.engine.transfer.archive import Archive
from regard.engine.transfer.collection_import import CollectionImport, Target
from regard.errors import InvalidParameter
from regard.index.embedded.embedded_index import EmbeddedIndex
from regard.media.parquet import ParquetTable

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
    monkeypatch.setattr(collection_import, "PIECE", 5)
    done: list[int] = []

    def note(description: str, count: int, total: int | None) -> None:
        if description.startswith("Importing"):
            done.append(count)

    imports = CollectionImport(other.collections, other.rows, other.terms, batch=17)
    with closing(ParquetTable(file)) as table:
        archive = Archive(table)
        target = Target(name="people", created_at=NOW, tags=archive.manifest.tags, users_without_faces=[("nobody", 0)])
        imports.run(other.granting.may(Action.ENROL, "people"), archive, target, note)
    assert done == [15, 30, 45, 50]
    assert [face for face, _ in other.all("people")[:50]] == [face for face, _ in store.all("people")[:50]]


def test_an_index_that_follows_finds_imported_faces_and_users(store: Store, other: Store, file: Path) -> None:
    store.fill()
    store.export(file)
    index, users_index = EmbeddedIndex(), EmbeddedIndex()
    index_sync = open_index_sync(other.opened, index, users_index)
    index_sync.rebuild()
    other.bring(file)
    index_sync.catch_up()
    (hits,) = index.search(other.collections.get("people").key, units(50)[7:8], limit=1, threshold=0.99)
    assert len(hits.keys) == 1
    assert len(users_index.keys(other.collections.get("people").key)) == 2
    assert index_sync.agreement() == []


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
    index_sync = open_index_sync(other.opened, index, users_index)
    index_sync.rebuild()
    other.bring(file, add=True)
    found = other.users.vector(there.key, "ada")
    assert found is not None
    assert np.allclose(found, vector(np.concatenate([units(1, seed=9), units(50)[:3]])), atol=2e-3)
    index_sync.catch_up()
    assert index_sync.agreement() == []


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


def test_the_door_opens_to_no_grant_for_another_act_or_collection(store: Store, other: Store, file: Path) -> None:
    store.fill()
    store.export(file)
    with closing(ParquetTable(file)) as table:
        archive, target = Archive(table), Target(name="people", created_at=NOW)
        other.granting.opens_only_to(
            Action.ENROL, "people", lambda grant: other.imports.run(grant, archive, target, silent)
        )
    assert nothing_came(other)
