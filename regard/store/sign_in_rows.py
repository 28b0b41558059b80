"""What somebody proves with who they are, and which sign-ins have ended: rows only."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, exists, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from regard.store.database import Database
from regard.store.tables.people import ended_sign_ins, outside_identities, passkeys, people, sign_ins


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInRow:
    """Somebody who has not ended, and what their password and their codes are checked against."""

    person_id: str
    name: str
    login: str | None
    password_hash: str | None = field(repr=False)
    sealed_totp: bytes | None = field(repr=False)
    totp_step: int | None
    signed_out_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyRow:
    """The public half of a passkey. `sign_count` grows with each use, where its authenticator counts at all."""

    id: str
    person_id: str
    name: str
    public_key: bytes
    sign_count: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSignIn:
    """A sign-in that goes on: how it began, and by which device, from which address and when it was last used."""

    id: str
    person_id: str
    means: tuple[str, ...]
    device: str
    address: str
    began_at: datetime
    seen_at: datetime
    ends_at: datetime


_SIGN_IN = (
    people.c.id.label("person_id"),
    people.c.name,
    people.c.login,
    people.c.password_hash,
    people.c.sealed_totp,
    people.c.totp_step,
    people.c.signed_out_at,
)


class SignInRows:
    """Find, set and remove what people sign in with."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def database(self) -> Database:
        return self._database

    def of_login(self, login: str) -> SignInRow | None:
        return self._one(people.c.login == login)

    def of_person(self, person_id: str) -> SignInRow | None:
        return self._one(people.c.id == person_id)

    def of_identity(self, issuer: str, subject: str) -> SignInRow | None:
        """Who an identity provider's subject is here."""
        known = select(outside_identities.c.person_id).where(
            outside_identities.c.issuer == issuer, outside_identities.c.subject == subject
        )
        return self._one(people.c.id.in_(known))

    def set_password(self, person_id: str, password_hash: str | None, now: datetime | None) -> None:
        """With a moment, whatever the person signed in to before it has ended."""
        values = {"password_hash": password_hash} | ({} if now is None else {"signed_out_at": now})
        self._set(person_id, **values)

    def set_totp(self, person_id: str, sealed: bytes | None) -> None:
        self._set(person_id, sealed_totp=sealed, totp_step=None)

    def sign_out(self, person_id: str, now: datetime) -> None:
        self._set(person_id, signed_out_at=now)

    def use_step(self, person_id: str, step: int) -> bool:
        """Use the code of a time step: false if it, or a later one, was used before. Of two that race, one does."""
        unused = or_(people.c.totp_step.is_(None), people.c.totp_step < step)
        change = update(people).where(people.c.id == person_id, people.c.sealed_totp.is_not(None), unused)
        with self._database.write() as connection:
            return connection.execute(change.values(totp_step=step)).rowcount == 1

    # -- passkeys ----------------------------------------------------------------------------------------------

    def add_passkey(self, row: PasskeyRow) -> bool:
        """False if there is a passkey with that id."""
        values = {name: getattr(row, name) for name in PasskeyRow.__slots__}
        try:
            with self._database.write() as connection:
                connection.execute(insert(passkeys).values(values))
        except IntegrityError:
            return False
        return True

    def passkey(self, passkey_id: str) -> PasskeyRow | None:
        with self._database.read() as connection:
            row = connection.execute(select(passkeys).where(passkeys.c.id == passkey_id)).one_or_none()
        return None if row is None else PasskeyRow(**row._mapping)

    def passkeys(self, person_id: str) -> list[PasskeyRow]:
        """The oldest first."""
        query = select(passkeys).where(passkeys.c.person_id == person_id).order_by(passkeys.c.created_at, passkeys.c.id)
        with self._database.read() as connection:
            return [PasskeyRow(**row._mapping) for row in connection.execute(query)]

    def remove_passkey(self, person_id: str, passkey_id: str) -> bool:
        change = delete(passkeys).where(passkeys.c.id == passkey_id, passkeys.c.person_id == person_id)
        with self._database.write() as connection:
            return connection.execute(change).rowcount == 1

    def count_passkey(self, passkey_id: str, before: int, after: int) -> bool:
        """Note how often it has signed; false if that changed since it was read: it was used twice at once."""
        change = update(passkeys).where(passkeys.c.id == passkey_id, passkeys.c.sign_count == before)
        with self._database.write() as connection:
            return connection.execute(change.values(sign_count=after)).rowcount == 1

    # -- identity providers ------------------------------------------------------------------------------------

    def add_identity(self, issuer: str, subject: str, person_id: str) -> bool:
        """False if that subject is somebody here already."""
        values = {"issuer": issuer, "subject": subject, "person_id": person_id}
        try:
            with self._database.write() as connection:
                connection.execute(insert(outside_identities).values(values))
        except IntegrityError:
            return False
        return True

    def identities(self, person_id: str) -> list[tuple[str, str]]:
        """Issuers and subjects."""
        columns = (outside_identities.c.issuer, outside_identities.c.subject)
        query = select(*columns).where(outside_identities.c.person_id == person_id).order_by(*columns)
        with self._database.read() as connection:
            return [(issuer, subject) for issuer, subject in connection.execute(query)]

    def remove_identity(self, issuer: str, subject: str, person_id: str) -> bool:
        change = delete(outside_identities).where(
            outside_identities.c.issuer == issuer,
            outside_identities.c.subject == subject,
            outside_identities.c.person_id == person_id,
        )
        with self._database.write() as connection:
            return connection.execute(change).rowcount == 1

    # -- sign-ins that go on, and those that have ended ---------------------------------------------------------

    def see(self, seen: OpenSignIn) -> None:
        """Note by what a sign-in is used, and when; those that are over are forgotten."""
        values = {name: getattr(seen, name) for name in OpenSignIn.__slots__} | {"means": " ".join(seen.means)}
        used = {name: values[name] for name in ("device", "address", "seen_at")}
        with suppress(IntegrityError), self._database.write() as connection:  # where two note the first use at once
            connection.execute(delete(sign_ins).where(sign_ins.c.ends_at <= seen.seen_at))
            if not connection.execute(update(sign_ins).where(sign_ins.c.id == seen.id).values(used)).rowcount:
                connection.execute(insert(sign_ins).values(values))

    def open_sign_ins(self, person_id: str, now: datetime) -> list[OpenSignIn]:
        """Those of a person that go on, the last used first."""
        ended = exists().where(ended_sign_ins.c.id == sign_ins.c.id)
        everywhere = select(people.c.signed_out_at).where(people.c.id == person_id).scalar_subquery()
        query = (
            select(sign_ins)
            .where(sign_ins.c.person_id == person_id, sign_ins.c.ends_at > now, ~ended)
            .where(or_(everywhere.is_(None), sign_ins.c.began_at > everywhere))
            .order_by(sign_ins.c.seen_at.desc(), sign_ins.c.id)
        )
        with self._database.read() as connection:
            rows = [dict(row._mapping) for row in connection.execute(query)]
        return [OpenSignIn(**row | {"means": tuple(row["means"].split())}) for row in rows]

    def end(self, sign_in_id: str, ends_at: datetime, now: datetime) -> bool:
        """Note that a sign-in has ended, or a challenge was answered; false if that was noted before."""
        try:
            with self._database.write() as connection:
                connection.execute(delete(sign_ins).where(sign_ins.c.id == sign_in_id))
                connection.execute(delete(ended_sign_ins).where(ended_sign_ins.c.ends_at <= now))
                connection.execute(insert(ended_sign_ins).values(id=sign_in_id, ends_at=ends_at))
        except IntegrityError:
            return False
        return True

    def has_ended(self, sign_in_id: str) -> bool:
        query = select(ended_sign_ins.c.id).where(ended_sign_ins.c.id == sign_in_id)
        with self._database.read() as connection:
            return connection.execute(query).one_or_none() is not None

    def _one(self, condition: object) -> SignInRow | None:
        query = select(*_SIGN_IN).where(condition, people.c.ended_at.is_(None))  # type: ignore[arg-type]
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else SignInRow(**row._mapping)

    def _set(self, person_id: str, **values: object) -> None:
        with self._database.write() as connection:
            connection.execute(update(people).where(people.c.id == person_id).values(values))
