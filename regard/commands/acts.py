"""What each command is to the gate, in one table. The caller is the local operator: a user who can read the home."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager

from regard.accountability.gate import Grant
from regard.bootstrap.accountability import local_operator
from regard.bootstrap.ledger import gate_of_commands
from regard.config.settings import Settings
from regard.domain.authority import Act, Action

ACTS: Mapping[str, Action] = {
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
    "doctor": Action.READ,
    "faces delete": Action.DELETE,
    "faces find": Action.DETECT,
    "faces list": Action.READ,
    "index": Action.ENROL,
    "keys create": Action.ADMINISTER,
    "keys list": Action.READ,
    "keys revoke": Action.ADMINISTER,
    "ledger checkpoint": Action.READ,
    "ledger erase": Action.DELETE,
    "ledger export": Action.EXPORT,
    "ledger keys": Action.READ,
    "ledger prove": Action.READ,
    "search": Action.SEARCH,
    "users associate": Action.ENROL,
    "users create": Action.ENROL,
    "users delete": Action.DELETE,
    "users disassociate": Action.ENROL,
    "users list": Action.READ,
    "users search": Action.SEARCH,
}


def granted(
    chosen: Settings,
    command: str,
    *,
    collection: str | None = None,
    threshold: float | None = None,
    attributes: tuple[str, ...] = (),
    count: int | None = None,
) -> AbstractContextManager[Grant]:
    """The grant to carry out a command, while the block lasts. Raises AccessDenied.

    Open it before anything else: what a command opens may fetch models, migrate a database or write index files.
    """
    act = Act(
        action=ACTS[command],
        operation=command,
        collection=collection,
        threshold=threshold,
        attributes=attributes,
        count=count,
    )
    return gate_of_commands(chosen).open(local_operator(), act)
