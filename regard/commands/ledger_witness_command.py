"""`regard ledger witness`: cosign another organisation's ledger, as long as it only grows."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from regard.bootstrap.witness import witness_application
from regard.commands import context, terminal
from regard.commands.terminal import Home
from regard.edge.connections import ConnectionLimits, Connections
from regard.edge.http_server import HttpServer, Listening
from regard.errors import InvalidParameter

_CONNECTIONS = ConnectionLimits(most=256, most_strangers=32, vouched_seconds=75)


def witness(
    name: Annotated[str, typer.Option(help="The witness's name, such as witness.example.org/faces.")],
    log: Annotated[list[str] | None, typer.Option("--log", metavar="KEY", help="A key of a ledger to witness.")] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 picks a free one.")] = 8081,
    home: Home = None,
) -> None:
    """Run a witness for another organisation's ledger: it signs each checkpoint that continues the last one it saw, and
    no other. Its keys and what it saw are kept in its home, which is not the ledger's.

    Example: [bold]regard ledger witness --name witness.example.org --log "$KEY" --home /var/lib/witness[/]
    """
    if not name or "+" in name or any(character.isspace() for character in name) or len(name.encode()) > 255:
        raise InvalidParameter("A witness's name has no spaces and no plus signs, such as witness.example.org/faces.")
    if not log:
        raise InvalidParameter("Say which ledger to witness: --log and a key that `regard ledger keys` shows there.")
    chosen = context.settings(home)
    application, keys = witness_application(chosen, name, log)
    server = HttpServer(
        application,
        Listening(host=host, port=port),
        Connections(_CONNECTIONS),
        announce=lambda bound: _announce(host, bound, keys, chosen.home),
    )
    server.run()
    if server.ended_by == signal.SIGINT:
        raise KeyboardInterrupt


def _announce(host: str, port: int, keys: list[str], home: Path) -> None:
    lines = [f"Witnessing at http://{host}:{port}, with what it saw in {home / 'witness'}.", "Its keys:", *keys]
    terminal.say("\n".join(lines))
