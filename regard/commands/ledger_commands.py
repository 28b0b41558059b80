"""`regard ledger`: the record of every act, to be signed, exported, proved, verified and witnessed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from regard.accountability.ledger.ledger_verification import LedgerFault, report
from regard.bootstrap.ledger import is_recorded
from regard.bootstrap.register import open_register
from regard.commands import context, ledger_witness_command, terminal
from regard.commands.acts import granted
from regard.commands.desk import desk
from regard.commands.elsewhere import check_here
from regard.commands.remote.kept_sign_in import kept_sign_in
from regard.commands.terminal import Home
from regard.config.settings import Settings
from regard.errors import InvalidParameter

app = typer.Typer(
    help="The record of every act: sign, export, prove, verify, witness.", no_args_is_help=True, add_completion=False
)

WitnessKeys = Annotated[list[str] | None, typer.Option("--witness-key", metavar="KEY", help="The witness's key.")]


@app.command()
def keys(home: Home = None) -> None:
    """Show the ledger's public keys. Whoever is to verify it needs one, from you and not from an export."""
    chosen = context.settings(home)
    with desk(chosen, "ledger keys") as at:
        found = at.ledger.keys()
    terminal.say("\n".join(found))
    terminal.note(
        "The first is the Ed25519 key, which every verifier knows; the second the ML-DSA-44 key, for the day when "
        "quantum computers forge the first kind. Give out both, by another way than the exports."
    )


@app.command()
def checkpoint(
    witness: Annotated[
        str | None, typer.Option(metavar="URL", help="A witness to cosign it, such as https://witness.example.org.")
    ] = None,
    witness_key: WitnessKeys = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it to a file.")] = None,
    home: Home = None,
) -> None:
    """Sign how many entries there are and the hash above them. Kept elsewhere, it tells if the ledger is ever cut,
    changed or set back.

    Example: [bold]regard ledger checkpoint --output 2026-11-28.checkpoint[/]
    """
    if witness and not witness_key:
        raise InvalidParameter("Give the witness's key with --witness-key, or anybody could answer for it.")
    chosen = context.settings(home)
    if witness:
        check_here(chosen, "ledger checkpoint --witness")
        with granted(chosen, "ledger checkpoint") as grant, open_register(chosen) as register:
            signed = register.ledger.checkpoint(grant)
            note = register.ledger.cosign(grant, signed, witness, witness_key or []).note
    else:
        with desk(chosen, "ledger checkpoint") as at:
            note = at.ledger.checkpoint().note
    _note_if_off(chosen)
    _put(note, output)


@app.command()
def prove(
    entry: Annotated[str, typer.Argument(metavar="ENTRY", help="An entry's number, or the id of a request.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it to a file: NAME.tlog-proof.")] = None,
    home: Home = None,
) -> None:
    """Print a receipt: what an entry says, and the proof that it is in the ledger, to be verified without the ledger.

    Example: [bold]regard ledger prove 4711 --output search.tlog-proof[/]
    """
    chosen = context.settings(home)
    with desk(chosen, "ledger prove") as at:
        receipt = at.ledger.receipt_of(entry)
    _put(receipt, output)


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Where to write it; an earlier export there is brought up to date.")],
    home: Home = None,
) -> None:
    """Write the whole ledger into a folder, for somebody who verifies it with `regard ledger verify`, or with any tool
    for C2SP's tlog-tiles."""
    chosen = context.settings(home)
    with (
        desk(chosen, "ledger export") as at,
        terminal.progress() as progress,
    ):
        made = at.ledger.export(folder, progress)
    _note_if_off(chosen)
    terminal.say(f"Exported {made.size:,} entries to {terminal.readable(folder)}.")
    terminal.note("The entries name people and faces: hand the folder only to who may read them.")


@app.command()
def verify(
    place: Annotated[Path, typer.Argument(metavar="PLACE", help="The folder of an export, or a receipt.")],
    key: Annotated[
        list[str] | None, typer.Option("--key", metavar="KEY", help="A key of the ledger; all given must have signed.")
    ] = None,
    earlier: Annotated[
        list[Path] | None, typer.Option("--checkpoint", help="A checkpoint that you have kept since.")
    ] = None,
    witness_key: WitnessKeys = None,
) -> None:
    """Verify an export or a receipt. It needs nothing of this machine: neither a home nor a server.

    Example: [bold]regard ledger verify export --key "$KEY" --checkpoint 2026-11-28.checkpoint[/]
    """
    try:
        terminal.say(report(place, key or [], earlier or [], witness_key or []))
    except LedgerFault as fault:
        raise InvalidParameter(str(fault)) from fault


@app.command()
def erase(
    before: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Entries of earlier days, by UTC.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the ledger for as long as this entry does.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    home: Home = None,
) -> None:
    """Erase what entries say, for good. Their hashes stay, so that every proof still holds, and an entry says what was
    erased."""
    chosen = context.settings(home)
    check_here(chosen, "ledger erase")
    if not yes:
        typer.confirm(f"Erase what the entries before {before:%Y-%m-%d} say, for good?", abort=True)
    with granted(chosen, "ledger erase") as grant, open_register(chosen) as register:
        count = register.ledger.erase(grant, before.replace(tzinfo=UTC), reason)
    terminal.say(f"Erased the bodies of {count:,} entries.")


@app.command()
def resume(
    reason: Annotated[str, typer.Option(help="Why the clock was wrong; it stands in the ledger.")],
    home: Home = None,
) -> None:
    """After the clock was set back: confirm that it is right now. Two people do, each with this command.

    Until then nothing is done, for an authorisation that has ended must not come to life again.
    """
    chosen = context.settings(home)
    check_here(chosen, "ledger resume")
    with granted(chosen, "ledger resume") as grant, open_register(chosen) as register:
        resumed = register.ledger_resumption.resume(grant, reason)
    terminal.say(f"The clock is {resumed.behind:,.0f} seconds behind the ledger's last entry.")
    if resumed.confirmed:
        terminal.say("It was confirmed to be right: what is done is recorded again.")
    else:
        terminal.note("Another person confirms it with the same command.")


app.command("witness")(ledger_witness_command.witness)


def _note_if_off(chosen: Settings) -> None:
    if kept_sign_in(chosen.home) is None and not is_recorded(chosen):
        terminal.note(f"Nothing is being recorded: the profile {chosen.accountability.profile} has no ledger.")


def _put(text: str, file: Path | None) -> None:
    if file is None:
        terminal.say(text.removesuffix("\n"))
        return
    file.write_text(text, encoding="utf-8")
    terminal.note(f"Saved {terminal.readable(file)}.")
