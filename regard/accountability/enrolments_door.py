"""Whether anybody enrols now in this process, and whether anybody still may: nobody enrols while the rules for it are
being chosen. What other processes enrol is held back where it is stored (`enrolment_terms.py`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from regard.domain.authority import Act, Action
from regard.errors import AccessDenied, Conflict


class EnrolmentsDoor:
    """Counts who enrols in this process, and lets nobody in once it is shut. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0
        self._shut = False

    @property
    def shut(self) -> bool:
        return self._shut

    @contextmanager
    def passing(self, act: Act) -> Iterator[None]:
        """Around each act. Raises AccessDenied for one that enrols while the door is shut."""
        if act.action is not Action.ENROL:
            yield
            return
        with self._lock:
            if self._shut:
                raise AccessDenied("Another profile was chosen: nobody is enrolled before the server begins under it.")
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1

    @contextmanager
    def shut_unless_undone(self) -> Iterator[None]:
        """Shut from here on, and open again if the block raises. Raises Conflict while somebody enrols."""
        with self._lock:
            if self._inside:
                raise Conflict("Somebody is enrolling right now. Try again when that has ended.")
            self._shut = True
        done = False
        try:
            yield
            done = True
        finally:
            if not done:
                self.open()

    def open(self) -> None:
        with self._lock:
            self._shut = False
