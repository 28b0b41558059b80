"""Settings: one frozen object, read once from `regard.toml` and the environment. Nothing else reads the environment."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import model_validator

from regard.config import layers
from regard.config.layers import Layer, Origin
from regard.config.sections import (
    SECTIONS,
    AccountabilitySettings,
    CelebritySettings,
    EventSettings,
    IndexSettings,
    JobSettings,
    ModelSettings,
    ObjectSettings,
    ServerSettings,
    StoreSettings,
    TelemetrySettings,
    VideoSettings,
)
from regard.config.toml_tables import Table
from regard.domain.galleries import MILVUS
from regard.errors import SettingsError


class Settings(Table, frozen=True):
    """Every setting, by section."""

    #: Where everything that must survive lives.
    home: Path
    server: ServerSettings = ServerSettings()
    store: StoreSettings = StoreSettings()
    index: IndexSettings = IndexSettings()
    models: ModelSettings = ModelSettings()
    objects: ObjectSettings = ObjectSettings()
    celebrities: CelebritySettings = CelebritySettings()
    video: VideoSettings = VideoSettings()
    jobs: JobSettings = JobSettings()
    events: EventSettings = EventSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    accountability: AccountabilitySettings = AccountabilitySettings()

    @property
    def models_folder(self) -> Path:
        return self.models.folder or self.home / "models"

    @property
    def buckets_folder(self) -> Path:
        return self.objects.buckets or self.home / "buckets"

    @property
    def celebrities_file(self) -> Path:
        return self.celebrities.names or self.home / "celebrities.toml"

    @property
    def database_url(self) -> str:
        return self.store.database or f"sqlite:///{self.home / 'regard.db'}"

    def with_threads(self, threads: int) -> Settings:
        """These settings with another number of threads for the models."""
        return self.model_copy(update={"models": self.models.model_copy(update={"threads": threads})})

    def with_embedder(self, card: str) -> Settings:
        """These settings with another face card for what is embedded."""
        return self.model_copy(update={"models": self.models.model_copy(update={"embedder": card})})

    def with_memory(self, size: int) -> Settings:
        """These settings with that many bytes for pictures."""
        return self.model_copy(update={"server": self.server.model_copy(update={"memory": size})})

    @model_validator(mode="after")
    def _check_index(self) -> Settings:
        if self.index.default == MILVUS and not self.index.milvus:
            raise SettingsError(
                "[index] default is milvus; say in [index] milvus where it is, such as http://localhost:19530"
            )
        return self


def default_home(environment: Mapping[str, str]) -> Path:
    """`REGARD_HOME`, else the XDG data folder."""
    if home := environment.get("REGARD_HOME"):
        return Path(home).expanduser().absolute()
    base = environment.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "regard"


def load_settings(
    environment: Mapping[str, str] = os.environ,
    *,
    home: Path | None = None,
    **overrides: Mapping[str, object],
) -> Settings:
    """Read the settings: overrides (the command line) win over the environment, which wins over `<home>/regard.toml`.

    Overrides go by section, `load_settings(server={"port": 9000})`; a value of None is one that is not given. Raises
    SettingsError for an unknown key or a value that cannot be meant, naming it, where it stands and what is right.
    """
    place = _place(environment, home)
    said = [*_read(environment, place), layers.from_overrides(overrides)]
    values: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
    for layer in said:
        for name, section in layer.sections.items():
            values[name] |= {key: getattr(section, key) for key in section.model_fields_set}
    sections = {name: SECTIONS[name].model_validate(given) for name, given in values.items()}
    return Settings.model_validate({"home": place, **sections})


def origins(
    environment: Mapping[str, str] = os.environ, *, home: Path | None = None
) -> Mapping[tuple[str, str], Origin]:
    """Where each setting's value comes from, by section and key. Raises SettingsError as `load_settings`."""
    found = {(name, key): Origin.DEFAULT for name, table in SECTIONS.items() for key in table.model_fields}
    for layer in _read(environment, _place(environment, home)):
        for name, section in layer.sections.items():
            found |= {(name, key): layer.origin for key in section.model_fields_set}
    return found


def _place(environment: Mapping[str, str], home: Path | None) -> Path:
    return (home or default_home(environment)).expanduser().absolute()


def _read(environment: Mapping[str, str], home: Path) -> Iterable[Layer]:
    return layers.from_file(home / "regard.toml"), layers.from_environment(environment)
