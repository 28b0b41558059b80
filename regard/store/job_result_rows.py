"""Read and store what jobs found; and what an erased face takes with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from regard.store.database import Database
from regard.store.in_lists import in_lists
from regard.store.result_bodies import (
    ERASED,
    Item,
    ItemPage,
    lines,
    packed,
    sent,
    to_send,
    whole,
    without_faces,
    without_faces_in,
)
from regard.store.tables.faces import faces
from regard.store.tables.jobs import job_faces, job_results

#: The items of each body of an order but the last. A place is found by it, also in what is stored already.
BODY_ITEMS = 250

_MINE = (job_results.c.job_id == bindparam("job_id")) & (job_results.c.ordering == bindparam("ordering"))
_HIGHEST = select(func.max(job_results.c.number)).where(_MINE).scalar_subquery().label("highest")
_BODIES = (
    select(job_results.c.number, job_results.c.body, _HIGHEST)
    .where(_MINE, job_results.c.number >= bindparam("number"))
    .order_by(job_results.c.number)
    .limit(bindparam("most"))
)


class JobResultRows:
    """Read what jobs found."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def numbers(self, job_id: str) -> Sequence[int]:
        """Of the bodies that chunks have left."""
        query = select(job_results.c.number).where(job_results.c.job_id == job_id, job_results.c.ordering == "")
        with self._database.read() as connection:
            return connection.execute(query.order_by(job_results.c.number)).scalars().all()

    def body(self, job_id: str, ordering: str, number: int) -> list[bytes]:
        """The lines of one body."""
        query = select(job_results.c.body).where(_one(job_id, ordering, number))
        with self._database.read() as connection:
            found = connection.execute(query).scalar_one_or_none()
        return [] if found is None else lines(found)

    def page(self, job_id: str, ordering: str, after: int, most: int) -> ItemPage:
        """Up to `most` items in an order, those whose place is above `after`; what was erased is passed over."""
        found: list[bytes] = []
        number, last, more = after // BODY_ITEMS, after, True
        while more and len(found) < most:
            places = max(after - number * BODY_ITEMS, 0) + most - len(found)
            rows = self._bodies(job_id, ordering, number, -(-places // BODY_ITEMS))
            for row in rows:
                before = row.number * BODY_ITEMS
                skipped = max(after - before, 0)
                for place, line in enumerate(lines(row.body)[skipped:], before + skipped + 1):
                    if line == ERASED:
                        continue
                    if len(found) == most:
                        return ItemPage(items=found, last=last, more=True)
                    found.append(sent(line))
                    last = place
                number = row.number + 1
            more = bool(rows) and rows[-1].number < rows[-1].highest
        return ItemPage(items=found, last=last, more=more)

    def _bodies(self, job_id: str, ordering: str, number: int, count: int) -> Sequence[Any]:
        """Bodies of an order from that one on, each with the highest number there is: not one is read that is not
        needed, for they lie far apart."""
        which = {"job_id": job_id, "ordering": ordering, "number": number, "most": count}
        with self._database.read() as connection:
            return connection.execute(_BODIES, which).all()


def put(
    connection: Connection,
    key: tuple[str, str, int],
    items: Sequence[Item],
    collection_key: int | None,
) -> None:
    """Store a body under (job, order, number), in place of any that was there; the order "" is of what a chunk leaves.
    `collection_key` is of the collection that its faces are of: those that it has no more are left out."""
    if collection_key is not None:
        items = _of_faces_there(connection, items, collection_key)
    named = {face_id for item in items for face_id in item.get("faces", ())}
    job_id, ordering, number = key
    drop(connection, job_id, ordering, number)
    place = {"job_id": job_id, "ordering": ordering, "number": number}
    body = packed(map(to_send if ordering else whole, items))
    sizes = {"first": number * BODY_ITEMS if ordering else 0, "count": len(items)}
    connection.execute(insert(job_results).values(place | sizes | {"body": body}))
    if named:
        theirs = place | {"collection_key": collection_key or 0}
        connection.execute(insert(job_faces), [theirs | {"face_id": each} for each in sorted(named)])


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
            kept = packed(without_faces_in(line, ids) for line in lines(found))
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


def _one(job_id: str, ordering: str, number: int) -> Any:
    return (job_results.c.job_id == job_id) & (job_results.c.ordering == ordering) & (job_results.c.number == number)
