"""Codes of an authenticator app (TOTP, RFC 6238): six digits that change every 30 seconds, each good once."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import UTC, datetime

import pyotp

from regard.accountability.secret_box import SecretBox

_STEP_SECONDS = 30
#: Steps before and after this one that are taken, for clocks that differ (RFC 6238, 5.2: one step at most).
_DRIFT = (0, -1, 1)
_ISSUER = "Regard"


class OneTimeCodes:
    """Makes secrets for authenticator apps, sealed for the person they belong to, and checks codes against them."""

    def __init__(self, secret_box: SecretBox, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._secret_box = secret_box
        self._clock = clock

    def new(self, person_id: str, login: str) -> tuple[bytes, str]:
        """A new secret, sealed, and the address (otpauth://…) that an authenticator app takes it from."""
        secret = pyotp.random_base32()
        address = pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=_ISSUER)
        return self._secret_box.encrypt(secret, _owner(person_id)), address

    def step(self, person_id: str, sealed: bytes, code: str) -> int | None:
        """The time step that the code is of; None if it is of none that counts now. Let each step be used once."""
        secret = self._secret_box.try_decrypt(sealed, _owner(person_id))
        digits = code.replace(" ", "")
        if secret is None or not (digits.isascii() and digits.isdigit()):
            return None
        totp, now = pyotp.TOTP(secret, interval=_STEP_SECONDS), int(self._clock().timestamp()) // _STEP_SECONDS
        matching = [now + drift for drift in _DRIFT if hmac.compare_digest(totp.generate_otp(now + drift), digits)]
        return matching[0] if matching else None


def _owner(person_id: str) -> str:
    return f"totp of {person_id}"
