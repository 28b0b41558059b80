"""The door to thresholds: a collection's lowest similarity is lowered by two people, for a reason and upon an
evaluation, and raised by one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from math import isclose

from regard.accountability.gate import Grant
from regard.accountability.plain_words import check_words
from regard.domain.authority import Action
from regard.domain.people import Holder
from regard.domain.thresholds import ThresholdChange
from regard.errors import AccessDenied, Conflict, InvalidParameter
from regard.store.collection_rows import CollectionRows
from regard.store.threshold_rows import ThresholdRows


class Thresholds:
    """Lower, approve, raise and list the thresholds of collections."""

    def __init__(
        self,
        rows: ThresholdRows,
        collections: CollectionRows,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._rows = rows
        self._collections = collections
        self._clock = clock

    def lower(
        self, grant: Grant, collection_id: str, threshold: float, *, reason: str, evaluation_id: str
    ) -> ThresholdChange:
        """Ask for a lower threshold than is in force. It has no effect before another person approves it.

        Raises InvalidParameter where it is not lower, or the evaluation is not of the collection's face model.
        """
        grant.require(Action.ADMINISTER, collection_id)
        collection, now_in_force = self._collections.get(collection_id), grant.rules.least_threshold
        if not 0 <= threshold < now_in_force:
            raise InvalidParameter(
                f"{collection_id} is searched at {now_in_force:g} or more; {threshold:g} is no lower threshold."
            )
        model = self._rows.evaluated_model(evaluation_id)
        if model is None:
            raise InvalidParameter(f"There is no evaluation {evaluation_id}; `regard evaluate` makes one.")
        if model != collection.face_model:
            raise InvalidParameter(
                f"The evaluation {evaluation_id} is of the face model {model}, and {collection_id} of "
                f"{collection.face_model}."
            )
        last = self._rows.last(collection.key)
        before = max(now_in_force, last.threshold_before) if last else now_in_force
        return self._add(grant, collection.key, before, threshold, reason, evaluation_id, approved=False)

    def approve(self, grant: Grant, collection_id: str, threshold: float) -> ThresholdChange:
        """Approve the change that was asked for last, which has to be to `threshold`: another may have been asked for
        since the approver looked. Raises Conflict if it is to another, AccessDenied to whom asked for it."""
        grant.require(Action.ADMINISTER, collection_id)
        decider, key = _person(grant), self._collections.get(collection_id).key
        asked = [each for each in self._rows.of(key) if each.approved_at is None]
        if not asked:
            raise InvalidParameter(f"No change of the threshold of {collection_id} waits to be approved.")
        change = asked[-1]
        if not isclose(change.threshold, threshold, rel_tol=1e-12):
            raise Conflict(
                f"{threshold:.15g} is not what waits to be approved for {collection_id}: {change.threshold:.15g} is. "
                f"Look at it with `regard thresholds list {collection_id}`, then approve that."
            )
        if decider.is_service or decider.person_id == change.requested_by:
            raise AccessDenied(
                f"{grant.act.operation} is refused: {decider.name} asked for it, and another person has to approve."
                if not decider.is_service
                else f"{grant.act.operation} is refused: {decider.name} is a service, and a person approves."
            )
        grant.note(threshold_before=change.threshold_before, new_threshold=change.threshold)
        if not self._rows.approve(change.key, decider.person_id, self._clock()):
            raise Conflict("Somebody else has approved it.")
        return self._rows.get(change.key) or change

    def raise_to(self, grant: Grant, collection_id: str, threshold: float, *, reason: str) -> ThresholdChange:
        """Take a higher threshold than is in force, at once. Raises InvalidParameter where it is not higher."""
        grant.require(Action.ADMINISTER, collection_id)
        collection, now_in_force = self._collections.get(collection_id), grant.rules.least_threshold
        if not now_in_force < threshold <= 100:
            raise InvalidParameter(
                f"{collection_id} is searched at {now_in_force:g} or more; {threshold:g} is no higher threshold."
            )
        last = self._rows.last(collection.key)
        before = max(now_in_force, last.threshold_before) if last else now_in_force
        return self._add(grant, collection.key, before, threshold, reason, None, approved=True)

    def of(self, grant: Grant, collection_id: str) -> list[ThresholdChange]:
        """All changes of a collection's threshold, the first first."""
        grant.require(Action.READ, collection_id)
        return self._rows.of(self._collections.get(collection_id).key)

    def _add(  # noqa: PLR0913 - the columns of a row
        self,
        grant: Grant,
        key: int,
        before: float,
        threshold: float,
        reason: str,
        evaluation_id: str | None,
        *,
        approved: bool,
    ) -> ThresholdChange:
        if not reason.strip():
            raise InvalidParameter("Give a reason: it is shown to the public.")
        check_words("the reason", reason)
        grant.note(threshold_before=before, new_threshold=threshold)
        return self._rows.add(
            key,
            before=before,
            threshold=threshold,
            reason=reason,
            evaluation_id=evaluation_id,
            by=_person(grant).person_id,
            now=self._clock(),
            approved=approved,
        )


def _person(grant: Grant) -> Holder:
    if grant.mandate.holder is None:
        raise InvalidParameter(f"{grant.act.operation} needs a profile that knows people, unlike {grant.rules.name}.")
    return grant.mandate.holder
