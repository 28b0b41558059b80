"""The gate: every act passes it, whichever door it came in by, and nothing else makes a Grant.

An engine's door takes a Grant as its first argument, so that code that bypasses the gate does not type-check; and it
checks that the Grant is for this act, so that a grant to list a gallery cannot be used to search it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from regard.accountability.ledger.entry import Fact
from regard.accountability.ledger.ledger import Hearing, Ledger
from regard.accountability.profiles import Profile
from regard.domain.authority import Act, Action, Caller


class Grant:
    """The proof that a caller may do one act, valid until that act has ended."""

    __slots__ = ("_ended", "_hearing", "act", "caller", "profile")

    def __init__(self, caller: Caller, act: Act, profile: str, hearing: Hearing | None = None) -> None:
        """Only `Gate.open` makes one; an architecture test enforces this."""
        self.caller = caller
        self.act = act
        #: The name of the profile that allowed it.
        self.profile = profile
        self._hearing = hearing
        self._ended = False

    def require(self, action: Action, collection: str | None = None) -> None:
        """Return if this grant is for `action`, and for that collection if the act names one.

        Raises RuntimeError otherwise; only a bug in Regard can cause that, never a request.
        """
        if self._ended:
            raise RuntimeError(f"the grant to {self.act.action} has ended with the request it was given for")
        if self.act.action is not action:
            raise RuntimeError(f"a grant to {self.act.action} was used to {action}")
        if collection is not None and self.act.collection not in (None, collection):
            raise RuntimeError(f"a grant for the collection {self.act.collection} was used for {collection}")

    def require_all(self, action: Action) -> None:
        """As `require`, for an act on all collections: a grant for one of them is not enough."""
        self.require(action)
        if self.act.collection is not None:
            raise RuntimeError(f"a grant for the collection {self.act.collection} was used for all of them")

    @property
    def recorded(self) -> bool:
        """Whether a ledger hears this act: if not, there is no need to find out what could be noted."""
        return self._hearing is not None

    def note(self, **facts: Fact) -> None:
        """Let the ledger's entry say this: ids, counts and scores, never a vector, pixels or words of a person's.

        What a transaction changes is to be noted inside it, for the entry is part of it.
        """
        if self._hearing is not None:
            self._hearing.record.note(facts)

    def tell(self) -> None:
        """Write the entry now, before something leaves that cannot be held back until the act has ended."""
        if self._hearing is not None:
            self._hearing.tell()

    def end(self) -> None:
        self._ended = True


class Gate:
    """Grants the acts that its profile allows. Where there is a ledger, it hears every act, allowed or refused."""

    def __init__(self, profile: Profile, ledger: Ledger | None = None) -> None:
        self._profile = profile
        self._ledger = ledger

    @contextmanager
    def open(self, caller: Caller, act: Act) -> Iterator[Grant]:
        """A grant for this act, valid inside the block. Raises AccessDenied before anything is done, and
        InternalServerError if the act cannot be recorded."""
        name = self._profile.name
        with nullcontext() if self._ledger is None else self._ledger.hearing(caller, act, name) as hearing:
            self._profile.check(caller, act)
            grant = Grant(caller, act, name, hearing)
            try:
                yield grant
            finally:
                grant.end()
