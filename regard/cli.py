"""The command line: `regard COMMAND`. Each command is a module of `regard.commands`."""

from __future__ import annotations

import errno
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from regard.bootstrap.core_dumps import forbid_core_dumps
from regard.commands import terminal
from regard.errors import RegardError

_SERVER, _PHOTOS, _CARE = "Server", "Photographs", "Care"

#: Every command: its panel in `regard --help`, its module, its line there.
COMMANDS = {
    "serve": (_SERVER, "serve_command", "Start the server; AWS SDKs then work against this machine."),
    "sign-in": (_SERVER, "sign_in_command", "Sign in to a server, which commands then ask."),
    "sign-out": (_SERVER, "sign_out_command", "End that; commands work in this machine's home again."),
    "worker": (_SERVER, "worker_command", "Do jobs, beside servers or on other machines."),
    "jobs": (_SERVER, "jobs_commands", "Jobs on stored video: list and show them; cancel, pause, resume, retry."),
    "keys": (_SERVER, "key_commands", "Create, list and revoke access keys."),
    "people": (_SERVER, "people_commands", "People: who they are, their roles, trainings, keys and sign-in."),
    "services": (_SERVER, "services_commands", "Services: programs that act, and who answers for each."),
    "profiles": (_SERVER, "profiles_commands", "The profiles there are, and where their rules come from."),
    "authorise": (_SERVER, "authorise_commands", "Request, approve and end authorisations to search."),
    "thresholds": (_SERVER, "thresholds_commands", "Lower a collection's threshold with two people, or raise it."),
    "faces": (_PHOTOS, "faces_command", "Find and describe the faces of a picture; list and delete enrolled ones."),
    "compare": (_PHOTOS, "compare_command", "Compare the largest face of one picture with the faces of another."),
    "labels": (_PHOTOS, "labels_command", "Tell what is in a picture: objects, scenes, colours."),
    "index": (_PHOTOS, "index_command", "Enrol the faces of a folder of pictures in a collection."),
    "search": (_PHOTOS, "search_command", "Search a collection for the face in a picture."),
    "text": (_PHOTOS, "text_command", "Read the text of a picture."),
    "video": (_PHOTOS, "video_command", "Tell who and what is in a film, and when."),
    "users": (_PHOTOS, "users_commands", "Make users of faces: one person, many pictures; search for them."),
    "collections": (_PHOTOS, "collection_commands", "List, move, check and delete collections."),
    "evaluate": (_CARE, "evaluate_command", "Measure error rates on pictures of known people."),
    "evaluations": (_CARE, "evaluations_commands", "List and show the error rates that were measured."),
    "cases": (_CARE, "cases_commands", "See what searches found once it is reviewed; add what supports it."),
    "review": (_CARE, "review_commands", "Compare candidates with what was searched for, knowing nothing else."),
    "subject": (_CARE, "subject_commands", "What is kept of the person in a picture, and its erasure."),
    "consents": (_CARE, "consent_commands", "Record, list and withdraw written releases."),
    "watchlists": (_CARE, "watchlist_commands", "List and review the watch-lists of deployments."),
    "sweep": (_CARE, "sweep_command", "Erase what is kept for longer than the rules allow."),
    "suspend": (_CARE, "suspend_command", "Stop everything, a collection, a person or an authorisation, at once."),
    "suspensions": (_CARE, "suspension_commands", "List and lift suspensions."),
    "incidents": (_CARE, "incident_commands", "What went wrong, who must be told by when, and signs of abuse."),
    "report": (_CARE, "report_commands", "Reports for the public, for courts and for auditors."),
    "ledger": (_CARE, "ledger_commands", "The record of every act: sign, export, prove, verify, witness."),
    "models": (_CARE, "model_commands", "List, fetch and verify the models."),
    "doctor": (_CARE, "doctor_command", "Show what is installed, where data is kept, and any problems."),
}


class _Commands(TyperGroup):
    """Loads a command when it is run, and prints its errors as messages.

    Loading them all takes a second (ONNX Runtime, SQLAlchemy, OpenCV), too long for `regard --help`.
    """

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] in COMMANDS:
            module = import_module(f"regard.commands.{COMMANDS[args[0]][1]}")
            self.commands[args[0]] = get_command(module.app)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except RegardError as error:
            terminal.fail(f"{error.message.rstrip('.')}. {error.detail}" if error.detail else error.message)
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of our output has closed it; Typer ends quietly
                raise
            where = f"{terminal.readable(error.filename)}: " if error.filename else ""
            terminal.fail(f"{where}{error.strerror or error}.")
        raise typer.Exit(1)


app = typer.Typer(
    cls=_Commands,
    name="regard",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        terminal.say(f"regard {version('regard')}")
        raise typer.Exit


@app.callback(
    epilog="A first try: [bold]regard faces photo.jpg --save marked.jpg[/]\n\n"
    "A server for boto3 and every AWS SDK: [bold]regard serve[/]\n\n"
    "Your own photographs: [bold]regard index ~/Pictures --collection people[/], then "
    "[bold]regard search photo.jpg --collection people[/]"
)
def _regard(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Regard: a visual recognition server of your own that speaks Amazon Rekognition's protocol."""


def _not_loaded_yet() -> None:
    """Stands in for a command until `_Commands` loads it."""


for _name, (_panel, _, _summary) in COMMANDS.items():
    app.command(_name, help=_summary, rich_help_panel=_panel)(_not_loaded_yet)


def main() -> None:
    """The entry point. Exits with 0; 1 after an error, 2 for a wrong command line, 130 after Ctrl-C."""
    forbid_core_dumps()
    app()
