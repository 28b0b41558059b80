from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest

from regard.errors import ResourceAlreadyExists, ResourceNotFound

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)


def test_a_collection_comes_back_as_it_was_made(store):
    made = store.collections.create("staff", "m1", {"site": "café"}, NOW.astimezone(timezone(timedelta(hours=5))))
    assert store.collections.get("staff") == made
    assert made.created_at == NOW
    assert made.tags == {"site": "café"}


def test_a_name_is_given_once(store):
    store.collection("staff")
    with pytest.raises(ResourceAlreadyExists, match=r"^The collection id: staff already exists.$"):
        store.collection("staff")


def test_names_differ_by_case(store):
    assert store.collection("Staff").key != store.collection("staff").key


@pytest.mark.slow
def test_of_two_processes_that_create_a_collection_one_succeeds(store):
    code = (
        "import sys\n"
        "from datetime import UTC, datetime\n"
        "from regard.errors import ResourceAlreadyExists\n"
        "from regard.store import database\n"
        "from regard.store.collection_rows import CollectionRows\n"
        "rows = CollectionRows(database.open(sys.argv[1]))\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "made = 0\n"
        "for n in range(50):\n"
        "    try: rows.create(f'c{n}', 'm', {}, datetime.now(UTC)); made += 1\n"
        "    except ResourceAlreadyExists: pass\n"
        "print(made)\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    racers = [subprocess.Popen([sys.executable, "-c", code, store.url], **pipes) for _ in range(2)]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    assert sum(int(racer.communicate(timeout=60)[0]) for racer in racers) == 50
    assert len(store.collections.page(0, 100)) == 50


def test_pages_list_the_oldest_collections_first(store):
    for name in ("b", "a", "d", "c"):
        store.collection(name)
    first = store.collections.page(0, 3)
    assert [c.id for c in first] == ["b", "a", "d"]
    assert [c.id for c in store.collections.page(first[-1].key, 3)] == ["c"]


def test_a_deleted_collection_takes_its_faces_and_sources_along(store):
    collection, other = store.collection("staff"), store.collection("guests")
    store.enrol(collection, 3)
    store.enrol(other, 2)
    store.collections.delete("staff")
    with pytest.raises(ResourceNotFound, match=r"^The collection id: staff does not exist.$"):
        store.collections.get("staff")
    assert store.collections.with_sizes() == [(other, 2)]
    with store.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM faces").scalar_one() == 2


def test_a_collection_made_again_has_another_key_and_no_faces(store):
    first = store.collection("staff")
    store.enrol(first, 2)
    store.collections.delete("staff")
    again = store.collection("staff")
    assert again.key > first.key
    assert store.collections.face_count(again.key) == 0


@pytest.mark.parametrize("act", ["get", "delete"])
def test_an_unknown_collection_is_named_in_the_error(store, act):
    with pytest.raises(ResourceNotFound, match="The collection id: nobody does not exist"):
        getattr(store.collections, act)("nobody")


def test_sizes_count_empty_collections_too(store):
    empty, staff = store.collection("empty"), store.collection("staff")
    store.enrol(staff, 4)
    assert store.collections.with_sizes() == [(empty, 0), (staff, 4)]
