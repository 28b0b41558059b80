"""Reports as files: HTML, JSON for programs, CSV for spreadsheets, and PDF where WeasyPrint is installed (the extra
`pdf`)."""

from __future__ import annotations

import base64
import csv
import io
import json
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from importlib import resources
from importlib.metadata import version
from typing import Any

from jinja2 import Environment, StrictUndefined

from regard.accountability.reports.report import SUPPORT, Report, moment
from regard.domain.spreadsheets import harmless
from regard.errors import InvalidParameter

_TEMPLATE = "report.html.jinja"
#: Told apart by those who see no red or green, too (Okabe and Ito, 2008), and dark enough to be read as text.
_COLOURS = ("#12263f", "#b4540a", "#00674f", "#7a3e8e", "#0a6aa6", "#7d6a00")


def html(report: Report) -> str:
    """One page that needs nothing else. Everything in it is escaped."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(resources.files(__package__).joinpath(_TEMPLATE).read_text("utf-8"))
    return template.render(
        report=report,
        support=SUPPORT,
        made=moment(report.made_at),
        version=version("regard"),
        colours=_COLOURS,
        base64=lambda content: base64.b64encode(content).decode(),
        footer=_css_string(report.title),
    )


def text_json(report: Report) -> str:
    """What the report says, for programs."""
    said = {
        "report": report.name,
        "title": report.title,
        "made_at": report.made_at,
        "notices": list(report.notices),
        **report.data,
    }
    return json.dumps(said, ensure_ascii=False, indent=1, default=_plain) + "\n"


def spreadsheet(report: Report) -> str:
    """Its tables, one below the other. No cell is a formula, whatever the name of a collection or a case is."""
    written = io.StringIO(newline="")
    writer = csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    for table in report.tables:
        writer.writerows([harmless([table.caption]), harmless(table.columns), *map(harmless, table.rows), []])
    return written.getvalue()


def pdf(report: Report) -> bytes:
    """The same page as PDF/UA-1, accessible; or PDF/A-2a, to be kept, where it is evidence. Raises InvalidParameter
    without the extra `pdf`."""
    try:
        from weasyprint import HTML  # noqa: PLC0415 - an extra
        from weasyprint.urls import URLFetcher  # noqa: PLC0415
    except (ImportError, OSError) as error:  # OSError: Pango is not there
        raise InvalidParameter(
            "PDF needs WeasyPrint and the system's Pango: install regard[pdf] and, on Debian, libpango-1.0-0 and "
            "libpangoft2-1.0-0; or take the HTML, which says the same."
        ) from error
    fetcher = URLFetcher(allowed_protocols=("data",))
    variant = "pdf/a-2a" if report.evidence else "pdf/ua-1"
    made = HTML(string=html(report), url_fetcher=fetcher).write_pdf(pdf_variant=variant)
    return bytes(made or b"")


def _css_string(text: str) -> str:
    """Text in a style sheet, which knows other escapes than HTML: nothing can end it."""
    return '"' + "".join(f"\\{ord(each):06x}" if not each.isalnum() and each != " " else each for each in text) + '"'


def _plain(value: Any) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)
