"""The door to people: who there is, what roles they hold, and what they were trained in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from regard.accountability.gate import Grant
from regard.accountability.plain_words import check_words
from regard.domain.authority import Action
from regard.domain.identifiers import UUID_PATTERN
from regard.domain.look_alikes import readings
from regard.domain.people import Person, Role, Training, clash, shown_names
from regard.errors import AccessDenied, InvalidParameter, ResourceAlreadyExists, ResourceNotFound
from regard.store.database import Database
from regard.store.key_rows import KeyRows
from regard.store.people_rows import PeopleRows
from regard.store.sign_in_rows import SignInRows

#: What nobody can give themself, not even an administrator: with these somebody searches, or judges those who do.
SEPARATE = frozenset({Role.SEARCHER, Role.REVIEWER, Role.OVERSEER})
#: Without somebody in these nobody could be granted anything, or nothing could be approved and stopped.
NEVER_EMPTY = (Role.ADMINISTRATOR, Role.OVERSEER)
_LONGEST_NAME, _LONGEST_LOGIN = 255, 128


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonShown:
    """A person with what they hold: roles, trainings, the names of the services they answer for, and the ids of their
    active access keys."""

    person: Person
    roles: frozenset[Role]
    trainings: Sequence[Training] = ()
    services: Sequence[str] = ()
    keys: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingDue:
    """Which of somebody's roles need a training that holds, and until when theirs does: None if none was recorded."""

    roles: Sequence[Role]
    until: datetime | None


class People:
    """Adds and ends people, grants and withdraws roles, records training. `who` is a person's id, login or name."""

    def __init__(
        self,
        rows: PeopleRows,
        keys: KeyRows,
        sign_ins: SignInRows,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._rows = rows
        self._keys = keys
        self._sign_ins = sign_ins
        self._clock = clock

    @property
    def database(self) -> Database:
        return self._rows.database

    def add(self, grant: Grant, name: str, login: str | None, roles: Collection[Role]) -> Person:
        """Raises ResourceAlreadyExists if somebody has that login, and as `grant`."""
        grant.require(Action.ADMINISTER)
        person = Person(id=str(uuid4()), name=_name(name), login=_login(login), created_at=self._clock())
        check_roles(person.name, roles)
        with self._rows.database.write():
            _check_first(grant, self._rows.any(), roles)
            if person.login is not None:
                self._check_new_login(person.login)
            self._rows.add(person)
            self._rows.grant(person.id, roles, grant.person_id, person.created_at)
            grant.note(person_added=person.id, roles=sorted(roles))
        return person

    def list(self, grant: Grant) -> Sequence[PersonShown]:
        """Everybody, those who have ended as well."""
        grant.require(Action.READ)
        return [PersonShown(person=each, roles=self._rows.roles(each.id)) for each in self._rows.all()]

    def names(self, grant: Grant, ids: Iterable[str | None]) -> dict[str, str]:
        """By id, the name and login of people, and the name of services, for those who read what names them."""
        grant.require(Action.READ)
        known = shown_names(self._rows.all(), self._rows.services())
        return {each: known.get(each, each) for each in ids if each is not None}

    def own_training(self, grant: Grant) -> TrainingDue | None:
        """What the caller's roles ask of them; None if they ask for no training."""
        grant.require(Action.SIGN_IN)
        holder = grant.mandate.holder
        roles = holder.roles & set(grant.rules.trained) if holder is not None else frozenset()
        if holder is None or not roles:
            return None
        last = max((each.expires_at for each in self._rows.trainings(holder.person_id)), default=None)
        return TrainingDue(roles=sorted(roles), until=last)

    def show(self, grant: Grant, who: str) -> PersonShown:
        """Raises ResourceNotFound, InvalidParameter."""
        grant.require(Action.READ)
        person = find_person(self._rows, who)
        return PersonShown(
            person=person,
            roles=self._rows.roles(person.id),
            trainings=self._rows.trainings(person.id),
            services=[each.name for each in self._rows.services_of(person.id)],
            keys=self._keys.active_of(person.id),
        )

    def end(self, grant: Grant, who: str) -> tuple[Person, Sequence[str]]:
        """From now on nobody acts as this person, nor as a service they answer for: every key and sign-in of theirs has
        ended. Returns the ids of the keys.

        Raises ResourceNotFound, and AccessDenied for the last administrator or overseer.
        """
        grant.require(Action.ADMINISTER)
        now = self._clock()
        with self._rows.database.write():
            person = find_person(self._rows, who)
            self._check_not_last(person, NEVER_EMPTY)
            if not self._rows.end(person.id, now):
                raise InvalidParameter(f"{person.name} has ended already.")
            services = self._rows.services_of(person.id)
            for service in services:
                self._rows.end_service(service.id, now)
            keys = self._keys.revoke_of([person.id, *(each.id for each in services)], now)
            self._sign_ins.sign_out(person.id, now)
            grant.note(person_ended=person.id, services=[each.id for each in services], keys=keys)
        return person, keys

    def grant(self, grant: Grant, who: str, roles: Collection[Role]) -> Person:
        """Give roles. Raises ResourceNotFound, InvalidParameter, and AccessDenied for what nobody gives themself."""
        grant.require(Action.ADMINISTER)
        if grant.rules.people and grant.person_id is None:
            raise AccessDenied("The first person is added with their role: `regard people add --role administrator`.")
        with self._rows.database.write():
            person = self._active(who)
            check_roles(person.name, self._rows.roles(person.id) | set(roles))
            check_all_roles(self._rows, person, roles)
            check_not_oneself(grant, person.id, roles)
            self._rows.grant(person.id, roles, grant.person_id, self._clock())
            grant.note(granted_to=person.id, roles=sorted(roles))
        return person

    def withdraw(self, grant: Grant, who: str, roles: Collection[Role]) -> Person:
        """Take roles away. Raises ResourceNotFound, InvalidParameter if one is not held, AccessDenied for the last."""
        grant.require(Action.ADMINISTER)
        with self._rows.database.write():
            person = self._active(who)
            check_held(person.name, self._rows.roles(person.id), roles)
            self._check_not_last(person, [role for role in NEVER_EMPTY if role in roles])
            self._rows.withdraw(person.id, roles, grant.person_id, self._clock())
            grant.note(withdrawn_from=person.id, roles=sorted(roles))
        return person

    def check_administrator(self, grant: Grant) -> None:
        """Raises AccessDenied for whoever holds no such role, also where the rules ask nobody for one."""
        holder = grant.caller.principal.holder_id
        if holder is None or Role.ADMINISTRATOR not in self._rows.roles(holder):
            raise AccessDenied(f"{grant.act.operation} is refused: only an administrator may.")

    def part(self, grant: Grant) -> Mapping[str, Sequence[str]]:
        """Take from every administrator what nobody gives themself; by their id, which roles that was."""
        grant.require(Action.ADMINISTER)
        parted: dict[str, Sequence[str]] = {}
        with self._rows.database.write():
            for person_id in self._rows.people_with(Role.ADMINISTRATOR):
                if refused := SEPARATE & self._rows.roles(person_id):
                    self._rows.withdraw(person_id, refused, grant.person_id, self._clock())
                    parted[person_id] = sorted(refused)
        return parted

    def train(self, grant: Grant, training: Training) -> Person:
        """Record a training; `person_id` may be a login or a name. Nobody records their own.

        Raises ResourceNotFound, InvalidParameter, AccessDenied.
        """
        grant.require(Action.ADMINISTER)
        now = self._clock()
        _check_training(training, now)
        with self._rows.database.write():
            person = self._active(training.person_id)
            if person.id == grant.person_id:
                raise AccessDenied("Nobody records their own training: somebody else must say that you had it.")
            made = Training(
                person_id=person.id,
                subject=training.subject,
                reference=training.reference,
                completed_at=training.completed_at,
                expires_at=training.expires_at,
            )
            self._rows.add_training(made, grant.person_id, now)
            grant.note(trained=person.id, expires=f"{made.expires_at:%Y-%m-%d}")
        return person

    def _check_new_login(self, login: str) -> None:
        if self._rows.knows_login(login):
            raise ResourceAlreadyExists(
                f"Somebody has had the login {login}. A login is never given again: what was done under it stays "
                "theirs."
            )
        read = readings(login)
        for each in self._rows.all():
            if each.login is not None and read & readings(each.login):
                raise ResourceAlreadyExists(
                    f"The login {login} reads like {each.login}, which somebody has had. Choose one that nobody can "
                    "take for it."
                )

    def _active(self, who: str) -> Person:
        person = find_person(self._rows, who)
        if person.ended_at is not None:
            raise InvalidParameter(f"{person.name} ended on {person.ended_at:%Y-%m-%d}; add them again to begin anew.")
        return person

    def _check_not_last(self, person: Person, roles: Collection[Role]) -> None:
        for role in roles:
            if self._rows.people_with(role) == [person.id]:
                raise AccessDenied(
                    f"{person.name} is the last {role}. Grant that role to somebody else first: `regard people grant "
                    f"WHO {role}`."
                )


def find_person(rows: PeopleRows, who: str) -> Person:
    """The person of this id or login, or of this name if only one has it.

    Raises ResourceNotFound if there is none, InvalidParameter if there are several.
    """
    found = rows.person(who)
    if found is not None:
        return found
    named = [each for each in rows.all() if each.name == who]
    if not named:
        raise ResourceNotFound(f"There is nobody with the id, login or name {who}; `regard people list` shows who is.")
    if len(named) > 1:
        ids = ", ".join(each.login or each.id for each in named)
        raise InvalidParameter(f"{len(named)} people are called {who}; say which by login or id: {ids}.")
    return named[0]


def check_roles(name: str, roles: Collection[Role]) -> None:
    """Raises InvalidParameter for roles that nobody may hold together."""
    found = clash(roles)
    if found is not None:
        raise InvalidParameter(
            f"{name} cannot be {found.role} and {' and '.join(found.others)}: {found.why}. Take a second person."
        )


def check_all_roles(rows: PeopleRows, person: Person, new: Collection[Role]) -> None:
    """As `check_roles`, for what a person or a service of theirs is to have beside what both have."""
    check_roles(f"{person.name}, with the services they answer for,", rows.all_roles(person.id) | set(new))


def check_not_oneself(grant: Grant, person_id: str, roles: Collection[Role]) -> None:
    """Raises AccessDenied if somebody gives to themself, or to a service of theirs, what they may not."""
    refused = sorted(SEPARATE & set(roles))
    if refused and person_id == grant.person_id:
        raise AccessDenied(
            f"Nobody makes themself {' or '.join(refused)}: somebody else who is an administrator must grant it."
        )


def check_held(name: str, held: Collection[Role], roles: Collection[Role]) -> None:
    """Raises InvalidParameter if a role is to be taken away that is not there."""
    missing = sorted(set(roles) - set(held))
    if missing:
        raise InvalidParameter(f"{name} is not {' or '.join(missing)}.")


def _check_first(grant: Grant, there_is_somebody: bool, roles: Collection[Role]) -> None:
    """Under a profile that knows people, the operator of the machine makes the first: one who makes all others."""
    if grant.person_id is not None or not grant.rules.people:
        return
    if there_is_somebody:
        raise AccessDenied("There is somebody now: only an administrator adds people.")
    if Role.ADMINISTRATOR not in roles or SEPARATE & set(roles):
        raise AccessDenied(
            "The first person is an administrator, and not searcher, reviewer or overseer: they add whoever is. "
            "Try --role administrator."
        )


def _check_training(training: Training, now: datetime) -> None:
    check_words("the subject of a training", training.subject)
    check_words("its reference", training.reference)
    if not training.subject.strip() or not training.reference.strip():
        raise InvalidParameter("Say what the training was in, and a reference to where that is written down.")
    if training.completed_at > now:
        raise InvalidParameter(f"The training was completed on {training.completed_at:%Y-%m-%d}, which is to come.")
    if training.expires_at <= training.completed_at:
        raise InvalidParameter("The training expires before it was completed.")


def _name(name: str) -> str:
    stripped = name.strip()
    if not stripped or len(stripped) > _LONGEST_NAME or not stripped.isprintable():
        raise InvalidParameter(f"A name has 1 to {_LONGEST_NAME} characters that can be printed.")
    return stripped


def _login(login: str | None) -> str | None:
    if login is None:
        return None
    if not login or len(login) > _LONGEST_LOGIN or not login.isprintable() or any(map(str.isspace, login)):
        raise InvalidParameter(f"A login has 1 to {_LONGEST_LOGIN} characters that can be printed, and no spaces.")
    if UUID_PATTERN.fullmatch(login):
        raise InvalidParameter("A login cannot be what an id looks like, or two people could be meant by one word.")
    return login
