"""`/v1/thresholds`: a collection's lowest similarity is lowered by two people upon an evaluation, and raised by one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from regard.accountability.thresholds import Thresholds
from regard.api.native_routes import Call, NativeRoute
from regard.api.shapes import CollectionInPath, Given, Percent, Shown, Words
from regard.domain.authority import Action

_ONE = "/thresholds/{collection_id}"


class LowerGiven(Given):
    """A lower threshold, why, and the evaluation that says how often it errs there."""

    threshold: Percent
    reason: Words
    evaluation_id: str


class RaiseGiven(Given):
    """A higher threshold, and why."""

    threshold: Percent
    reason: Words


class ThresholdApproval(Given):
    """What you looked at and approve; another may have been asked for since."""

    threshold: Percent


class ThresholdShown(Shown):
    """A change; one that is not approved has no effect unless it is to a higher threshold."""

    threshold_before: float
    threshold: float
    reason: str
    evaluation_id: str | None
    requested_by: str
    requested_at: datetime
    approved_by: str | None
    approved_at: datetime | None


class ThresholdsShown(Shown):
    """All changes of a collection's threshold, the first first; and what it is searched at now, at least."""

    in_force: float
    changes: list[ThresholdShown]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdRoutes:
    thresholds: Thresholds

    def routes(self) -> tuple[NativeRoute, ...]:
        read, administer, of = Action.READ, Action.ADMINISTER, "collection_id"
        return (
            NativeRoute("GET", _ONE, self.show, read, "List a collection's thresholds", collection=of),
            NativeRoute("POST", f"{_ONE}/lower", self.lower, administer, "Ask for a lower one", collection=of),
            NativeRoute("POST", f"{_ONE}/approve", self.approve, administer, "Approve it", collection=of),
            NativeRoute("POST", f"{_ONE}/raise", self.higher, administer, "Take a higher one", collection=of),
        )

    def show(self, call: Call, collection_id: CollectionInPath) -> ThresholdsShown:
        changes = [ThresholdShown.model_validate(each) for each in self.thresholds.of(call.grant, collection_id)]
        return ThresholdsShown(in_force=call.grant.rules.least_threshold, changes=changes)

    def lower(self, call: Call, collection_id: CollectionInPath, given: LowerGiven) -> ThresholdShown:
        made = self.thresholds.lower(
            call.grant, collection_id, given.threshold, reason=given.reason, evaluation_id=given.evaluation_id
        )
        return ThresholdShown.model_validate(made)

    def approve(self, call: Call, collection_id: CollectionInPath, given: ThresholdApproval) -> ThresholdShown:
        return ThresholdShown.model_validate(self.thresholds.approve(call.grant, collection_id, given.threshold))

    def higher(self, call: Call, collection_id: CollectionInPath, given: RaiseGiven) -> ThresholdShown:
        made = self.thresholds.raise_to(call.grant, collection_id, given.threshold, reason=given.reason)
        return ThresholdShown.model_validate(made)
