"""The seal: one key file of this installation, which closes its secrets and signs what it hands out."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from regard.errors import SettingsError

_NONCE_BYTES = 12  # NIST SP 800-38D, 8.2: 96 bits
_KEY_BYTES = 32


class SecretBox:
    """AES-256-GCM under a key file, made when first needed; what is sealed opens only for the id it was sealed for."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def encrypt(self, secret: str, owner: str) -> bytes:
        self._make()
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher().encrypt(nonce, secret.encode(), owner.encode())

    def decrypt(self, sealed: bytes, owner: str) -> str:
        secret = self.try_decrypt(sealed, owner)
        if secret is None:
            raise SettingsError(f"{self._file} is not the file that access key {owner} was sealed with. {_WHAT_TO_DO}")
        return secret

    def try_decrypt(self, sealed: bytes, owner: str) -> str | None:
        """What lies in `sealed`; None where it is not, to the last bit, what this seal closed for `owner`."""
        nonce, content = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        if len(nonce) < _NONCE_BYTES:
            return None
        try:
            return self._cipher().decrypt(nonce, content, owner.encode()).decode()
        except InvalidTag:
            return None

    def derive(self, purpose: str) -> bytes:
        """32 bytes that this seal alone gives for `purpose`, to sign with (HMAC as a PRF, NIST SP 800-108)."""
        self._make()
        return hmac.digest(self._key(), b"regard " + purpose.encode(), hashlib.sha256)

    def _make(self) -> None:
        if not self._file.exists():
            _write_once(self._file, secrets.token_bytes(_KEY_BYTES))

    def _cipher(self) -> AESGCM:
        return AESGCM(self._key())

    def _key(self) -> bytes:
        # Read each time: the file may be replaced while a server runs, and `lookup` remembers what it opened.
        try:
            key = self._file.read_bytes()
        except FileNotFoundError as error:
            raise SettingsError(
                f"{self._file} is gone, and with it every access key's secret. {_WHAT_TO_DO}"
            ) from error
        if len(key) != _KEY_BYTES:
            raise SettingsError(f"{self._file} is damaged: it should hold {_KEY_BYTES} bytes. {_WHAT_TO_DO}")
        return key


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
