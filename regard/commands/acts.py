"""What each command is to the gate, in one table. The caller is the local operator: a user who can read the home."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from regard.accountability.gate import Grant
from regard.bootstrap.accountability import local_operator
from regard.bootstrap.ledger import gate_of_commands
from regard.commands.elsewhere import check_here
from regard.config.settings import Settings
from regard.domain.authority import Act, Action

ACTS: Mapping[str, Action] = {
    "authorise agree": Action.ADMINISTER,
    "authorise approve": Action.ADMINISTER,
    "authorise credentials": Action.ADMINISTER,
    "authorise end": Action.ADMINISTER,
    "authorise list": Action.READ,
    "authorise refuse": Action.ADMINISTER,
    "authorise request": Action.ADMINISTER,
    "authorise show": Action.READ,
    "cases corroborate": Action.REVIEW,
    "cases line-up": Action.EXPORT,
    "cases list": Action.READ,
    "cases show": Action.READ,
    "collections delete": Action.DELETE,
    "collections export": Action.EXPORT,
    "collections import": Action.ENROL,
    "collections list": Action.READ,
    "collections move": Action.MOVE,
    "collections rebuild": Action.ADMINISTER,
    "collections remake": Action.ADMINISTER,
    "collections repair": Action.ADMINISTER,
    "collections verify": Action.READ,
    "compare": Action.COMPARE,
    "consents list": Action.READ,
    "consents record": Action.ENROL,
    "consents withdraw": Action.DELETE,
    "doctor": Action.READ,
    "evaluate": Action.EVALUATE,
    "evaluations list": Action.READ,
    "evaluations show": Action.READ,
    "faces delete": Action.DELETE,
    "faces find": Action.DETECT,
    "faces list": Action.READ,
    "faces picture": Action.ENROL,
    "incidents close": Action.ADMINISTER,
    "incidents list": Action.READ,
    "incidents notify": Action.ADMINISTER,
    "incidents open": Action.ADMINISTER,
    "incidents show": Action.READ,
    "incidents signals": Action.READ,
    "index": Action.ENROL,
    "keys create": Action.ADMINISTER,
    "keys list": Action.READ,
    "keys revoke": Action.ADMINISTER,
    "jobs cancel": Action.ADMINISTER,
    "jobs list": Action.READ,
    "jobs pause": Action.ADMINISTER,
    "jobs priority": Action.ADMINISTER,
    "jobs resume": Action.ADMINISTER,
    "jobs retry": Action.ADMINISTER,
    "jobs show": Action.READ,
    "labels": Action.DETECT,
    "ledger checkpoint": Action.READ,
    "ledger erase": Action.DELETE,
    "ledger export": Action.EXPORT,
    "ledger keys": Action.READ,
    "ledger prove": Action.READ,
    "report accountability": Action.READ,
    "report assessment": Action.READ,
    "report audit": Action.READ,
    "report case": Action.READ,
    "report notice": Action.ADMINISTER,
    "report override": Action.ADMINISTER,
    "report searches": Action.READ,
    "report transparency": Action.ADMINISTER,
    "report warrant": Action.READ,
    "review decide": Action.REVIEW,
    "review next": Action.REVIEW,
    "review rates": Action.READ,
    "ledger resume": Action.ADMINISTER,
    "people add": Action.ADMINISTER,
    "people end": Action.ADMINISTER,
    "people grant": Action.ADMINISTER,
    "people identity": Action.SIGN_IN,
    "people key": Action.ADMINISTER,
    "people list": Action.READ,
    "people passkeys": Action.SIGN_IN,
    "people password": Action.SIGN_IN,
    "people show": Action.READ,
    "people totp": Action.SIGN_IN,
    "people train": Action.ADMINISTER,
    "people withdraw": Action.ADMINISTER,
    "search": Action.SEARCH,
    "subject confirm": Action.DELETE,
    "subject erase": Action.DELETE,
    "subject find": Action.READ,
    "suspend": Action.ADMINISTER,
    "suspensions lift": Action.ADMINISTER,
    "suspensions list": Action.READ,
    "sweep": Action.DELETE,
    "services add": Action.ADMINISTER,
    "services end": Action.ADMINISTER,
    "services grant": Action.ADMINISTER,
    "services key": Action.ADMINISTER,
    "services list": Action.READ,
    "services withdraw": Action.ADMINISTER,
    "thresholds approve": Action.ADMINISTER,
    "thresholds list": Action.READ,
    "thresholds lower": Action.ADMINISTER,
    "thresholds raise": Action.ADMINISTER,
    "text": Action.DETECT,
    "users associate": Action.ENROL,
    "users create": Action.ENROL,
    "users delete": Action.DELETE,
    "users disassociate": Action.ENROL,
    "users list": Action.READ,
    "users search": Action.SEARCH,
    "video": Action.DETECT,
    "watchlists list": Action.READ,
    "watchlists review": Action.ADMINISTER,
}
#: What looks into all collections for somebody, or erases from them.
_EVERYWHERE = frozenset({"subject confirm", "subject erase", "subject find"})


@contextmanager
def granted(  # noqa: PLR0913 - what an act is made of
    chosen: Settings,
    command: str,
    *,
    collection: str | None = None,
    threshold: float | None = None,
    default_threshold: float | None = None,
    attributes: tuple[str, ...] = (),
    count: int | None = None,
    authorisation: str | None = None,
    medium: str = "still",
) -> Iterator[Grant]:
    """The grant to carry out a command here, while the block lasts. Raises AccessDenied, and InvalidParameter where
    somebody has signed in to a server.

    `default_threshold` is taken where no threshold was asked for, and a profile's in its place if that is higher.

    Open it before anything else: what a command opens may fetch models, migrate a database or write index files.
    """
    act = Act(
        action=ACTS[command],
        operation=command,
        collection=collection,
        threshold=default_threshold if threshold is None else threshold,
        threshold_implied=threshold is None
        and (default_threshold is not None or ACTS[command] in (Action.SEARCH, Action.COMPARE)),
        all_collections=command in _EVERYWHERE,
        attributes=attributes,
        count=count,
        medium=medium,
    )
    check_here(chosen, command, collection)
    caller = local_operator(authorisation or "")
    with gate_of_commands(chosen) as gate, gate.open(caller, act) as grant:
        yield grant
