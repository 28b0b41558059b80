"""`/v1/authorisations`: one person requests, another decides, and either may end it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from regard.accountability.authorisations import Authorisations
from regard.accountability.authorised_credentials import AuthorisedCredentials
from regard.accountability.people import People
from regard.api.authorisation_shapes import (
    ApprovalGiven,
    AuthorisationFile,
    AuthorisationGiven,
    AuthorisationShown,
    AuthorisationsShown,
    CredentialsGiven,
    CredentialsShown,
    EndGiven,
    WebIdentityShown,
)
from regard.api.native_routes import Call, NativeRoute
from regard.domain.authorisations import Authorisation
from regard.domain.authority import Action

_ONE = "/authorisations/{authorisation_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorisationRoutes:
    """Requesting, deciding about, ending and carrying authorisations."""

    authorisations: Authorisations
    credentials: AuthorisedCredentials
    people: People

    def routes(self) -> tuple[NativeRoute, ...]:
        administer = Action.ADMINISTER
        return (
            NativeRoute("GET", "/authorisations", self.all, Action.READ, "List authorisations: yours, or all"),
            NativeRoute("POST", "/authorisations", self.request, administer, "Request an authorisation", status=201),
            NativeRoute("GET", _ONE, self.show, Action.READ, "Show an authorisation"),
            NativeRoute("POST", f"{_ONE}/approve", self.approve, administer, "Approve it, or confirm an emergency"),
            NativeRoute("POST", f"{_ONE}/refuse", self.refuse, administer, "Refuse it, or end an emergency"),
            NativeRoute("POST", f"{_ONE}/agree", self.agree, administer, "Agree to faces that are seen badly"),
            NativeRoute("POST", f"{_ONE}/end", self.end, administer, "End it before its time"),
            NativeRoute("POST", f"{_ONE}/credentials", self.temporary, administer, "Credentials that carry it"),
            NativeRoute("POST", f"{_ONE}/web-identity", self.web_identity, administer, "A token that carries it"),
        )

    def all(self, call: Call) -> AuthorisationsShown:
        found = self.authorisations.all(call.grant)
        named = {each for one in found for each in _named(one)}
        return AuthorisationsShown(
            authorisations=[AuthorisationShown.model_validate(each) for each in found],
            names=self.people.names(call.grant, named),
        )

    def request(self, call: Call, given: AuthorisationGiven) -> AuthorisationShown:
        return AuthorisationShown.model_validate(self.authorisations.request(call.grant, given.request()))

    def show(self, call: Call, authorisation_id: str) -> AuthorisationFile:
        found = self.authorisations.get(call.grant, authorisation_id)
        names = self.people.names(call.grant, _named(found))
        return AuthorisationFile(authorisation=AuthorisationShown.model_validate(found), names=names)

    def approve(self, call: Call, authorisation_id: str, given: ApprovalGiven) -> AuthorisationShown:
        made = self.authorisations.approve(
            call.grant,
            authorisation_id,
            document_sha256=given.document_sha256,
            ends_at=given.ends_at,
            searches=given.searches,
        )
        return AuthorisationShown.model_validate(made)

    def refuse(self, call: Call, authorisation_id: str) -> AuthorisationShown:
        return AuthorisationShown.model_validate(self.authorisations.refuse(call.grant, authorisation_id))

    def agree(self, call: Call, authorisation_id: str) -> AuthorisationShown:
        return AuthorisationShown.model_validate(self.authorisations.agree_to_poor_probes(call.grant, authorisation_id))

    def end(self, call: Call, authorisation_id: str, given: EndGiven) -> AuthorisationShown:
        ended = self.authorisations.end(call.grant, authorisation_id, given.statistics)
        return AuthorisationShown.model_validate(ended)

    def temporary(self, call: Call, authorisation_id: str, given: CredentialsGiven) -> CredentialsShown:
        key, token = self.credentials.temporary(
            call.grant, authorisation_id, role=given.role, lasting=timedelta(seconds=given.seconds)
        )
        return CredentialsShown(
            access_key_id=key.temporary_credential.access_key_id,
            secret_access_key=key.secret,
            session_token=token,
            expires_at=key.temporary_credential.expires_at,
        )

    def web_identity(self, call: Call, authorisation_id: str) -> WebIdentityShown:
        return WebIdentityShown(token=self.credentials.web_identity(call.grant, authorisation_id))


def _named(each: Authorisation) -> tuple[str | None, ...]:
    """The ids of the people and services that it has."""
    return each.holder_id, each.requested_by, each.decided_by, each.ended_by, each.scope.poor_probes
