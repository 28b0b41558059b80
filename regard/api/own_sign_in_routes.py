"""`/v1/me/sign-ins` and `/v1/me/means`: where one is signed in, what one signs in with, and an end to either."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Path

from regard.accountability.sign_in import SignIn
from regard.accountability.sign_in_means import SignInMeans
from regard.api.native_routes import Call, NativeRoute
from regard.api.shapes import Shown
from regard.domain.authority import Action

SignInInPath = Annotated[str, Path(min_length=1, max_length=64)]
PasskeyInPath = Annotated[str, Path(min_length=1, max_length=1400)]


class OpenSignInShown(Shown):
    """Somewhere you are signed in: by which means; what it was last used with, such as "Firefox on Windows", as that
    says of itself, and from which address, that of a proxy if there is one; and `this`, if you ask by it now."""

    id: str
    means: list[str]
    device: str
    address: str
    began_at: datetime
    seen_at: datetime
    ends_at: datetime
    this: bool


class OpenSignInsShown(Shown):
    """Everywhere you are signed in, the last used first. A use is noted within five minutes."""

    sign_ins: list[OpenSignInShown]


class OthersEnded(Shown):
    """How many sign-ins were ended."""

    ended: int


class PasskeyShown(Shown):
    """A passkey of yours, and when you made it."""

    id: str
    name: str
    created_at: datetime


class MeansShown(Shown):
    """What you sign in with: whether you have a password, and are asked for an authenticator app's code beside it;
    `identities` are the addresses of the identity providers that know you."""

    login: str | None
    password: bool
    codes: bool
    passkeys: list[PasskeyShown]
    identities: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSignInRoutes:
    """One's own sign-ins, and one's own means."""

    sign_in: SignIn
    means: SignInMeans

    def routes(self) -> tuple[NativeRoute, ...]:
        own, all_ = Action.SIGN_IN, "/me/sign-ins"
        return (
            NativeRoute("GET", all_, self.all, own, "Where you are signed in"),
            NativeRoute("POST", f"{all_}/end-others", self.end_others, own, "Sign out everywhere else"),
            NativeRoute("DELETE", f"{all_}/{{sign_in_id}}", self.end, own, "End one of your sign-ins", status=204),
            NativeRoute("GET", "/me/means", self.show, own, "What you sign in with"),
            NativeRoute(
                "DELETE", "/me/passkeys/{passkey_id}", self.remove_passkey, own, "Remove a passkey", status=204
            ),
        )

    def all(self, call: Call) -> OpenSignInsShown:
        return OpenSignInsShown(
            sign_ins=[
                OpenSignInShown(
                    id=each.id,
                    means=list(each.means),
                    device=each.device,
                    address=each.address,
                    began_at=each.began_at,
                    seen_at=each.seen_at,
                    ends_at=each.ends_at,
                    this=this,
                )
                for each, this in self.sign_in.open(call.grant)
            ]
        )

    def end_others(self, call: Call) -> OthersEnded:
        return OthersEnded(ended=self.sign_in.end_others(call.grant))

    def end(self, call: Call, sign_in_id: SignInInPath) -> None:
        self.sign_in.end_one(call.grant, sign_in_id)

    def show(self, call: Call) -> MeansShown:
        return MeansShown.model_validate(self.means.own(call.grant))

    def remove_passkey(self, call: Call, passkey_id: PasskeyInPath) -> None:
        self.means.remove_own_passkey(call.grant, passkey_id)
