"""Who is calling: access keys, whose secrets are sealed at rest and shown once."""

from __future__ import annotations

import base64
import os
import secrets
import string
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from regard.domain import Credential, Principal
from regard.errors import ResourceNotFound, SettingsError
from regard.store.key_rows import KeyRow, KeyRows

_PREFIX = "RGRD"
_SECRET_LENGTH = 40
_SECRET_ALPHABET = string.ascii_letters + string.digits
_NONCE_BYTES = 12  # NIST SP 800-38D, 8.2: 96 bits
#: A revocation by another process takes effect within this many seconds.
_REMEMBERED = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """An access key as it may be shown: without its secret."""

    access_key_id: str
    name: str
    created_at: datetime
    revoked_at: datetime | None


class AccessKeys:
    """Create, list, revoke and look up access keys; `<home>/seal.key` opens their secrets."""

    def __init__(self, home: Path, rows: KeyRows, clock: Callable[[], float] = time.monotonic) -> None:
        self._seal = Seal(home / "seal.key")
        self._rows = rows
        self._clock = clock
        self._remembered: dict[str, tuple[float, Credential]] = {}

    def create(self, name: str) -> tuple[str, str]:
        """A new access key id and its secret, which cannot be shown again."""
        access_key_id = _PREFIX + base64.b32encode(secrets.token_bytes(10)).decode()
        secret = "".join(secrets.choice(_SECRET_ALPHABET) for _ in range(_SECRET_LENGTH))
        sealed = self._seal.close(secret, access_key_id)
        created = KeyRow(access_key_id=access_key_id, name=name, sealed_secret=sealed, created_at=datetime.now(UTC))
        self._rows.add(created)
        return access_key_id, secret

    def lookup(self, access_key_id: str, session_token: str | None = None) -> Credential | None:
        """The credential of a key in force, else None; there are no sessions yet, so a token belongs to none.

        Raises SettingsError when the seal key is lost or is not the one the secret was sealed with.
        """
        if session_token is not None:
            return None
        until, credential = self._remembered.get(access_key_id, (0.0, None))
        now = self._clock()
        if credential is not None and now < until:
            return credential
        row = self._rows.get(access_key_id)
        if row is None or row.revoked_at is not None:
            self._remembered.pop(access_key_id, None)
            return None
        secret = self._seal.open(row.sealed_secret, access_key_id)
        credential = Credential(secret=secret, principal=Principal(access_key_id=access_key_id, name=row.name))
        self._remembered[access_key_id] = (now + _REMEMBERED, credential)
        return credential

    def revoke(self, access_key_id: str) -> None:
        """End the key's use. Raises ResourceNotFound; a key revoked before stays revoked as it was."""
        if not self._rows.revoke(access_key_id, datetime.now(UTC)):
            raise ResourceNotFound(
                f"The access key {access_key_id} does not exist; `regard keys list` shows those that do."
            )
        self._remembered.pop(access_key_id, None)

    def list(self) -> Sequence[AccessKey]:
        """Every key ever made, oldest first, the revoked ones too."""
        return [
            AccessKey(
                access_key_id=row.access_key_id, name=row.name, created_at=row.created_at, revoked_at=row.revoked_at
            )
            for row in self._rows.all()
        ]


class Seal:
    """AES-256-GCM under a key file, made when first needed; what is sealed opens only for the id it was sealed for."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def close(self, secret: str, owner: str) -> bytes:
        if not self._file.exists():
            _write_once(self._file, AESGCM.generate_key(256))
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher().encrypt(nonce, secret.encode(), owner.encode())

    def open(self, sealed: bytes, owner: str) -> str:
        try:
            return self._cipher().decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], owner.encode()).decode()
        except InvalidTag as error:
            raise SettingsError(
                f"{self._file} is not the file that access key {owner} was sealed with. {_WHAT_TO_DO}"
            ) from error

    def _cipher(self) -> AESGCM:
        # Read each time: the file may be replaced while a server runs, and `lookup` remembers what it opened.
        try:
            return AESGCM(self._file.read_bytes())
        except FileNotFoundError as error:
            raise SettingsError(
                f"{self._file} is gone, and with it every access key's secret. {_WHAT_TO_DO}"
            ) from error
        except ValueError as error:
            raise SettingsError(f"{self._file} is damaged: it should hold 32 bytes. {_WHAT_TO_DO}") from error


_WHAT_TO_DO = (
    "Restore it from a backup; or delete it if it is still there, make new keys with `regard keys create`, "
    "and revoke the old ones with `regard keys revoke`."
)


def _write_once(file: Path, content: bytes) -> None:
    """Make a file that only its owner reads, whole and on disk; of two who race, the first stays."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(draft, file)  # unlike a rename, never replaces
        except FileExistsError:
            return
    finally:
        draft.unlink()
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
