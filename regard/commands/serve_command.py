"""`regard serve`: from nothing to a server that answers."""

from __future__ import annotations

import logging
import signal
import socket
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer
import uvicorn

from regard.app import Regard, server
from regard.commands import opening, terminal
from regard.commands.opening import with_home
from regard.commands.terminal import Home
from regard.errors import SettingsError

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

#: How long requests that are under way may take to finish after a SIGTERM or Ctrl-C.
_GRACE_SECONDS = 20

_SNIPPET = """\
import boto3

client = boto3.client(
    "rekognition", endpoint_url="{endpoint}", region_name="{region}",
    aws_access_key_id="{access_key_id}", aws_secret_access_key="{secret}",
)
photo = open("photo.jpg", "rb").read()  # a picture of yours
print(client.detect_faces(Image={{"Bytes": photo}})["FaceDetails"])
if "people" not in client.list_collections()["CollectionIds"]:
    client.create_collection(CollectionId="people")

client.index_faces(CollectionId="people", Image={{"Bytes": photo}}, ExternalImageId="somebody")
print(client.search_faces_by_image(CollectionId="people", Image={{"Bytes": photo}})["FaceMatches"])
"""


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen at; 127.0.0.1 unless set.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="8080 unless set; 0 takes one that is free.")
    ] = None,
    home: Home = None,
) -> None:
    """Start the server; AWS SDKs then work against this machine.

    The first start fetches the models and makes an access key. Ctrl-C or SIGTERM ends it when the requests under way
    are answered.

    Example: [bold]regard serve --port 9000[/]
    """
    chosen = opening.settings(home, host=host, port=port)
    _check_free(chosen.host, chosen.port)
    signal.signal(signal.SIGTERM, _leave)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with opening.engine(chosen) as regard:
        with terminal.err().status("Loading the models"):
            regard.models.load()
        config = uvicorn.Config(
            server(regard),
            host=chosen.host,
            port=chosen.port,
            access_log=False,
            log_config=None,
            log_level="warning",
            lifespan="off",
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        _Server(config, lambda where: _announce(regard, where, home)).run()


class _Server(uvicorn.Server):
    """Says so when it listens, and where: only then the port is known."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[int], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._announce(self.servers[0].sockets[0].getsockname()[1])


def _announce(regard: Regard, port: int, home: Path | None) -> None:
    settings = regard.settings
    endpoint = f"http://{_reachable(settings.host)}:{port}"
    access_key_id, secret = "YOUR_ACCESS_KEY_ID", "YOUR_SECRET_ACCESS_KEY"
    keys = regard.access_keys.list()
    lines = [f"Regard {version('regard')} is ready.", "", f"Endpoint:        {endpoint}"]
    if not keys:
        access_key_id, secret = regard.access_keys.create("first")
        lines += [f"AccessKeyId:     {access_key_id}", f"SecretAccessKey: {secret}", ""]
        lines += ["The secret is shown this once: keep it. Try it in Python (pip install boto3):"]
    else:
        in_force = sum(key.revoked_at is None for key in keys)
        lines += [f"Access keys:     {in_force} in force; {with_home('keys create', home)} makes another", ""]
        lines += ["Try it in Python (pip install boto3):"]
    snippet = _SNIPPET.format(endpoint=endpoint, region=settings.region, access_key_id=access_key_id, secret=secret)
    terminal.say("\n".join([*lines, "", snippet]))
    if sys.stdout.isatty():
        terminal.say("Ctrl-C ends the server.")


def _reachable(host: str) -> str:
    """A host to put into a URL: one that listens everywhere is reached at loopback."""
    known = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - compared, not bound
    return known.get(host, f"[{host}]" if ":" in host else host)


def _check_free(host: str, port: int) -> None:
    """Raises SettingsError, before anything slow, where the server could not listen."""
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
                probe.listen()
    except socket.gaierror as error:
        raise SettingsError(f"The host {host!r} is unknown: {error.strerror}. Choose one with --host.") from error
    except OSError as error:
        raise SettingsError(
            f"The server cannot listen at {host}, port {port}: {error.strerror}. Stop what listens there, or choose "
            "another with --port (0 takes one that is free)."
        ) from error


def _leave(_: int, __: FrameType | None) -> NoReturn:
    """SIGTERM while starting, or after uvicorn has answered what was under way: a good end."""
    raise SystemExit(0)
