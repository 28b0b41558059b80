from __future__ import annotations

import os

import pytest

from regard.errors import ResourceNotFound
from regard.store.indexed_file_rows import IndexedFile, IndexedFileRows


def source(path: str, **changes: object) -> IndexedFile:
    values = {"path": path, "size": 10, "modified_ns": 1_700_000_000_123_456_789, "image_id": None, "outcome": "stored"}
    return IndexedFile(**(values | changes))


def test_files_dealt_with_are_remembered_per_collection(store):
    rows, one, two = IndexedFileRows(store.database), store.collection("one"), store.collection("two")
    rows.record(one.key, [source("/a.jpg"), source("/b.jpg", size=20)])
    rows.record(two.key, [source("/c.jpg")])
    assert rows.done(one.key) == {
        "/a.jpg": (10, 1_700_000_000_123_456_789),
        "/b.jpg": (20, 1_700_000_000_123_456_789),
    }


def test_the_last_word_about_a_file_holds(store):
    rows, collection = IndexedFileRows(store.database), store.collection()
    rows.record(collection.key, [source("/a.jpg"), source("/a.jpg", size=11)])
    rows.record(collection.key, [source("/a.jpg", size=12, image_id="image-1")])
    assert rows.done(collection.key)["/a.jpg"][0] == 12
    assert rows.path_of(collection.key, ["image-1"]) == {"image-1": "/a.jpg"}


def test_a_picture_is_found_by_its_image_in_that_collection_only(store):
    rows, one, two = IndexedFileRows(store.database), store.collection("one"), store.collection("two")
    rows.record(one.key, [source("/a.jpg", image_id="image-1"), source("/none.txt")])
    rows.record(two.key, [source("/b.jpg", image_id="image-2")])
    assert rows.path_of(one.key, ["image-1", "image-2", "image-3"]) == {"image-1": "/a.jpg"}


def test_a_file_name_that_is_not_utf8_survives(store):
    rows, collection = IndexedFileRows(store.database), store.collection()
    path = os.fsdecode(b"/photos/caf\xe9.jpg")
    rows.record(collection.key, [source(path)])
    assert list(rows.done(collection.key)) == [path]


def test_recording_for_a_collection_that_has_gone_is_not_found(store):
    rows, collection = IndexedFileRows(store.database), store.collection()
    store.collections.delete("staff")
    with pytest.raises(ResourceNotFound):
        rows.record(collection.key, [source("/a.jpg")])
    rows.record(collection.key, [])


def test_a_collections_sources_go_with_it(store):
    rows, collection = IndexedFileRows(store.database), store.collection()
    rows.record(collection.key, [source("/a.jpg")])
    store.collections.delete("staff")
    assert rows.done(collection.key) == {}
