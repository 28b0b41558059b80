"""Who acts: natural persons, the services that somebody answers for, and the roles they hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from regard.domain.look_alikes import readings


class Role(StrEnum):
    """What somebody is there for. `accountability/permissions.toml` says what each may do."""

    #: Runs the installation: settings, collections, people. May not search by being one.
    ADMINISTRATOR = "administrator"
    #: Puts faces into collections and takes them out.
    ENROLLER = "enroller"
    SEARCHER = "searcher"
    #: Compares candidates with what was searched for, without knowing what the machine thinks.
    REVIEWER = "reviewer"
    #: Reads everything that was recorded, and changes nothing.
    AUDITOR = "auditor"
    #: Approves authorisations, suspends, and answers to the public: one named person.
    OVERSEER = "overseer"


#: Roles that nobody holds beside others, neither themself nor by a service that they answer for: beside which, and why.
_APART = {
    Role.AUDITOR: (
        frozenset(Role) - {Role.AUDITOR},
        "an auditor changes nothing, and audits no acts of their own",
    ),
    Role.REVIEWER: (
        frozenset({Role.OVERSEER}),
        "an overseer reads what was searched for and what other reviewers said, which a reviewer must not know",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """A role that counts for nothing beside the `others` that are held too, and why."""

    role: Role
    others: Sequence[Role]
    why: str


def clash(roles: Collection[Role]) -> Clash | None:
    """What there is among these roles that one person may not hold together."""
    for role, (others, why) in _APART.items():
        if role in roles and (held := sorted(others.intersection(roles))):
            return Clash(role=role, others=held, why=why)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A natural person. `login` is what they sign in with; on the machine itself, the name of their account there."""

    id: str
    name: str
    login: str | None
    created_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A program that acts by itself; `person_id` is who answers for it."""

    id: str
    name: str
    person_id: str
    created_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who a caller turned out to be, with the roles they hold now.

    `person_id` is the natural person who acts, or who answers for the service that does: two holders with one
    `person_id` are one person wherever two people are needed. `beside` are, of an auditor, the other roles of that
    person and of the services they answer for.
    """

    id: str
    name: str
    person_id: str
    is_service: bool
    roles: frozenset[Role]
    beside: frozenset[Role] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """That somebody was trained in something, until when it holds."""

    person_id: str
    subject: str
    reference: str
    completed_at: datetime
    expires_at: datetime


def shown_names(people: Iterable[Person], services: Iterable[Service]) -> dict[str, str]:
    """What each is called where they are named, by id: no two alike, also not but for case, spaces and letters of other
    alphabets that look the same.

    A name stands alone only if it is the login as well, or there is none, and if nobody else is called or signs in so.
    """
    people, services = list(people), list(services)
    known = Counter(each for one in people for each in readings(one.name) | readings(one.login or one.name))
    known.update(reading for each in services for reading in readings(each.name))
    shown = {each.id: (each.name, each.login or each.id, each.login in (None, each.name)) for each in people}
    shown |= {each.id: (each.name, "service", True) for each in services}
    named = {
        key: name if alone and _once(name, known) else f"{name} ({other})"
        for key, (name, other, alone) in shown.items()
    }
    twice = Counter(reading for each in named.values() for reading in readings(each))
    return {key: each if _once(each, twice) else f"{each} ({key})" for key, each in named.items()}


def _once(name: str, known: Mapping[str, int]) -> bool:
    """Whether nothing else reads so."""
    return all(known[each] == 1 for each in readings(name))
