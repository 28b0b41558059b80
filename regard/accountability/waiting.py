"""What waits for somebody: how many things of a kind, for those who may do something about them.

A reviewer learns whether there is a pair, which asking for one tells too, and never how many: the number falls after a
real pair and not after a seeded one, and falls when colleagues have decided.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from regard.accountability.gate import Grant
from regard.accountability.permissions import PERMISSIONS
from regard.accountability.reviews import LEFT_AFTER
from regard.domain.authorisations import AuthorisationState
from regard.domain.authority import Action, Channel
from regard.domain.cases import PairKind
from regard.domain.people import Holder
from regard.store.authorisation_rows import AuthorisationRows
from regard.store.incident_rows import IncidentRows
from regard.store.review_rows import ReviewRows
from regard.store.suspension_rows import SuspensionRows
from regard.store.threshold_rows import ThresholdRows

#: By what waits, the route by which one does something about it: whoever may take that is told.
DONE_BY: Mapping[str, str] = {
    "authorisations": "POST /v1/authorisations/{authorisation_id}/approve",
    "incidents": "POST /v1/incidents/{incident_id}/notices",
    "reviews": "POST /v1/reviews/next",
    "suspensions": "POST /v1/suspensions/{number}/lift",
    "thresholds": "POST /v1/thresholds/{collection_id}/approve",
}
_UNDECIDED = (AuthorisationState.REQUESTED, AuthorisationState.EMERGENCY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Counts; of reviews it says 1 for any number."""

    authorisations: AuthorisationRows
    incidents: IncidentRows
    suspensions: SuspensionRows
    thresholds: ThresholdRows
    reviews: ReviewRows
    clock: Callable[[], datetime]

    def follow(self, grant: Grant) -> Callable[[], dict[str, int]]:
        """What counts, each time it is called, what waits for whoever holds the grant now."""
        grant.require_all(Action.READ)
        holder = grant.mandate.holder
        person = None if holder is None else holder.person_id
        counts: Mapping[str, Callable[[], int]] = {
            "authorisations": lambda: self._authorisations(person),
            "incidents": lambda: len(self.incidents.all()),
            "reviews": lambda: int(self._has_pair(holder)),
            "suspensions": lambda: len(self.suspensions.active()),
            "thresholds": lambda: self.thresholds.waiting(person),
        }
        mine = [kind for kind, route in DONE_BY.items() if _may(holder, route)]
        return lambda: {kind: counts[kind]() for kind in mine}

    def _authorisations(self, person: str | None) -> int:
        """Those to be decided; nobody decides on what they asked for or hold themselves."""
        now = self.clock()
        found = self.authorisations.all(_UNDECIDED)
        return sum(each.expires_at > now and person not in (each.requested_by, each.holder_id) for each in found)

    def _has_pair(self, holder: Holder | None) -> bool:
        """Whether they would be given a pair now; seeded ones are given only where there are others."""
        if holder is None or holder.is_service:
            return False
        person, since = holder.person_id, self.clock() - LEFT_AFTER
        if self.reviews.assigned(person, None, since) is not None:
            return True
        return any(each.kind is PairKind.CANDIDATE for each in self.reviews.open_pairs(person, None, since))


def _may(holder: Holder | None, route: str) -> bool:
    return holder is None or bool(PERMISSIONS.roles(Channel.API, route) & holder.roles)
