"""`/v1/sign-in`, `/v1/sign-out`, `/v1/me`: who somebody is, and what they sign in with."""

from __future__ import annotations

import json
from dataclasses import dataclass

from regard.accountability.judgement import ALLOWED_LENT
from regard.accountability.openid import OpenId
from regard.accountability.passkeys import Passkeys
from regard.accountability.people import People
from regard.accountability.permissions import PERMISSIONS
from regard.accountability.sign_in import Proof, SignIn
from regard.api.native_routes import Call, NativeRoute, StrangersCall
from regard.api.sign_in_shapes import (
    Kept,
    Me,
    NewPasskey,
    OpenIdGiven,
    OpenIdOptions,
    PasskeyGiven,
    PasskeyMade,
    PasskeyOptions,
    PasswordGiven,
    SignedIn,
    TrainingNeeded,
)
from regard.domain.authority import Action
from regard.domain.people import Holder


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInRoutes:
    """Signing in and out, who one is then, and one's passkeys."""

    sign_in: SignIn
    passkeys: Passkeys
    openid: OpenId
    people: People

    def routes(self) -> tuple[NativeRoute, ...]:
        own = Action.SIGN_IN
        return (
            NativeRoute("GET", "/sign-in", self.kept, own, "Whether this browser keeps a sign-in", strangers=True),
            NativeRoute("POST", "/sign-in", self.by_password, own, "Sign in with a password", strangers=True),
            NativeRoute("POST", "/sign-in/passkey", self.by_passkey, own, "Sign in with a passkey", strangers=True),
            NativeRoute("POST", "/sign-in/openid", self.by_openid, own, "Sign in with an ID token", strangers=True),
            NativeRoute(
                "POST", "/sign-in/passkey/options", self.passkey_options, own, "Begin with a passkey", strangers=True
            ),
            NativeRoute("POST", "/sign-in/openid/options", self.openid_options, own, "Begin elsewhere", strangers=True),
            NativeRoute("POST", "/sign-out", self.end, own, "Sign out", status=204, ends_sign_in=True),
            NativeRoute("GET", "/me", self.me, own, "Who you are"),
            NativeRoute("POST", "/me/passkeys/options", self.new_passkey_options, own, "Begin to make a passkey"),
            NativeRoute("POST", "/me/passkeys", self.new_passkey, own, "Keep a passkey that was made", status=201),
        )

    # -- before it is known who somebody is --------------------------------------------------------------------

    def kept(self, call: StrangersCall) -> Kept:
        return Kept(kept=call.kept, site=self.passkeys.site)

    def by_password(self, call: StrangersCall, given: PasswordGiven) -> SignedIn:
        return self._begin(call, self.sign_in.by_password(given.login, given.password, given.code))

    def by_passkey(self, call: StrangersCall, given: PasskeyGiven) -> SignedIn:
        return self._begin(call, self.passkeys.prove(given.state, given.credential))

    def by_openid(self, call: StrangersCall, given: OpenIdGiven) -> SignedIn:
        return self._begin(call, self.openid.prove(given.state, given.id_token))

    def passkey_options(self, _: StrangersCall) -> PasskeyOptions:
        options, state = self.passkeys.sign_in_options()
        return PasskeyOptions(options=json.loads(options), state=state)

    def openid_options(self, _: StrangersCall) -> OpenIdOptions:
        issuer, client_id, nonce, state = self.openid.options()
        return OpenIdOptions(issuer=issuer, client_id=client_id, nonce=nonce, state=state)

    def _begin(self, call: StrangersCall, proof: Proof) -> SignedIn:
        with call.known(proof.principal) as grant:
            token, ends_at = self.sign_in.begin(grant, proof, sender=call.sender)
        return SignedIn(token=None if call.keep(token, ends_at) else token, ends_at=ends_at)

    # -- who has signed in -------------------------------------------------------------------------------------

    def end(self, call: Call) -> None:
        self.sign_in.end(call.grant)

    def me(self, call: Call) -> Me:
        principal, holder = call.grant.caller.principal, call.grant.mandate.holder
        session = principal.temporary_credential
        training = self.people.own_training(call.grant)
        return Me(
            id=principal.holder_id or principal.access_key_id,
            name=principal.name,
            roles=sorted(holder.roles) if holder else [],
            profile=call.grant.rules.name,
            may=_allowed(holder, principal.lent),
            must_set_password=principal.lent,
            training=None if training is None else TrainingNeeded(roles=list(training.roles), until=training.until),
            ends_at=session.expires_at if session else None,
        )

    def new_passkey_options(self, call: Call) -> PasskeyOptions:
        options, state = self.passkeys.registration_options(call.grant)
        return PasskeyOptions(options=json.loads(options), state=state)

    def new_passkey(self, call: Call, given: NewPasskey) -> PasskeyMade:
        made = self.passkeys.register(call.grant, given.state, given.credential, given.name)
        return PasskeyMade(id=made.id, name=made.name)


def _allowed(holder: Holder | None, lent: bool) -> list[str]:
    """The routes that somebody may take; all of them where the profile knows nobody."""
    known = {route: roles for route, roles in PERMISSIONS.routes.items() if not lent or route in ALLOWED_LENT}
    return sorted(route for route, roles in known.items() if holder is None or roles & holder.roles)
