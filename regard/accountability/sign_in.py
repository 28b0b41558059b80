"""Signing in: from what somebody shows to a token, and from a token to a principal."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from regard.accountability.back_off import BackOff
from regard.accountability.gate import Grant
from regard.accountability.one_time_codes import OneTimeCodes
from regard.accountability.passwords import Passwords
from regard.accountability.secret_box import SecretBox
from regard.accountability.sign_in_tokens import LONGEST, SignInToken, SignInTokens
from regard.domain.authority import Action
from regard.domain.callers import Principal, Sender, TemporaryCredential
from regard.errors import CodeNeeded, ExpiredToken, RegardError, ResourceNotFound, SignInRefused
from regard.store.sign_in_rows import OpenSignIn, SignInRow, SignInRows

log = logging.getLogger(__name__)

#: What another process ended is refused within this many seconds.
_REMEMBERED_SECONDS = 1.0
_MOST_REMEMBERED = 4096
#: So often it is noted that a sign-in is used, unless it is from elsewhere.
_SEEN_SECONDS = 300.0
#: The means of who signed in with a password that somebody else had set.
LENT = "lent-password"
#: The role of those who signed in, in place of the one that temporary credentials of AWS's kind name.
_ROLE = "sign-in"
_NOWHERE = Sender()
_LONGEST_SENDER = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """That somebody is a person, by the `means` they showed. It gives nothing by itself: `SignIn.begin` does."""

    person_id: str
    name: str
    means: tuple[str, ...]

    @property
    def principal(self) -> Principal:
        return Principal(access_key_id=self.person_id, name=self.name, holder_id=self.person_id)


class SignIn:
    """Whom to believe, and for how long. Safe to share between threads."""

    def __init__(
        self,
        rows: SignInRows,
        secret_box: SecretBox,
        *,
        passwords: Passwords | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rows = rows
        self._tokens = SignInTokens(secret_box, clock)
        self._codes = OneTimeCodes(secret_box, clock)
        self._passwords = passwords or Passwords()
        self._back_off = BackOff(ticks)
        self._clock = clock
        self._ticks = ticks
        self._remembered: dict[str, tuple[float, Principal]] = {}
        #: By sign-in and sender, until when its use need not be noted again.
        self._noted: dict[tuple[str, Sender], float] = {}

    def by_password(self, login: str, password: str, code: str = "") -> Proof:
        """Who it is, by password, and by a code of their authenticator app if they have one.

        Raises SignInRefused, which says nothing about who there is; CodeNeeded; and Throttling after failures.
        """
        self._back_off.begin(login)
        row = self._rows.of_login(login)
        if not self._passwords.check(row.password_hash if row else None, password) or row is None:
            raise SignInRefused
        lent = self._passwords.is_lent(row.password_hash)
        means: tuple[str, ...] = (LENT if lent else "password",)
        if row.sealed_totp is not None:
            means = (*means, self._code(row, row.sealed_totp, code))
        self._back_off.succeed(login)
        if row.password_hash is not None and self._passwords.is_outdated(row.password_hash):
            again = self._passwords.lend(password) if lent else self._passwords.hash(password)
            self._rows.set_password(row.person_id, again, None)
        return Proof(person_id=row.person_id, name=row.name, means=means)

    def begin(
        self, grant: Grant, proof: Proof, lasting: timedelta = LONGEST, sender: Sender = _NOWHERE
    ) -> tuple[str, datetime]:
        """The token of a new sign-in, and when it ends."""
        grant.require(Action.SIGN_IN)
        token, text = self._tokens.issue(proof.person_id, proof.means, lasting)
        self._see(token, sender)
        grant.note(sign_in=token.id, means=list(proof.means))
        return text, token.ends_at

    def lookup(self, token: str, sender: Sender = _NOWHERE) -> Principal:
        """Who signed in and was given this token; `sender` uses it now.

        Raises UnrecognizedClient if it is no token of this installation, ExpiredToken if the sign-in has ended.
        """
        opened = self._tokens.open(token)
        row = self._rows.of_person(opened.person_id)
        if row is None or self._is_over(row, opened.id, opened.began_at):
            self._remembered.pop(token, None)
            raise ExpiredToken("The sign-in has ended. Sign in again.")
        self._see(opened, sender)
        principal = _principal(row, opened)
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[token] = (self._ticks() + _REMEMBERED_SECONDS, principal)
        return principal

    def recall(self, token: str) -> Principal | None:
        """What `lookup` returned a moment ago; None if the database has to be asked. Raises as `lookup`."""
        until, principal = self._remembered.get(token, (0.0, None))
        if principal is None or self._ticks() >= until:
            return None
        self._tokens.open(token)
        return principal

    def lasts(self, grant: Grant) -> bool:
        """Whether the sign-in that this was granted to lasts, as the database says now. One that was not begun here is
        not ended here."""
        principal = grant.caller.principal
        used = principal.temporary_credential
        if used is None or used.role != _ROLE:
            return True
        row = self._rows.of_person(principal.access_key_id)
        return (
            row is not None
            and self._clock() < used.expires_at
            and not self._is_over(row, used.access_key_id, used.began_at)
        )

    def end(self, grant: Grant) -> None:
        """End the sign-in that this act was asked for with."""
        grant.require(Action.SIGN_IN)
        used = grant.caller.principal.temporary_credential
        if used is None or used.role != _ROLE:
            return
        self._rows.end(used.access_key_id, used.expires_at, self._clock())
        self._remembered.clear()

    def open(self, grant: Grant) -> Sequence[tuple[OpenSignIn, bool]]:
        """Where whoever asks is signed in, the last used first; and whether it is what this was asked for with."""
        grant.require(Action.SIGN_IN)
        principal = grant.caller.principal
        used = principal.temporary_credential
        found = self._rows.open_sign_ins(principal.holder_id or "", self._clock())
        return [(each, used is not None and each.id == used.access_key_id) for each in found]

    def end_one(self, grant: Grant, sign_in_id: str) -> None:
        """End a sign-in of whoever asks. Raises ResourceNotFound if they have no such one, or it has ended."""
        self._end_all(grant, [each for each, _ in self.open(grant) if each.id == sign_in_id])

    def end_others(self, grant: Grant) -> int:
        """End every sign-in of whoever asks but the one that this was asked for with; how many."""
        others = [each for each, own in self.open(grant) if not own]
        if others:
            self._end_all(grant, others)
        return len(others)

    def _end_all(self, grant: Grant, ended: Sequence[OpenSignIn]) -> None:
        if not ended:
            raise ResourceNotFound("You have no such sign-in; it may have ended.")
        with self._rows.database.write():
            for each in ended:
                self._rows.end(each.id, each.ends_at, self._clock())
            grant.note(sign_ins_ended=[each.id for each in ended])
        self._remembered.clear()

    def _see(self, token: SignInToken, sender: Sender) -> None:
        """Note that a sign-in is used, once in a while. Whoever has signed in gets in though nothing can be written."""
        use, now = (token.id, sender), self._ticks()
        if now < self._noted.get(use, 0.0):
            return
        if len(self._noted) >= _MOST_REMEMBERED:
            self._noted.clear()
        self._noted[use] = now + _SEEN_SECONDS
        seen = OpenSignIn(
            id=token.id,
            person_id=token.person_id,
            means=token.means,
            device=sender.device[:_LONGEST_SENDER],
            address=sender.address[:_LONGEST_SENDER],
            began_at=token.began_at,
            seen_at=self._clock(),
            ends_at=token.ends_at,
        )
        try:
            self._rows.see(seen)
        except RegardError as error:
            log.warning("it was not noted that a sign-in is used: %s", error.message)

    def _is_over(self, row: SignInRow, sign_in_id: str, began_at: datetime | None) -> bool:
        """Whether it was ended: alone, or with all that the person had begun by a moment."""
        everywhere = row.signed_out_at
        if everywhere is not None and (began_at is None or began_at <= everywhere):
            return True
        return self._rows.has_ended(sign_in_id)

    def _code(self, row: SignInRow, sealed: bytes, code: str) -> str:
        """Use the code. Raises CodeNeeded, SignInRefused."""
        if not code:
            raise CodeNeeded
        step = self._codes.step(row.person_id, sealed, code)
        if step is None or not self._rows.use_step(row.person_id, step):
            raise SignInRefused
        return "code"


def _principal(row: SignInRow, opened: SignInToken) -> Principal:
    """The person, as the caller of an act: whoever signs in twice is one caller."""
    session = TemporaryCredential(
        access_key_id=opened.id, role=_ROLE, name="", expires_at=opened.ends_at, began_at=opened.began_at
    )
    return Principal(
        access_key_id=row.person_id,
        name=row.name,
        temporary_credential=session,
        holder_id=row.person_id,
        lent=LENT in opened.means,
    )
