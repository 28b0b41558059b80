"""Where a command is carried out: in this machine's home, or on the server that somebody signed in to."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from regard.accountability.gate import Grant
from regard.bootstrap.accountability import local_operator
from regard.bootstrap.register import Register, open_register
from regard.commands.acts import granted
from regard.commands.desk_kinds import (
    AuthorisationDesk,
    CaseDesk,
    CredentialDesk,
    IncidentDesk,
    LedgerDesk,
    MeansDesk,
    PeopleDesk,
    ReportDesk,
    ReviewDesk,
    ServiceDesk,
    SignalDesk,
    SuspensionDesk,
    ThresholdDesk,
)
from regard.commands.remote.kept_sign_in import KeptSignIn, kept_sign_in
from regard.commands.remote.remote_authority import (
    RemoteAuthorisations,
    RemoteCredentials,
    RemoteMeans,
    RemotePeople,
    RemoteServices,
    RemoteThresholds,
)
from regard.commands.remote.remote_galleries import RemoteGalleries
from regard.commands.remote.remote_oversight import (
    RemoteCases,
    RemoteIncidents,
    RemoteLedger,
    RemoteReviews,
    RemoteSuspensions,
)
from regard.commands.remote.remote_reports import RemoteReports
from regard.commands.remote.server_client import Server
from regard.commands.reports_here import ReportsHere
from regard.config.settings import Settings
from regard.domain.people import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The same questions of either. `is_here` is whether it is this machine's home; `trained` are the roles that need a
    training there, as far as that is known."""

    authorisations: AuthorisationDesk
    credentials: CredentialDesk
    people: PeopleDesk
    means: MeansDesk
    services: ServiceDesk
    thresholds: ThresholdDesk
    cases: CaseDesk
    reviews: ReviewDesk
    suspensions: SuspensionDesk
    incidents: IncidentDesk
    signals: SignalDesk
    reports: ReportDesk
    ledger: LedgerDesk
    is_here: bool = False
    trained: Collection[Role] = ()


@contextmanager
def desk(chosen: Settings, command: str, *, collection: str | None = None) -> Iterator[Desk]:
    """The desk to carry out a command at, while the block lasts. Raises AccessDenied, and ExpiredToken if the sign-in
    has ended."""
    kept = kept_sign_in(chosen.home)
    if kept is not None:
        yield _there(kept, collection)
        return
    with granted(chosen, command, collection=collection) as grant, open_register(chosen) as register:
        yield _here(grant, register)


def you(chosen: Settings) -> str:
    """The login of whoever types: as they signed in, or the name of their account on this machine."""
    kept = kept_sign_in(chosen.home)
    return local_operator().principal.name if kept is None else kept.login


def galleries_of(chosen: Settings, authorisation: str | None = None) -> RemoteGalleries | None:
    """As `server_of`: its collections, under an authorisation where one is named."""
    server = server_of(chosen)
    return None if server is None else RemoteGalleries(server, authorisation)


def server_of(chosen: Settings) -> Server | None:
    """The server that somebody signed in to; None where it is this machine's home. Raises ExpiredToken."""
    kept = kept_sign_in(chosen.home)
    return None if kept is None else _server(kept)


class _Bound:
    """A door whose methods have the grant already."""

    def __init__(self, door: object, grant: Grant) -> None:
        self._door = door
        self._grant = grant

    def __getattr__(self, name: str) -> Any:
        return partial(getattr(self._door, name), self._grant)


class _LedgerHere(_Bound):
    def receipt_of(self, entry: str) -> str:
        position = int(entry) if entry.isascii() and entry.isdigit() else self.positions(entry)[0]
        return str(self.receipt(position))


def _here(grant: Grant, register: Register) -> Desk:
    def bound(door: object) -> Any:
        return _Bound(door, grant)

    return Desk(
        authorisations=bound(register.authorisations),
        credentials=bound(register.authorised_credentials),
        people=bound(register.people),
        means=bound(register.sign_in_means),
        services=bound(register.services),
        thresholds=bound(register.thresholds),
        cases=bound(register.cases),
        reviews=bound(register.reviews),
        suspensions=bound(register.keeping.suspensions),
        incidents=bound(register.keeping.incidents),
        signals=bound(register.keeping.signals),
        reports=ReportsHere(grant, register.reports),
        ledger=cast(LedgerDesk, _LedgerHere(register.ledger, grant)),
        is_here=True,
        trained=grant.rules.trained,
    )


def _there(kept: KeptSignIn, collection: str | None) -> Desk:
    server = _server(kept)
    return Desk(
        authorisations=RemoteAuthorisations(server),
        credentials=RemoteCredentials(server),
        people=RemotePeople(server),
        means=RemoteMeans(server),
        services=RemoteServices(server),
        thresholds=RemoteThresholds(server),
        cases=RemoteCases(server, collection),
        reviews=RemoteReviews(server, collection),
        suspensions=RemoteSuspensions(server),
        incidents=RemoteIncidents(server),
        signals=RemoteIncidents(server),
        reports=RemoteReports(server, collection),
        ledger=RemoteLedger(server),
    )


def _server(kept: KeptSignIn) -> Server:
    kept.check()
    return Server(kept.server, kept.token, kept.authority)
