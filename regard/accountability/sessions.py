"""What may be said of a session that AWS's AssumeRole starts, under a profile that knows people: its name is that of an
authorisation, and whatever else a client sends must be true."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address, ip_network

from regard.accountability.back_off import BackOff
from regard.accountability.gate import Grant
from regard.accountability.one_time_codes import OneTimeCodes
from regard.accountability.temporary_credentials import SessionTerms
from regard.domain.authorisations import Authorisation
from regard.domain.authority import Action
from regard.domain.callers import TemporaryCredential
from regard.errors import AccessDenied, InvalidParameter
from regard.store.authorisation_rows import AuthorisationRows
from regard.store.people_rows import PeopleRows
from regard.store.sign_in_rows import SignInRows

_ID = re.compile("A-[0-9A-Z]{8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRequest:
    """What a client says of the session it starts, beside the role."""

    name: str
    source_identity: str | None = None
    tags: Sequence[tuple[str, str]] = ()
    transitive: Sequence[str] = ()
    serial_number: str | None = None
    token_code: str | None = None
    token_id: str | None = None


def names_authorisation(name: str) -> bool:
    """Whether a session's name is the id of an authorisation."""
    return _ID.fullmatch(name) is not None


class Sessions:
    """Checks what a client says of a session against what is known."""

    def __init__(
        self, people: PeopleRows, sign_ins: SignInRows, authorisations: AuthorisationRows, codes: OneTimeCodes
    ) -> None:
        self._people = people
        self._authorisations = authorisations
        self._sign_ins = sign_ins
        self._codes = codes
        self._back_off = BackOff()

    def terms(self, grant: Grant, asked: SessionRequest) -> SessionTerms:
        """The terms of a session that may begin. The gate has found the authorisation that its name is.

        Raises AccessDenied for what is not true, and InvalidParameter for what would have no effect.
        """
        grant.require(Action.SIGN_IN)
        found, current = grant.mandate.authorisation, grant.caller.principal.temporary_credential
        if found is None and names_authorisation(asked.name):
            raise AccessDenied(f"There is no authorisation {asked.name}.")
        if current is not None and names_authorisation(current.name) and current.name != asked.name:
            raise AccessDenied(
                f"A session of the authorisation {current.name} starts sessions of that one only, not {asked.name}."
            )
        _check_tags(asked, found)
        if asked.token_id is not None:
            grant.note(web_identity=asked.token_id)
            if found is not None:
                self._check_token(found, asked.token_id, grant.caller.principal.address)
        return SessionTerms(
            ends_at=None if found is None else found.expires_at,
            source_identity=self._source_identity(grant, asked, current),
            one_time_code=self._one_time_code(grant, asked) or (current is not None and current.one_time_code),
        )

    def _check_token(self, found: Authorisation, token_id: str, address: str) -> None:
        """Raises AccessDenied unless it is the token that is good, used from where it was used first: it is a file, and
        files are copied."""
        if found.scope.token not in (None, token_id):
            raise AccessDenied(f"Another web identity token of {found.id} was given out, and this one is void.")
        if not address:
            return
        network = _network(address)
        if found.scope.token_from != network and self._authorisations.bind_token(found, network) != network:
            raise AccessDenied(
                f"The web identity token of {found.id} was first used from another address than {address}, and is good "
                "from there only. If this is your machine, get another token with `regard authorise credentials "
                f"{found.id} --web-identity FILE`. If it is not, somebody has copied your token: end the authorisation."
            )

    def _source_identity(self, grant: Grant, asked: SessionRequest, current: TemporaryCredential | None) -> str | None:
        """Who is behind the session: it stays with every session that this one starts."""
        before = current.source_identity if current else None
        named = asked.source_identity
        if named is None:
            return before
        if before is not None and named != before:
            raise AccessDenied(f"The SourceIdentity of this session is {before}; it cannot become {named}.")
        person_id = _person(grant)
        person = self._people.person(person_id)
        if named not in (person_id, person.login if person else None):
            raise AccessDenied(f"The SourceIdentity {named} is not who calls. It is the login of the key's holder.")
        return named

    def _one_time_code(self, grant: Grant, asked: SessionRequest) -> bool:
        """Whether a code was shown that counts; it is used up. Raises AccessDenied, and
        Throttling after failures."""
        if not asked.serial_number and not asked.token_code:
            return False
        if not asked.serial_number or not asked.token_code:
            raise InvalidParameter("SerialNumber and TokenCode go together.")
        row = self._sign_ins.of_person(_person(grant))
        device = asked.serial_number.rpartition("/")[2]
        if row is None or row.sealed_totp is None or device not in (row.login, row.person_id):
            raise AccessDenied(f"There is no authenticator app {asked.serial_number} of whoever calls.")
        self._back_off.begin(row.person_id)
        step = self._codes.step(row.person_id, row.sealed_totp, asked.token_code)
        if step is None or not self._sign_ins.use_step(row.person_id, step):
            raise AccessDenied("MultiFactorAuthentication failed with invalid MFA one time pass code.")
        self._back_off.succeed(row.person_id)
        return True


def _network(address: str) -> str:
    """A machine's address; of IPv6 the first 64 bits, for machines change the others by themselves (RFC 8981)."""
    known = ip_address(address.partition("%")[0])
    if isinstance(known, IPv4Address):
        return str(known)
    return str(known.ipv4_mapped or ip_network((known, 64), strict=False))


def _person(grant: Grant) -> str:
    if grant.person_id is None:
        raise AccessDenied("Nobody is known to call.")
    return grant.person_id


def _check_tags(asked: SessionRequest, found: Authorisation | None) -> None:
    """Raises AccessDenied unless each tag says of the authorisation what it says itself."""
    known: Mapping[str, str | None] = {} if found is None else _tags(found)
    keys = [key.casefold() for key, _ in asked.tags]
    for key, value in asked.tags:
        name = key.casefold()
        if name not in known:
            raise InvalidParameter(
                f"The tag {key} would have no effect. A session of an authorisation may have the tags "
                "purpose, case, offence and on-behalf-of."
            )
        if keys.count(name) > 1:
            raise InvalidParameter(f"Duplicate tag keys found: {key}.")
        if value != known[name]:
            raise AccessDenied(f"The tag {key} is {value!r}; of the authorisation {asked.name} that is not true.")
    if lost := [key for key in asked.transitive if key.casefold() not in keys]:
        raise InvalidParameter(f"The transitive tag key {lost[0]} is not among the tags.")


def _tags(found: Authorisation) -> dict[str, str | None]:
    behalf = found.on_behalf_of
    return {
        "purpose": found.purpose,
        "case": found.case_reference,
        "offence": found.offence,
        "on-behalf-of": behalf.agency if behalf else None,
    }
