"""The seal key: the installation's one key file, which encrypts secrets and derives signing keys."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from regard.errors import SettingsError
from regard.files import create_file, make_folder

_NONCE_BYTES = 12  # NIST SP 800-38D, 8.2: 96 bits
_KEY_BYTES = 32


class SecretBox:
    """AES-256-GCM with a key file, created when first needed; a secret can be decrypted only for its own id."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def encrypt(self, secret: str, owner: str) -> bytes:
        return self.seal(secret.encode(), owner)

    def seal(self, content: bytes, owner: str) -> bytes:
        """As `encrypt`, of any bytes."""
        self._make()
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher().encrypt(nonce, content, owner.encode())

    def decrypt(self, sealed: bytes, owner: str) -> str:
        secret = self.try_decrypt(sealed, owner)
        if secret is None:
            raise SettingsError(
                f"{self._file} is not the file that access key {owner} was encrypted with. {_WHAT_TO_DO}"
            )
        return secret

    def try_decrypt(self, sealed: bytes, owner: str) -> str | None:
        """The secret in `sealed`; None unless it is exactly what was encrypted with this key for `owner`."""
        content = self.unseal(sealed, owner)
        return None if content is None else content.decode()

    def unseal(self, sealed: bytes, owner: str) -> bytes | None:
        """What was sealed for `owner` with this key; None of anything else."""
        nonce, content = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        if len(nonce) < _NONCE_BYTES:
            return None
        try:
            return self._cipher().decrypt(nonce, content, owner.encode())
        except InvalidTag:
            return None

    def derive(self, purpose: str) -> bytes:
        """A 32-byte signing key for `purpose`, derived from the key file (HMAC as a PRF, NIST SP 800-108)."""
        self._make()
        return hmac.digest(self._key(), b"regard " + purpose.encode(), hashlib.sha256)

    def sign(self, purpose: str, message: bytes) -> bytes:
        """An Ed25519 signature (64 bytes) with the key for `purpose`."""
        return Ed25519PrivateKey.from_private_bytes(self.derive(purpose)).sign(message)

    def has_signed(self, purpose: str, message: bytes, signature: bytes) -> bool:
        """Whether `sign` made that signature."""
        try:
            Ed25519PrivateKey.from_private_bytes(self.derive(purpose)).public_key().verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def _make(self) -> None:
        try:
            if not self._file.exists():
                make_folder(self._file.parent)
                create_file(self._file, secrets.token_bytes(_KEY_BYTES))  # if two processes do this, the first's stays
        except OSError as error:
            raise SettingsError(
                f"{self._file} cannot be made: {error.strerror}. Check who owns the folder and that its disk has room."
            ) from error

    def _cipher(self) -> AESGCM:
        return AESGCM(self._key())

    def _key(self) -> bytes:
        # Read each time: the file may be replaced while a server runs, and `lookup` caches what it decrypted.
        try:
            with open(self._file, "rb", opener=_open_at_once) as stream:
                is_file = stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
                key = stream.read(_KEY_BYTES + 1) if is_file else b""
        except FileNotFoundError as error:
            raise SettingsError(
                f"{self._file} is missing; without it no access key's secret can be read. {_WHAT_TO_DO}"
            ) from error
        except OSError as error:
            raise SettingsError(f"{self._file} cannot be read: {error.strerror}. {_WHAT_TO_DO}") from error
        if len(key) != _KEY_BYTES:
            raise SettingsError(f"{self._file} is damaged: it should hold {_KEY_BYTES} bytes. {_WHAT_TO_DO}")
        return key


def _open_at_once(path: str, flags: int) -> int:
    """A pipe without a writer must not make the caller wait."""
    return os.open(path, flags | os.O_NONBLOCK)


_WHAT_TO_DO = (
    "Restore it from a backup; or delete what is there, create new keys with `regard keys create`, "
    "and revoke the old ones with `regard keys revoke`."
)
