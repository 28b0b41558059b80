"""The door to authorisations: one person requests, another decides; either may end it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import reduce

from regard.accountability.authorisation_terms import check_terms, check_usable, settled
from regard.accountability.gate import Grant
from regard.accountability.plain_words import check_words
from regard.accountability.profiles.catalogue import of_tags, stricter
from regard.accountability.profiles.rules import Rules
from regard.domain.authorisations import (
    USABLE,
    Authorisation,
    AuthorisationKind,
    AuthorisationState,
    OnBehalfOf,
    Scope,
)
from regard.domain.authority import Action
from regard.domain.people import Holder, Role
from regard.errors import AccessDenied, Conflict, InvalidParameter, ResourceNotFound
from regard.store.authorisation_rows import AuthorisationRows
from regard.store.collection_rows import CollectionRows
from regard.store.people_rows import PeopleRows

State = AuthorisationState
#: Crockford's alphabet: no letter is taken for a digit, and no word comes of it.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 8
#: No authorisation begins later than in a hundred years.
_FARTHEST = timedelta(days=36_525)
#: What a law asks to be counted of warrants and of emergencies (RCW 43.386.070).
STATISTICS = ("officer", "place", "modified", "extended", "persons", "outcome")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked for. `holder` is the login or id of the person, or the name of the service, who is to use it: the
    requester unless said. It begins at once unless `starts_at` says otherwise, and ends after the longest time that the
    profile allows unless `ends_at` does. With `emergency` it is usable now and confirmed later."""

    kind: AuthorisationKind
    purpose: str
    basis: str
    offence: str | None = None
    document_sha256: str | None = None
    case_reference: str | None = None
    declaration: str = ""
    scope: Scope = field(default_factory=Scope)
    on_behalf_of: OnBehalfOf | None = None
    searches: int | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    holder: str | None = None
    emergency: bool = False
    statistics: Mapping[str, str] = field(default_factory=dict)


class Authorisations:
    """Request, approve, refuse, end and read authorisations. Two people are two `person_id`s: whichever account, key or
    service they come by."""

    def __init__(
        self,
        rows: AuthorisationRows,
        people: PeopleRows,
        collections: CollectionRows,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._rows = rows
        self._people = people
        self._collections = collections
        self._clock = clock

    def request(self, grant: Grant, asked: Request) -> Authorisation:
        """Ask for an authorisation. Raises InvalidParameter where the profile knows no such one."""
        grant.require(Action.ADMINISTER)
        person = _person(grant)
        now = self._clock()
        rules = self._rules(grant, asked.scope)
        starts = asked.starts_at or now
        if starts - now > _FARTHEST:
            raise InvalidParameter(f"An authorisation begins by {now + _FARTHEST:%Y-%m-%d}; this one never would.")
        hours = rules.authorisation.emergency_hours
        if asked.emergency and hours is None:
            raise InvalidParameter(f"The profile {rules.name} knows no emergencies: request it, and wait for approval.")
        new = Authorisation(
            id=_new_id(),
            kind=asked.kind,
            purpose=asked.purpose,
            offence=asked.offence,
            basis=asked.basis,
            document_sha256=asked.document_sha256,
            case_reference=asked.case_reference,
            declaration=asked.declaration,
            scope=asked.scope,
            on_behalf_of=asked.on_behalf_of,
            profile=rules.name,
            searches_allowed=asked.searches,
            searches_done=0,
            starts_at=starts,
            ends_at=asked.ends_at or starts + timedelta(days=rules.authorisation.longest_days),
            confirm_by=now + timedelta(hours=hours) if asked.emergency and hours else None,
            state=State.EMERGENCY if asked.emergency else State.REQUESTED,
            holder_id=self._holder_id(asked.holder, person),
            requested_by=person.person_id,
            requested_at=now,
            statistics=_counted(asked.statistics),
        )
        _check(new, rules, grant)
        if new.ends_at <= now:
            raise InvalidParameter(f"It would have ended on {new.ends_at:%Y-%m-%d}. Request it for a time to come.")
        _note(grant, new)
        self._rows.add(new)
        return new

    def approve(
        self,
        grant: Grant,
        authorisation_id: str,
        *,
        document_sha256: str | None = None,
        ends_at: datetime | None = None,
        searches: int | None = None,
    ) -> Authorisation:
        """Approve it, or confirm an emergency; with a document, or for less than was asked. Raises AccessDenied to whom
        it was requested by or for, Conflict if it was decided already."""
        found = self._to_decide(grant, authorisation_id)
        narrowed = _narrowed(found, document_sha256, ends_at, searches)
        _check(narrowed, self._rules(grant, found.scope), grant)
        changes = {
            name: getattr(narrowed, name)
            for name in ("document_sha256", "ends_at", "searches_allowed")
            if getattr(narrowed, name) != getattr(found, name)
        }
        if narrowed.ends_at <= self._clock():
            raise InvalidParameter(f"The authorisation {found.id} would have ended already. Have it requested again.")
        return self._decide(grant, found, State.APPROVED, changes)

    def refuse(self, grant: Grant, authorisation_id: str) -> Authorisation:
        """Refuse it, or end an emergency by not confirming it: what came of it is purged. Raises as `approve`."""
        return self._decide(grant, self._to_decide(grant, authorisation_id), State.REFUSED, {})

    def end(self, grant: Grant, authorisation_id: str, statistics: Mapping[str, str] | None = None) -> Authorisation:
        """End it before its time. The requester and the holder may, and who may approve."""
        grant.require(Action.ADMINISTER)
        found = self._visible(grant, authorisation_id)
        _note(grant, found)
        now = self._clock()
        if not self._rows.decide(found.id, {State.REQUESTED, *USABLE}, State.ENDED, _person(grant).person_id, now):
            raise Conflict(f"The authorisation {found.id} has ended already: it is {found.state}.")
        if statistics:
            self._rows.tell(found, _counted(statistics))
        return self._again(found.id)

    def agree_to_poor_probes(self, grant: Grant, authorisation_id: str) -> Authorisation:
        """Let faces be searched for under it that are seen worse than the profile asks. Raises as `approve`."""
        found = self._decidable(grant, authorisation_id)
        if found.state not in {State.REQUESTED, *USABLE}:
            raise Conflict(f"The authorisation {found.id} is {found.state}.")
        if not self._rows.agree_to_poor_probes(found, _person(grant).person_id):
            raise Conflict(f"The authorisation {found.id} was changed at this moment. Look at it again.")
        return self._again(found.id)

    def get(self, grant: Grant, authorisation_id: str) -> Authorisation:
        """Raises ResourceNotFound; for a searcher also where it is somebody else's."""
        return self._visible(grant, authorisation_id)

    def all(self, grant: Grant) -> list[Authorisation]:
        """The newest first; a searcher's own only."""
        grant.require_all(Action.READ)
        now = self._clock()
        found = [settled(self._rows, each, now) for each in self._rows.all()]
        return [each for each in found if _sees(grant, each)]

    def usable(self, grant: Grant, authorisation_id: str) -> tuple[Authorisation, Holder]:
        """One that may be used now, and its holder, for credentials to carry it. Raises AccessDenied where it is
        neither the caller's nor was decided by them, ExpiredToken."""
        grant.require(Action.ADMINISTER)
        found, caller = self._visible(grant, authorisation_id), _person(grant)
        holder = self._people.holder(found.holder_id)
        if holder is None:
            raise AccessDenied(f"The holder of the authorisation {found.id} is not here any more.")
        if caller.person_id not in (holder.person_id, found.decided_by):
            raise AccessDenied(f"{grant.act.operation} is refused: the authorisation {found.id} is somebody else's.")
        check_usable(found, holder, grant.act.operation, self._clock())
        _note(grant, found)
        return found, holder

    def replace_token(self, grant: Grant, found: Authorisation, token_id: str) -> None:
        """Let this web identity token of it be good, and none that was given out before. Raises InvalidParameter."""
        grant.require(Action.ADMINISTER)
        grant.note(web_identity=token_id)
        if not self._rows.replace_token(found, token_id):
            raise InvalidParameter(f"The authorisation {found.id} was changed at this moment. Look at it again.")

    # -- deciding ----------------------------------------------------------------------------------------------

    def _to_decide(self, grant: Grant, authorisation_id: str) -> Authorisation:
        found = self._decidable(grant, authorisation_id)
        if found.state not in (State.REQUESTED, State.EMERGENCY):
            raise Conflict(f"The authorisation {found.id} is {found.state}; nothing is left to decide.")
        return found

    def _decidable(self, grant: Grant, authorisation_id: str) -> Authorisation:
        """Raises AccessDenied unless a natural person decides about somebody else's request."""
        grant.require(Action.ADMINISTER)
        found, decider = self._visible(grant, authorisation_id), _person(grant)
        _note(grant, found)
        user = self._people.holder(found.holder_id)
        if decider.is_service:
            raise AccessDenied(f"{grant.act.operation} is refused: {decider.name} is a service, and a person decides.")
        if decider.person_id in (found.requested_by, found.holder_id, user.person_id if user else None):
            raise AccessDenied(
                f"{grant.act.operation} is refused: {found.id} was requested by {decider.name} or for them, and "
                "another person has to decide."
            )
        return found

    def _decide(self, grant: Grant, found: Authorisation, after: State, changes: Mapping[str, object]) -> Authorisation:
        by, before = _person(grant).person_id, {State.REQUESTED, State.EMERGENCY}
        if not self._rows.decide(found.id, before, after, by, self._clock(), **changes):
            raise Conflict(f"Somebody else has decided about {found.id}: it is {self._again(found.id).state}.")
        return self._again(found.id)

    # -- finding -----------------------------------------------------------------------------------------------

    def _again(self, authorisation_id: str) -> Authorisation:
        found = self._rows.get(authorisation_id)
        if found is None:
            raise ResourceNotFound(f"There is no authorisation {authorisation_id}.")
        return settled(self._rows, found, self._clock())

    def _visible(self, grant: Grant, authorisation_id: str) -> Authorisation:
        found = self._again(authorisation_id)
        if not _sees(grant, found):
            raise ResourceNotFound(f"There is no authorisation {authorisation_id} of yours.")
        return found

    def _holder_id(self, name: str | None, requester: Holder) -> str:
        if name is None:
            return requester.id
        person = self._people.person(name)
        if person is not None and person.ended_at is None:
            return person.id
        service = self._people.service(name)
        if service is None or service.ended_at is not None:
            raise InvalidParameter(f"There is neither a person with the login {name} here nor a service of that name.")
        return service.id

    def _rules(self, grant: Grant, scope: Scope) -> Rules:
        """What holds for all collections that it is for; as long as one of them is not there, for all there are."""
        found = [self._collections.find(name) for name in scope.collections or ()]
        if not found or None in found:
            return grant.rules
        return reduce(stricter, (of_tags(each.tags, grant.base) for each in found if each is not None), grant.base)


def _check(found: Authorisation, rules: Rules, grant: Grant) -> None:
    """Raises InvalidParameter as `check_terms`, with what may help where collections differ."""
    try:
        check_terms(found, rules)
    except InvalidParameter as fault:
        if rules is grant.base or found.scope.collections is not None:
            raise
        raise InvalidParameter(
            f"{fault.message} Collections here have profiles of their own: name those that it is for with --collection."
        ) from fault


def _person(grant: Grant) -> Holder:
    """Who acts. Under a profile that knows nobody there is nobody to request or decide."""
    if grant.mandate.holder is None:
        raise InvalidParameter(
            f"{grant.act.operation} needs a profile that knows people; here is only {grant.rules.name}. `regard "
            "profiles list` shows the others, for the installation or for one of its collections."
        )
    return grant.mandate.holder


def _sees(grant: Grant, found: Authorisation) -> bool:
    """An auditor and an overseer see all, everybody else what concerns them."""
    holder = _person(grant)
    return bool(holder.roles & {Role.AUDITOR, Role.OVERSEER}) or bool(
        {holder.id, holder.person_id} & {found.requested_by, found.holder_id}
    )


def _narrowed(
    found: Authorisation, document_sha256: str | None, ends_at: datetime | None, searches: int | None
) -> Authorisation:
    """As it would be approved. Raises InvalidParameter for more than was asked."""
    if ends_at is not None and ends_at > found.ends_at:
        raise InvalidParameter(f"{found.id} was requested until {found.ends_at:%Y-%m-%d %H:%M} UTC, not for longer.")
    if searches is not None and found.searches_allowed is not None and searches > found.searches_allowed:
        raise InvalidParameter(f"{found.id} was requested for {found.searches_allowed} searches, not for more.")
    return replace(
        found,
        state=State.APPROVED,
        document_sha256=document_sha256 or found.document_sha256,
        ends_at=ends_at or found.ends_at,
        searches_allowed=found.searches_allowed if searches is None else searches,
    )


def _counted(statistics: Mapping[str, str]) -> dict[str, str]:
    if unknown := sorted(set(statistics) - set(STATISTICS)):
        raise InvalidParameter(f"{unknown[0]} is not counted of an authorisation; {', '.join(STATISTICS)} are.")
    for name, value in statistics.items():
        check_words(f"the statistic {name}", value)
    return dict(statistics)


def _note(grant: Grant, found: Authorisation) -> None:
    """Ids, kinds and purposes: nothing that somebody wrote in words."""
    grant.note(
        about_authorisation=found.id,
        kind=str(found.kind),
        about_purpose=found.purpose,
        holder=found.holder_id,
        ends_at=f"{found.ends_at:%Y-%m-%dT%H:%M:%SZ}",
    )


def _new_id() -> str:
    """As AWS clients can carry it in the name of a session."""
    return "A-" + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
