"""What is sent to request an authorisation and to decide about one, and what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from pydantic import Field

from regard.accountability.authorisations import Request
from regard.api.shapes import CollectionId, Given, Moment, Name, Shown, Words
from regard.domain.authorisations import AuthorisationKind, AuthorisationState, OnBehalfOf, Scope

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Statistics = Annotated[dict[str, Words], Field(max_length=16)]
Searches = Annotated[int, Field(ge=1, le=2**31 - 1)]
Names = Annotated[list[Annotated[str, Field(max_length=255)]], Field(min_length=1, max_length=1000)]


class ScopeGiven(Given):
    """What it is to be for; what is left out limits nothing. `media` are still, recorded and live."""

    collections: Annotated[list[CollectionId], Field(min_length=1, max_length=1000)] | None = None
    operations: Names | None = None
    media: Names | None = None


class BehalfGiven(Given):
    """The agency and the person that asked you to search, and the SHA-256 of their request."""

    agency: Name
    person: Name
    request_sha256: Sha256 | None = None

    def noun(self) -> OnBehalfOf:
        return OnBehalfOf(agency=self.agency, person=self.person, request_sha256=self.request_sha256 or "")


class AuthorisationGiven(Given):
    """What you ask for. `holder` is the login or id of the person, or the name of the service, who is to use it: you,
    unless said. It begins now and lasts as long as the profile allows, unless said; with `emergency` it is usable now,
    and to be confirmed in time."""

    kind: AuthorisationKind = AuthorisationKind.INVESTIGATION
    purpose: Name
    basis: Words
    offence: Words | None = None
    document_sha256: Sha256 | None = None
    case_reference: Words | None = None
    declaration: Words = ""
    scope: ScopeGiven = ScopeGiven()
    on_behalf_of: BehalfGiven | None = None
    searches: Searches | None = None
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    holder: Name | None = None
    emergency: bool = False
    statistics: Statistics = Field(default_factory=dict)

    def request(self) -> Request:
        scope, behalf = self.scope, self.on_behalf_of
        plain = self.model_dump(exclude={"scope", "on_behalf_of"})
        return Request(
            **plain,
            scope=Scope(
                collections=_tuple(scope.collections), operations=_tuple(scope.operations), media=_tuple(scope.media)
            ),
            on_behalf_of=None if behalf is None else behalf.noun(),
        )


class ApprovalGiven(Given):
    """For less than was asked, or with a document, where said."""

    document_sha256: Sha256 | None = None
    ends_at: Moment | None = None
    searches: Searches | None = None


class EndGiven(Given):
    """What is counted of it."""

    statistics: Statistics = Field(default_factory=dict)


class CredentialsGiven(Given):
    """The name of the role in the session's ARN, and for how many seconds the credentials last at most."""

    role: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\w+=,.@-]+$")] = "searcher"
    seconds: Annotated[int, Field(ge=1, le=43_200)] = 3_600


class ScopeShown(Shown):
    """What it is for; null limits nothing. `poor_probes` is who agreed to faces that are seen badly."""

    collections: list[str] | None
    operations: list[str] | None
    media: list[str] | None
    poor_probes: str | None


class BehalfShown(Shown):
    agency: str
    person: str
    request_sha256: str


class AuthorisationShown(Shown):
    """An authorisation as it stands; `searches_allowed` of null sets no limit."""

    id: str
    kind: AuthorisationKind
    purpose: str
    offence: str | None
    basis: str
    document_sha256: str | None
    case_reference: str | None
    declaration: str
    scope: ScopeShown
    on_behalf_of: BehalfShown | None
    profile: str
    searches_allowed: int | None
    searches_done: int
    starts_at: datetime
    ends_at: datetime
    confirm_by: datetime | None
    expires_at: datetime
    state: AuthorisationState
    holder_id: str
    requested_by: str
    requested_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    ended_by: str | None
    ended_at: datetime | None
    statistics: Mapping[str, str]


class AuthorisationsShown(Shown):
    """The newest first, and the names of the people and services whose ids they have."""

    authorisations: list[AuthorisationShown]
    names: dict[str, str]


class AuthorisationFile(Shown):
    """An authorisation, and the names of the people and services whose ids it has."""

    authorisation: AuthorisationShown
    names: dict[str, str]


class CredentialsShown(Shown):
    """For AWS's clients: whoever has them can search until `expires_at`."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expires_at: datetime


class WebIdentityShown(Shown):
    """For AssumeRoleWithWebIdentity: whoever has it can search until the authorisation ends."""

    token: str


def _tuple(given: list[str] | None) -> tuple[str, ...] | None:
    return None if given is None else tuple(given)
