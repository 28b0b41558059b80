"""Who is calling: access keys, whose secrets are encrypted at rest and shown once, and sessions started with them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from regard.accountability.secret_box import SecretBox
from regard.accountability.secret_keys import new_id, new_secret
from regard.accountability.temporary_credentials import TemporaryCredentials
from regard.domain.callers import Credential, Principal
from regard.errors import InternalServerError, ResourceNotFound
from regard.store.key_rows import KeyRow, KeyRows

_PREFIX = "RGRD"
#: A revocation by another process takes effect within this many seconds.
_REMEMBERED = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """An access key without its secret, to be shown."""

    access_key_id: str
    name: str
    created_at: datetime
    revoked_at: datetime | None
    holder_id: str | None = None


class AccessKeys:
    """Create, list, revoke and look up access keys; `<home>/seal.key` decrypts their secrets and sessions' tokens."""

    def __init__(self, home: Path, rows: KeyRows, clock: Callable[[], float] = time.monotonic) -> None:
        self._secret_box = SecretBox(home / "seal.key")
        self.temporary_credentials = TemporaryCredentials(self._secret_box)
        self._rows = rows
        self._clock = clock
        self._remembered: dict[str, tuple[float, Credential]] = {}

    def create(self, name: str, holder_id: str | None = None) -> tuple[str, str]:
        """A new access key id and its secret, which cannot be shown again: it is read back before. `holder_id` is the
        person or service that it belongs to.

        Raises SettingsError if it cannot be, and InternalServerError if it could not be stored.
        """
        access_key_id, secret = new_id(_PREFIX), new_secret()
        sealed = self._secret_box.encrypt(secret, access_key_id)
        created = KeyRow(
            access_key_id=access_key_id,
            name=name,
            sealed_secret=sealed,
            created_at=datetime.now(UTC),
            holder_id=holder_id,
        )
        self._rows.add(created)
        stored = self._rows.get(access_key_id)
        if stored is None or self._secret_box.decrypt(stored.sealed_secret, access_key_id) != secret:
            raise InternalServerError(f"The access key {access_key_id} was not stored. See whether the disk is full.")
        return access_key_id, secret

    def lookup(self, access_key_id: str, session_token: str | None = None) -> Credential | None:
        """The credential of an active key, or of a session whose access key is active; else None.

        Raises ExpiredToken for a session that has expired, and SettingsError if the seal key is missing or is not the
        one that the secret was encrypted with.
        """
        return self._found(access_key_id, session_token, self._lasting)

    def recall(self, access_key_id: str, session_token: str | None = None) -> Credential | None:
        """What `lookup` would return, if the key was looked up a moment ago; None if the database has to be asked.

        Raises as `lookup`.
        """
        return self._found(access_key_id, session_token, self._fresh)

    def _found(
        self, access_key_id: str, session_token: str | None, find: Callable[[str], Credential | None]
    ) -> Credential | None:
        if session_token is None:
            return find(access_key_id)
        taken = self.temporary_credentials.open(access_key_id, session_token)
        if taken is None:
            return None
        lasting = find(taken.parent) if taken.keyless is None else None
        whose = taken.keyless if lasting is None else lasting.principal
        if whose is None:
            return None
        return Credential(
            secret=taken.secret, principal=replace(whose, temporary_credential=taken.temporary_credential)
        )

    def _fresh(self, access_key_id: str) -> Credential | None:
        """The credential of a key that was active less than a second ago."""
        until, credential = self._remembered.get(access_key_id, (0.0, None))
        return credential if self._clock() < until else None

    def _lasting(self, access_key_id: str) -> Credential | None:
        if (credential := self._fresh(access_key_id)) is not None:
            return credential
        now = self._clock()
        row = self._rows.get(access_key_id)
        if row is None or row.revoked_at is not None:
            self._remembered.pop(access_key_id, None)
            return None
        secret = self._secret_box.decrypt(row.sealed_secret, access_key_id)
        credential = Credential(
            secret=secret, principal=Principal(access_key_id=access_key_id, name=row.name, holder_id=row.holder_id)
        )
        self._remembered[access_key_id] = (now + _REMEMBERED, credential)
        return credential

    def revoke(self, access_key_id: str) -> None:
        """Revoke the key; revoking it again changes nothing. Raises ResourceNotFound."""
        if not self._rows.revoke(access_key_id, datetime.now(UTC)):
            raise ResourceNotFound(
                f"The access key {access_key_id} does not exist; `regard keys list` shows those that do."
            )
        self._remembered.pop(access_key_id, None)

    def list(self) -> Sequence[AccessKey]:
        """Every key ever created, oldest first, including revoked ones."""
        return [
            AccessKey(
                access_key_id=row.access_key_id,
                name=row.name,
                created_at=row.created_at,
                revoked_at=row.revoked_at,
                holder_id=row.holder_id,
            )
            for row in self._rows.all()
        ]
