"""`regard cases`: what searches found, under aliases until it is reviewed, and what else supports it."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from regard.accountability.cases import KINDS, LINE_UP, CaseFile, mark_of
from regard.bootstrap.register import open_register
from regard.commands import context, terminal
from regard.commands.acts import granted
from regard.commands.desk import desk
from regard.commands.elsewhere import check_here
from regard.commands.terminal import Home, Json
from regard.domain.cases import Case, CaseCandidate, CaseState
from regard.domain.identifiers import name_of
from regard.media import portraits

app = typer.Typer(
    help="Cases: see what searches found once it is reviewed; add what supports it.",
    no_args_is_help=True,
    add_completion=False,
)

CaseArgument = Annotated[str, typer.Argument(metavar="CASE", help="The case's id.")]
OfCollection = Annotated[
    str | None, typer.Option("--collection", help="The collection, where it has a profile of its own.")
]
LEAD = "A candidate is an investigative lead, and no identification by itself."


@app.command("list")
def show_all(
    *,
    state: Annotated[list[CaseState] | None, typer.Option(help="Only cases in this state; may be repeated.")] = None,
    collection: OfCollection = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """List your cases, the newest first; everybody's, as an auditor or the overseer."""
    chosen = context.settings(home)
    with desk(chosen, "cases list", collection=collection) as at:
        found = at.cases.all(state or [])
    if as_json:
        terminal.say_json({"Cases": [_case(each) for each in found]})
        return
    if not found:
        terminal.note("There are no such cases.")
        return
    rows = terminal.table("Case", "Collection", "State", "Opened")
    for each in found:
        rows.add_row(each.id, escape(each.collection), each.state, f"{each.opened_at.astimezone(UTC):%Y-%m-%d %H:%M}")
    terminal.out().print(rows)


@app.command()
def show(case: CaseArgument, *, collection: OfCollection = None, as_json: Json = False, home: Home = None) -> None:
    """Show a case: its candidates, how far their reviews are, and what else supports it."""
    chosen = context.settings(home)
    with desk(chosen, "cases show", collection=collection) as at:
        file = at.cases.show(case)
    if as_json:
        terminal.say_json(_file(file))
        return
    rows = terminal.table(">Number", "State", "External id", "User", "?Face id")
    for each in file.candidates:
        known = file.identified.get(each.number)
        external = "–" if known is None or known.external_image_id is None else name_of(known.external_image_id)
        user = None if known is None else known.user_id
        rows.add_row(str(each.number), each.state, escape(external), escape(user or "–"), _name(each))
    terminal.say(f"{file.case.id}, {file.case.state}, of a search in {file.case.collection}.")
    terminal.out().print(rows)
    if file.without_picture:
        numbers = ", ".join(map(str, file.without_picture))
        terminal.note(f"No picture of {numbers} is at hand, so nobody can review them: see `regard faces picture`.")
    for support in file.corroborations:
        counts = "" if support.independent else " (derives from the search, and does not count)"
        terminal.say(f"Supported by {support.kind}: {terminal.readable(support.reference)}{counts}.")
    verified = file.case.state is CaseState.VERIFIED
    if verified and file.corroborations_needed:
        terminal.say(_still_needed(file.corroborations_needed))
    terminal.say(LEAD)
    if verified:
        more = f"cases corroborate {case} --kind KIND --reference WHERE --independent"
        terminal.note(f"Next: {context.with_home(more, home)}.")


@app.command()
def corroborate(
    case: CaseArgument,
    *,
    kind: Annotated[str, typer.Option(help=f"One of {', '.join((*KINDS, LINE_UP))}.")],
    reference: Annotated[str, typer.Option(help="Where it is recorded.")],
    independent: Annotated[
        bool,
        typer.Option("--independent/--derived", help="Whether it does not derive from the search: only that counts."),
    ],
    collection: OfCollection = None,
    home: Home = None,
) -> None:
    """Add what else supports an identification. Nobody may act on a case before.

    Example: [bold]regard cases corroborate case-7f3a --kind witness --reference "report 14" --independent[/]
    """
    chosen = context.settings(home)
    with desk(chosen, "cases corroborate", collection=collection) as at:
        state = at.cases.corroborate(case, kind, reference, independent=independent)
    terminal.say(f"{case} is {state}.")
    if state is CaseState.ACTIONABLE:
        line_up = context.with_home(f"cases line-up {case} NUMBER --save FILE", home)
        report = context.with_home(f"report warrant {case}", home)
        terminal.note(f"Next: {line_up} to show a verified candidate to others; {report} for the papers to a court.")
    else:
        terminal.note(f"Next: {context.with_home(f'cases show {case}', home)} shows what is still needed.")


@app.command("line-up")
def line_up(
    case: CaseArgument,
    number: Annotated[int, typer.Argument(help="The candidate's number in the case.")],
    *,
    save: Annotated[Path, typer.Option(help="The picture to write: a .jpg or .png.")],
    collection: OfCollection = None,
    home: Home = None,
) -> None:
    """Save a verified candidate's picture to be shown to others, marked as a lead of a face search. Refused before the
    case is actionable."""
    chosen = context.settings(home)
    check_here(chosen, "cases line-up")
    with granted(chosen, "cases line-up", collection=collection) as grant, open_register(chosen) as register:
        picture = register.cases.line_up_picture(grant, case, number)
        context.save(portraits.watermarked(picture, mark_of(case, number)), save)


def _still_needed(count: int) -> str:
    if count == 1:
        return "1 more corroboration is needed that does not derive from the search."
    return f"{count} more corroborations are needed that do not derive from the search."


def _name(candidate: CaseCandidate) -> str:
    """Who it is, once verified."""
    return candidate.face_id if candidate.is_verified else candidate.alias


def _case(case: Case) -> dict[str, Any]:
    return {
        "CaseId": case.id,
        "CollectionId": case.collection,
        "State": case.state,
        "AuthorisationId": case.authorisation_id,
        "Profile": case.profile,
        "ReviewsNeeded": case.reviews_needed,
        "OpenedAt": case.opened_at.isoformat(),
        "DecidedAt": None if case.decided_at is None else case.decided_at.isoformat(),
    }


def _candidate(file: CaseFile, each: CaseCandidate) -> dict[str, Any]:
    known = file.identified.get(each.number)
    return {
        "Number": each.number,
        "State": each.state,
        "FaceId": _name(each),
        "ExternalImageId": None if known is None else known.external_image_id,
        "UserId": None if known is None else known.user_id,
    }


def _file(file: CaseFile) -> dict[str, Any]:
    return {
        **_case(file.case),
        "Candidates": [_candidate(file, each) for each in file.candidates],
        "WithoutPicture": file.without_picture,
        "Corroborations": [
            {"Kind": each.kind, "Reference": each.reference, "Independent": each.independent}
            for each in file.corroborations
        ],
        "CorroborationsNeeded": file.corroborations_needed,
        "Notice": LEAD,
    }
