"""What jobs found: JSON Lines, compressed; and what an erased face takes with it.

An item is a JSON object. Its member `faces`, where it has one, lists the ids of the faces that it names.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection as Few
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, delete, insert, select, update

from regard.store.database import Database
from regard.store.in_lists import in_lists
from regard.store.tables.faces import faces
from regard.store.tables.jobs import job_faces, job_results

Item = Mapping[str, Any]
#: What an item is that named only faces that were erased. It keeps its place, so that no page shifts.
_ERASED = b"null"
#: Small enough to be quick: a page is read while somebody waits.
_LEVEL = 3
_PIECE_BYTES = 1 << 16


def packed(items: Iterable[Item | None]) -> bytes:
    """Items as they are stored."""
    squeezed = zlib.compressobj(_LEVEL)
    pieces = [squeezed.compress(orjson.dumps(each) + b"\n") for each in items]
    return b"".join([*pieces, squeezed.flush()])


def lines(body: bytes) -> list[bytes]:
    """The items of a body, each still as JSON; none of one that is damaged."""
    try:
        return zlib.decompress(body).splitlines()
    except zlib.error:
        return []


def unpacked(body: bytes) -> Iterator[dict[str, Any]]:
    """The items of a body that is as `packed` made it, with little of it in memory at a time."""
    squeezed, left = zlib.decompressobj(), b""
    while body or squeezed.unconsumed_tail:
        piece = squeezed.decompress(squeezed.unconsumed_tail or body, _PIECE_BYTES)
        body = b""
        *whole, left = (left + piece).split(b"\n")
        yield from items_of(whole)


def items_of(found: Iterable[bytes]) -> list[dict[str, Any]]:
    """Those that were not erased."""
    return [orjson.loads(line) for line in found if line and line != _ERASED]


def _item(line: bytes) -> dict[str, Any]:
    """An item as a client gets it: what is null is not told."""
    found: dict[str, Any] = orjson.loads(line)
    return _told(found) if b":null" in line else found


def _told(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _told(each) for name, each in value.items() if each is not None}
    return [_told(each) for each in value if each is not None] if isinstance(value, list) else value


class JobResultRows:
    """Read what jobs found."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sizes(self, job_id: str, ordering: str) -> list[tuple[int, int, int]]:
        """The number of each body, the position of its first item, and how many items it has."""
        mine = (job_results.c.job_id == job_id) & (job_results.c.ordering == ordering)
        query = select(job_results.c.number, job_results.c.first, job_results.c.count.label("held")).where(mine)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(job_results.c.number)).all()
        return [(row.number, row.first, row.held) for row in rows]

    def body(self, job_id: str, ordering: str, number: int) -> list[bytes]:
        """The items of one body, each still as JSON."""
        query = select(job_results.c.body).where(_one(job_id, ordering, number))
        with self._database.read() as connection:
            found = connection.execute(query).scalar_one_or_none()
        return [] if found is None else lines(found)

    def window(self, job_id: str, ordering: str, first: int, most: int) -> list[tuple[int, dict[str, Any]]]:
        """Up to `most` items from position `first` on, with their positions; those that were erased are passed over."""
        found: list[tuple[int, dict[str, Any]]] = []
        mine = (job_results.c.job_id == job_id) & (job_results.c.ordering == ordering)
        query = select(job_results.c.first, job_results.c.body).where(mine).order_by(job_results.c.number)
        while len(found) < most:
            left = most - len(found)
            begins = job_results.c.first < first + left
            following = query.where(job_results.c.first + job_results.c.count > first)
            with self._database.read() as connection:
                rows = connection.execute(following.where(begins)).all() or connection.execute(following.limit(1)).all()
            if not rows:
                break
            for row in rows:
                held = lines(row.body)
                places = range(max(first, row.first) - row.first, len(held))
                there = [place for place in places if held[place] != _ERASED][: most - len(found)]
                found += [(row.first + place, _item(held[place])) for place in there]
                first = row.first + max(len(held), 1)
        return found

    def total(self, job_id: str, ordering: str) -> int:
        """How many positions there are in that order."""
        sizes = self.sizes(job_id, ordering)
        return sizes[-1][1] + sizes[-1][2] if sizes else 0


def put(
    connection: Connection,
    key: tuple[str, str, int],
    first: int,
    items: Sequence[Item],
    collection_key: int | None,
) -> None:
    """Store a body under (job, order, number), in place of any that was there. `collection_key` is of the collection
    that its faces are of: those that it has no more are left out."""
    if collection_key is not None:
        items = _of_faces_there(connection, items, collection_key)
    named = {face_id for item in items for face_id in item.get("faces", ())}
    job_id, ordering, number = key
    drop(connection, job_id, ordering, number)
    values = {"job_id": job_id, "ordering": ordering, "number": number, "first": first, "count": len(items)}
    connection.execute(insert(job_results).values(values | {"body": packed(items)}))
    place = {"job_id": job_id, "ordering": ordering, "number": number, "collection_key": collection_key or 0}
    if named:
        connection.execute(insert(job_faces), [place | {"face_id": each} for each in sorted(named)])


def drop(connection: Connection, job_id: str, ordering: str, number: int | None = None) -> None:
    """Delete the body, or all of that order."""
    for table in (job_results, job_faces):
        which = (table.c.job_id == job_id) & (table.c.ordering == ordering)
        connection.execute(delete(table).where(which if number is None else which & (table.c.number == number)))


def forget_faces(connection: Connection, collection_key: int, face_ids: Sequence[str] | None) -> None:
    """These faces of the collection go in this transaction, or all: so does what any job found of them."""
    mine = job_faces.c.collection_key == collection_key
    gone: dict[tuple[str, str, int], set[str]] = {}
    for which in [mine] if face_ids is None else [mine & job_faces.c.face_id.in_(some) for some in in_lists(face_ids)]:
        for row in connection.execute(select(job_faces).where(which)):
            gone.setdefault((row.job_id, row.ordering, row.number), set()).add(row.face_id)
        connection.execute(delete(job_faces).where(which))
    for place, ids in gone.items():
        found = connection.execute(select(job_results.c.body).where(_one(*place))).scalar_one_or_none()
        if found is not None:
            kept = packed(_without(line, ids) for line in lines(found))
            connection.execute(update(job_results).where(_one(*place)).values(body=kept))


def _of_faces_there(connection: Connection, items: Sequence[Item], collection_key: int) -> list[Item]:
    named = sorted({face_id for item in items for face_id in item.get("faces", ())})
    there: set[str] = set()
    for some in in_lists(named):
        query = select(faces.c.face_id).where(faces.c.collection_key == collection_key, faces.c.face_id.in_(some))
        there.update(connection.execute(query).scalars())
    gone = set(named) - there
    if not gone:
        return list(items)
    return [kept for item in items if (kept := without_faces(item, gone)) is not None]


def _without(line: bytes, gone: Few[str]) -> Item | None:
    found = None if line == _ERASED else orjson.loads(line)
    return found if found is None else without_faces(found, gone)


def without_faces(item: Item, gone: Few[str]) -> Item | None:
    """The item without what it says of these faces; None if it named no others."""
    named = item.get("faces", ())
    left = [each for each in named if each not in gone]
    if len(left) == len(named):
        return item
    return {**_cut(item, gone), "faces": left} if left else None


def _cut(value: Any, gone: Few[str]) -> Any:
    """Without the members of lists that are, or hold, one of these faces."""
    if isinstance(value, Mapping):
        return {name: _cut(each, gone) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_cut(each, gone) for each in value if not _names(each, gone)]
    return value


def _names(value: Any, gone: Few[str]) -> bool:
    if not isinstance(value, Mapping):
        return False
    return value.get("FaceId") in gone or _names(value.get("Face"), gone)


def _one(job_id: str, ordering: str, number: int) -> Any:
    return (job_results.c.job_id == job_id) & (job_results.c.ordering == ordering) & (job_results.c.number == number)


def read_on(rows: JobResultRows, job_id: str, numbers: Sequence[int]) -> Iterator[dict[str, Any]]:
    """The items that chunks have left, one chunk after the other."""
    for number in numbers:
        yield from items_of(rows.body(job_id, "", number))
