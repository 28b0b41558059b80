"""Authorisations: why, on what basis, of what and until when somebody may search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class AuthorisationKind(StrEnum):
    """What makes it lawful to search, as far as that is said here."""

    #: Nothing but the purpose: for collections of people who agreed to it.
    CONSENT = "consent"
    INVESTIGATION = "investigation"
    WARRANT = "warrant"
    #: Danger to life or health; to be confirmed within the profile's hours.
    EXIGENT = "exigent"
    COURT_ORDER_MISSING = "court-order-missing"
    #: Identify a suspect for the first time, on objective and verifiable facts tied to an offence (AI Act art. 26(10)).
    INITIAL_IDENTIFICATION = "initial-identification"
    #: A watch-list for one operation at one place (College of Policing APP on live facial recognition).
    DEPLOYMENT = "deployment"
    #: Who a dead or helpless person is.
    DECEASED = "deceased"


class AuthorisationState(StrEnum):
    REQUESTED = "requested"
    #: Usable until `confirm_by` without an approval: it began in an emergency.
    EMERGENCY = "emergency"
    APPROVED = "approved"
    REFUSED = "refused"
    ENDED = "ended"
    #: Of an emergency that nobody confirmed in time.
    UNCONFIRMED = "unconfirmed"


#: In these it can be used, within its time.
USABLE = frozenset({AuthorisationState.APPROVED, AuthorisationState.EMERGENCY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What an authorisation is for. None limits nothing; `media` are still, recorded and live. `poor_probes` is the
    second person who agreed that faces may be searched for that are seen too badly for the profile; `token` the id of
    the web identity token that was given out last, the only one that is good, and `token_from` the network that it was
    first used from."""

    collections: tuple[str, ...] | None = None
    operations: tuple[str, ...] | None = None
    media: tuple[str, ...] | None = None
    poor_probes: str | None = None
    token: str | None = None
    token_from: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OnBehalfOf:
    """The agency and person that asked for it, where it is not the operator's own, and the SHA-256 of their request."""

    agency: str
    person: str
    request_sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """An authorisation as it stands. `holder_id` is who may use it; `searches_allowed` of None sets no limit;
    `declaration` is the requester's on protected activity."""

    id: str
    kind: AuthorisationKind
    purpose: str
    offence: str | None
    basis: str
    document_sha256: str | None
    case_reference: str | None
    declaration: str
    scope: Scope
    on_behalf_of: OnBehalfOf | None
    profile: str
    searches_allowed: int | None
    searches_done: int
    starts_at: datetime
    ends_at: datetime
    confirm_by: datetime | None
    state: AuthorisationState
    holder_id: str
    requested_by: str
    requested_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    ended_by: str | None = None
    ended_at: datetime | None = None
    statistics: Mapping[str, object] = field(default_factory=dict)

    @property
    def expires_at(self) -> datetime:
        """When it ends by itself: an emergency, when it must have been confirmed."""
        if self.state is AuthorisationState.EMERGENCY and self.confirm_by is not None:
            return min(self.confirm_by, self.ends_at)
        return self.ends_at

    def usable(self, now: datetime) -> bool:
        """Whether it can be used at this moment."""
        in_time = self.starts_at <= now < self.ends_at
        confirmed = self.state is not AuthorisationState.EMERGENCY or (self.confirm_by or now) > now
        return self.state in USABLE and in_time and confirmed
