"""Passwords: kept as argon2id hashes, and checked in constant work, so that nobody learns who there is."""

from __future__ import annotations

import secrets
import unicodedata
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from regard.errors import InvalidParameter

#: The second choice of the OWASP Password Storage Cheat Sheet: 19 MiB of memory, two passes, one lane. argon2's own
#: defaults take 64 MiB and four threads, and sixteen sign-ins at once would be a gigabyte.
TIME_COST, MEMORY_KIBIBYTES, LANES = 2, 19 * 1024, 1
#: NIST SP 800-63B-4, 3.1.1.2: at least 15 characters where nothing else is asked for, 64 or more to be taken.
LEAST_CHARACTERS, MOST_CHARACTERS = 15, 256
#: Stands before what is kept of a password that somebody else set.
_LENT = "lent "


class Passwords:
    """Hashes and checks passwords. Each takes 0.1 s of a busy core and 19 MiB: say how many at once."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(
            time_cost=TIME_COST, memory_cost=MEMORY_KIBIBYTES, parallelism=LANES, hash_len=32, salt_len=16
        )

    def hash(self, password: str) -> str:
        """What to keep of a new password. Raises InvalidParameter if it is too short or too long."""
        normal = _normal(password)
        if not LEAST_CHARACTERS <= len(normal) <= MOST_CHARACTERS:
            raise InvalidParameter(
                f"The password has {len(normal)} characters; take {LEAST_CHARACTERS} to {MOST_CHARACTERS}. Four or "
                "five words that do not belong together are easy to remember."
            )
        return self._hasher.hash(normal)

    def lend(self, password: str) -> str:
        """As `hash`, of a password that is set for somebody else."""
        return _LENT + self.hash(password)

    @staticmethod
    def is_lent(kept: str | None) -> bool:
        """Whether it was set by somebody else than who signs in with it."""
        return kept is not None and kept.startswith(_LENT)

    def check(self, kept: str | None, password: str) -> bool:
        """Whether it is the password that `kept` was made of; where nothing is kept, false after the same work."""
        try:
            right = self._hasher.verify(
                (kept or self._nobodys).removeprefix(_LENT), _normal(password)[: MOST_CHARACTERS + 1]
            )
        except (VerificationError, InvalidHashError):
            return False
        return right and bool(kept)

    def is_outdated(self, kept: str) -> bool:
        """Whether it was made with less work than a new one: to be made again once the password is known."""
        return self._hasher.check_needs_rehash(kept.removeprefix(_LENT))

    @cached_property
    def _nobodys(self) -> str:
        """Of a password that nobody has: the work for a login that does not exist."""
        return self._hasher.hash(secrets.token_hex())


def _normal(password: str) -> str:
    """One spelling of what looks the same, whichever keyboard it was typed on (NIST SP 800-63B-4, 3.1.1.2)."""
    return unicodedata.normalize("NFC", password)
