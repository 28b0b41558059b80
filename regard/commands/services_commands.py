"""`regard services`: programs that act by themselves, each with a person who answers for it."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from regard.accountability.services import ServiceShown
from regard.commands import context, terminal
from regard.commands.desk import desk
from regard.commands.people_commands import RoleOptions, Roles, Yes, say_key
from regard.commands.terminal import Home, Json

app = typer.Typer(
    help="Services: programs that act, and who answers for each.", no_args_is_help=True, add_completion=False
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The service's name.")]


@app.command()
def add(
    name: Name,
    answers: Annotated[str, typer.Option("--answers", metavar="WHO", help="The person who answers for it.")],
    role: RoleOptions = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Add a service. To every rule that asks for two people, it is the person who answers for it.

    Example: [bold]regard services add "front door" --answers ada --role enroller[/]
    """
    chosen = context.settings(home)
    with desk(chosen, "services add") as at:
        made = at.services.add(name, answers, role or [])
    if as_json:
        terminal.say_json(_shape(made))
        return
    terminal.say(f"Added the service {made.service.name}, for which {made.person.name} answers.")
    key_command = context.with_home(f"services key '{made.service.name}'", home)
    terminal.note(f"Next: {key_command}, for an AWS client.")


@app.command("list")
def show_all(as_json: Json = False, home: Home = None) -> None:
    """Show every service, with its roles and who answers for it."""
    chosen = context.settings(home)
    with desk(chosen, "services list") as at:
        found = at.services.list()
    if as_json:
        terminal.say_json([_shape(each) for each in found])
        return
    if not found:
        terminal.note("There are no services; `regard services add NAME --answers WHO` adds one.")
        return
    rows = terminal.table("~Service", "~Answers", "~Roles", "Ended")
    for each in found:
        ended = f"[red]{each.service.ended_at:%Y-%m-%d}[/]" if each.service.ended_at else ""
        roles = ", ".join(sorted(each.roles)) or "[dim]none[/]"
        rows.add_row(escape(each.service.name), escape(each.person.name), roles, ended)
    terminal.out().print(rows)


@app.command()
def end(name: Name, yes: Yes = False, home: Home = None) -> None:
    """End a service and its keys, for good. Servers follow within a second."""
    chosen = context.settings(home)
    with desk(chosen, "services end") as at:
        if not yes:
            typer.confirm(f"End the service {name} and its keys, for good?", abort=True)
        service, keys = at.services.end(name)
    terminal.say(f"The service {service.name} has ended, and {len(keys)} of its keys.")


@app.command("grant")
def grant_roles(name: Name, roles: Roles, home: Home = None) -> None:
    """Give a service roles: enroller, searcher or auditor. The rest takes a person."""
    chosen = context.settings(home)
    with desk(chosen, "services grant") as at:
        service = at.services.grant(name, roles)
    terminal.say(f"The service {service.name} is {' and '.join(sorted(roles))} now.")


@app.command()
def withdraw(name: Name, roles: Roles, home: Home = None) -> None:
    """Take roles from a service. Servers follow within a second."""
    chosen = context.settings(home)
    with desk(chosen, "services withdraw") as at:
        service = at.services.withdraw(name, roles)
    terminal.say(f"The service {service.name} is no longer {' or '.join(sorted(roles))}.")


@app.command()
def key(
    name: Name,
    key_name: Annotated[str | None, typer.Option("--name", help="The key's name; the service's unless given.")] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Give a service an access key, for AWS clients. Its secret is shown now and never again."""
    chosen = context.settings(home)
    with desk(chosen, "services key") as at:
        access_key_id, secret = at.services.key(name, key_name)
    say_key(access_key_id, secret, name, as_json=as_json)


def _shape(found: ServiceShown) -> dict[str, object]:
    service = found.service
    return {
        "Id": service.id,
        "Name": service.name,
        "Answers": {"Id": found.person.id, "Name": found.person.name},
        "Roles": sorted(found.roles),
        "CreatedAt": service.created_at.isoformat(),
        "EndedAt": service.ended_at.isoformat() if service.ended_at else None,
    }
