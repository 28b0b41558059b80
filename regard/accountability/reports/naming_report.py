"""Every search that returned a face, wherever it stood: also those in which somebody else came first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from regard.accountability.reports.report import LEAD, SUPPORT, Listing, Report, Section, day, moment
from regard.accountability.reports.system import System
from regard.domain.cases import RankedCandidate, Search


def naming_report(
    system: System,
    face_id: str,
    found: Sequence[tuple[Search, RankedCandidate]],
    names: Mapping[str, str],
    now: datetime,
) -> Report:
    rows = [
        (
            moment(search.searched_at),
            search.case_id or "–",
            f"{candidate.rank} of {search.candidate_count}",
            f"{candidate.similarity:.2f}",
            search.collection,
            f"{search.gallery_size:,}",
            names.get(search.person_id or "", search.person_id or "–"),
            search.authorisation_id or "–",
        )
        for search, candidate in found
    ]
    columns = ("When", "Case", "Rank", "Similarity", "Collection", "N", "Searched by", "Authorisation")
    return Report(
        name=f"searches-naming-{face_id}",
        title="Searches that returned a face",
        subtitle=f"{system.named}. Face {face_id}, {day(now)}.",
        made_at=now,
        notices=(LEAD, SUPPORT),
        sections=[Section("Searches", [Listing("The first search first", columns, rows, "No search returned it.")])],
        data={
            "face_id": face_id,
            "searches": [
                {
                    "search": search.id,
                    "case": search.case_id,
                    "when": search.searched_at,
                    "rank": candidate.rank,
                    "of": search.candidate_count,
                    "similarity": candidate.similarity,
                    "collection": search.collection,
                    "gallery_size": search.gallery_size,
                }
                for search, candidate in found
            ],
        },
        evidence=True,
    )
