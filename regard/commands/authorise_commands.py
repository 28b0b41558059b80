"""`regard authorise`: why, of what and until when somebody may search."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from regard.accountability.authorisations import Request
from regard.commands import authorisation_table, context, terminal
from regard.commands.desk import desk, server_of
from regard.commands.profile_findings import UNASSESSED, unassessed
from regard.commands.terminal import Home, Json
from regard.config.settings import Settings
from regard.domain.authorisations import Authorisation, AuthorisationKind, AuthorisationState, OnBehalfOf, Scope
from regard.errors import InvalidParameter
from regard.files import create_file

app = typer.Typer(
    help="Request, approve and end authorisations to search.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
)

_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
Id = Annotated[str, typer.Argument(metavar="ID", help="The authorisation, such as A-7F3K9Q2M.", show_default=False)]
Until = Annotated[datetime | None, typer.Option(formats=_FORMATS, help="When it ends, by UTC.")]
Document = Annotated[Path | None, typer.Option(help="The warrant or order. Only its SHA-256 is kept.")]
Statistics = Annotated[
    list[str] | None, typer.Option("--statistic", metavar="NAME=VALUE", help="What is counted of it; repeatable.")
]
TokenFile = Annotated[Path | None, typer.Option("--token", metavar="FILE", help="Write its web identity token here.")]


@app.command()
def request(  # noqa: PLR0913 - the options of a command
    *,
    purpose: Annotated[str, typer.Option(help="What for; `regard profiles show` lists what a profile allows.")],
    basis: Annotated[str, typer.Option(help="The facts, or the law, that it stands on.")],
    kind: Annotated[AuthorisationKind, typer.Option(help="What makes it lawful.")] = AuthorisationKind.INVESTIGATION,
    offence: Annotated[str | None, typer.Option(help="The offence it is about.")] = None,
    case: Annotated[str | None, typer.Option(help="Your reference of the case.")] = None,
    declaration: Annotated[str, typer.Option(help="That no protected activity is the reason, or what is.")] = "",
    document: Document = None,
    collection: Annotated[list[str] | None, typer.Option(help="Only this collection; repeatable.")] = None,
    operation: Annotated[list[str] | None, typer.Option(help="Only this operation or command; repeatable.")] = None,
    medium: Annotated[list[str] | None, typer.Option(help="Only still, recorded or live; repeatable.")] = None,
    searches: Annotated[int | None, typer.Option(min=1, help="The most searches.")] = None,
    begin: Annotated[datetime | None, typer.Option("--from", formats=_FORMATS, help="When it begins, by UTC.")] = None,
    until: Until = None,
    holder: Annotated[
        str | None, typer.Option("--for", metavar="LOGIN", help="Who is to use it; a service's name too.")
    ] = None,
    emergency: Annotated[bool, typer.Option("--emergency", help="Usable now, to be confirmed in time.")] = False,
    agency: Annotated[str | None, typer.Option(help="The agency that asked you to search.")] = None,
    agency_person: Annotated[str | None, typer.Option(help="Who asked, there.")] = None,
    agency_request: Annotated[Path | None, typer.Option(help="Their request. Only its SHA-256 is kept.")] = None,
    statistic: Statistics = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Request an authorisation. Another person approves it.

    Example: [bold]regard authorise request --purpose violent-crime --offence "robbery, 12 May" --basis "CCTV of the
    shop" --declaration "no protected activity" --collection suspects --searches 3[/]
    """
    asked = Request(
        kind=kind,
        purpose=purpose,
        basis=basis,
        offence=offence,
        document_sha256=_sha256(document),
        case_reference=case,
        declaration=declaration,
        scope=Scope(collections=_tuple(collection), operations=_tuple(operation), media=_tuple(medium)),
        on_behalf_of=_behalf(agency, agency_person, agency_request),
        searches=searches,
        starts_at=_utc(begin),
        ends_at=_utc(until),
        holder=holder,
        emergency=emergency,
        statistics=_statistics(statistic),
    )
    chosen = context.settings(home)
    with desk(chosen, "authorise request") as at:
        made = at.authorisations.request(asked)
    if as_json:
        terminal.say_json(shape(made))
    else:
        _tell(made, chosen, home)


def _tell(made: Authorisation, chosen: Settings, home: Path | None) -> None:
    """What was requested, and what comes next."""
    terminal.say(made.id)
    if server_of(chosen) is None and unassessed(chosen, made.profile):
        terminal.note(UNASSESSED)
    if made.state is AuthorisationState.EMERGENCY:
        terminal.note(f"Usable now. Somebody else must approve it by {made.confirm_by:%Y-%m-%d %H:%M} UTC, or it ends.")
    else:
        terminal.note(f"Somebody else approves it with {context.with_home(f'authorise approve {made.id}', home)}.")


@app.command()
def approve(
    authorisation: Id,
    *,
    document: Document = None,
    until: Until = None,
    searches: Annotated[int | None, typer.Option(min=1, help="For fewer searches than asked.")] = None,
    token: TokenFile = None,
    home: Home = None,
) -> None:
    """Approve what another person requested, or confirm an emergency; as asked, or for less.

    With --token, whoever has the file can search until the authorisation ends, without an access key: hand it to its
    holder only.
    """
    chosen = context.settings(home)
    with desk(chosen, "authorise approve") as at:
        made = at.authorisations.approve(
            authorisation, document_sha256=_sha256(document), ends_at=_utc(until), searches=searches
        )
        if token is not None:
            _write(token, at.credentials.web_identity(authorisation))
    terminal.say(f"Approved {made.id}, until {made.ends_at:%Y-%m-%d %H:%M} UTC.")
    search = context.with_home(f"search PICTURE --collection NAME --authorisation {made.id}", home)
    clients = context.with_home(f"authorise credentials {made.id}", home)
    terminal.note(f"Next, for whoever it was requested for: {search}; {clients} for AWS's clients.")


@app.command()
def refuse(authorisation: Id, home: Home = None) -> None:
    """Refuse what another person requested, or an emergency: it ends at once, and what came of it is purged."""
    chosen = context.settings(home)
    with desk(chosen, "authorise refuse") as at:
        at.authorisations.refuse(authorisation)
    terminal.say(f"Refused {authorisation}.")


@app.command()
def agree(authorisation: Id, home: Home = None) -> None:
    """Agree, as a second person, that faces may be searched for that are seen too badly for the profile."""
    chosen = context.settings(home)
    with desk(chosen, "authorise agree") as at:
        at.authorisations.agree_to_poor_probes(authorisation)
    terminal.say(f"Under {authorisation} faces may be searched for that are seen badly. Reports say so.")


@app.command()
def end(authorisation: Id, statistic: Statistics = None, home: Home = None) -> None:
    """End an authorisation before its time. Servers refuse it within a second."""
    chosen = context.settings(home)
    with desk(chosen, "authorise end") as at:
        at.authorisations.end(authorisation, _statistics(statistic))
    terminal.say(f"Ended {authorisation}.")


@app.command("list")
def show_all(as_json: Json = False, home: Home = None) -> None:
    """List authorisations, the newest first: your own, or all if you approve or audit them."""
    chosen = context.settings(home)
    with desk(chosen, "authorise list") as at:
        found = at.authorisations.all()
    if as_json:
        terminal.say_json([shape(each) for each in found])
        return
    if not found:
        terminal.note(f"There are none yet; {context.with_home('authorise request', home)} requests one.")
        return
    rows = terminal.table("Id", "State", "Kind", "Purpose", "Until (UTC)", ">Searches", each="Authorisation")
    for each in found:
        most = "∞" if each.searches_allowed is None else str(each.searches_allowed)
        searches = f"{each.searches_done} of {most}"
        rows.add_row(
            each.id, each.state, each.kind, escape(each.purpose), f"{each.expires_at:%Y-%m-%d %H:%M}", searches
        )
    terminal.out().print(rows)


@app.command()
def show(authorisation: Id, as_json: Json = False, home: Home = None) -> None:
    """Show one authorisation, all of it."""
    chosen = context.settings(home)
    with desk(chosen, "authorise show") as at:
        found = at.authorisations.get(authorisation)
        named = (found.holder_id, found.requested_by, found.decided_by, found.scope.poor_probes)
        people = at.people.names(named)
    if as_json:
        terminal.say_json(shape(found))
        return
    terminal.out().print(authorisation_table.of(found, people))


@app.command()
def credentials(
    authorisation: Id,
    *,
    role: Annotated[str, typer.Option(help="The name of the role in the session's ARN.")] = "searcher",
    seconds: Annotated[int, typer.Option(min=1, max=43_200, help="How long they last, at most.")] = 3_600,
    web_identity: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a web identity token instead, for AWS's clients.")
    ] = None,
    home: Home = None,
) -> None:
    """Print temporary credentials of your authorisation, as `credential_process` of an AWS profile wants them.

    Example, in ~/.aws/config: [bold]credential_process = regard authorise credentials A-7F3K9Q2M[/]
    """
    chosen = context.settings(home)
    with desk(chosen, "authorise credentials") as at:
        if web_identity is not None:
            _write(web_identity, at.credentials.web_identity(authorisation))
            return
        key, token = at.credentials.temporary(authorisation, role=role, lasting=timedelta(seconds=seconds))
    terminal.say_json(
        {
            "Version": 1,
            "AccessKeyId": key.temporary_credential.access_key_id,
            "SecretAccessKey": key.secret,
            "SessionToken": token,
            "Expiration": f"{key.temporary_credential.expires_at:%Y-%m-%dT%H:%M:%SZ}",
        }
    )


def shape(found: Authorisation) -> dict[str, Any]:
    """All of it, for programs."""
    behalf, scope = found.on_behalf_of, found.scope
    values: dict[str, Any] = {
        name: getattr(found, name) for name in Authorisation.__slots__ if name not in ("scope", "on_behalf_of")
    }
    moments = {name: f"{value:%Y-%m-%dT%H:%M:%SZ}" for name, value in values.items() if isinstance(value, datetime)}
    return {
        **values,
        **moments,
        "scope": {name: getattr(scope, name) for name in Scope.__slots__ if getattr(scope, name) is not None},
        "on_behalf_of": None if behalf is None else {name: getattr(behalf, name) for name in OnBehalfOf.__slots__},
        "statistics": dict(found.statistics),
    }


def _write(file: Path, token: str) -> None:
    """A file that only its owner can read."""
    file.unlink(missing_ok=True)
    create_file(file, token.encode())
    terminal.note(f"Saved {terminal.readable(file)}: whoever has it can search until the authorisation ends.")


def _sha256(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise InvalidParameter(f"{terminal.readable(file)} cannot be read: {error.strerror}.") from error


def _behalf(agency: str | None, person: str | None, request_file: Path | None) -> OnBehalfOf | None:
    if agency is None and person is None and request_file is None:
        return None
    if not agency or not person:
        raise InvalidParameter("For another agency give both --agency and --agency-person.")
    return OnBehalfOf(agency=agency, person=person, request_sha256=_sha256(request_file) or "")


def _statistics(given: list[str] | None) -> dict[str, str]:
    pairs = [each.partition("=") for each in given or ()]
    if lost := [name for name, equals, _ in pairs if not equals]:
        raise InvalidParameter(f"--statistic {lost[0]} has no value; write NAME=VALUE.")
    return {name: value for name, _, value in pairs}


def _tuple(given: list[str] | None) -> tuple[str, ...] | None:
    return tuple(given) if given else None


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)
