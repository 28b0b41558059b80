"""The page for everybody: which rules hold, which collections there are, how often the system errs, what was published.

Nothing on it needs a grant, for it says nothing of any person; the operator turns it on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from regard.accountability.reports import rendering
from regard.accountability.reports.accountability_report import CAPABILITIES, LIMITS
from regard.accountability.reports.collection_rules import collection_rules, rules_by_collection
from regard.accountability.reports.curves import measured
from regard.accountability.reports.report import Block, Facts, Listing, Paragraph, Report, Section, day
from regard.accountability.reports.sources import Sources
from regard.accountability.reports.system import System, models, product, rules_listing, said

#: It is made again after so many seconds, however often it is asked for.
_SECONDS = 60.0


class PublicPage:
    """The page as HTML. Safe to share between threads: two may make it at once, and either is right."""

    def __init__(
        self,
        sources: Sources,
        system: System,
        clock: Callable[[], datetime],
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sources = sources
        self._system = system
        self._clock = clock
        self._ticks = ticks
        self._made: tuple[float, str] | None = None

    def html(self) -> str:
        now = self._ticks()
        if self._made is None or now - self._made[0] >= _SECONDS:
            self._made = (now, rendering.html(self._report()))
        return self._made[1]

    def _report(self) -> Report:
        system, sources = self._system, self._sources
        held = rules_by_collection(sources, system.rules)
        collections = [(each.id, f"{count:,}", each.face_model, held[each.id].title) for each, count in sources.sizes()]
        errors = [block for each in sources.newest_evaluations() for block in measured(each)]
        return Report(
            name="transparency",
            title="Facial recognition: how it is used here",
            subtitle=system.named,
            made_at=self._clock(),
            sections=[
                Section(
                    "What it is for",
                    [
                        Facts(
                            [
                                ("Purpose", said(system.purpose, "purpose")),
                                ("The decision that is made with it", said(system.decision, "decision")),
                                ("Questions, objections, complaints", said(system.contact, "contact")),
                            ]
                        )
                    ],
                ),
                Section("The system", [product(system), models(system), Paragraph(CAPABILITIES), Paragraph(LIMITS)]),
                Section(
                    "The databases",
                    [Listing("Collections", ("Name", "Faces", "Face model", "Rules"), collections, "There is none.")],
                ),
                Section("The policy", [rules_listing(system.rules), *collection_rules(system.rules, held)]),
                Section("How often it errs", errors or measured(None)),
                Section("Reports", [self._published()]),
            ],
            data={},
        )

    def _published(self) -> Block:
        rows = [
            (day(each.since), day(each.until - timedelta(microseconds=1)), day(each.published_at))
            for each in self._sources.publications.all("transparency")
        ]
        return Listing("Transparency reports; ask for them", ("First day", "Last day", "Published"), rows)
