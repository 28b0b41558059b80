"""The gate: every act passes it, whichever door it came in by, and nothing else makes a Grant.

An engine's door takes a Grant as its first argument, so that code that bypasses the gate does not type-check; and it
checks that the Grant is for this act, so that a grant to list a gallery cannot be used to search it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from regard.accountability import judgement
from regard.accountability.authorisation_terms import check_authorisation
from regard.accountability.enrolments_door import EnrolmentsDoor
from regard.accountability.judgement import Mandate
from regard.accountability.ledger.entry import Fact
from regard.accountability.ledger.ledger import Hearing, Ledger
from regard.accountability.permissions import PERMISSIONS
from regard.accountability.profiles.rules import Rules
from regard.accountability.standing import Standing
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.callers import Principal
from regard.errors import AccessDenied, InvalidParameter, ResourceNotFound
from regard.store.database import accompanied

#: What the server does by itself, for nobody who asks.
_OWN = frozenset({"sweep", "signals"})
#: What the operator of the machine may do before there is anybody: make the first person, and give them roles.
_FIRST = frozenset({"people add", "people grant"})
#: The same with a browser, by the link that only their terminal shows.
_FIRST_BY_LINK = "POST /v1/first-run"
#: What is never done in a collection that the act has not named.
_NAMING = frozenset({Action.SEARCH, Action.COMPARE})


class Grant:
    """The proof that a caller may do one act, valid until that act has ended."""

    __slots__ = ("_ended", "_hearing", "_still", "act", "base", "caller", "compared", "mandate", "told_something")

    def __init__(
        self,
        caller: Caller,
        act: Act,
        mandate: Mandate,
        base: Rules,
        hearing: Hearing | None = None,
        still: Callable[[], None] | None = None,
    ) -> None:
        """Only `Gate.open` makes one; an architecture test enforces this."""
        #: The installation's own profile, whichever rules hold for the act.
        self.base = base
        self.caller = caller
        self.act = act
        #: On what it is allowed: the rules, who acts, and under which authorisation.
        self.mandate = mandate
        self._hearing = hearing
        #: Raises where the act has been stopped since: one may go on for hours.
        self._still = still
        self._ended = False
        #: Whether it has told something though it may have failed.
        self.told_something = False
        #: Whether somebody was compared, which counts however the act ends: that they are not alike is an answer.
        self.compared = False

    @property
    def rules(self) -> Rules:
        """The profile that allowed it, whose limits hold for whatever is done with it."""
        return self.mandate.rules

    @property
    def person_id(self) -> str | None:
        """The natural person who acts, where the profile knows people."""
        return self.mandate.holder.person_id if self.mandate.holder else None

    @property
    def reviewed(self) -> bool:
        """Whether candidates are reviewed before anybody is told who they are."""
        return self.rules.review.agreements > 0

    def require(self, action: Action, collection: str | None = None) -> None:
        """Return if this grant is for `action`, and for that collection if the act names one; a search has to name it,
        or the collection's own rules were not asked.

        Raises AccessDenied if the act was suspended since it began; and RuntimeError otherwise, which only a bug in
        Regard can cause, never a request.
        """
        if self._ended:
            raise RuntimeError(f"the grant to {self.act.action} has ended with the request it was given for")
        if self.act.action is not action:
            raise RuntimeError(f"a grant to {self.act.action} was used to {action}")
        if collection is not None and self.act.collection not in (None, collection):
            raise RuntimeError(f"a grant for the collection {self.act.collection} was used for {collection}")
        if collection is not None and self.act.collection is None and action in _NAMING:
            raise RuntimeError(f"a grant to {action} in no collection was used for {collection}")
        if self._still is not None:
            self._still()

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

    @contextmanager
    def looking_up(self) -> Iterator[None]:
        """Inside, what is searched for is looked up by an id that the caller named. That there is no such thing is an
        answer too, and the search counts: else every id could be tried."""
        try:
            yield
        except (InvalidParameter, ResourceNotFound):
            self.told_something = True
            raise

    def tell(self) -> None:
        """Write the entry now, before something leaves that cannot be held back until the act has ended."""
        if self._hearing is not None:
            self._hearing.tell()

    @contextmanager
    def recording(self) -> Iterator[None]:
        """What is written inside contains the act's entry, in the same transaction, though most of its kind only read.
        Note first what the entry is to say."""
        if self._hearing is None:
            yield
            return
        with accompanied(self._hearing):
            yield

    @property
    def receipt(self) -> int | None:
        """The number of the act's last entry, for `regard ledger prove`; None as long as there is none."""
        return None if self._hearing is None else self._hearing.record.position

    def end(self) -> None:
        self._ended = True


class Gate:
    """Grants the acts that the rules allow: the installation's, or those of the collection where they are stricter.
    Where those have a ledger, it hears every act, allowed or refused.

    Without `standing` there is nobody to know and nothing to look up: the rules must then ask for no people.
    """

    def __init__(
        self,
        rules: Rules,
        ledger: Ledger | None = None,
        standing: Standing | None = None,
        *,
        assessment: str = "",
    ) -> None:
        """`assessment` is the reference of the one that some profiles ask for."""
        #: As the settings say.
        self._own = rules
        self._ledger = ledger
        self._standing = standing
        self._assessment = assessment
        #: Shut while the profile is chosen.
        self.enrolments = EnrolmentsDoor()

    @contextmanager
    def open(self, caller: Caller, act: Act, *, continued: bool = False) -> Iterator[Grant]:
        """A grant for this act, valid inside the block. Raises AccessDenied before anything is done, ExpiredToken if
        the authorisation has ended, and InternalServerError if the act cannot be recorded. An act that is `continued`,
        as a job's is by each chunk, was counted as a search when it began."""
        base = self._base_for(caller, act)
        judgement.check_open(act, base, base)
        rules = self._rules(caller, act, base)
        if rules.people and self._standing is not None:
            self._standing.keep(rules)
        act = judgement.at_threshold(act, rules)
        hears = self._ledger if rules.ledger else None
        hearings = nullcontext() if hears is None else hears.hearing(caller, act, rules.name)
        with hearings as hearing, self.enrolments.passing(act):
            judgement.check_open(act, rules, base)
            judgement.check_lent(caller, act)
            mandate = self._mandate(caller, act, rules)
            if hearing is not None:
                hearing.record.vouch(mandate)
            grant = Grant(caller, act, mandate, base, hearing, self._still(caller, act, mandate))
            with nullcontext() if continued else self._counted(grant):
                try:
                    yield grant
                finally:
                    grant.end()
                    if act.action is Action.ADMINISTER and self._standing is not None:
                        self._standing.forget()

    def check(self, grant: Grant) -> Mandate:
        """On what an act that takes long would be allowed now as it was when it began. Raises as `open`."""
        caller, act = grant.caller, grant.act
        return self._mandate(caller, act, self._rules(caller, act, self._base_for(caller, act)))

    def knows(self, principal: Principal) -> bool:
        """Whether a caller is held to be a person or a program of theirs: everybody is under a profile that knows
        people, and those with a key of their own where only the profile of a collection does."""
        if self._base.people:
            return True
        return principal.holder_id is not None and self.knows_anybody

    @property
    def knows_anybody(self) -> bool:
        """Whether the profile of the installation, or of one of its collections, knows people."""
        return self.in_use.people

    @property
    def in_use(self) -> Rules:
        """All that the profile of the installation and those of its collections demand together."""
        if self._standing is None or self._base.closed:
            return self._base
        return self._standing.in_use(self._base)

    @property
    def _base(self) -> Rules:
        """The installation's own profile. The process in which another was chosen begins again under it, and is shut
        to enrolments until then."""
        if self._standing is None or self.enrolments.shut:
            return self._own
        return self._standing.installation(self._own)

    def _base_for(self, caller: Caller, act: Act) -> Rules:
        """The same, for one act. A command that only reads has just read the settings, and makes no database of its own
        to find out."""
        return self._own if caller.channel is Channel.CLI and not judgement.stops(act) else self._base

    def _rules(self, caller: Caller, act: Act, base: Rules) -> Rules:
        if self._standing is None:
            return base
        if act.all_collections or judgement.is_shared(caller, act):
            return self.in_use
        if judgement.compares_pictures(act) and self._standing.holder(caller) is not None:
            return self._standing.rules_of_comparing(base, authorisation_of(caller))
        rules = self._standing.rules(base, act.collection)
        return self._removing if rules.closed and not base.closed and judgement.removes(act) else rules

    @property
    def _removing(self) -> Rules:
        """What a closed collection is deleted under: nothing else may be done with it, and its own rules before it was
        closed are not known any more. Where there are people, one of them has to do it, on record."""
        rules = self.in_use
        if self._standing is None or not self._standing.anybody():
            return rules
        return rules.changed(people=True, ledger=True)

    def _mandate(self, caller: Caller, act: Act, rules: Rules) -> Mandate:
        standing, named = self._standing, authorisation_of(caller)
        if caller.channel is Channel.WORKER and act.operation in _OWN:
            if standing is not None:
                standing.in_use(self._base)  # what the sweeper deletes is of every collection
            return Mandate(rules=rules)
        if standing is None:
            if rules.people:
                raise AccessDenied(f"{act.operation} is refused: nobody is known here, as the profile needs.")
            return Mandate(rules=rules)
        holder = standing.holder(caller) if rules.people else None
        if judgement.stops(act):
            judgement.check_suspended(act, holder, named, standing.suspensions())
        if not rules.people:
            if rules.limiting:
                judgement.check_limits(caller, act, rules, self._assessment)
            return Mandate(rules=rules)
        if holder is None and self._is_first(caller, act):
            return Mandate(rules=rules)
        holder = judgement.check_person(caller, act, rules, holder)
        if rules.trained:
            allowed = PERMISSIONS.roles(caller.channel, act.operation)
            trainings = standing.trainings(holder.person_id)
            judgement.check_training(act, rules, holder, allowed, trainings, standing.now())
        judgement.check_limits(caller, act, rules, self._assessment)
        found = standing.authorisation(named) if named else None
        found = check_authorisation(act, rules, holder, named, found, standing.now())
        return Mandate(rules=rules, holder=holder, authorisation=found)

    def _still(self, caller: Caller, act: Act, mandate: Mandate) -> Callable[[], None] | None:
        """What looks again, each time the grant is used, whether the act has been suspended."""
        standing, named = self._standing, authorisation_of(caller)
        if standing is None or not judgement.stops(act):
            return None
        return lambda: judgement.check_suspended(act, mandate.holder, named, standing.suspensions())

    def _is_first(self, caller: Caller, act: Act) -> bool:
        """Whether the operator of the machine makes the first person."""
        typed = caller.channel is Channel.CLI and act.operation in _FIRST
        first = typed or (caller.channel is Channel.API and act.operation == _FIRST_BY_LINK)
        return first and self._standing is not None and not self._standing.anybody()

    @contextmanager
    def _counted(self, grant: Grant) -> Iterator[None]:
        """Count a search under its authorisation before it is made, and take that back if it comes to nothing and told
        nothing."""
        act, mandate = grant.act, grant.mandate
        found, standing = mandate.authorisation, self._standing
        if found is None or standing is None or judgement.compared(act) not in mandate.rules.authorisation.actions:
            yield
            return
        if not standing.take(found.id):
            raise AccessDenied(
                f"{act.operation} is refused: all {found.searches_allowed} searches of the authorisation {found.id} "
                "have been made. Request another with `regard authorise request`."
            )
        came_to_something = False
        try:
            yield
            came_to_something = True
        finally:
            if (
                not came_to_something
                and not grant.compared
                and (not grant.told_something or standing.forgives(found.id))
            ):
                standing.give_back(found.id)


def authorisation_of(caller: Caller) -> str:
    """The id of the authorisation that a caller names: by themselves, or as the name of their session."""
    session = caller.principal.temporary_credential
    return caller.authorisation or (session.name if session else "")
