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

from regard.accountability.temporary_credentials import TemporaryCredentials
from regard.domain.callers import Principal
from regard.domain.results import Result
from regard.errors import AccessDenied, InvalidParameter

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

#: What a client sends to narrow a session's rights, to prove more about itself or to have more recorded. None of it
#: would take effect here, so it is refused rather than ignored.
_REFUSED = (
    "Policy",
    "PolicyArns",
    "Tags",
    "TransitiveTagKeys",
    "SourceIdentity",
    "SerialNumber",
    "TokenCode",
    "ProvidedContexts",
    "MinimumSessionTokenSize",
)

Handler = Callable[[Principal, Mapping[str, Any], str], Result]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The identities of one account."""

    credentials: TemporaryCredentials
    account_id: str

    def handlers(self) -> dict[str, Handler]:
        """The operations of the service that this server provides."""
        return {"AssumeRole": self.assume_role, "GetCallerIdentity": self.get_caller_identity}

    def get_caller_identity(self, principal: Principal, _: Mapping[str, Any], __: str) -> Result:
        session = principal.temporary_credential
        user_id = f"{self._role_id(session.role)}:{session.name}" if session else principal.access_key_id
        return Result(members={"UserId": user_id, "Account": self.account_id, "Arn": self.arn(principal)})

    def assume_role(self, principal: Principal, request: Mapping[str, Any], _: str) -> Result:
        if refused := [name for name in _REFUSED if request.get(name)]:
            raise InvalidParameter(f"This server does not provide {', '.join(refused)} for sessions yet.")
        role, name = self._role(principal, request["RoleArn"]), request["RoleSessionName"]
        seconds = request.get("DurationSeconds", _DEFAULT_SECONDS)
        if principal.temporary_credential and seconds > _CHAINED_SECONDS:
            raise InvalidParameter(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
            )
        key, token = self.credentials.issue(principal, role=role, name=name, lasting=timedelta(seconds=seconds))
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
        return Result(members=members)

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
