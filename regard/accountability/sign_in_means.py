"""The door to what people sign in with: passwords, authenticator apps, passkeys, identities elsewhere. Everybody
changes their own; an administrator changes anybody's, and the ledger says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from regard.accountability.gate import Grant
from regard.accountability.judgement import OWN_FIRST
from regard.accountability.one_time_codes import OneTimeCodes
from regard.accountability.passwords import Passwords
from regard.accountability.people import find_person
from regard.accountability.secret_box import SecretBox
from regard.domain.authority import Action
from regard.domain.people import Person, Role
from regard.errors import AccessDenied, InvalidParameter, ResourceAlreadyExists, ResourceNotFound
from regard.store.people_rows import PeopleRows
from regard.store.sign_in_rows import PasskeyRow, SignInRows

_LONGEST_IDENTITY = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnMeans:
    """What somebody signs in with: `identities` are the issuers that know them."""

    login: str | None
    password: bool
    codes: bool
    passkeys: Sequence[PasskeyRow]
    identities: Sequence[str]


class SignInMeans:
    """Sets and removes what somebody signs in with; `who` is a person's id, login or name."""

    def __init__(
        self,
        people: PeopleRows,
        rows: SignInRows,
        secret_box: SecretBox,
        *,
        passwords: Passwords | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._people = people
        self._rows = rows
        self._codes = OneTimeCodes(secret_box, clock)
        self._passwords = passwords or Passwords()
        self._clock = clock

    def set_password(self, grant: Grant, who: str, password: str) -> Person:
        """Set the password, and end whatever they had signed in to. With one that somebody else sets they can do
        nothing but set their own. Raises InvalidParameter, ResourceNotFound, and AccessDenied for somebody else's."""
        person = self._theirs(grant, who)
        lent = not _is_own(grant, person)
        if person.login is None:
            raise InvalidParameter(
                f"{person.name} has no login to sign in with; end them, and add them again with --login."
            )
        if grant.caller.principal.lent:
            self._check_other(person, password)
        kept = self._passwords.lend(password) if lent else self._passwords.hash(password)
        with self._people.database.write():
            self._rows.set_password(person.id, kept, self._clock())
            grant.note(password_set=person.id)
        return person

    def remove_password(self, grant: Grant, who: str) -> Person:
        """Raises as `set_password`."""
        person = self._theirs(grant, who)
        with self._people.database.write():
            self._rows.set_password(person.id, None, self._clock())
            grant.note(password_removed=person.id)
        return person

    def new_codes(self, grant: Grant, who: str) -> tuple[Person, str]:
        """Ask for a code of an authenticator app from now on; the address (otpauth://…) that the app takes it from.

        Raises as `set_password`.
        """
        person = self._theirs(grant, who)
        sealed, address = self._codes.new(person.id, person.login or person.name)
        with self._people.database.write():
            self._rows.set_totp(person.id, sealed)
            grant.note(codes_set=person.id)
        return person, address

    def remove_codes(self, grant: Grant, who: str) -> Person:
        """Raises as `set_password`."""
        person = self._theirs(grant, who)
        with self._people.database.write():
            self._rows.set_totp(person.id, None)
            self._rows.sign_out(person.id, self._clock())
            grant.note(codes_removed=person.id)
        return person

    def passkeys(self, grant: Grant, who: str) -> Sequence[PasskeyRow]:
        """Raises as `set_password`."""
        return self._rows.passkeys(self._theirs(grant, who).id)

    def remove_passkey(self, grant: Grant, who: str, passkey_id: str) -> Person:
        """Raises as `set_password`, and ResourceNotFound if they have no such passkey."""
        person = self._theirs(grant, who)
        with self._people.database.write():
            if not self._rows.remove_passkey(person.id, passkey_id):
                raise ResourceNotFound(f"{person.name} has no passkey {passkey_id}.")
            self._rows.sign_out(person.id, self._clock())
            grant.note(passkey_removed=person.id)
        return person

    def own(self, grant: Grant) -> OwnMeans:
        """What whoever asks signs in with. Raises as `set_password`."""
        person = self._theirs(grant, _asking(grant))
        row = self._rows.of_person(person.id)
        return OwnMeans(
            login=person.login,
            password=row is not None and row.password_hash is not None,
            codes=row is not None and row.sealed_totp is not None,
            passkeys=self._rows.passkeys(person.id),
            identities=[issuer for issuer, _ in self._rows.identities(person.id)],
        )

    def remove_own_passkey(self, grant: Grant, passkey_id: str) -> None:
        """Remove one of whoever asks, and end whatever they had signed in to. Raises InvalidParameter for the last
        means that they have, and as `remove_passkey`."""
        found = self.own(grant)
        if [each.id for each in found.passkeys] == [passkey_id] and not (found.password or found.identities):
            raise InvalidParameter(
                "Nothing but this passkey signs you in. Set a password or add another passkey first; then remove it."
            )
        self.remove_passkey(grant, _asking(grant), passkey_id)

    def add_identity(self, grant: Grant, who: str, issuer: str, subject: str) -> Person:
        """Let an identity provider's subject be this person: an administrator's act, never one's own.

        Raises ResourceAlreadyExists if it is somebody, and as `set_password`.
        """
        person = self._theirs(grant, who, own=False)
        if "://" not in issuer or not subject or max(len(issuer), len(subject)) > _LONGEST_IDENTITY:
            raise InvalidParameter("Give the issuer's address, https://…, and the subject it knows them by.")
        with self._people.database.write():
            known = self._rows.of_identity(issuer, subject)
            if known is not None or not self._rows.add_identity(issuer, subject, person.id):
                raise ResourceAlreadyExists(f"That subject of {issuer} is {known.name if known else 'somebody'} here.")
            grant.note(identity_added=person.id)
        return person

    def remove_identity(self, grant: Grant, who: str, issuer: str, subject: str) -> Person:
        """Raises as `set_password`, and ResourceNotFound if it is not theirs."""
        person = self._theirs(grant, who, own=False)
        with self._people.database.write():
            if not self._rows.remove_identity(issuer, subject, person.id):
                raise ResourceNotFound(f"{person.name} is not that subject of {issuer}.")
            self._rows.sign_out(person.id, self._clock())
            grant.note(identity_removed=person.id)
        return person

    def identities(self, grant: Grant, who: str) -> Sequence[tuple[str, str]]:
        """Issuers and subjects that are this person. Raises as `set_password`."""
        return self._rows.identities(self._theirs(grant, who).id)

    def _check_other(self, person: Person, password: str) -> None:
        """Raises InvalidParameter for the password that somebody else knows."""
        row = self._rows.of_person(person.id)
        if row is not None and self._passwords.check(row.password_hash, password):
            raise InvalidParameter("That is the password that somebody else has set for you. Take another.")

    def _theirs(self, grant: Grant, who: str, *, own: bool = True) -> Person:
        """The person, if the one who asks is that person or an administrator; under a profile that knows nobody, the
        operator of the machine."""
        grant.require(Action.SIGN_IN)
        person = find_person(self._people, who)
        holder = grant.mandate.holder
        if holder is not None:
            is_own = own and _is_own(grant, person)
            if not is_own and grant.caller.principal.lent:
                raise AccessDenied(OWN_FIRST)
            if not is_own and (holder.is_service or Role.ADMINISTRATOR not in holder.roles):
                raise AccessDenied(
                    f"Only {person.name}, or an administrator, can change what {person.name} signs in with."
                    if own
                    else "Only an administrator can say who somebody is to an identity provider."
                )
        if person.ended_at is not None:
            raise InvalidParameter(f"{person.name} ended on {person.ended_at:%Y-%m-%d} and signs in no more.")
        return person


def _asking(grant: Grant) -> str:
    """The id of whoever asks. Raises InvalidParameter for what is nobody's."""
    if grant.caller.principal.holder_id is None:
        raise InvalidParameter("What somebody signs in with is a person's: sign in first.")
    return grant.caller.principal.holder_id


def _is_own(grant: Grant, person: Person) -> bool:
    """Whether it is the caller's. Where the profile knows nobody, whoever runs the machine sets everybody's."""
    holder = grant.mandate.holder
    return holder is None or (not holder.is_service and holder.person_id == person.id)
