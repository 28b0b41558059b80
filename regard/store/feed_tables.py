"""The feeds: kinds of vector that an index follows, and the table that each is kept in. A new one is a line here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Select, Table, literal, select

from regard.domain.galleries import FACES, USERS
from regard.store.tables.collections import collections
from regard.store.tables.faces import faces
from regard.store.tables.users import user_vectors, users


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # columns have an `==` of their own
class FeedTable:
    """A table of `key`, `collection_key` and `embedding`, and what deletions and checkpoints call its feed.

    `model`: the column that names the model whose vectors these are, in a table that has a collection's key as its
    `key`. `replaces`: whether a vector may go because another takes its place, as a user's does; a search must then
    find one of the two. `named` asks for the name of each vector and of its
    collection, to be told of.
    """

    feed: str
    table: Table
    model: Column[str]
    replaces: bool = False
    named: Select[tuple[Any, ...]] | None = None


FACE_FEED = FeedTable(
    feed=FACES,
    table=faces,
    model=collections.c.face_model,
    named=select(literal("face ") + faces.c.face_id, collections.c.id).join_from(faces, collections),
)
USER_FEED = FeedTable(
    feed=USERS,
    table=user_vectors,
    model=collections.c.face_model,
    named=select(literal("user ") + users.c.user_id, collections.c.id)
    .join_from(user_vectors, users, users.c.key == user_vectors.c.user_key)
    .join(collections, collections.c.key == users.c.collection_key),
    replaces=True,
)
