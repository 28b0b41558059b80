"""A person of each role in a real database, trained and authorised, and a gate that knows them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from approved import approved

from regard.accountability.gate import Gate
from regard.accountability.profiles.rules import Rules
from regard.accountability.standing import Standing
from regard.domain.authorisations import AuthorisationKind
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.callers import Principal
from regard.domain.people import Person, Role, Training
from regard.errors import AccessDenied, ExpiredToken
from regard.store.authorisation_rows import AuthorisationRows
from regard.store.database import Database
from regard.store.people_rows import PeopleRows

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        return self.now.timestamp()


@dataclass(frozen=True)
class Staff:
    """Everybody, by their login."""

    database: Database
    clock: Clock

    @property
    def rows(self) -> PeopleRows:
        return PeopleRows(self.database)

    def add(self, login: str, *roles: Role, trained: bool = True) -> Person:
        person = Person(id=f"id-of-{login}", name=login.title(), login=login, created_at=NOW - DAY)
        self.rows.add(person)
        self.rows.grant(person.id, roles, None, NOW - DAY)
        if trained:
            training = Training(
                person_id=person.id,
                subject="face comparison",
                reference="C-1",
                completed_at=NOW - DAY,
                expires_at=NOW + 300 * DAY,
            )
            self.rows.add_training(training, None, NOW - DAY)
        return person

    def authorise(self, person: Person, rules: Rules, searches: int | None = None) -> str:
        """An authorisation of theirs that the profile can have no fault with."""
        kinds = [each for each in rules.authorisation.kinds if each is not AuthorisationKind.INITIAL_IDENTIFICATION]
        made = approved(
            person.id,
            id=f"{rules.name}-{person.login}",
            kind=kinds[0],
            purpose=rules.authorisation.purposes[0] if rules.authorisation.purposes else "a purpose",
            document_sha256="a" * 64,
            profile=rules.name,
            searches_allowed=searches if searches is not None else rules.authorisation.most_searches,
            starts_at=NOW,
            ends_at=NOW + timedelta(days=min(1.0, rules.authorisation.longest_days)),
            requested_at=NOW,
        )
        AuthorisationRows(self.database).add(made)
        return made.id

    def gate(self, rules: Rules) -> Gate:
        standing = Standing(lambda: nullcontext(self.database), clock=self.clock)
        return Gate(rules, standing=standing, assessment="DPIA-1")


def caller(login: str, channel: Channel, authorisation: str = "") -> Caller:
    """Whoever holds `login`, as they come by that door."""
    principal = (
        Principal(access_key_id="", name=login)
        if channel is Channel.CLI
        else Principal(access_key_id="RGRDX", name=login, holder_id=f"id-of-{login}")
    )
    return Caller(principal=principal, channel=channel, authorisation=authorisation)


def allowed(gate: Gate, who: Caller, act: Act) -> str:
    """ "" if it is; otherwise why not."""
    try:
        with gate.open(who, act):
            return ""
    except (AccessDenied, ExpiredToken) as refused:
        return refused.message


def comparing(action: Action, operation: str) -> bool:
    return action in (Action.SEARCH, Action.COMPARE) or operation in ("AssociateFaces", "users associate")


def names(roles: Iterable[Role]) -> set[str]:
    return {str(role) for role in roles}
