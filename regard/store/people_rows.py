"""People, services, their roles and what they were trained in: rows only. A person's row is never deleted: the record
names them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, insert, or_, select, update

from regard.domain.people import Holder, Person, Role, Service, Training
from regard.store.database import Database
from regard.store.tables.people import people, role_grants, services, trainings

_PERSON = (people.c.id, people.c.name, people.c.login, people.c.created_at, people.c.ended_at)
_ROLES = select(role_grants.c.role).where(role_grants.c.holder_id == bindparam("id"), role_grants.c.ended_at.is_(None))
_ALL_ROLES = select(role_grants.c.role).where(
    role_grants.c.ended_at.is_(None),
    or_(
        role_grants.c.holder_id == bindparam("id"),
        role_grants.c.holder_id.in_(
            select(services.c.id).where(services.c.person_id == bindparam("id"), services.c.ended_at.is_(None))
        ),
    ),
)


class PeopleRows:
    """Add, find and end people and services; grant and end roles; record training."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def database(self) -> Database:
        """For what must be one transaction."""
        return self._database

    # -- who somebody is ---------------------------------------------------------------------------------------

    def holder_of_login(self, login: str) -> Holder | None:
        """The person who signs in with this name, if they have not ended."""
        with self._database.read() as connection:
            found = connection.execute(select(people.c.id).where(people.c.login == login)).scalar_one_or_none()
            return None if found is None else _holder(connection, found)

    def holder(self, holder_id: str) -> Holder | None:
        """The person or service of this id, if it is one that has not ended."""
        with self._database.read() as connection:
            return _holder(connection, holder_id)

    # -- people ------------------------------------------------------------------------------------------------

    def add(self, person: Person) -> None:
        """Raises IntegrityError if somebody has that login."""
        with self._database.write() as connection:
            values = {"id": person.id, "name": person.name, "login": person.login, "created_at": person.created_at}
            connection.execute(insert(people).values(values))

    def person(self, name: str) -> Person | None:
        """The person with this id or login."""
        query = select(*_PERSON).where(or_(people.c.id == name, people.c.login == name)).order_by(people.c.id == name)
        with self._database.read() as connection:
            return _one(connection, query)

    def knows_login(self, login: str) -> bool:
        """Whether somebody has, or had, that login."""
        with self._database.read() as connection:
            return connection.execute(select(people.c.id).where(people.c.login == login)).one_or_none() is not None

    def all(self) -> list[Person]:
        """Everybody, those who have ended as well, by name."""
        query = select(*_PERSON).order_by(people.c.name, people.c.id)
        with self._database.read() as connection:
            return [Person(**row._mapping) for row in connection.execute(query)]

    def any(self) -> bool:
        """Whether there is anybody yet."""
        with self._database.read() as connection:
            return connection.execute(select(people.c.id).limit(1)).one_or_none() is not None

    def end(self, person_id: str, now: datetime) -> bool:
        """Nobody acts as this person any more. False if there is no such person."""
        change = update(people).where(people.c.id == person_id, people.c.ended_at.is_(None))
        with self._database.write() as connection:
            return connection.execute(change.values(ended_at=now)).rowcount == 1

    # -- services ----------------------------------------------------------------------------------------------

    def add_service(self, service: Service) -> None:
        """Raises IntegrityError if a service has that name."""
        with self._database.write() as connection:
            values = {name: getattr(service, name) for name in ("id", "name", "person_id", "created_at")}
            connection.execute(insert(services).values(values))

    def service(self, name: str) -> Service | None:
        """The service with this id or name."""
        query = select(services).where(or_(services.c.id == name, services.c.name == name))
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else Service(**row._mapping)

    def services(self) -> list[Service]:
        with self._database.read() as connection:
            return [Service(**row._mapping) for row in connection.execute(select(services).order_by(services.c.name))]

    def services_of(self, person_id: str) -> list[Service]:
        """Those that this person answers for and that have not ended."""
        return [each for each in self.services() if each.person_id == person_id and each.ended_at is None]

    def end_service(self, service_id: str, now: datetime) -> bool:
        change = update(services).where(services.c.id == service_id, services.c.ended_at.is_(None))
        with self._database.write() as connection:
            return connection.execute(change.values(ended_at=now)).rowcount == 1

    # -- roles -------------------------------------------------------------------------------------------------

    def roles(self, holder_id: str) -> frozenset[Role]:
        with self._database.read() as connection:
            return _roles(connection, holder_id)

    def all_roles(self, person_id: str) -> frozenset[Role]:
        """Those of a person, and of the services that they answer for and that have not ended."""
        with self._database.read() as connection:
            return _all_roles(connection, person_id)

    def people_with(self, role: Role) -> list[str]:
        """The ids of the people, not services, who hold it and have not ended."""
        query = (
            select(people.c.id)
            .join(role_grants, role_grants.c.holder_id == people.c.id)
            .where(role_grants.c.role == str(role), role_grants.c.ended_at.is_(None), people.c.ended_at.is_(None))
            .order_by(people.c.id)
        )
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def grant(self, holder_id: str, roles: Iterable[Role], by: str | None, now: datetime) -> None:
        """Grant those of `roles` that the holder does not have."""
        with self._database.write() as connection:
            held = _roles(connection, holder_id)
            new = [
                {"holder_id": holder_id, "role": str(role), "granted_by": by, "granted_at": now}
                for role in roles
                if role not in held
            ]
            if new:
                connection.execute(insert(role_grants), new)

    def withdraw(self, holder_id: str, roles: Iterable[Role], by: str | None, now: datetime) -> int:
        """Returns how many were withdrawn."""
        change = update(role_grants).where(
            role_grants.c.holder_id == holder_id,
            role_grants.c.role.in_([str(role) for role in roles]),
            role_grants.c.ended_at.is_(None),
        )
        with self._database.write() as connection:
            return connection.execute(change.values(ended_at=now, ended_by=by)).rowcount

    # -- training ----------------------------------------------------------------------------------------------

    def add_training(self, training: Training, by: str | None, now: datetime) -> None:
        values = {name: getattr(training, name) for name in Training.__slots__}
        with self._database.write() as connection:
            connection.execute(insert(trainings).values(values | {"recorded_by": by, "recorded_at": now}))

    def trainings(self, person_id: str) -> list[Training]:
        """The last to expire first."""
        columns = [trainings.c[name] for name in Training.__slots__]
        query = select(*columns).where(trainings.c.person_id == person_id).order_by(trainings.c.expires_at.desc())
        with self._database.read() as connection:
            return [Training(**row._mapping) for row in connection.execute(query)]


def _one(connection: Connection, query: Select[Any]) -> Person | None:
    row: Row[Any] | None = connection.execute(query).first()
    return None if row is None else Person(**row._mapping)


def _holder(connection: Connection, holder_id: str) -> Holder | None:
    person = connection.execute(select(people.c.name, people.c.ended_at).where(people.c.id == holder_id)).first()
    if person is not None:
        return _made(connection, holder_id, person, holder_id, is_service=False)
    query = (
        select(services.c.name, services.c.ended_at, services.c.person_id, people.c.ended_at.label("person_ended_at"))
        .join(people, people.c.id == services.c.person_id)
        .where(services.c.id == holder_id)
    )
    service = connection.execute(query).first()
    # Nobody answers for a service whose person has left.
    if service is None or service.person_ended_at is not None:
        return None
    return _made(connection, holder_id, service, service.person_id, is_service=True)


def _made(connection: Connection, holder_id: str, row: Any, person_id: str, *, is_service: bool) -> Holder | None:
    if row.ended_at is not None:
        return None
    roles = _roles(connection, holder_id)
    beside = _all_roles(connection, person_id) if Role.AUDITOR in roles else frozenset[Role]()
    return Holder(
        id=holder_id, name=row.name, person_id=person_id, is_service=is_service, roles=roles, beside=beside - roles
    )


def _roles(connection: Connection, holder_id: str) -> frozenset[Role]:
    return _known(connection.execute(_ROLES, {"id": holder_id}).scalars().all())


def _all_roles(connection: Connection, person_id: str) -> frozenset[Role]:
    return _known(connection.execute(_ALL_ROLES, {"id": person_id}).scalars().all())


def _known(found: Sequence[str]) -> frozenset[Role]:
    known = {str(role) for role in Role}
    return frozenset(Role(each) for each in found if each in known)
