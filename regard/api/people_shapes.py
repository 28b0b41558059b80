"""People, services, their roles, trainings and keys, as they are sent and answered."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Annotated

from pydantic import Field

from regard.accountability.people import PersonShown as FoundPerson
from regard.accountability.services import ServiceShown as FoundService
from regard.api.shapes import Given, Moment, Name, Shown
from regard.domain.people import Person, Role

Login = Annotated[str, Field(min_length=1, max_length=128)]
Roles = Annotated[list[Role], Field(max_length=len(Role))]


class PersonGiven(Given):
    """A person: their name as it stands in reports, and what they sign in with."""

    name: Name
    login: Login | None = None
    roles: Roles = Field(default_factory=list)


class ServiceGiven(Given):
    """A program that acts by itself; `answers` is the id, login or name of the person who answers for it."""

    name: Name
    answers: Name
    roles: Roles = Field(default_factory=list)


class RolesGiven(Given):
    roles: Annotated[list[Role], Field(min_length=1, max_length=len(Role))]


class TrainingGiven(Given):
    """A training: in what, where that is written down, when it was completed. It holds for a year unless said."""

    subject: Name
    reference: Name
    completed_at: Moment
    expires_at: Moment | None = None


class NewPassword(Given):
    password: Annotated[str, Field(min_length=1, max_length=1024, json_schema_extra={"format": "password"})]


class KeyGiven(Given):
    """A name to tell the key by; the holder's unless given."""

    name: Name | None = None


class PersonShown(Shown):
    """A person and the roles they hold."""

    id: str
    name: str
    login: str | None
    roles: list[Role]
    created_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, person: Person, roles: Collection[Role]) -> PersonShown:
        return cls(
            id=person.id,
            name=person.name,
            login=person.login,
            roles=sorted(roles),
            created_at=person.created_at,
            ended_at=person.ended_at,
        )


class PeopleShown(Shown):
    """Everybody, those who have ended as well."""

    people: list[PersonShown]


class TrainingShown(Shown):
    subject: str
    reference: str
    completed_at: datetime
    expires_at: datetime


class PersonFile(Shown):
    """A person with their trainings, the services they answer for, and the ids of their active access keys."""

    person: PersonShown
    trainings: list[TrainingShown]
    services: list[str]
    keys: list[str]

    @classmethod
    def of(cls, found: FoundPerson) -> PersonFile:
        return cls(
            person=PersonShown.of(found.person, found.roles),
            trainings=[TrainingShown.model_validate(each) for each in found.trainings],
            services=list(found.services),
            keys=list(found.keys),
        )


class ServiceShown(Shown):
    """A service, its roles, and who answers for it."""

    id: str
    name: str
    answers_id: str
    answers: str
    roles: list[Role]
    created_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, found: FoundService) -> ServiceShown:
        return cls(
            id=found.service.id,
            name=found.service.name,
            answers_id=found.person.id,
            answers=found.person.name,
            roles=sorted(found.roles),
            created_at=found.service.created_at,
            ended_at=found.service.ended_at,
        )


class ServicesShown(Shown):
    """Every service, those that have ended as well."""

    services: list[ServiceShown]


class Ended(Shown):
    """The ids of the access keys that ended with them."""

    name: str
    keys: Sequence[str]


class Changed(Shown):
    """Whose it was."""

    id: str
    name: str


class KeyMade(Shown):
    """A new access key. The secret cannot be shown again."""

    access_key_id: str
    secret_access_key: str
    holder: str


class CodesMade(Shown):
    """The address (otpauth://…) that an authenticator app takes its codes from. It cannot be shown again."""

    name: str
    address: str
