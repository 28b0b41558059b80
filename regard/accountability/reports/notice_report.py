"""The sign that says that faces are searched for here, and for how long (College of Policing APP; Met Police)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from regard.accountability.plain_words import check_words
from regard.accountability.reports.report import Facts, Paragraph, Report, Section
from regard.accountability.reports.system import System, demands, said
from regard.errors import InvalidParameter

_LONGEST = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """Where a sign is displayed, and from when to when."""

    place: str
    since: datetime
    until: datetime

    def check(self) -> None:
        """Raises InvalidParameter."""
        if not self.place.strip() or len(self.place) > _LONGEST:
            raise InvalidParameter(f"Say where the sign is displayed, in 1 to {_LONGEST} characters.")
        if self.since >= self.until:
            raise InvalidParameter("The sign must be displayed until a time after that from which it is.")


def notice_report(system: System, sign: Sign, now: datetime) -> Report:
    kept = [words for name, words in demands(system.rules) if name.startswith("retention.")]
    return Report(
        name="notice",
        title="Facial recognition is in use here",
        subtitle=system.named,
        made_at=now,
        sections=[
            Section(
                "What happens",
                [
                    Paragraph(
                        "Faces in pictures taken here are compared with a list of people who are looked for. Of "
                        "everybody else nothing is kept: no picture, and no numbers made of their face."
                    )
                ],
            ),
            Section(
                "Where, when and what for",
                [
                    Facts(
                        [
                            ("Where", sign.place),
                            ("When", f"{_clock(sign.since)} to {_clock(sign.until)}"),
                            ("What for", said(system.purpose, "purpose")),
                            ("Who decides", _decides(system)),
                            ("How long", "; ".join(kept) or "until it is deleted"),
                            ("Questions", said(system.contact, "contact")),
                        ]
                    )
                ],
            ),
        ],
        data={"place": sign.place, "since": sign.since, "until": sign.until, "profile": system.rules.name},
        poster=True,
    )


def check_reason(reason: str) -> None:
    """Raises InvalidParameter for a reason that is none, or has control characters."""
    if not reason.strip() or len(reason) > _LONGEST:
        raise InvalidParameter(f"Say why no sign is displayed, in 1 to {_LONGEST} characters: the public reads it.")
    check_words("the reason", reason)


def override_report(system: System, sign: Sign, reason: str, now: datetime) -> Report:
    """The record that a sign was left out: a decision of the overseer's, with its reason."""
    return Report(
        name="notice-override",
        title="Facial recognition without a sign",
        subtitle=system.named,
        made_at=now,
        sections=[
            Section(
                "What was decided",
                [
                    Paragraph(
                        "Faces are searched for here, and no sign says so, for the reason below. The ledger has this "
                        "decision, and the transparency report publishes it."
                    ),
                    Facts(
                        [
                            ("Where", sign.place),
                            ("When", f"{_clock(sign.since)} to {_clock(sign.until)}"),
                            ("Why", reason),
                            ("Questions", said(system.contact, "contact")),
                        ]
                    ),
                ],
            )
        ],
        data={"place": sign.place, "since": sign.since, "until": sign.until, "reason": reason},
    )


def _decides(system: System) -> str:
    count = system.rules.review.agreements
    if not count:
        return said(system.decision, "decision")
    return f"No machine: {count} people must agree, each by themselves, before anybody is approached."


def _clock(when: datetime) -> str:
    return f"{when.astimezone(UTC):%d %B %Y, %H:%M} UTC"
