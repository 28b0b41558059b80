"""`regard serve`: start the server."""

from __future__ import annotations

import json
import logging
import signal
import socket
import sys
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from regard.bootstrap.accountability import answers_untold
from regard.bootstrap.engine import Engine
from regard.bootstrap.http import pipeline, server
from regard.bootstrap.job_workers import working_on_jobs
from regard.bootstrap.loopback import is_loopback
from regard.bootstrap.packs import fetching_packs
from regard.bootstrap.rules import rules_of
from regard.bootstrap.spare_memory import keep_what_is_made
from regard.bootstrap.tls import Tls
from regard.commands import context, terminal
from regard.commands.acts import granted
from regard.commands.context import with_home
from regard.commands.profile_findings import UNASSESSED
from regard.commands.terminal import Home
from regard.config.sections import ServerSettings, split
from regard.config.settings import Settings
from regard.domain.regions import first
from regard.edge import descriptors
from regard.edge.connections import ConnectionLimits, Connections
from regard.edge.http_protocol import Patience
from regard.edge.http_server import HttpServer, Listening
from regard.errors import AccessDenied, SettingsError
from regard.telemetry import logs

log = logging.getLogger(__name__)

_UNTOLD = (
    '[server] untold_attributes is "unknown": attributes of faces that no model here can tell are answered with '
    "Value false and Confidence 50, which says nothing of the face"
)

#: From so many faces on, `open` is said to be unsuited to an address that others reach.
_MANY_FACES = 10_000

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

_SNIPPET = """\
import boto3

client = boto3.client(
    "rekognition", endpoint_url="{endpoint}", region_name="{region}",{verify}
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
    host: Annotated[str | None, typer.Option(help="The address to listen on; 127.0.0.1 unless set.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="8080 unless set; 0 picks a free one.")] = None,
    home: Home = None,
) -> None:
    """Start the server; AWS SDKs then work against this machine.

    The first start fetches the models of faces and creates an access key; other packs are fetched while it runs.
    Ctrl-C or SIGTERM ends it once running requests are answered; a second one ends it at once.

    Example: [bold]regard serve --port 9000[/]
    """
    chosen = context.settings(home, host=host, port=port)
    _check_free(chosen.server.host, chosen.server.port)
    _obey_signals()
    logs.begin(chosen.telemetry.log_format)
    limit = descriptors.raise_limit()
    again = _serve(chosen, home, limit)
    while again is not None:  # the first administrator has chosen a profile, and settings are read at the start
        again = _serve(context.settings(home, host=host, port=again), home, limit)


def _serve(chosen: Settings, home: Path | None, limit: int) -> int | None:
    """Serve until the end. Returns the port if it is to begin again there, under settings that are read once more."""
    pipeline(chosen)  # raises for wrong settings now, before anything slow
    untold = answers_untold(chosen)
    tls = Tls.of(chosen)
    if untold:
        log.warning(_UNTOLD)
    with context.engine(chosen) as engine, working_on_jobs(engine), fetching_packs(chosen) as fetching:
        with terminal.err().status("Loading the models"):
            faults = engine.load_models()
        for fault in faults:
            log.warning("%s", fault)
        if warning := _too_open(chosen, engine):
            log.warning("%s", warning)
        shared = pipeline(chosen, engine.instruments)
        ports: list[int] = []

        def begin(port: int) -> None:
            ports.append(port)
            _announce(engine, port, tls, home)
            fetching.start()

        http = HttpServer(
            server(engine, shared),
            _listening(chosen.server, tls),
            Connections(_connection_limits(chosen.server, limit)),
            announce=begin,
            ending=shared.end,
        )
        engine.profile_choice.begin_again = http.begin_again
        keep_what_is_made()
        http.run()
        if http.ended_by == signal.SIGINT:
            raise KeyboardInterrupt
        return ports[0] if http.again and http.ended_by is None else None


def _too_open(chosen: Settings, engine: Engine) -> str | None:
    """What it means that many faces can be searched from elsewhere under the profile that asks nothing."""
    if chosen.accountability.profile != "open" or is_loopback(chosen.server.host):
        return None
    held = engine.faces_held()
    if held <= _MANY_FACES:
        return None
    return (
        f"{held:,} faces are served at {chosen.server.host} under the profile open: whoever has an access key can find "
        "any of these people, for any reason, and no record is kept. `regard profiles list` shows the profiles that "
        "ask who searches and why; recorded at least writes it down. Set one as [accountability] profile"
    )


def _listening(chosen: ServerSettings, tls: Tls | None) -> Listening:
    return Listening(
        host=chosen.host,
        port=chosen.port,
        tls=tls.context if tls else None,
        patience=Patience(head=chosen.head_seconds, idle=chosen.idle_seconds),
        grace_seconds=chosen.grace_seconds,
    )


def _connection_limits(chosen: ServerSettings, descriptor_limit: int) -> ConnectionLimits:
    return ConnectionLimits(
        most=descriptors.connections(chosen.connections, descriptor_limit),
        most_strangers=chosen.connections_per_address,
        vouched_seconds=chosen.idle_seconds,
    )


def _announce(engine: Engine, port: int, tls: Tls | None, home: Path | None) -> None:
    settings = engine.settings
    reachable = _reachable(settings.server.host)
    endpoint = f"https://{tls.host(reachable)}:{port}" if tls else f"http://{reachable}:{port}"
    trust = tls.trust if tls else None
    if engine.gate.in_use.assessment and not settings.accountability.assessment:
        terminal.warn(UNASSESSED)
    if rules_of(settings).people:
        terminal.say("\n".join([*_for_people(endpoint, trust, home), *_first_link(engine, endpoint)]))
        return
    access_key_id, secret = "YOUR_ACCESS_KEY_ID", "YOUR_SECRET_ACCESS_KEY"
    keys = engine.access_keys.list()
    lines = [f"Regard {version('regard')} is ready.", "", *_places(endpoint)]
    if not keys:
        try:
            with granted(settings, "keys create"):
                access_key_id, secret = engine.access_keys.create("first")
        except AccessDenied as refused:
            lines += [f"Access keys:     none. {refused.message}", "", "Try it in Python (pip install boto3):"]
        else:
            lines += [f"AccessKeyId:     {access_key_id}", f"SecretAccessKey: {secret}", ""]
            lines += ["The secret is shown only this once: keep it. Try it in Python (pip install boto3):"]
    else:
        active = sum(key.revoked_at is None for key in keys)
        lines += [f"Access keys:     {active} active; {with_home('keys create', home)} creates another", ""]
        lines += ["Try it in Python (pip install boto3):"]
    if trust:
        lines[4:4] = [_certificate(trust)]
    snippet = _SNIPPET.format(
        endpoint=endpoint,
        region=first(split(settings.server.region)),
        verify=f"\n    verify={json.dumps(trust)}," if trust else "",
        access_key_id=access_key_id,
        secret=secret,
    )
    terminal.say("\n".join([*lines, "", snippet, *_first_link(engine, endpoint)]))
    if sys.stdout.isatty():
        terminal.say("Ctrl-C ends the server.")


def _for_people(endpoint: str, trust: str | None, home: Path | None) -> list[str]:
    """What is said where only people may act: no key of nobody's, and no snippet that a profile would refuse."""
    return [
        f"Regard {version('regard')} is ready.",
        "",
        *_places(endpoint),
        *([_certificate(trust)] if trust else []),
        f"Access keys belong to people here: {with_home('people key LOGIN', home)}. They search under authorisations: "
        "docs/guides/authorisations.md.",
    ]


def _places(endpoint: str) -> list[str]:
    """Where programs go, and where people do."""
    return [f"Endpoint:        {endpoint}", f"Console:         {endpoint}/console/"]


def _first_link(engine: Engine, endpoint: str) -> list[str]:
    """While there is nobody: how somebody becomes the administrator, who adds all others."""
    token = None if rules_of(engine.settings).closed else engine.first_run.offer()
    if token is None:
        return []
    words = "Nobody can sign in to the console yet. Become its administrator with this link, which works once:"
    return ["", words, f"{endpoint}/console/#/welcome/{token}"]


def _certificate(trust: str) -> str:
    return f"Certificate:     not from a public authority: clients need verify={trust!r} or AWS_CA_BUNDLE"


def _reachable(host: str) -> str:
    """A host to put into a URL: a server that listens on all addresses is reached at loopback."""
    known = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - compared, not bound
    return known.get(host, f"[{host}]" if ":" in host else host)


def _check_free(host: str, port: int) -> None:
    """Raises SettingsError, before anything slow, if the server could not listen there."""
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
            "another with --port (0 picks a free one)."
        ) from error


def _obey_signals() -> None:
    """While the server starts, and while it closes what it opened, a signal that ends it exits with 0."""
    signal.signal(signal.SIGTERM, _leave)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup leaves it
        signal.signal(signal.SIGHUP, _leave)
    for each in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(each, signal.SIG_IGN)


def _leave(_: int, __: FrameType | None) -> NoReturn:
    raise SystemExit(0)
