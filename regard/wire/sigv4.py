"""AWS Signature Version 4: who signed a request, and that nobody has changed it since.

Source: "Signature Version 4 signing process", AWS General Reference. Header signatures only, no presigned URLs.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Protocol

from regard.domain.callers import Credential, Principal
from regard.domain.regions import ANY, is_served
from regard.errors import IncompleteSignature, InvalidSignature, MissingAuthenticationToken
from regard.wire.canonical_request import SignedRequest, canonical_request

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
MOST_SKEW = timedelta(minutes=5)
STAMP = "%Y%m%dT%H%M%SZ"
STAMP_FORM = re.compile(r"[0-9]{8}T[0-9]{6}Z")
UNSIGNED = b"UNSIGNED-PAYLOAD"

#: Must be signed if they are sent: otherwise anyone on the way could turn one call into another.
PROTECTED = (b"x-amz-target", b"x-amz-security-token")


class Credentials(Protocol):
    """Where the secrets of access keys are found."""

    def lookup(self, access_key_id: str, session_token: str | None) -> Credential | None:
        """The credential of an active key, or None. `session_token` comes with temporary keys.

        Raises ExpiredToken for a temporary key that is no longer active.
        """
        ...

    def recall(self, access_key_id: str, session_token: str | None) -> Credential | None:
        """What `lookup` would return, if that takes no time; None if a store has to be asked. Raises as `lookup`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """The Authorization header in its parts."""

    access_key_id: str
    scope: tuple[str, str, str, str]  # date, region, service, terminator
    signed: tuple[bytes, ...]
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What the head of a request says of its sender, well-formed, of this hour and for this service; nothing of it is
    proved before `verify`."""

    authorization: Authorization
    moment: datetime
    token: str | None


def claim(headers: Mapping[bytes, bytes], *, regions: tuple[str, ...], service: str, now: datetime) -> Claim:
    """Who sent a request, for one of `regions`, as it says. `now` has a time zone.

    Raises MissingAuthenticationToken, IncompleteSignature (malformed) or InvalidSignature (wrong scope, clock more than
    five minutes off, something not signed that must be).
    """
    authorization = parse_authorization(headers)
    moment = _signed_at(headers, authorization)
    _check_scope(authorization.scope, moment, regions, service)
    _check_clock(moment, now)
    token = headers.get(b"x-amz-security-token")
    return Claim(authorization=authorization, moment=moment, token=None if token is None else token.decode("latin-1"))


def verify(request: SignedRequest, claimed: Claim, credential: Credential) -> Principal:
    """Who signed `request`, with the credential that it claims. Raises InvalidSignature for another secret, or anything
    changed on the way."""
    digest = hashlib.sha256(request.body).hexdigest()
    declared = request.headers.get(b"x-amz-content-sha256")
    if declared not in (None, UNSIGNED, digest.encode()):
        raise InvalidSignature("The provided 'x-amz-content-sha256' header does not match what was computed.")
    authorization = claimed.authorization
    key = signing_key(credential.secret, *authorization.scope)
    for path in (request.path, *request.other_paths):
        canonical = canonical_request(replace(request, path=path), authorization.signed, digest)
        text = "\n".join((ALGORITHM, claimed.moment.strftime(STAMP), "/".join(authorization.scope), _hex(canonical)))
        expected = hmac.digest(key, text.encode(), "sha256").hex()
        if hmac.compare_digest(expected.encode(), authorization.signature.encode()):
            return replace(credential.principal, region=authorization.scope[1])
    raise InvalidSignature


def parse_authorization(headers: Mapping[bytes, bytes]) -> Authorization:
    """The Authorization header in its parts. Raises as `claim` does; messages quote the header only as a hash."""
    header = headers.get(b"authorization")
    if not header:
        raise MissingAuthenticationToken
    algorithm, _, rest = header.decode("latin-1").partition(" ")
    parameters = _parameters(rest, header) if algorithm == ALGORITHM else {}
    lacking = [
        f"Authorization header requires '{name}' parameter."
        for name in ("Credential", "Signature", "SignedHeaders")
        if not parameters.get(name)
    ]
    if not {b"x-amz-date", b"date"} & headers.keys():
        lacking.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if lacking:
        lacking.append(f"(Hashed with SHA-256 and encoded with Base64) Authorization={_quoted(header)}")
        raise IncompleteSignature(" ".join(lacking))
    match parameters["Credential"].split("/"):
        case [key, date, region, service, terminator]:
            scope = (date, region, service, terminator)
        case _:
            raise IncompleteSignature(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
                f"got '{parameters['Credential']}'"
            )
    signed = tuple(name.encode("latin-1") for name in parameters["SignedHeaders"].lower().split(";"))
    return Authorization(access_key_id=key, scope=scope, signed=signed, signature=parameters["Signature"])


def _parameters(text: str, header: bytes) -> Mapping[str, str]:
    parameters: dict[str, str] = {}
    for part in re.split(r"[\s,]+", text.strip(" ,")):
        name, equals, value = part.partition("=")
        if not equals:
            raise IncompleteSignature(
                f"'{part}' not a valid key=value pair (missing equal-sign) in Authorization header "
                f"(hashed with SHA-256 and encoded with Base64): '{_quoted(header)}'."
            )
        parameters[name] = value
    return parameters


def _quoted(header: bytes) -> str:
    return b64encode(hashlib.sha256(header).digest()).decode()


def _signed_at(headers: Mapping[bytes, bytes], authorization: Authorization) -> datetime:
    """When the request was signed, by its X-Amz-Date or else its Date; checks that all is signed that must be."""
    source = b"x-amz-date" if b"x-amz-date" in headers else b"date"
    wanted = [b"host", source, *(name for name in PROTECTED if name in headers)]
    for name in wanted:
        if name not in authorization.signed:
            title = "'Host' or ':authority'" if name == b"host" else f"'{name.decode().title()}'"
            raise InvalidSignature(f"{title} must be a 'SignedHeader' in the AWS Authorization.")
    text = headers[source].decode("latin-1")
    try:
        if source == b"date":
            moment = parsedate_to_datetime(text)
            return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
        if not STAMP_FORM.fullmatch(text):
            raise ValueError
        return datetime.strptime(text, STAMP).replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise IncompleteSignature(f"Date must be in ISO-8601 'basic format'. Got '{text}'.") from error


def _check_scope(scope: tuple[str, str, str, str], moment: datetime, regions: tuple[str, ...], service: str) -> None:
    day = moment.strftime("%Y%m%d")
    faults = []
    if not is_served(scope[1], regions):
        # AWS's message ends at "valid region"; a person needs to know which one next.
        faults.append(f"Credential should be scoped to a valid region: {_either(regions)}, not '{scope[1]}'.")
    if scope[2] != service:
        faults.append(f"Credential should be scoped to correct service: '{service}'.")
    if scope[3] != TERMINATOR:
        faults.append(f"Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{scope[3]}'.")
    if scope[0] != day:
        faults.append(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{scope[0]}' != '{day}', from '{moment.strftime(STAMP)}'."
        )
    if faults:
        raise InvalidSignature(" ".join(faults))


def _either(regions: tuple[str, ...]) -> str:
    return " or ".join(f"'{name}'" for name in regions if name != ANY) or "small letters, digits and hyphens"


def _check_clock(moment: datetime, now: datetime) -> None:
    signed, current = moment.strftime(STAMP), now.strftime(STAMP)
    if moment < now - MOST_SKEW:
        earliest = (now - MOST_SKEW).strftime(STAMP)
        raise InvalidSignature(f"Signature expired: {signed} is now earlier than {earliest} ({current} - 5 min.)")
    if moment > now + MOST_SKEW:
        latest = (now + MOST_SKEW).strftime(STAMP)
        raise InvalidSignature(f"Signature not yet current: {signed} is still later than {latest} ({current} + 5 min.)")


@lru_cache(maxsize=1024)
def signing_key(secret: str, date: str, region: str, service: str, terminator: str) -> bytes:
    """The key that signs one day's requests to one service in one Region."""
    key = b"AWS4" + secret.encode()
    for part in (date, region, service, terminator):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _hex(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
