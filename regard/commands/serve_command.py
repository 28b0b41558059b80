"""`regard serve`: from nothing to a server that answers."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer
import uvicorn

from regard.app import Regard, limits, server
from regard.commands import context, terminal
from regard.commands.context import with_home
from regard.commands.terminal import Home
from regard.config.settings import Settings
from regard.errors import SettingsError
from regard.telemetry import logs

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

#: How long requests that are under way may take to finish after a SIGTERM or Ctrl-C.
_GRACE_SECONDS = 20

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
    chosen = context.settings(home, host=host, port=port)
    _check_free(chosen.host, chosen.port)
    limits(chosen)  # what is wrong there is said now, before anything slow
    tls = _Tls.of(chosen)
    signal.signal(signal.SIGTERM, _leave)
    logs.begin(chosen.log_format)
    with context.engine(chosen) as regard:
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
        if tls:
            config.load()
            config.ssl = tls.context
        _Server(config, lambda where: _announce(regard, where, tls, home)).run()


class _Server(uvicorn.Server):
    """Says so when it listens, and where: only then the port is known."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[int], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._announce(self.servers[0].sockets[0].getsockname()[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tls:
    """What the server shows its clients. `trust` is the file by which they trust it; None where they do already."""

    context: ssl.SSLContext
    names: tuple[str, ...]
    trust: str | None

    @classmethod
    def of(cls, settings: Settings) -> _Tls | None:
        """TLS as these settings have it, tried in memory. Raises SettingsError where no client could use it."""
        certificate, key = settings.tls_certificate, settings.tls_key
        if certificate is None and key is None:
            return None
        if certificate is None or key is None:
            given, lacking = ("tls_key", "tls_certificate") if certificate is None else ("tls_certificate", "tls_key")
            raise SettingsError(f"{given} is set and {lacking} is not: TLS needs a certificate and its private key.")
        believer = _client(trusting=certificate)
        context = _loaded(certificate, key)
        try:
            shown = _shown(context, believer)
        except ssl.SSLCertVerificationError as error:
            raise SettingsError(f"No client will accept {certificate}: {error.verify_message}.") from error
        names = tuple(name for _, name in shown.get("subjectAltName", ()))
        own_authority = shown["issuer"] == shown["subject"]
        try:
            _shown(context, _client())
        except ssl.SSLCertVerificationError:
            return cls(context=context, names=names, trust=str(certificate) if own_authority else "/path/to/ca.pem")
        return cls(context=context, names=names, trust=None)

    def host(self, reachable: str) -> str:
        """The host that clients should call: where the certificate does not have it, a name that it has."""
        usable = [name for name in self.names if "*" not in name]
        return reachable if reachable in usable or not usable else usable[0]


def _client(trusting: Path | None = None) -> ssl.SSLContext:
    """A client that trusts what this system trusts, or only the certificate in a file. Raises SettingsError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    if trusting is None:
        context.load_default_certs()
        return context
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(trusting)
    except ssl.SSLError as error:
        raise SettingsError(f"tls_certificate is {trusting}, which holds no certificate in PEM.") from error
    except OSError as error:
        raise SettingsError(f"tls_certificate is {trusting}, which cannot be read: {error.strerror}.") from error
    return context


def _loaded(certificate: Path, key: Path) -> ssl.SSLContext:
    """The server's side. Raises SettingsError where the key is not the certificate's, or cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        key.read_bytes()
        context.load_cert_chain(certificate, key, password="")  # without one, an encrypted key asks the terminal
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise SettingsError(f"The private key {key} does not belong to the certificate {certificate}.") from error
        raise SettingsError(
            f"tls_key is {key}, which holds no private key in PEM that can be used (one that is encrypted cannot): "
            f"{error.reason or error}."
        ) from error
    except OSError as error:
        raise SettingsError(f"tls_key is {key}, which cannot be read: {error.strerror}.") from error
    return context


def _shown(server: ssl.SSLContext, client: ssl.SSLContext) -> dict[str, Any]:
    """The certificate a client is shown, by a handshake in memory. Raises SSLCertVerificationError if it refuses."""
    sent, received = ssl.MemoryBIO(), ssl.MemoryBIO()
    near, far = client.wrap_bio(received, sent), server.wrap_bio(sent, received, server_side=True)
    while True:
        with suppress(ssl.SSLWantReadError):
            near.do_handshake()
            return near.getpeercert() or {}
        with suppress(ssl.SSLWantReadError):
            far.do_handshake()


def _announce(regard: Regard, port: int, tls: _Tls | None, home: Path | None) -> None:
    settings = regard.settings
    reachable = _reachable(settings.host)
    endpoint = f"https://{tls.host(reachable)}:{port}" if tls else f"http://{reachable}:{port}"
    trust = tls.trust if tls else None
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
    if trust:
        lines[3:3] = [f"Certificate:     of no public authority: clients need verify={trust!r}, or AWS_CA_BUNDLE"]
    snippet = _SNIPPET.format(
        endpoint=endpoint,
        region=settings.region,
        verify=f"\n    verify={json.dumps(trust)}," if trust else "",
        access_key_id=access_key_id,
        secret=secret,
    )
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
