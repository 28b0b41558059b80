"""The door to credentials that carry an authorisation to AWS's clients without an access key."""

from __future__ import annotations

from datetime import timedelta

from regard.accountability.authorisations import Authorisations
from regard.accountability.gate import Grant
from regard.accountability.temporary_credentials import SessionTerms, TemporaryCredentials, TemporaryKey
from regard.accountability.web_identity import WebIdentityTokens, keyless, new_token_id


class AuthorisedCredentials:
    """For the holder of an authorisation, or for who approved it and hands them on. They end with it."""

    def __init__(
        self, authorisations: Authorisations, credentials: TemporaryCredentials, tokens: WebIdentityTokens
    ) -> None:
        self._authorisations = authorisations
        self._credentials = credentials
        self._tokens = tokens

    def temporary(
        self, grant: Grant, authorisation_id: str, *, role: str, lasting: timedelta
    ) -> tuple[TemporaryKey, str]:
        """Temporary credentials, and the token they need. Raises as `Authorisations.usable`."""
        found, holder = self._authorisations.usable(grant, authorisation_id)
        principal, terms = keyless(found.id, holder.id, holder.name), SessionTerms(ends_at=found.expires_at)
        return self._credentials.issue(principal, role=role, name=found.id, lasting=lasting, terms=terms)

    def web_identity(self, grant: Grant, authorisation_id: str) -> str:
        """A signed token that AssumeRoleWithWebIdentity takes; those given out before are good no more. Raises as
        `Authorisations.usable`."""
        found, holder = self._authorisations.usable(grant, authorisation_id)
        token_id = new_token_id()
        self._authorisations.replace_token(grant, found, token_id)
        return self._tokens.issue(found, holder, token_id)
