"""Who acts: natural persons, the services that somebody answers for, and the roles they hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


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
    `person_id` are one person wherever two people are needed.
    """

    id: str
    name: str
    person_id: str
    is_service: bool
    roles: frozenset[Role]


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """That somebody was trained in something, until when it holds."""

    person_id: str
    subject: str
    reference: str
    completed_at: datetime
    expires_at: datetime
