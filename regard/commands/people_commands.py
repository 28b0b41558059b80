"""`regard people`: who there is, what they may do, and what they were trained in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.markup import escape

from regard.accountability.people import PersonShown
from regard.commands import context, sign_in_commands, terminal
from regard.commands.desk import desk
from regard.commands.terminal import Home, Json
from regard.domain.people import Person, Role, Training

app = typer.Typer(
    help="People: who they are, their roles, trainings, keys and sign-in.", no_args_is_help=True, add_completion=False
)

Who = Annotated[str, typer.Argument(metavar="WHO", help="A person's login, id or name.")]
Roles = Annotated[list[Role], typer.Argument(metavar="ROLE…", help=", ".join(Role) + ".")]
RoleOptions = Annotated[list[Role] | None, typer.Option("--role", help="A role to begin with; may be repeated.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]
Day = Annotated[datetime, typer.Option(formats=["%Y-%m-%d"])]
#: Until when a training holds unless it is said: Md. CP § 2-505(c) asks for one each year.
_TRAINED_DAYS = 365


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Their name, as it stands in reports.")],
    login: Annotated[
        str | None, typer.Option(help="What they sign in with; on this machine, the name of their account.")
    ] = None,
    role: RoleOptions = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Add a person. The first is made by whoever runs this machine, and is an administrator.

    Example: [bold]regard people add "Ada Lovelace" --login ada --role administrator[/]
    """
    chosen = context.settings(home)
    with desk(chosen, "people add") as at:
        person = at.people.add(name, login, role or [])
    if as_json:
        terminal.say_json(_shape(PersonShown(person=person, roles=frozenset(role or []))))
        return
    terminal.say(f"Added {person.name}: {', '.join(sorted(role or [])) or 'no role yet'}.")
    known_as = login or person.id
    if not role:
        terminal.note(f"Next: {context.with_home(f'people grant {known_as} ROLE', home)}.")
    elif login:
        password = context.with_home(f"people password {known_as}", home)
        key = context.with_home(f"people key {known_as}", home)
        terminal.note(f"Next: {password}, to sign in; {key}, for an AWS client.")
    if trained := sorted(set(role or []) & set(at.trained)):
        train = context.with_home(f"people train {known_as} --subject WHAT --reference WHERE --completed DAY", home)
        terminal.note(f"As {' and '.join(trained)} they need a training: {train}.")


@app.command("list")
def show_all(as_json: Json = False, home: Home = None) -> None:
    """Show everybody, with their roles. Those who have ended stay: the record names them."""
    chosen = context.settings(home)
    with desk(chosen, "people list") as at:
        found = at.people.list()
    if as_json:
        terminal.say_json([_shape(each) for each in found])
        return
    if not found:
        first = context.with_home('people add "YOUR NAME" --login YOU --role administrator', home)
        terminal.note(f"There is nobody yet; {first} adds the first.")
        return
    rows = terminal.table("Login", "~Name", "~Roles", "?Since", "Ended")
    for each in found:
        person = each.person
        rows.add_row(
            escape(person.login or "–"),
            escape(person.name),
            ", ".join(sorted(each.roles)) or "[dim]none[/]",
            f"{person.created_at:%Y-%m-%d}",
            f"[red]{person.ended_at:%Y-%m-%d}[/]" if person.ended_at else "",
        )
    terminal.out().print(rows)


@app.command()
def show(who: Who, as_json: Json = False, home: Home = None) -> None:
    """Show a person: roles, trainings, active keys, and the services they answer for."""
    chosen = context.settings(home)
    with desk(chosen, "people show") as at:
        found = at.people.show(who)
    if as_json:
        terminal.say_json(_shape(found))
        return
    person = found.person
    rows = terminal.table("", "~", header=False)
    rows.add_row("Name", escape(person.name))
    rows.add_row("Id", person.id)
    rows.add_row("Login", escape(person.login or "none"))
    rows.add_row("Roles", ", ".join(sorted(found.roles)) or "none")
    rows.add_row("Services", escape(", ".join(found.services) or "none"))
    rows.add_row("Keys", ", ".join(found.keys) or "none")
    rows.add_row("Since", f"{person.created_at:%Y-%m-%d %H:%M} UTC")
    if person.ended_at:
        rows.add_row("Ended", f"[red]{person.ended_at:%Y-%m-%d %H:%M} UTC[/]")
    terminal.out().print(rows)
    if found.trainings:
        trained = terminal.table("~Training", "~?Reference", "Completed", "Expires")
        for each in found.trainings:
            expired = each.expires_at <= datetime.now(UTC)
            until = f"[red]{each.expires_at:%Y-%m-%d}[/]" if expired else f"{each.expires_at:%Y-%m-%d}"
            trained.add_row(escape(each.subject), escape(each.reference), f"{each.completed_at:%Y-%m-%d}", until)
        terminal.out().print(trained)


@app.command()
def end(who: Who, yes: Yes = False, home: Home = None) -> None:
    """End a person, for good: their keys, their sign-ins, and the services they answer for. Servers follow within a
    second. What the record says of them stays."""
    chosen = context.settings(home)
    with desk(chosen, "people end") as at:
        if not yes:
            typer.confirm(f"End {who}, with every key and service of theirs, for good?", abort=True)
        person, keys = at.people.end(who)
    terminal.say(f"{person.name} has ended, and {_counted(len(keys), 'access key')} with them.")


@app.command("grant")
def grant_roles(who: Who, roles: Roles, home: Home = None) -> None:
    """Give a person roles. Nobody makes themself searcher, reviewer or overseer.

    Example: [bold]regard people grant ada searcher[/]
    """
    chosen = context.settings(home)
    with desk(chosen, "people grant") as at:
        person = at.people.grant(who, roles)
    terminal.say(f"{person.name} is {' and '.join(sorted(roles))} now.")


@app.command()
def withdraw(who: Who, roles: Roles, home: Home = None) -> None:
    """Take roles from a person. Servers follow within a second."""
    chosen = context.settings(home)
    with desk(chosen, "people withdraw") as at:
        person = at.people.withdraw(who, roles)
    terminal.say(f"{person.name} is no longer {' or '.join(sorted(roles))}.")


@app.command()
def train(
    who: Who,
    subject: Annotated[str, typer.Option(help="What it was in, such as “face comparison, two days”.")],
    reference: Annotated[str, typer.Option(help="Where that is written down: a certificate's number, a file.")],
    completed: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The day, by UTC.")],
    expires: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A year after it was completed, unless given.")
    ] = None,
    home: Home = None,
) -> None:
    """Record that somebody was trained, and until when that holds. Nobody records their own.

    Example: [bold]regard people train ada --subject "face comparison" --reference C-17 --completed 2026-11-02[/]
    """
    began = completed.replace(tzinfo=UTC)
    until = began + timedelta(days=_TRAINED_DAYS) if expires is None else expires.replace(tzinfo=UTC)
    training = Training(person_id=who, subject=subject, reference=reference, completed_at=began, expires_at=until)
    chosen = context.settings(home)
    with desk(chosen, "people train") as at:
        person = at.people.train(training)
    terminal.say(f"{person.name} is trained in {subject.strip()} until {until:%Y-%m-%d}.")


@app.command()
def key(
    who: Who,
    name: Annotated[str | None, typer.Option(help="Its name in `regard keys list`; their login unless given.")] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Give a person an access key, for AWS clients. Its secret is shown now and never again."""
    chosen = context.settings(home)
    with desk(chosen, "people key") as at:
        access_key_id, secret, person = at.services.key_of_person(who, name)
    say_key(access_key_id, secret, person.name, as_json=as_json)


def say_key(access_key_id: str, secret: str, holder: str, *, as_json: bool) -> None:
    """Show a new access key, for the only time."""
    if as_json:
        terminal.say_json({"AccessKeyId": access_key_id, "SecretAccessKey": secret, "Holder": holder})
        return
    terminal.say(f"AccessKeyId:     {access_key_id}\nSecretAccessKey: {secret}")
    terminal.note(f"It is {holder}'s. The secret cannot be shown again: keep it now.")


app.command("password")(sign_in_commands.password)
app.command("totp")(sign_in_commands.totp)
app.command("passkeys")(sign_in_commands.passkeys)
app.command("identity")(sign_in_commands.identity)


def _shape(found: PersonShown) -> dict[str, object]:
    person: Person = found.person
    return {
        "Id": person.id,
        "Name": person.name,
        "Login": person.login,
        "Roles": sorted(found.roles),
        "Services": list(found.services),
        "AccessKeyIds": list(found.keys),
        "Trainings": [
            {
                "Subject": each.subject,
                "Reference": each.reference,
                "CompletedAt": each.completed_at.isoformat(),
                "ExpiresAt": each.expires_at.isoformat(),
            }
            for each in found.trainings
        ],
        "CreatedAt": person.created_at.isoformat(),
        "EndedAt": person.ended_at.isoformat() if person.ended_at else None,
    }


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count:,} {noun}s"
