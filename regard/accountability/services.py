"""The door to services: programs that act by themselves, each with a person who answers for it; and to the keys of
people and services."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from regard.accountability.access_keys import AccessKeys
from regard.accountability.gate import Grant
from regard.accountability.people import check_all_roles, check_held, check_not_oneself, check_roles, find_person
from regard.domain.authority import Action
from regard.domain.people import Person, Role, Service
from regard.errors import InvalidParameter, ResourceAlreadyExists, ResourceNotFound
from regard.store.key_rows import KeyRows
from regard.store.people_rows import PeopleRows

#: What only a natural person can be.
PERSONAL = frozenset({Role.REVIEWER, Role.OVERSEER, Role.ADMINISTRATOR})
_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceShown:
    """A service, the person who answers for it, and its roles."""

    service: Service
    person: Person
    roles: frozenset[Role]


class Services:
    """Adds and ends services, grants and withdraws their roles, and gives people and services access keys."""

    def __init__(
        self,
        rows: PeopleRows,
        key_rows: KeyRows,
        keys: AccessKeys,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._rows = rows
        self._key_rows = key_rows
        self._keys = keys
        self._clock = clock

    def add(self, grant: Grant, name: str, answers: str, roles: Collection[Role]) -> ServiceShown:
        """A service that the person `answers` for. Raises ResourceAlreadyExists, and as `grant`."""
        grant.require(Action.ADMINISTER)
        name = name.strip()
        if not name or len(name) > _LONGEST_NAME or not name.isprintable():
            raise InvalidParameter(f"A service's name has 1 to {_LONGEST_NAME} characters that can be printed.")
        with self._rows.database.write():
            person = find_person(self._rows, answers)
            if person.ended_at is not None:
                raise InvalidParameter(f"{person.name} ended on {person.ended_at:%Y-%m-%d} and answers for nothing.")
            if self._rows.service(name) is not None or self._rows.person(name) is not None:
                raise ResourceAlreadyExists(f"Somebody, or some service, is known as {name}; take another name.")
            _check(grant, name, person.id, roles)
            check_all_roles(self._rows, person, roles)
            service = Service(id=str(uuid4()), name=name, person_id=person.id, created_at=self._clock())
            self._rows.add_service(service)
            self._rows.grant(service.id, roles, grant.person_id, service.created_at)
            grant.note(service_added=service.id, answered_by=person.id, roles=sorted(roles))
        return ServiceShown(service=service, person=person, roles=frozenset(roles))

    def list(self, grant: Grant) -> Sequence[ServiceShown]:
        """Every service, those that have ended as well."""
        grant.require(Action.READ)
        return [self._shown(each) for each in self._rows.services()]

    def end(self, grant: Grant, name: str) -> tuple[Service, Sequence[str]]:
        """End the service, and its keys, whose ids are returned. Raises ResourceNotFound, InvalidParameter."""
        grant.require(Action.ADMINISTER)
        now = self._clock()
        with self._rows.database.write():
            service = self._found(name)
            if not self._rows.end_service(service.id, now):
                raise InvalidParameter(f"{service.name} has ended already.")
            keys = self._key_rows.revoke_of([service.id], now)
            grant.note(service_ended=service.id, keys=keys)
        return service, keys

    def grant(self, grant: Grant, name: str, roles: Collection[Role]) -> Service:
        """Raises ResourceNotFound, InvalidParameter, and AccessDenied for what nobody gives a service of their own."""
        grant.require(Action.ADMINISTER)
        with self._rows.database.write():
            service = self._active(name)
            _check(grant, service.name, service.person_id, self._rows.roles(service.id) | set(roles), roles)
            check_all_roles(self._rows, find_person(self._rows, service.person_id), roles)
            self._rows.grant(service.id, roles, grant.person_id, self._clock())
            grant.note(granted_to=service.id, roles=sorted(roles))
        return service

    def withdraw(self, grant: Grant, name: str, roles: Collection[Role]) -> Service:
        """Raises ResourceNotFound, InvalidParameter if one is not held."""
        grant.require(Action.ADMINISTER)
        with self._rows.database.write():
            service = self._active(name)
            check_held(service.name, self._rows.roles(service.id), roles)
            self._rows.withdraw(service.id, roles, grant.person_id, self._clock())
            grant.note(withdrawn_from=service.id, roles=sorted(roles))
        return service

    def key(self, grant: Grant, name: str, key_name: str | None = None) -> tuple[str, str]:
        """A new access key of a service: its id, and its secret, which cannot be shown again.

        Raises ResourceNotFound, InvalidParameter, and as `AccessKeys.create`.
        """
        grant.require(Action.ADMINISTER)
        service = self._active(name)
        return self._key(grant, service.id, key_name or service.name)

    def key_of_person(self, grant: Grant, who: str, key_name: str | None = None) -> tuple[str, str, Person]:
        """A new access key of a person, as `key`; and the person."""
        grant.require(Action.ADMINISTER)
        person = find_person(self._rows, who)
        if person.ended_at is not None:
            raise InvalidParameter(f"{person.name} ended on {person.ended_at:%Y-%m-%d} and gets no key.")
        return *self._key(grant, person.id, key_name or person.login or person.name), person

    def _key(self, grant: Grant, holder_id: str, name: str) -> tuple[str, str]:
        with self._rows.database.write():
            key_id, secret = self._keys.create(name, holder_id)
            grant.note(key=key_id, holder=holder_id)
        return key_id, secret

    def _found(self, name: str) -> Service:
        service = self._rows.service(name)
        if service is None:
            raise ResourceNotFound(f"There is no service {name}; `regard services list` shows those that there are.")
        return service

    def _active(self, name: str) -> Service:
        service = self._found(name)
        if service.ended_at is not None:
            raise InvalidParameter(f"{service.name} ended on {service.ended_at:%Y-%m-%d}; add another.")
        return service

    def _shown(self, service: Service) -> ServiceShown:
        person = find_person(self._rows, service.person_id)
        return ServiceShown(service=service, person=person, roles=self._rows.roles(service.id))


def _check(
    grant: Grant, name: str, person_id: str, roles: Collection[Role], new: Collection[Role] | None = None
) -> None:
    personal = sorted(PERSONAL & set(roles))
    if personal:
        raise InvalidParameter(f"A service cannot be {' or '.join(personal)}: that takes a person.")
    check_roles(name, roles)
    check_not_oneself(grant, person_id, roles if new is None else new)
