"""Tokens of those who have signed in: everything about a sign-in is encrypted in its token. Only that it was ended is
kept elsewhere."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from regard.accountability.secret_box import SecretBox
from regard.accountability.secret_keys import new_id
from regard.errors import ExpiredToken, UnrecognizedClient

_PREFIX = "RGRS"
#: Bound to the token with its id: a token of another form cannot be opened.
_FORM = "sign-in 1 "
#: A working day with room to spare; no sign-in lasts longer.
LONGEST = timedelta(hours=12)
#: Decrypted tokens kept in memory, about half a kilobyte each.
_REMEMBERED = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInToken:
    """What a token says. `means` is how the person proved who they are."""

    id: str
    person_id: str
    means: tuple[str, ...]
    began_at: datetime
    ends_at: datetime


class SignInTokens:
    """Issues and opens tokens; it does not know which were ended, or whether the person is still there."""

    def __init__(self, secret_box: SecretBox, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._secret_box = secret_box
        self._clock = clock
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._unseal)

    def issue(self, person_id: str, means: tuple[str, ...], lasting: timedelta = LONGEST) -> tuple[SignInToken, str]:
        """A sign-in, no longer than LONGEST, and the token to send with each request."""
        now = self._clock()
        ends_at = (now + min(lasting, LONGEST)).replace(microsecond=0)
        made = SignInToken(id=new_id(_PREFIX), person_id=person_id, means=means, began_at=now, ends_at=ends_at)
        content = json.dumps([person_id, list(means), now.timestamp(), int(ends_at.timestamp())])
        sealed = self._secret_box.encrypt(content, _FORM + made.id)
        return made, f"{made.id}.{urlsafe_b64encode(sealed).decode()}"

    def open(self, token: str) -> SignInToken:
        """What the token says. Raises UnrecognizedClient if it is not from here, ExpiredToken once it has ended."""
        found = self._remembered(token)
        if self._clock() >= found.ends_at:
            raise ExpiredToken("The sign-in has ended. Sign in again.")
        return found

    def _unseal(self, token: str) -> SignInToken:
        """Raises UnrecognizedClient, which is not cached: invalid tokens would push out those in use."""
        token_id, _, text = token.partition(".")
        try:
            sealed = urlsafe_b64decode(text)
        except ValueError as error:
            raise UnrecognizedClient from error
        content = self._secret_box.try_decrypt(sealed, _FORM + token_id)
        if content is None or urlsafe_b64encode(sealed).decode() != text:
            raise UnrecognizedClient
        person_id, means, began, ends = json.loads(content)
        return SignInToken(
            id=token_id,
            person_id=person_id,
            means=tuple(means),
            began_at=datetime.fromtimestamp(began, UTC),
            ends_at=datetime.fromtimestamp(ends, UTC),
        )
