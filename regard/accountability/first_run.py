"""The one-time link by which whoever started a server becomes its first administrator, with a browser.

Only the terminal that started the server shows it: who can read that could run `regard people add` as well. It works
once, and no longer than there is nobody; a new start makes another.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from regard.accountability.gate import Grant
from regard.accountability.passwords import Passwords
from regard.accountability.people import People
from regard.domain.callers import Principal
from regard.domain.people import Person, Role
from regard.errors import AccessDenied
from regard.store.sign_in_rows import SignInRows

#: Who opens the link, to the gate and in the ledger.
OPERATOR = Principal(access_key_id="", name="whoever started the server")
_TOKEN_BYTES = 24


class FirstRun:
    """Makes the first person. Safe to share between threads."""

    def __init__(self, people: People, sign_ins: SignInRows, anybody: Callable[[], bool]) -> None:
        self._people = people
        self._sign_ins = sign_ins
        self._passwords = Passwords()
        self._anybody = anybody
        self._token: str | None = None
        self._lock = Lock()

    def offer(self) -> str | None:
        """The secret of a new link; None if there is somebody."""
        with self._lock:
            self._token = None if self._anybody() else secrets.token_urlsafe(_TOKEN_BYTES)
            return self._token

    @contextmanager
    def taking(self, token: str) -> Iterator[None]:
        """Use the link up, unless what is done with it fails. Raises AccessDenied."""
        with self._lock:
            if self._token is None or not hmac.compare_digest(self._token.encode(), token.encode()):
                raise AccessDenied(
                    "This link has been used, or is not of this start of the server. Sign in, or start the server "
                    "again: while there is nobody, it shows a new one."
                )
            yield
            self._token = None

    def make(self, grant: Grant, name: str, login: str, password: str) -> Person:
        """Add the administrator who signs in with this password. Raises InvalidParameter, and AccessDenied if there is
        somebody."""
        if self._anybody():
            raise AccessDenied("There is somebody now: sign in, or ask an administrator to add you.")
        kept = self._passwords.hash(password)
        with self._people.database.write():
            person = self._people.add(grant, name, login, {Role.ADMINISTRATOR})
            self._sign_ins.set_password(person.id, kept, None)
            grant.note(password_set=person.id)
        return person
