"""The sections of the settings: what can be set, of which type, and what holds unless you say otherwise."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

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


def _regions(value: object) -> str:
    text = _listed(value)
    names = split(text)
    if not names or not all(map(is_region, names)) or (ANY in names and len(names) > 1):
        raise ValueError(f'it must be a Region such as us-east-1, a list of them, or "{ANY}" alone')
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


class AccountabilitySettings(Table, frozen=True):
    """Who may do what."""

    #: The rules that every act is held to: "open" allows everything, "closed" nothing, and "recorded"
    #: everything, with an entry in the ledger for each act. The others know people, their roles and authorisations.
    profile: Literal["open", "closed", "public-safety", "recorded"] = "open"


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
    "telemetry": TelemetrySettings,
    "accountability": AccountabilitySettings,
}


def is_secret(section: str, key: str) -> bool:
    """Whether a setting is, or may hold, what is not to be shown."""
    return not SECTIONS[section].model_fields[key].repr
