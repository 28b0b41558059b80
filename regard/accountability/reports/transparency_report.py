"""The transparency report: what the public is told of a period, from what was published of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from regard.accountability.reports.report import Block, Facts, Listing, Paragraph, Report, Section, day
from regard.accountability.reports.suppression import MARK, shown
from regard.accountability.reports.system import System
from regard.domain.publications import Publication


def transparency_report(system: System, published: Publication) -> Report:
    content = published.content
    last = published.until - timedelta(microseconds=1)
    return Report(
        name=f"transparency-{day(published.since)}-to-{day(last)}",
        title="Transparency report",
        subtitle=f"{system.named}. Facial recognition with Regard, {day(published.since)} to {day(last)}.",
        made_at=published.published_at,
        sections=[
            Section("How to read it", [Paragraph(_reading(content["limit"]))]),
            *(Section(each["title"], _series(each)) for each in content["series"]),
            Section("Incidents, breaches and misuse", [_incidents(content)]),
            Section("Thresholds that were changed", _thresholds(content)),
            Section("Erasures and suspensions", [_erasures(content)]),
            Section("Subject access", [Facts([("People looked for", shown(content.get("subject_looks", 0)))])]),
            Section("Without a sign", [_overrides(content)]),
            Section("Rules", [Facts([("Profile", system.title), ("Its SHA-256", system.rules.sha256)])]),
        ],
        data=dict(content),
    )


def _reading(limit: int) -> str:
    return (
        f"A {MARK} stands for a count that is withheld: it is below {limit}, or would let one that is be worked out. "
        "Nothing else is rounded or changed. A period is published once, and no other report covers a part of it, so "
        "that two reports cannot be subtracted. No person's age, sex or origin is guessed by a machine: what is said "
        "of them comes from the operator's own records, where it is said."
    )


def _series(series: Mapping[str, Any]) -> list[Block]:
    tables = [
        Listing(name, ("", "Number"), [(label, shown(count)) for label, count in cells.items()])
        for name, cells in series["tables"].items()
        if cells
    ]
    return [Facts([("In all", shown(series["total"]))]), *tables]


def _overrides(content: Mapping[str, Any]) -> Block:
    reasons = [(each,) for each in content.get("signs_not_displayed", ())]
    return Listing("Decisions that no sign be displayed", ("Why",), reasons, "None.")


def _incidents(content: Mapping[str, Any]) -> Block:
    rows = [
        (
            each["opened"],
            each["kind"],
            each["severity"],
            f"{each['told']:,}{', late' if each['told_late'] else ''}",
            "closed" if each["closed"] else "open",
        )
        for each in content["incidents"]
    ]
    return Listing("Incidents", ("Month", "Kind", "Severity", "Recipients told", "State"), rows, "None was recorded.")


def _thresholds(content: Mapping[str, Any]) -> list[Block]:
    changes = content["thresholds"]
    blocks: list[Block] = [
        Listing(
            "Changes of the lowest similarity that is searched at",
            ("Collection", "From", "To", "Approved", "Reason", "Evaluation"),
            [
                (
                    each["collection"],
                    f"{each['before']:g}",
                    f"{each['after']:g}",
                    (each["approved"] or "no")[:10],
                    each["reason"],
                    each["evaluation"] or "–",
                )
                for each in changes
            ],
            "None was changed.",
        )
    ]
    for each in changes:
        if each["rates"]:
            rows = [(rate["group"], rate["before"], rate["after"]) for rate in each["rates"]]
            caption = f"False match rates in {each['collection']}, before and after"
            blocks.append(Listing(caption, ("Group", f"At {each['before']:g}", f"At {each['after']:g}"), rows))
    return blocks


def _erasures(content: Mapping[str, Any]) -> Block:
    rows = [(f"Erased: {kind}", shown(count)) for kind, count in sorted(content["erasures"].items())]
    return Facts([*rows, ("Suspensions", shown(content["suspensions"]))])
