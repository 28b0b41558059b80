"""What a report is: sections of paragraphs, facts, tables, pictures and curves, and the same for programs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from regard.domain.evaluations import CurvePoint
from regard.errors import InvalidParameter

#: There are no records of days of other years, and the first and last that there are cannot be counted from.
YEARS = range(1970, 9999)
#: On everything that names a candidate.
LEAD = (
    "Investigative lead only. What a face search returns is a list of people who look alike. It is no identification, "
    "no evidence by itself, and no ground for an arrest."
)
#: On every report: what Regard claims, and what it does not.
SUPPORT = (
    "Regard is designed to support the rules named here. Whether a use is lawful is for its operator, and in the end "
    "for courts, to decide."
)

# A curve's picture, in its own units.
_WIDTH, _HEIGHT, _LEFT, _TOP = 560, 320, 56, 12
_LEAST_RATE = 1e-6


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: str


@dataclass(frozen=True, slots=True)
class Notice:
    """What nobody may overlook."""

    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and what they are."""

    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Listing:
    """A table; `empty` is said where there are no rows."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    empty: str = "None."


@dataclass(frozen=True, slots=True)
class Photograph:
    """A JPEG, and what it shows."""

    content: bytes = field(repr=False)
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Photographs:
    of: Sequence[Photograph]


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines to write on, for what a person has to say."""

    question: str
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Curves:
    """DET curves: false matches to the right, misses upwards, both on a logarithmic scale."""

    caption: str
    of: Mapping[str, Sequence[CurvePoint]]

    width = _WIDTH
    height = _HEIGHT

    @property
    def paths(self) -> list[tuple[str, str]]:
        """The name of each line, and its points in the picture."""
        return [
            (name, " ".join(f"{_across(each.fmr):.1f},{_down(each.fnmr):.1f}" for each in points))
            for name, points in self.of.items()
        ]

    @property
    def marks(self) -> tuple[list[tuple[float, str]], list[tuple[float, str]]]:
        """Where the scales have which rate: across, and down."""
        rates = [10.0**power for power in range(-6, 1)]
        return (
            [(_across(rate), _shown(rate)) for rate in rates],
            [(_down(rate), _shown(rate)) for rate in rates if rate >= _LEAST_MISSES],
        )


#: Fewer misses than this are drawn as this.
_LEAST_MISSES = 1e-3


def _across(rate: float) -> float:
    share = math.log10(max(rate, _LEAST_RATE) / _LEAST_RATE) / -math.log10(_LEAST_RATE)
    return _LEFT + share * (_WIDTH - _LEFT - 34)


def _down(rate: float) -> float:
    share = math.log10(max(rate, _LEAST_MISSES) / _LEAST_MISSES) / -math.log10(_LEAST_MISSES)
    return _TOP + (1 - share) * (_HEIGHT - _TOP - 40)


def _shown(rate: float) -> str:
    return f"{rate * 100:g} %" if rate >= 1e-3 else f"1e{round(math.log10(rate))}"


Block = Paragraph | Notice | Facts | Listing | Photographs | Lines | Curves


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report. `name` is what its files are called; `data` is what it says, for programs; `poster` is for a wall, not
    for a reader."""

    name: str
    title: str
    subtitle: str
    made_at: datetime
    sections: Sequence[Section]
    data: Mapping[str, object]
    notices: Sequence[str] = (SUPPORT,)
    poster: bool = False
    #: Whether it is to fit onto one page.
    one_page: bool = False
    #: Whether it is evidence, to be kept as it is (PDF/A), rather than to be read by everybody (PDF/UA).
    evidence: bool = False

    @property
    def tables(self) -> list[Listing]:
        return [block for section in self.sections for block in section.blocks if isinstance(block, Listing)]


def moment(when: datetime | None) -> str:
    """A moment as reports show it."""
    return "–" if when is None else f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def period(first: date, last: date) -> tuple[datetime, datetime]:
    """From the beginning of the first day to the end of the last. Raises InvalidParameter for days of no year that
    there are records of."""
    if first.year not in YEARS or last.year not in YEARS:
        raise InvalidParameter(f"Name days of the years {YEARS[0]} to {YEARS[-1]}.")
    since, until = (datetime(each.year, each.month, each.day, tzinfo=UTC) for each in (first, last))
    return since, until + timedelta(days=1)


def day(when: datetime | None) -> str:
    return "–" if when is None else f"{when.astimezone(UTC):%Y-%m-%d}"
