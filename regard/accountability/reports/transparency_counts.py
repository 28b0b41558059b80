"""What a transparency report counts: searches, cases, authorisations, by what the operator recorded of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from regard.accountability.reports.curves import named
from regard.accountability.reports.suppression import Breakdowns, Part, Published, publish, publish_nested, told
from regard.domain.authorisations import Authorisation, AuthorisationKind
from regard.domain.cases import CandidateState, Case, CaseCandidate, CaseState, Search
from regard.domain.evaluations import Evaluation
from regard.domain.incidents import Incident
from regard.domain.thresholds import ThresholdChange

_UNKNOWN = "not recorded"
_RETURNED, _NOBODY = "somebody was returned", "nobody was returned"
_WARRANT_STATES = {
    "requested": "applied for, not decided",
    "emergency": "in use, to be confirmed",
    "approved": "granted",
    "ended": "granted, ended early",
    "refused": "denied",
    "unconfirmed": "not confirmed in time",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The time that is reported on, and all that happened in it."""

    since: datetime
    until: datetime
    searches: Sequence[Search]
    cases: Sequence[Case]
    candidates: Sequence[CaseCandidate]
    authorisations: Sequence[Authorisation]
    incidents: Sequence[Incident]
    thresholds: Sequence[tuple[str, ThresholdChange]]
    erasures: Mapping[str, int]
    suspensions: int
    #: How often somebody was looked for to tell what is kept of them.
    subject_looks: int
    #: How often faces were searched for without a sign, and why.
    overrides: Sequence[str]
    #: By case id, what the operator's own records say of the person: the column and the value.
    demographics: Mapping[str, Mapping[str, str]]


def content(
    period: Period, authorisations: Mapping[str, Authorisation], evaluations: Mapping[str, Evaluation], limit: int
) -> dict[str, Any]:
    """All that is published, in the types of JSON, with small counts left out."""
    opened = Part("By result", _RETURNED, _cases(period))
    acted_on = Part("By outcome", str(CaseState.ACTIONABLE), _actionable(period))
    searches, cases, actionable = publish_nested(_searches(period, authorisations), [opened, acted_on], limit)
    granted = Part("By kind", str(AuthorisationKind.WARRANT), _warrants(period))
    all_kinds, warrants = publish_nested(_authorisations(period), [granted], limit)
    return {
        "since": period.since.isoformat(),
        "until": period.until.isoformat(),
        "limit": limit,
        "series": [
            _series("Searches", searches),
            _series("Cases: searches that returned somebody", cases),
            _series("Candidates compared by people", publish(_candidates(period), limit)),
            _series("Matches that may be acted on", actionable),
            _series("Authorisations", all_kinds),
            _series("Warrants", warrants),
        ],
        "incidents": [_incident(each) for each in period.incidents],
        "thresholds": [_threshold(name, each, evaluations) for name, each in period.thresholds],
        "erasures": {kind: told(count, limit) for kind, count in period.erasures.items()},
        "suspensions": told(period.suspensions, limit),
        "subject_looks": told(period.subject_looks, limit),
        "signs_not_displayed": list(period.overrides),
    }


def _series(title: str, published: Published) -> dict[str, Any]:
    return {
        "title": title,
        "total": published.total,
        "tables": {name: dict(cells) for name, cells in published.tables.items()},
    }


def _counts(values: Iterable[str | None]) -> dict[str, int]:
    return dict(sorted(Counter(each or _UNKNOWN for each in values).items()))


def _searches(period: Period, known: Mapping[str, Authorisation]) -> Breakdowns:
    under = [known.get(each.authorisation_id or "") for each in period.searches]
    agencies = [each.on_behalf_of.agency if each and each.on_behalf_of else "own" for each in under]
    return {
        "By purpose": _counts(each.purpose if each else None for each in under),
        "By offence": _counts(each.offence if each else None for each in under),
        "By collection": _counts(each.collection for each in period.searches),
        "By system (face model)": _counts(each.face_model for each in period.searches),
        "By whom for": _counts(agencies),
        "By result": _counts(_RETURNED if each.candidate_count else _NOBODY for each in period.searches),
    }


def _cases(period: Period) -> Breakdowns:
    return {
        "By outcome": _counts(each.state for each in period.cases),
        "By collection": _counts(each.collection for each in period.cases),
    }


def _candidates(period: Period) -> Breakdowns:
    decided = {CandidateState.PENDING: "not decided", CandidateState.DISPUTED: "not decided"}
    return {"By what people found": _counts(decided.get(each.state, str(each.state)) for each in period.candidates)}


def _actionable(period: Period) -> Breakdowns:
    found = [each for each in period.cases if each.state is CaseState.ACTIONABLE]
    columns = sorted({column for each in period.demographics.values() for column in each})
    by_records = {
        f"By {column}, after the operator's own records": _counts(
            period.demographics.get(each.id, {}).get(column) for each in found
        )
        for column in columns
    }
    return {"By collection": _counts(each.collection for each in found), **by_records}


def _authorisations(period: Period) -> Breakdowns:
    return {
        "By kind": _counts(each.kind for each in period.authorisations),
        "By state": _counts(each.state for each in period.authorisations),
    }


def _warrants(period: Period) -> Breakdowns:
    warrants = [each for each in period.authorisations if each.kind is AuthorisationKind.WARRANT]
    told = sorted({name for each in warrants for name, value in each.statistics.items() if isinstance(value, str)})
    by_statistics = {
        f"By {name}": _counts(str(each.statistics[name]) if name in each.statistics else None for each in warrants)
        for name in told
    }
    return {"By outcome": _counts(_WARRANT_STATES[each.state] for each in warrants), **by_statistics}


def _incident(each: Incident) -> dict[str, Any]:
    """What happened, of which kind: never whom it was about."""
    late = any(notice.notified_at is None or notice.notified_at > notice.due_at for notice in each.notices)
    return {
        "kind": each.kind,
        "severity": each.severity,
        "opened": f"{each.opened_at:%Y-%m}",
        "closed": each.closed_at is not None,
        "told": len(each.notices),
        "told_late": late,
    }


def _threshold(name: str, each: ThresholdChange, evaluations: Mapping[str, Evaluation]) -> dict[str, Any]:
    evaluation = evaluations.get(each.evaluation_id or "")
    return {
        "collection": name,
        "before": each.threshold_before,
        "after": each.threshold,
        "reason": each.reason,
        "approved": None if each.approved_at is None else each.approved_at.isoformat(),
        "evaluation": each.evaluation_id,
        "rates": [] if evaluation is None else _rates_at(evaluation, (each.threshold_before, each.threshold)),
    }


def _rates_at(evaluation: Evaluation, thresholds: tuple[float, float]) -> list[dict[str, Any]]:
    """Per group, the false match rate before and after; "not measured" for a threshold that was not."""
    groups = []
    for group in (evaluation.rates.everybody, *evaluation.rates.groups):
        at = {each.threshold: str(each.fmr) for each in group.thresholds}
        before, after = (at.get(each, "not measured") for each in thresholds)
        groups.append({"group": named(group), "before": before, "after": after})
    return groups
