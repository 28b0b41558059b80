"""Passkeys (WebAuthn, Level 3): what a phone, a computer or a security key signs with, for this installation's address
alone. The authenticator must have verified the person, so that a passkey is two factors by itself."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from regard.accountability.challenges import Challenges
from regard.accountability.gate import Grant
from regard.accountability.secret_box import SecretBox
from regard.accountability.sign_in import Proof
from regard.domain.authority import Action
from regard.errors import InvalidParameter, SignInRefused
from regard.store.sign_in_rows import PasskeyRow, SignInRow, SignInRows

_NAME = "Regard"
_LONGEST_NAME = 255
_MOST_PASSKEYS = 20
#: What the library raises, and what damaged CBOR and JSON make of Python.
_FAULTS = (
    *(WebAuthnException, struct.error),
    *(ValueError, TypeError, LookupError, AttributeError, ArithmeticError, EOFError),
)


class Passkeys:
    """Registers passkeys and recognises them. `site` is the address that people open, such as https://regard.example.org:
    passkeys are bound to its host, and browsers make none for a page from elsewhere."""

    def __init__(
        self,
        rows: SignInRows,
        secret_box: SecretBox,
        site: str | None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._rows = rows
        self._site = site
        self._registrations = Challenges("registration", rows, secret_box, clock)
        self._sign_ins = Challenges("passkey", rows, secret_box, clock)
        self._clock = clock

    @property
    def site(self) -> str | None:
        return self._site

    def registration_options(self, grant: Grant) -> tuple[str, str]:
        """For `navigator.credentials.create`, as JSON; and the text to send back with what it made.

        Raises InvalidParameter if whoever asks has too many, or no address is set.
        """
        person = self._asking(grant)
        known = self._rows.passkeys(person.person_id)
        if len(known) >= _MOST_PASSKEYS:
            raise InvalidParameter(f"You have {len(known)} passkeys; remove one before you make another.")
        challenge, state = self._registrations.make(person.person_id)
        options = webauthn.generate_registration_options(
            rp_id=self._host,
            rp_name=_NAME,
            user_name=person.login or person.name,
            user_id=person.person_id.encode(),
            user_display_name=person.name,
            challenge=challenge.value,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[
                PublicKeyCredentialDescriptor(id=webauthn.base64url_to_bytes(each.id)) for each in known
            ],
        )
        return webauthn.options_to_json(options), state

    def register(self, grant: Grant, state: str, credential: Mapping[str, Any], name: str) -> PasskeyRow:
        """Keep a passkey that was made with `registration_options`.

        Raises SignInRefused if it was not, or is somebody's already; InvalidParameter for its name.
        """
        person, challenge = self._asking(grant), self._registrations.take(state)
        if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
            raise InvalidParameter(f"A passkey's name has 1 to {_LONGEST_NAME} characters that can be printed.")
        if challenge.person_id != person.person_id:
            raise SignInRefused("That passkey was begun by somebody else.")
        with _checked():
            made = webauthn.verify_registration_response(
                credential=dict(credential),
                expected_challenge=challenge.value,
                expected_rp_id=self._host,
                expected_origin=self._origin,
                require_user_verification=True,
            )
        row = PasskeyRow(
            id=bytes_to_base64url(made.credential_id),
            person_id=person.person_id,
            name=name.strip(),
            public_key=made.credential_public_key,
            sign_count=made.sign_count,
            created_at=self._clock(),
        )
        if self._rows.passkey(row.id) is not None or not self._rows.add_passkey(row):
            raise SignInRefused("That passkey is known here already.")
        grant.note(passkey_added=person.person_id)
        return row

    def sign_in_options(self) -> tuple[str, str]:
        """For `navigator.credentials.get`, as JSON; and the text to send back with what it signed. They say
        nothing of anybody: the authenticator knows whose its keys are. Raises InvalidParameter if no address is set."""
        challenge, state = self._sign_ins.make()
        options = webauthn.generate_authentication_options(
            rp_id=self._host, challenge=challenge.value, user_verification=UserVerificationRequirement.REQUIRED
        )
        return webauthn.options_to_json(options), state

    def prove(self, state: str, credential: Mapping[str, Any]) -> Proof:
        """Who signed the challenge. Raises SignInRefused, which says nothing about who there is."""
        challenge = self._sign_ins.take(state)
        known = self._rows.passkey(str(credential.get("id")))
        person = None if known is None else self._rows.of_person(known.person_id)
        if known is None or person is None:
            raise SignInRefused("That passkey is not known here.")
        with _checked():
            signed = webauthn.verify_authentication_response(
                credential=dict(credential),
                expected_challenge=challenge.value,
                expected_rp_id=self._host,
                expected_origin=self._origin,
                credential_public_key=known.public_key,
                credential_current_sign_count=known.sign_count,
                require_user_verification=True,
            )
        if not self._rows.count_passkey(known.id, known.sign_count, signed.new_sign_count):
            raise SignInRefused("That passkey was used twice at once.")
        return Proof(person_id=person.person_id, name=person.name, means=("passkey",))

    @property
    def _origin(self) -> str:
        if self._site is None:
            raise InvalidParameter(
                "Passkeys are bound to the address that people open: set [accountability] site, such as "
                "https://regard.example.org."
            )
        return self._site

    @property
    def _host(self) -> str:
        return urlsplit(self._origin).hostname or ""

    def _asking(self, grant: Grant) -> SignInRow:
        """Who asks: a person who has signed in."""
        grant.require(Action.SIGN_IN)
        person = self._rows.of_person(grant.caller.principal.holder_id or "")
        if person is None:
            raise InvalidParameter("A passkey is a person's: sign in first.")
        return person


@contextmanager
def _checked() -> Iterator[None]:
    """Raises SignInRefused for whatever an authenticator's answer can be that is not right."""
    try:
        yield
    except _FAULTS as error:
        raise SignInRefused("What the authenticator answered is not right. Begin again.") from error
