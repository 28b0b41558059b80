"""The doors to people and services, in a database that has nobody yet."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from roster import Clock, Staff, caller

from regard.accountability.access_keys import AccessKeys
from regard.accountability.gate import Grant
from regard.accountability.people import People
from regard.accountability.profiles.catalogue import PROFILES
from regard.accountability.profiles.rules import Rules
from regard.accountability.services import Services
from regard.domain.authority import Act, Action, Channel
from regard.domain.people import Role
from regard.store.database import Database
from regard.store.key_rows import KeyRows
from regard.store.sign_in_rows import SignInRows

STRICT = PROFILES["public-safety"]


@dataclass(frozen=True)
class Office:
    """The doors to people and services, and an administrator who comes by the command line."""

    staff: Staff
    keys: AccessKeys
    people: People
    services: Services

    def asks(
        self, command: str, action: Action = Action.ADMINISTER, who: str = "root", rules: Rules = STRICT
    ) -> AbstractContextManager[Grant]:
        act = Act(action=action, operation=command)
        return self.staff.gate(rules).open(caller(who, Channel.CLI), act)

    def add(self, login: str, *roles: Role) -> str:
        with self.asks("people add") as grant:
            return self.people.add(grant, login.title(), login, roles).id

    def grant(self, who: str, *roles: Role, by: str = "root") -> None:
        with self.asks("people grant", who=by) as grant:
            self.people.grant(grant, who, roles)

    def roles(self, who: str) -> set[Role]:
        with self.asks("people show", Action.READ) as grant:
            return set(self.people.show(grant, who).roles)


def open_office(database: Database, folder: Path) -> Office:
    clock, rows, key_rows = Clock(), Staff(database, Clock()).rows, KeyRows(database)
    keys = AccessKeys(folder / "keys", key_rows, clock=clock.seconds)
    people = People(rows, key_rows, SignInRows(database), clock)
    return Office(Staff(database, clock), keys, people, Services(rows, key_rows, keys, clock))
