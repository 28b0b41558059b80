"""Idempotency keys: what a request with a token was answered, kept in the transaction that did what it asked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import count
from typing import Any

from sqlalchemy import Connection, delete, insert, select, tuple_

from regard.store.database import Database
from regard.store.tables.idempotency_keys import idempotency_keys

#: The access key's id, the operation, the token.
Request = tuple[str, str, str]
Answer = dict[str, Any]

#: Each time this many keys have come, up to twice as many expired ones go, so that they never pile up.
_PURGE_EVERY = 100


class IdempotencyRows:
    """Let what is asked happen once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._made = count()

    def once(
        self, request: Request, fingerprint: str, perform: Callable[[], Answer], *, now: datetime, since: datetime
    ) -> tuple[str, Answer]:
        """The fingerprint and answer of the first such request after `since`: of this one, performed, if it is it.

        What `perform` writes and the key with its answer are one transaction: if it raises, neither is left. Its answer
        must be what JSON can hold.
        """
        same = tuple_(*idempotency_keys.primary_key) == request
        with self._database.write() as connection:
            first = self.first(request, since)
            if first is not None:
                return first
            connection.execute(delete(idempotency_keys).where(same))
            if next(self._made) % _PURGE_EVERY == 0:
                _purge(connection, since)
            answer = perform()
            connection.execute(insert(idempotency_keys).values((*request, fingerprint, answer, now)))
        return fingerprint, answer

    def first(self, request: Request, since: datetime) -> tuple[str, Answer] | None:
        """The fingerprint and answer of the first such request after `since`; None if there was none."""
        same = tuple_(*idempotency_keys.primary_key) == request
        query = select(idempotency_keys).where(same, idempotency_keys.c.created_at > since)
        with self._database.read() as connection:
            found = connection.execute(query).one_or_none()
        return None if found is None else (found.fingerprint, found.answer)

    def any(self, since: datetime) -> bool:
        """Whether there are some that are not after `since`."""
        query = select(idempotency_keys.c.token).where(idempotency_keys.c.created_at <= since).limit(1)
        with self._database.read() as connection:
            return connection.execute(query).one_or_none() is not None

    def purge(self, since: datetime) -> int:
        """Forget some of those that are not after `since`; how many."""
        with self._database.write() as connection:
            return _purge(connection, since)


def _purge(connection: Connection, since: datetime) -> int:
    key = tuple_(*idempotency_keys.primary_key)
    expired = (
        select(*idempotency_keys.primary_key).where(idempotency_keys.c.created_at <= since).limit(2 * _PURGE_EVERY)
    )
    return connection.execute(delete(idempotency_keys).where(key.in_(expired))).rowcount
