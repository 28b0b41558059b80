"""The sections of the settings: what can be set, of which type, and what holds unless you say otherwise."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import time
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import ByteSize, Field, PlainValidator, TypeAdapter, ValidationError

from regard.config.toml_tables import Table
from regard.domain.regions import ANY, is_region


def _path(value: object) -> Path:
    if isinstance(value, Path):
        return value.expanduser().absolute()
    if not isinstance(value, str):
        raise ValueError("it must be the path of a file or folder, as text")
    if not value:  # it would mean the folder we happen to stand in
        raise ValueError("leave it out, or say which file or folder")
    return Path(value).expanduser().absolute()


def _size(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(_SIZES)
    try:
        size = int(_BYTES.validate_python(value))
    except ValidationError as error:
        raise ValueError(_SIZES) from error
    if size < _LEAST_SIZE:
        raise ValueError(f"it must be at least {_LEAST_SIZE // 10**6} MB, or not even small pictures can be read")
    return size


_BYTES = TypeAdapter(ByteSize)
_SIZES = 'it must be a size, such as "2 GB" or "512 MiB", or a number of bytes'
_LEAST_SIZE = 100_000_000

#: A number of bytes, or text with a unit.
Size = Annotated[int, PlainValidator(_size)]

#: A relative path is taken from where the server is started; "~" is your home.
AbsolutePath = Annotated[Path, PlainValidator(_path)]


def _listed(value: object) -> str:
    """Text of items with commas between them, which a file may also give as a list."""
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
        raise ValueError("it must be text, or a list of texts")
    return ", ".join(item.strip() for item in items if item.strip())


def split(text: str | None) -> tuple[str, ...]:
    """The items of such a setting."""
    return tuple(text.split(", ")) if text else ()


def _folders(value: object) -> str:
    text = _listed(value)
    if not all(Path(each).expanduser().is_absolute() and Path(each) != Path("/") for each in split(text)):
        raise ValueError("it must be whole paths of folders, such as /srv/photographs, and never /")
    return text


def _hours(value: object) -> tuple[time, time] | None:
    if value is None or isinstance(value, tuple):  # as another layer has read it
        return value
    try:
        start, end = (time.fromisoformat(each.strip()) for each in str(value).split("-"))
    except ValueError as error:
        raise ValueError('they must be two times of the day, such as "07:00-19:00"') from error
    return start, end


def _regions(value: object) -> str:
    text = _listed(value)
    names = split(text)
    if not names or not all(map(is_region, names)) or (ANY in names and len(names) > 1):
        raise ValueError(f'it must be a Region such as us-east-1, a list of them, or "{ANY}" alone')
    return text


def _packs(value: object) -> str:
    text = _listed(value)
    if not set(split(text)) <= set(PACKS):
        raise ValueError(f'it must be packs of models, such as "text, images"; there are: {", ".join(PACKS)}')
    return text


def _origins(value: object) -> str:
    text = _listed(value)
    if text != "*" and not all(map(_ORIGIN.fullmatch, split(text))):
        raise ValueError('it must be "*", or origins such as https://app.example.com, without a path')
    return text


def _prefixes(value: object) -> str:
    text = _listed(value)
    if not all(map(_PREFIX.fullmatch, split(text))):
        raise ValueError("it must be a path such as /rekognition, or a list of them: a slash first, and none last")
    return text


#: Regard's own packs of models; `faces` is always fetched.
PACKS = ("faces", "images", "text", "moderation", "video", "glasses")


def _overlays(value: object) -> str:
    text = _listed(value)
    if unknown := sorted(set(split(text)) - set(OVERLAYS)):
        raise ValueError(f"there is no overlay {unknown[0]}; there are {', '.join(OVERLAYS)}")
    return text


#: The profiles that are laid over another.
OVERLAYS = ("illinois", "texas")


def _site(value: object) -> str:
    text = _issuer(value)
    if not _ORIGIN.fullmatch(text):
        raise ValueError("it must be an address without a path, such as https://regard.example.org")
    return text


def _issuer(value: object) -> str:
    text = str(value)
    if not text.startswith(("https://", "http://localhost", "http://127.0.0.1")):
        raise ValueError("it must be an address that begins with https://, or one of this machine's")
    return text


def _webhooks(value: object) -> str:
    text = _listed(value)
    for each in split(text):
        try:
            parts = urlsplit(each)
            _ = parts.port
        except ValueError as error:
            raise ValueError(_WEBHOOK) from error
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.fragment:
            raise ValueError(_WEBHOOK)
    return text


#: Not shown: there may be a secret in it.
_WEBHOOK = "it must be addresses such as https://example.org/regard, without a name and a password in them"

_ORIGIN = re.compile(r"https?://[a-z0-9.\-\[\]:]{1,255}", re.ASCII)
_PREFIX = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]{1,100}){1,10}", re.ASCII)


class ServerSettings(Table, frozen=True):
    """Where the server listens, and for how many."""

    #: The address the server binds; loopback unless you say otherwise.
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    #: The Regions that signatures may be made for, or "any", and the account; both stand in ARNs.
    region: Annotated[str, PlainValidator(_regions)] = "us-east-1"
    account_id: str = "000000000000"
    #: The sites whose pages a browser lets call this server: "*" is every one, "" none.
    origins: Annotated[str, PlainValidator(_origins)] = "*"
    #: Folders that may be indexed from the console; unless set, those in the home of the server's account, and none
    #: where the server does not listen at loopback.
    folders: Annotated[str, PlainValidator(_folders)] | None = None
    #: Paths beside "/" that are answered at too, for a server behind a proxy.
    path_prefixes: Annotated[str, PlainValidator(_prefixes)] | None = None
    #: A certificate chain and its private key, PEM: with them the server speaks TLS only.
    tls_certificate: AbsolutePath | None = None
    tls_key: AbsolutePath | None = None
    #: Rates per principal and operation: "off", "aws" (Rekognition's defaults), or a TOML file of your own.
    rates: str = "off"
    #: Requests that may wait for their turn; more are turned away at once.
    queue: int = Field(default=128, ge=0)
    #: Connections in all, as far as the limit of descriptors allows, and those of one address without a verified
    #: signature.
    connections: int = Field(default=4096, ge=16)
    connections_per_address: int = Field(default=256, ge=1)
    #: Seconds for a whole head of a request, and for the next request on an open connection.
    head_seconds: int = Field(default=10, ge=1)
    idle_seconds: int = Field(default=75, ge=1)
    #: Seconds for running requests once the server is told to end.
    grace_seconds: int = Field(default=20, ge=1)
    #: What is answered for attributes of a face that no model here can tell: nothing ("absent"), or, for programs that
    #: read them without looking whether they are there, `Value: false` with `Confidence: 50` ("unknown").
    untold_attributes: Literal["absent", "unknown"] = "absent"
    #: What all pictures together may take while they are worked on; unless set, most of what the machine or its
    #: control group leaves.
    memory: Size | None = None


class StoreSettings(Table, frozen=True):
    """Where the truth is kept."""

    #: The database's URL; SQLite in the home unless set. postgresql://USER:PASSWORD@HOST/NAME is the other kind.
    database: str | None = Field(default=None, repr=False)


class IndexSettings(Table, frozen=True):
    """What searches the vectors."""

    #: Where new collections begin: in the embedded index, or in Milvus, the index that servers share.
    default: Literal["embedded", "milvus"] = "embedded"
    #: A Milvus, as http://host:19530, which may hold a password; and user:password or the key that opens it.
    milvus: str | None = Field(default=None, repr=False)
    milvus_token: str | None = Field(default=None, repr=False)


class ModelSettings(Table, frozen=True):
    """The models: where their files are and which are used."""

    #: Where model files are kept; `<home>/models` unless set.
    folder: AbsolutePath | None = None
    #: A folder of model files, tried before any network.
    mirror: AbsolutePath | None = None
    #: The packs that a server fetches once it has started, in this order; those of faces were fetched before.
    packs: Annotated[str, PlainValidator(_packs)] = "text, images, moderation, video"
    #: The card of the detector, and that of the face model of new collections and of comparisons; a collection that is
    #: there already keeps its own.
    detector: str = "centerface"
    embedder: str = "sface"
    #: Threads for the models; 0 is one per core.
    threads: int = Field(default=0, ge=0)


class ObjectSettings(Table, frozen=True):
    """Where the objects that requests name are read."""

    #: One folder per bucket for `S3Object`; `<home>/buckets` unless set.
    buckets: AbsolutePath | None = None
    #: An S3-compatible store for buckets that have no folder: its URL, or "aws".
    s3_endpoint: str | None = None
    s3_region: str = "us-east-1"
    #: The key that opens it; without one, what botocore finds by itself (environment, ~/.aws, the instance's role).
    s3_access_key_id: str | None = None
    s3_secret_access_key: str | None = Field(default=None, repr=False)


class CelebritySettings(Table, frozen=True):
    """Whom RecognizeCelebrities knows; nobody unless you say so."""

    #: The collection whose users are the celebrities.
    collection: str | None = None
    #: Their names and addresses by user id; `<home>/celebrities.toml` unless set.
    names: AbsolutePath | None = None
    #: The least similarity, 0..100, at which a face is a celebrity's.
    threshold: float = Field(default=90.0, ge=0, le=100, strict=False)


class VideoSettings(Table, frozen=True):
    """How stored videos are looked at."""

    #: What decodes them: PyAV ("av", of the extra `video`), OpenCV ("opencv"), or PyAV where it is installed ("auto").
    decoder: Literal["auto", "av", "opencv"] = "auto"
    #: Looks a second for faces and people; for all else there are two.
    looks: float = Field(default=5.0, ge=1, le=60, strict=False)


class AccountabilitySettings(Table, frozen=True):
    """Who may do what."""

    #: The rules that every act is held to: "open" allows everything, "closed" nothing, and "recorded"
    #: everything, with an entry in the ledger for each act. The others know people, their roles and authorisations.
    profile: Literal[
        "open",
        "closed",
        "consented",
        "detroit",
        "eu",
        "maryland",
        "public-safety",
        "recorded",
        "uk-lfr",
        "washington",
    ] = "open"
    #: What tightens it, and the profile of every collection: "illinois", "texas", or a list.
    overlays: Annotated[str, PlainValidator(_overlays)] | None = None
    #: The reference of the assessment (DPIA, FRIA) that some profiles ask for before anybody may search.
    assessment: str | None = None
    #: What reports say of whoever runs this: their name, where to ask or complain, what it is used for, and which
    #: decision is made with it.
    agency: str | None = None
    contact: str | None = None
    purpose: str | None = None
    decision: str | None = None
    #: Whether `/transparency` shows the profile, the collections' names and the error rates to anybody.
    public_page: bool = False
    #: The address that people open, such as https://regard.example.org; passkeys are bound to it.
    site: Annotated[str, PlainValidator(_site)] | None = None
    #: An identity provider (OpenID Connect) whose people may sign in, and what it knows this installation as.
    openid_issuer: Annotated[str, PlainValidator(_issuer)] | None = None
    openid_client_id: str | None = None
    #: Who is told of incidents, unless one names others.
    incident_recipients: Annotated[str, PlainValidator(_listed)] | None = None
    #: The hours in which people work here, by the machine's clock, such as "07:00-19:00": searches outside of them are
    #: listed as a sign of abuse.
    working_hours: Annotated[tuple[time, time] | None, PlainValidator(_hours)] = None


class JobSettings(Table, frozen=True):
    """Work that outlives the request that asked for it, such as on stored video."""

    #: Processes beside a server that do jobs; with 0, only `regard worker` does them.
    workers: int = Field(default=1, ge=0)
    #: Days for which a client can get what a job found; the profile may shorten them.
    retention_days: float = Field(default=7.0, gt=0, le=365, strict=False)
    #: Seconds after which another worker takes over what one has not been heard of.
    lease_seconds: float = Field(default=30.0, ge=1, le=600, strict=False)


class EventSettings(Table, frozen=True):
    """Who is told when a job has ended, beside those who ask."""

    #: Where the topics are that clients name: "aws", or the URL of what speaks SNS. Without it they are not told.
    sns_endpoint: str | None = None
    #: The key for it; without one, what botocore finds by itself.
    sns_access_key_id: str | None = None
    sns_secret_access_key: str | None = Field(default=None, repr=False)
    #: Addresses that are told of every job, and the secret that signs what they are told.
    webhooks: Annotated[str, PlainValidator(_webhooks)] | None = Field(default=None, repr=False)
    webhook_secret: str | None = Field(default=None, repr=False)
    #: Whether they may be addresses that only this machine or its network reaches.
    private_webhooks: bool = False
    #: A file to which every event is added, as a line of JSON.
    file: AbsolutePath | None = None


class TelemetrySettings(Table, frozen=True):
    """What the server tells those who run it."""

    log_format: Literal["text", "json"] = "text"
    #: Where spans go, an OTLP/HTTP endpoint; needs the extra `otel`.
    otlp_endpoint: str | None = None


#: Every section by its name in `regard.toml` and in the environment. No name holds "_".
SECTIONS: Mapping[str, type[Table]] = {
    "server": ServerSettings,
    "store": StoreSettings,
    "index": IndexSettings,
    "models": ModelSettings,
    "objects": ObjectSettings,
    "celebrities": CelebritySettings,
    "video": VideoSettings,
    "jobs": JobSettings,
    "events": EventSettings,
    "telemetry": TelemetrySettings,
    "accountability": AccountabilitySettings,
}


def is_secret(section: str, key: str) -> bool:
    """Whether a setting is, or may hold, what is not to be shown."""
    return not SECTIONS[section].model_fields[key].repr
