"""Receipts: what a request with a token was answered, kept in the transaction that did what it asked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import count
from typing import Any

from sqlalchemy import Connection, delete, insert, select, tuple_

from regard.store.database import Database
from regard.store.tables import receipts

#: The access key's id, the operation, the token.
Request = tuple[str, str, str]
Answer = dict[str, Any]

#: With every so many new receipts up to twice as many expired ones go, so that they never pile up.
_EVERY = 100


class ReceiptRows:
    """Let what is asked happen once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._made = count()

    def once(
        self, request: Request, fingerprint: str, perform: Callable[[], Answer], *, now: datetime, since: datetime
    ) -> tuple[str, Answer]:
        """The fingerprint and answer of the first such request after `since`: of this one, performed, if it is it.

        What `perform` writes and the receipt of it are one transaction: if it raises, neither is left. Its answer
        must be what JSON can hold.
        """
        same = tuple_(*receipts.primary_key) == request
        with self._database.write() as connection:
            first = connection.execute(select(receipts).where(same, receipts.c.created_at > since)).one_or_none()
            if first is not None:
                return first.fingerprint, first.answer
            connection.execute(delete(receipts).where(same))
            if next(self._made) % _EVERY == 0:
                _purge(connection, since)
            answer = perform()
            connection.execute(insert(receipts).values((*request, fingerprint, answer, now)))
        return fingerprint, answer


def _purge(connection: Connection, since: datetime) -> None:
    key = tuple_(*receipts.primary_key)
    expired = select(*receipts.primary_key).where(receipts.c.created_at <= since).limit(2 * _EVERY)
    connection.execute(delete(receipts).where(key.in_(expired)))
