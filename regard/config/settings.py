"""Settings: one frozen object, read once from `regard.toml` and the environment. Nothing else reads the environment."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from regard.domain.galleries import EMBEDDED, MILVUS
from regard.errors import SettingsError

PREFIX = "REGARD_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting with its default. In `regard.toml` the name as here; in the environment `REGARD_` + upper case."""

    #: Where everything that must survive lives.
    home: Path
    #: The address the server binds; loopback unless you say otherwise.
    host: str = "127.0.0.1"
    port: int = 8080
    #: The Region and account that ARNs carry and signatures are checked against.
    region: str = "us-east-1"
    account_id: str = "000000000000"
    #: Where model files are kept; `<home>/models` unless set.
    model_dir: Path | None = None
    #: A folder of model files, tried before any network.
    model_mirror: Path | None = None
    #: One folder per bucket for `S3Object`; `<home>/buckets` unless set.
    bucket_dir: Path | None = None
    #: The database's URL; SQLite in the home unless set. postgresql+pg8000://USER:PASSWORD@HOST/NAME is the other kind.
    database: str | None = field(default=None, repr=False)
    #: Where collections begin that are made now: "embedded", or "milvus", the index that servers share.
    index: str = EMBEDDED
    #: A Milvus, as http://host:19530; and user:password or the key that opens it.
    milvus: str | None = None
    milvus_token: str | None = field(default=None, repr=False)
    #: An S3-compatible store for buckets that have no folder: its URL, or "aws"; without one there is none.
    s3_endpoint: str | None = None
    s3_region: str = "us-east-1"
    #: The key that opens it; without one, what botocore finds by itself (environment, ~/.aws, the instance's role).
    s3_access_key_id: str | None = None
    s3_secret_access_key: str | None = field(default=None, repr=False)
    #: A certificate chain and its private key, PEM: with them the server speaks TLS only.
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    #: Rates per principal and operation: "off", "aws" (Rekognition's defaults), or a TOML file of your own.
    quotas: str = "off"
    #: Requests that may wait for their turn; more are turned away at once.
    queue: int = 128
    #: "text" or "json".
    log_format: str = "text"
    #: Where spans go, an OTLP/HTTP endpoint; needs the extra `otel`.
    otlp_endpoint: str | None = None
    #: The face cards in use.
    detector: str = "centerface"
    embedder: str = "fr-feature"
    #: Threads for the models; 0 is one per core.
    threads: int = 0

    @property
    def models(self) -> Path:
        return self.model_dir or self.home / "models"

    @property
    def buckets(self) -> Path:
        return self.bucket_dir or self.home / "buckets"

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.home / 'regard.db'}"


def default_home(environment: Mapping[str, str]) -> Path:
    """`REGARD_HOME`, else the XDG data folder."""
    if home := environment.get("REGARD_HOME"):
        return Path(home).expanduser().absolute()
    base = environment.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "regard"


def load_settings(environment: Mapping[str, str] = os.environ, **overrides: Any) -> Settings:
    """Read the settings: overrides (the command line) win over the environment, which wins over `<home>/regard.toml`.

    Raises SettingsError for an unknown key or a value of the wrong type, naming it and where it stands, and for an
    index there is not.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    home = Path(given.pop("home", None) or default_home(environment)).expanduser().absolute()
    values: dict[str, Any] = {}
    file = home / "regard.toml"
    if file.is_file():
        try:
            table = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{file} is not valid TOML: {error}") from error
        values |= {name: _typed(name, value, str(file)) for name, value in table.items()}
    for variable, text in environment.items():
        name = variable.removeprefix(PREFIX).lower()
        if variable.startswith(PREFIX) and name not in ("home", "test_data", "test_models"):
            values[name] = _typed(name, text, f"the environment variable {variable}")
    values |= {name: _typed(name, value, "the command line") for name, value in given.items()}
    settings = Settings(home=home, **values)
    _check_index(settings)
    return settings


def _check_index(settings: Settings) -> None:
    if settings.index not in (EMBEDDED, MILVUS):
        raise SettingsError(f"The setting `index` is {settings.index!r}, which is neither {EMBEDDED} nor {MILVUS}.")
    if settings.index == MILVUS and settings.milvus is None:
        raise SettingsError("The setting `index` is milvus: say in `milvus` where it is, as http://host:19530.")


_TYPES = {f.name: str(f.type) for f in fields(Settings) if f.name != "home"}


def _typed(name: str, value: Any, where: str) -> Any:
    if name not in _TYPES:
        raise SettingsError(f"{where} sets {name!r}, which is not a setting; the settings are: {', '.join(_TYPES)}")
    wanted = _TYPES[name]
    if wanted.startswith("Path"):
        if not str(value):  # it would mean the folder we happen to stand in
            raise SettingsError(f"{where} sets {name} to nothing; leave it out, or say which file or folder")
        return Path(str(value)).expanduser().absolute()
    if wanted == "int":
        try:
            return int(value)
        except (TypeError, ValueError) as error:
            raise SettingsError(f"{where} sets {name} to {value!r}, which is not a whole number") from error
    if not isinstance(value, str):
        raise SettingsError(f"{where} sets {name} to {value!r}, which is not text")
    return value
