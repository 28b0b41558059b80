"""One authorisation, all of it, as a table for people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from rich.markup import escape

from regard.commands import terminal
from regard.commands.tables import Table
from regard.domain.authorisations import Authorisation


def of(found: Authorisation, people: Mapping[str, str]) -> Table:
    """`people` has the names of those whom it names, by their ids. What is not said has no row."""
    rows = terminal.table("", "~", header=False)
    for name, value in {**_why(found), **_what(found, people), **_how_far(found, people)}.items():
        if value:
            rows.add_row(name, escape(value))
    return rows


def _why(found: Authorisation) -> dict[str, str | None]:
    behalf = found.on_behalf_of
    return {
        "Id": found.id,
        "State": found.state,
        "Kind": found.kind,
        "Purpose": found.purpose,
        "Offence": found.offence,
        "Basis": found.basis,
        "Document": found.document_sha256,
        "Case": found.case_reference,
        "Declaration": found.declaration,
        "On behalf of": None if behalf is None else f"{behalf.person}, {behalf.agency}",
        "Their request": None if behalf is None else behalf.request_sha256,
    }


def _what(found: Authorisation, people: Mapping[str, str]) -> dict[str, str | None]:
    scope = found.scope
    most = "any number" if found.searches_allowed is None else f"{found.searches_allowed:,}"
    return {
        "Profile": found.profile,
        "Collections": ", ".join(scope.collections or ()) or "any",
        "Operations": ", ".join(scope.operations or ()) or "any",
        "Media": ", ".join(scope.media or ()) or "any",
        "Poor probes": None if scope.poor_probes is None else f"agreed by {_name(scope.poor_probes, people)}",
        "Searches": f"{found.searches_done:,} of {most}",
    }


def _how_far(found: Authorisation, people: Mapping[str, str]) -> dict[str, str | None]:
    return {
        "From": _moment(found.starts_at),
        "Until": _moment(found.ends_at),
        "Confirm by": _moment(found.confirm_by),
        "For": _name(found.holder_id, people),
        "Requested by": f"{_name(found.requested_by, people)}, {_moment(found.requested_at)}",
        "Decided by": _name(found.decided_by, people),
        "Decided": _moment(found.decided_at),
        **{f"Counted: {name}": str(value) for name, value in found.statistics.items()},
    }


def _name(holder_id: str | None, people: Mapping[str, str]) -> str | None:
    return None if holder_id is None else people.get(holder_id, holder_id)


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"
