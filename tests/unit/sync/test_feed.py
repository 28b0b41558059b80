"""Whatever feeds there are, `sync` and `index` treat them alike."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from stores import units

import regard
from regard.index.embedded.embedded_index import EmbeddedIndex
from regard.store import feed_tables
from regard.store.deletion_rows import Deletion, DeletionRows, note_deleted
from regard.store.feed_tables import FACE_FEED, FeedTable
from regard.sync.feed import Feed, FollowedFeed, deletion_batches

PACKAGE = Path(regard.__file__).parent
FILES = [file for room in ("sync", "index") for file in sorted((PACKAGE / room).rglob("*.py"))]
FEEDS = {name: each for name, each in vars(feed_tables).items() if isinstance(each, FeedTable)}


def words(tree: ast.AST) -> Iterator[str]:
    """Every name and every text in code, but for docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.alias):
            yield node.name
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_no_line_knows_a_feed_by_its_name(file: Path) -> None:
    assert len(FEEDS) >= 2
    forbidden = {*FEEDS, *(each.feed for each in FEEDS.values()), *(each.feed.upper() for each in FEEDS.values())}
    assert forbidden.isdisjoint(words(ast.parse(file.read_text(encoding="utf-8"))))


def test_deletions_of_another_feed_and_of_another_index_change_nothing(store) -> None:
    feed = FollowedFeed(store.database, Feed(table=FACE_FEED, index=EmbeddedIndex()), "embedded")
    feed.index.add(1, np.arange(1, 4), units(3))
    feed.forget([Deletion(seq=1, collection_key=1, feed="users", key=2)])
    feed.forget([Deletion(seq=2, collection_key=1, index_name="milvus")])
    assert feed.held()[1].tolist() == [1, 2, 3]
    feed.forget([Deletion(seq=3, collection_key=1, feed="faces", key=2)])
    assert feed.held()[1].tolist() == [1, 3]
    feed.forget([Deletion(seq=4, collection_key=1, index_name="embedded")])
    assert feed.held() == {}


def test_deletions_come_in_batches_up_to_a_number(store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regard.sync.feed.BATCH", 4)
    with store.database.write() as connection:
        note_deleted(connection, 1, "faces", range(1, 12))
    rows = DeletionRows(store.database)
    batches = [[each.seq for each in batch] for batch in deletion_batches(rows, 1, 10)]
    assert batches == [[2, 3, 4, 5], [6, 7, 8, 9], [10]]
    assert list(deletion_batches(rows, 10, 10)) == []
