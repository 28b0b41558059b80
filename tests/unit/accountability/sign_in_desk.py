"""A desk where people sign in, with passwords that cost next to nothing."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pyotp
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST
from roster import DAY, Clock, Staff, caller

from regard.accountability.gate import Gate, Grant
from regard.accountability.passwords import Passwords
from regard.accountability.profiles.catalogue import OPEN, PROFILES
from regard.accountability.secret_box import SecretBox
from regard.accountability.sign_in import Proof, SignIn
from regard.accountability.sign_in_means import SignInMeans
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.people import Role
from regard.store.database import Database
from regard.store.sign_in_rows import SignInRows

PASSWORD = "correct horse battery"
STRICT = PROFILES["public-safety"]
CHEAP = Passwords(PasswordHasher.from_parameters(CHEAPEST))


@dataclass(frozen=True)
class Desk:
    """Where people sign in, with passwords that cost next to nothing."""

    staff: Staff
    rows: SignInRows
    means: SignInMeans
    sign_in: SignIn
    box: SecretBox

    @property
    def clock(self) -> Clock:
        return self.staff.clock

    def asks(self, who: str, command: str = "people password") -> AbstractContextManager[Grant]:
        act = Act(action=Action.SIGN_IN, operation=command)
        return self.staff.gate(STRICT).open(caller(who, Channel.CLI), act)

    def set_password(self, who: str, password: str = PASSWORD, by: str | None = None) -> None:
        with self.asks(by or who) as grant:
            self.means.set_password(grant, who, password)

    def codes(self, who: str) -> pyotp.TOTP:
        """Switch codes on; what the authenticator app has."""
        with self.asks(who, "people totp") as grant:
            _, address = self.means.new_codes(grant, who)
        found = pyotp.parse_uri(address)
        assert isinstance(found, pyotp.TOTP)
        return found

    def begin(self, proof: Proof, lasting: timedelta = DAY) -> str:
        who = Caller(principal=proof.principal, channel=Channel.API)
        with Gate(OPEN).open(who, Act(action=Action.SIGN_IN, operation="POST /v1/sign-in")) as grant:
            return self.sign_in.begin(grant, proof, lasting)[0]

    def end(self, token: str) -> None:
        who = Caller(principal=self.sign_in.lookup(token), channel=Channel.API)
        with Gate(OPEN).open(who, Act(action=Action.SIGN_IN, operation="POST /v1/sign-out")) as grant:
            self.sign_in.end(grant)

    def another(self) -> SignIn:
        """The same, in another process."""
        return SignIn(self.rows, self.box, passwords=CHEAP, clock=self.clock, ticks=self.clock.seconds)


def open_desk(database: Database, folder: Path) -> Desk:
    """With Ada, who searches and has a password, and Root, who administers and has none."""
    staff, rows, box = Staff(database, Clock()), SignInRows(database), SecretBox(folder / "seal.key")
    means = SignInMeans(staff.rows, rows, box, passwords=CHEAP, clock=staff.clock)
    sign_in = SignIn(rows, box, passwords=CHEAP, clock=staff.clock, ticks=staff.clock.seconds)
    made = Desk(staff, rows, means, sign_in, box)
    staff.add("ada", Role.SEARCHER)
    staff.add("root", Role.ADMINISTRATOR)
    made.set_password("ada")
    staff.clock.now += timedelta(seconds=1)
    return made
