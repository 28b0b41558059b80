"""Challenges: what somebody must sign, or have their identity provider sign, within minutes and once. Each is sealed in
the text that goes out with it and comes back, so that any server can check it."""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from regard.accountability.secret_box import SecretBox
from regard.accountability.secret_keys import new_id
from regard.errors import SignInRefused
from regard.store.sign_in_rows import SignInRows

_PREFIX = "RGRC"
_FORM = "challenge 1 "
_CHALLENGE_BYTES = 32
#: WebAuthn recommends five to ten minutes for a person to find their key (Level 3, 15.1).
_LASTING = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What is to be signed, and whom it was made for: "" is anybody."""

    value: bytes
    person_id: str = ""


class Challenges:
    """Makes challenges of one `kind`, and takes each back once."""

    def __init__(
        self,
        kind: str,
        rows: SignInRows,
        secret_box: SecretBox,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._form = f"{_FORM}{kind} "
        self._rows = rows
        self._secret_box = secret_box
        self._clock = clock

    def make(self, person_id: str = "") -> tuple[Challenge, str]:
        """A challenge, and the text to send back with the answer."""
        made = Challenge(value=secrets.token_bytes(_CHALLENGE_BYTES), person_id=person_id)
        challenge_id, ends_at = new_id(_PREFIX), self._clock() + _LASTING
        content = json.dumps([made.value.hex(), person_id, ends_at.timestamp()])
        sealed = self._secret_box.encrypt(content, self._form + challenge_id)
        return made, f"{challenge_id}.{urlsafe_b64encode(sealed).decode()}"

    def take(self, text: str) -> Challenge:
        """The challenge that was made with this text. Raises SignInRefused if there was none, it is over, or it was
        taken before."""
        challenge_id, _, encoded = text.partition(".")
        try:
            sealed = urlsafe_b64decode(encoded)
        except ValueError as error:
            raise _over() from error
        content = self._secret_box.try_decrypt(sealed, self._form + challenge_id)
        if content is None:
            raise _over()
        value, person_id, ends = json.loads(content)
        now, ends_at = self._clock(), datetime.fromtimestamp(ends, UTC)
        if now >= ends_at or not self._rows.end(challenge_id, ends_at, now):
            raise _over()
        return Challenge(value=bytes.fromhex(value), person_id=person_id)


def _over() -> SignInRefused:
    return SignInRefused("That attempt is over: begin again, and finish it within ten minutes.")
