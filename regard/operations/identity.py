"""Who is calling, and under which temporary name: the operations of the Security Token Service."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from regard.accountability.gate import Gate
from regard.accountability.sessions import SessionRequest, Sessions, names_authorisation
from regard.accountability.temporary_credentials import SessionTerms, TemporaryCredentials
from regard.accountability.web_identity import AUDIENCE, ISSUER, WebIdentityTokens
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.callers import Principal
from regard.domain.results import Result
from regard.errors import AccessDenied, InvalidParameter, MissingAuthenticationToken

_DEFAULT_SECONDS = 3600
#: The longest session that another session may start: "Role chaining", IAM User Guide.
_CHAINED_SECONDS = 3600
#: What an ARN's last part may hold besides letters, digits and "_": "IAM and AWS STS quotas", IAM User Guide.
_SAFE = "+=,.@-"
#: A role's name, and a step of its path: neither "." nor "..", which a reader may follow as the path of a file.
_STEP = r"(?!\.{1,2}(?:/|$))[\w+=,.@-]"
_ROLE = re.compile(
    rf"arn:aws:iam::(?P<account>[^:/]*):role/(?P<path>(?:{_STEP}+/)*)(?P<name>{_STEP}{{1,64}})", re.ASCII
)
#: With the slash before it: "IAM and AWS STS quotas", IAM User Guide.
_LONGEST_PATH = 512

#: What a client sends to narrow a session's rights. None of it would take effect here, so it is refused rather than
#: ignored.
_REFUSED = ("Policy", "PolicyArns", "ProvidedContexts", "MinimumSessionTokenSize")
_REFUSED_WITH_TOKEN = (*_REFUSED, "ProviderId")
#: What it sends to prove more about itself or to have more recorded: it means something where people are known.
_OF_PEOPLE = ("Tags", "TransitiveTagKeys", "SourceIdentity", "SerialNumber", "TokenCode")

Handler = Callable[[Principal, Mapping[str, Any], str], Result]
#: From the input of an operation that is not signed, who asks.
Voucher = Callable[[Mapping[str, Any]], Principal]


def _asked(request: Mapping[str, Any]) -> SessionRequest:
    return SessionRequest(
        name=request["RoleSessionName"],
        source_identity=request.get("SourceIdentity"),
        tags=[(tag["Key"], tag["Value"]) for tag in request.get("Tags") or ()],
        transitive=request.get("TransitiveTagKeys") or (),
        serial_number=request.get("SerialNumber"),
        token_code=request.get("TokenCode"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPeople:
    """What sessions are held to under a profile that knows people."""

    gate: Gate
    sessions: Sessions
    tokens: WebIdentityTokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The identities of one account. Without `people`, a session is only a name."""

    credentials: TemporaryCredentials
    account_id: str
    people: KnownPeople | None = None

    def handlers(self) -> dict[str, Handler]:
        """The operations of the service that this server provides."""
        provided: dict[str, Handler] = {
            "AssumeRole": self.assume_role,
            "GetCallerIdentity": self.get_caller_identity,
        }
        return provided | ({"AssumeRoleWithWebIdentity": self.assume_role_with_web_identity} if self.people else {})

    def vouchers(self) -> dict[str, Voucher]:
        """Who asks for what is not signed."""
        return {"AssumeRoleWithWebIdentity": self.who_has_the_token} if self.people else {}

    def get_caller_identity(self, principal: Principal, _: Mapping[str, Any], __: str) -> Result:
        session = principal.temporary_credential
        user_id = f"{self._role_id(session.role)}:{session.name}" if session else principal.access_key_id
        return Result(members={"UserId": user_id, "Account": self.account_id, "Arn": self.arn(principal)})

    def assume_role(self, principal: Principal, request: Mapping[str, Any], request_id: str) -> Result:
        known = self.people is not None and self.people.gate.knows(principal)
        refused = _REFUSED if known else (*_REFUSED, *_OF_PEOPLE)
        if names := [name for name in refused if request.get(name)]:
            raise InvalidParameter(f"This server does not provide {', '.join(names)} for sessions yet.")
        role, name = self._role(principal, request["RoleArn"]), request["RoleSessionName"]
        seconds = request.get("DurationSeconds", _DEFAULT_SECONDS)
        if principal.temporary_credential and seconds > _CHAINED_SECONDS:
            raise InvalidParameter(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
            )
        asked = _asked(request)
        terms = self._terms("AssumeRole", principal, asked, request_id) if known else SessionTerms()
        return self._started(principal, role, name, timedelta(seconds=seconds), terms)

    def assume_role_with_web_identity(
        self, principal: Principal, request: Mapping[str, Any], request_id: str
    ) -> Result:
        """`principal` is who the token was given to, and their authorisation stands for an access key."""
        if names := [name for name in _REFUSED_WITH_TOKEN if request.get(name)]:
            raise InvalidParameter(f"This server does not provide {', '.join(names)} for sessions yet.")
        role, name = self._role(principal, request["RoleArn"]), request["RoleSessionName"]
        if names_authorisation(name) and name != principal.access_key_id:
            raise AccessDenied(f"The web identity token is of {principal.access_key_id}, not of {name}.")
        token_id = self.people.tokens.read(request["WebIdentityToken"]).token_id if self.people else None
        asked = SessionRequest(name=principal.access_key_id, token_id=token_id)
        terms = self._terms("AssumeRoleWithWebIdentity", principal, asked, request_id)
        seconds = timedelta(seconds=request.get("DurationSeconds", _DEFAULT_SECONDS))
        started = self._started(principal, role, asked.name, seconds, terms)
        about = {"SubjectFromWebIdentityToken": principal.holder_id, "Audience": AUDIENCE, "Provider": ISSUER}
        return Result(members={**started.members, **about})

    def who_has_the_token(self, request: Mapping[str, Any]) -> Principal:
        """Raises InvalidIdentityToken, ExpiredToken; MissingAuthenticationToken where nobody has been given one."""
        if self.people is None or not self.people.gate.knows_anybody:
            raise MissingAuthenticationToken
        return self.people.tokens.read(request["WebIdentityToken"]).principal

    def _terms(self, operation: str, principal: Principal, asked: SessionRequest, request_id: str) -> SessionTerms:
        """Raises AccessDenied, ExpiredToken and InvalidParameter; the ledger hears either way."""
        if self.people is None:
            return SessionTerms()
        named = asked.name if names_authorisation(asked.name) else ""
        caller = Caller(principal=principal, channel=Channel.AWS, request_id=request_id, authorisation=named)
        with self.people.gate.open(caller, Act(action=Action.SIGN_IN, operation=operation)) as grant:
            return self.people.sessions.terms(grant, asked)

    def _started(self, principal: Principal, role: str, name: str, lasting: timedelta, terms: SessionTerms) -> Result:
        key, token = self.credentials.issue(principal, role=role, name=name, lasting=lasting, terms=terms)
        members = {
            "Credentials": {
                "AccessKeyId": key.temporary_credential.access_key_id,
                "SecretAccessKey": key.secret,
                "SessionToken": token,
                "Expiration": key.temporary_credential.expires_at,
            },
            "AssumedRoleUser": {
                "AssumedRoleId": f"{self._role_id(role)}:{name}",
                "Arn": self._session_arn(role, name),
            },
        }
        source = {"SourceIdentity": terms.source_identity} if terms.source_identity else {}
        return Result(members={**members, **source})

    def arn(self, principal: Principal) -> str:
        """The ARN of a user, or of their session; characters that an ARN does not allow are percent-encoded."""
        if session := principal.temporary_credential:
            return self._session_arn(session.role, session.name)
        return f"arn:aws:iam::{self.account_id}:user/{quote(principal.name, safe=_SAFE)}"

    def _session_arn(self, role: str, name: str) -> str:
        return f"arn:aws:sts::{self.account_id}:assumed-role/{role}/{name}"

    def _role(self, principal: Principal, arn: str) -> str:
        """The name of the role, without its path. Raises AccessDenied if it is not a role of this account."""
        found = _ROLE.fullmatch(arn)
        if found is None or found["account"] != self.account_id or len(found["path"]) >= _LONGEST_PATH:
            raise AccessDenied(
                f"User: {self.arn(principal)} is not authorized to perform: sts:AssumeRole on resource: {arn}; "
                f"use arn:aws:iam::{self.account_id}:role/NAME, with any NAME."
            )
        return found["name"]

    def _role_id(self, role: str) -> str:
        """The same id for the same role name every time; roles are not stored."""
        digest = hashlib.sha256(f"{self.account_id} {role}".encode()).digest()
        return f"RGRR{base64.b32encode(digest[:10]).decode()}"
