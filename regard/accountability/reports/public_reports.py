"""The door to what the public is told: accountability and transparency reports, signs, forms of assessments."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from uuid import uuid4

from regard.accountability.gate import Grant
from regard.accountability.reports import rendering
from regard.accountability.reports.accountability_report import accountability_report
from regard.accountability.reports.assessment_report import assessment_report
from regard.accountability.reports.collection_rules import rules_by_collection
from regard.accountability.reports.notice_report import Sign, check_reason, notice_report, override_report
from regard.accountability.reports.report import Report, day
from regard.accountability.reports.sources import Sources
from regard.accountability.reports.system import System
from regard.accountability.reports.transparency_counts import Period, content
from regard.accountability.reports.transparency_report import transparency_report
from regard.domain.authority import Action
from regard.domain.publications import Publication
from regard.errors import InvalidParameter
from regard.store.subject_rows import SUBJECT_LOOKS

_TRANSPARENCY = "transparency"


class PublicReports:
    """Makes reports for everybody. What is in them is in the ledger by its SHA-256."""

    def __init__(self, sources: Sources, system: System, clock: Callable[[], datetime]) -> None:
        self._sources = sources
        self._system = system
        self._clock = clock

    def accountability(self, grant: Grant) -> Report:
        """What the system is, can do and cannot, and how often it errs."""
        grant.require_all(Action.READ)
        sources, held = self._sources, rules_by_collection(self._sources, self._system.rules)
        made = accountability_report(self._system, sources.sizes(), held, sources.newest_evaluations(), self._clock())
        return noted(grant, made)

    def assessment(self, grant: Grant) -> Report:
        """A form, filled in as far as the configuration answers it."""
        grant.require_all(Action.READ)
        sources = self._sources
        made = assessment_report(self._system, sources.sizes(), sources.newest_evaluations(), self._clock())
        return noted(grant, made)

    def notice(self, grant: Grant, sign: Sign) -> Report:
        """A sign; where and when it is displayed is in the ledger. Raises InvalidParameter."""
        grant.require_all(Action.ADMINISTER)
        sign.check()
        grant.note(place=sign.place, since=sign.since.isoformat(), until=sign.until.isoformat())
        return noted(grant, notice_report(self._system, sign, self._clock()))

    def override(self, grant: Grant, sign: Sign, reason: str) -> Report:
        """What says that no sign is displayed there and then, and why; the ledger hears it. Raises InvalidParameter."""
        grant.require_all(Action.ADMINISTER)
        sign.check()
        check_reason(reason)
        grant.note(place=sign.place, since=sign.since.isoformat(), until=sign.until.isoformat(), override=reason)
        return noted(grant, override_report(self._system, sign, reason, self._clock()))

    def transparency(
        self, grant: Grant, since: datetime, until: datetime, demographics: Mapping[str, Mapping[str, str]]
    ) -> Report:
        """What happened from `since` to before `until`, for publication. `demographics` is what the operator's own
        records say of the people in cases that may be acted on.

        A period is published once: the second time, the report is the first one, though rows have changed. Raises
        InvalidParameter where it is not over, or has days in common with another that was published: their difference
        could tell what both withhold.
        """
        grant.require_all(Action.ADMINISTER)
        now = self._clock()
        if since >= until:
            raise InvalidParameter("The first day of the period is after its last one. Name them in their order.")
        if until > now:
            raise InvalidParameter(
                f"The period is not over: its last day is {day(until - timedelta(days=1))}, and today, by UTC, is "
                f"{day(now)}. Name a last day before today."
            )
        with self._sources.database.write():
            published = self._published(since, until)
            if published is None:
                published = self._publish(grant, since, until, demographics, now)
            elif demographics:
                raise InvalidParameter(
                    f"This period was published on {day(published.published_at)}, and stays as it was; leave out "
                    "--demographics to have that report again."
                )
            return noted(grant, transparency_report(self._system, published), publication=published.id)

    def _published(self, since: datetime, until: datetime) -> Publication | None:
        found = self._sources.publications.overlapping(_TRANSPARENCY, since, until)
        same = next((each for each in found if (each.since, each.until) == (since, until)), None)
        if found and same is None:
            other = found[0]
            raise InvalidParameter(
                f"{day(other.since)} to before {day(other.until)} was published, and has days in common with this "
                "period: whoever has both reports could subtract them and learn what each withholds. Publish periods "
                "that follow each other."
            )
        return same

    def _publish(
        self,
        grant: Grant,
        since: datetime,
        until: datetime,
        demographics: Mapping[str, Mapping[str, str]],
        now: datetime,
    ) -> Publication:
        sources = self._sources
        cases = [each for each in sources.cases.all() if since <= each.opened_at < until]
        changes = [
            (name, each) for name, each in sources.threshold_changes() if since <= (each.approved_at or now) < until
        ]
        known = sources.authorisations_by_id()
        heard = list(sources.allowed_between(since, until))
        period = Period(
            since=since,
            until=until,
            searches=sources.cases.searches_between(since, until),
            cases=cases,
            candidates=sources.candidates([each.id for each in cases]),
            authorisations=[each for each in known.values() if since <= each.requested_at < until],
            incidents=[each for each in sources.incidents.since(since) if each.opened_at < until],
            thresholds=changes,
            erasures=sources.erased(since, until),
            subject_looks=sum(each["operation"] in SUBJECT_LOOKS for each in heard),
            overrides=[str(each["facts"]["override"]) for each in heard if "override" in each["facts"]],
            suspensions=sum(since <= each.started_at < until for each in sources.suspensions.all()),
            demographics=demographics,
        )
        evaluations = {each.id: each for each in sources.evaluations.all()}
        made = Publication(
            id=f"publication-{uuid4().hex[:16]}",
            kind=_TRANSPARENCY,
            since=since,
            until=until,
            content=content(period, known, evaluations, grant.rules.suppress_below),
            published_by=grant.person_id,
            published_at=now,
        )
        sources.publications.add(made)
        return made


def noted(grant: Grant, report: Report, **facts: str | int) -> Report:
    """Have the ledger hear of a report, by the SHA-256 of what it says to programs."""
    digest = hashlib.sha256(rendering.text_json(report).encode()).hexdigest()
    grant.note(report=report.name, report_sha256=digest, **facts)
    return report
