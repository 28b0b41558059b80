"""The settings that a server runs with, each with where it comes from, for those who look after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from pathlib import Path

from regard.config.layers import Origin, variable
from regard.config.sections import SECTIONS, is_secret
from regard.config.settings import Settings, load_settings, origins
from regard.errors import SettingsError

#: What is told of a secret.
_THERE = "set"


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingSetting:
    """A setting: its value as `regard.toml` would say it, None where there is none; of a secret only that it is set.
    `variable` is its name in the environment; `awaited` whether the next start would find something else."""

    section: str
    key: str
    value: str | None
    origin: Origin
    secret: bool
    variable: str
    awaited: bool


class SettingsOverview:
    """Tells the settings of a server that was started with `settings`."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError if the file or the environment is wrong by now."""
        self._settings = settings
        self._origins = _origins(settings)

    @property
    def home(self) -> Path:
        return self._settings.home

    @property
    def file(self) -> Path:
        """Where the settings may be changed."""
        return self._settings.home / "regard.toml"

    def fault(self) -> str | None:
        """What would keep the server from starting again as things are, if anything."""
        try:
            load_settings(home=self.home)
        except SettingsError as error:
            return error.message
        return None

    def all(self) -> Sequence[StandingSetting]:
        """Every setting, by section."""
        try:
            next_time: Settings | None = load_settings(home=self.home)
        except SettingsError:
            next_time = None  # `fault` says so
        return [
            StandingSetting(
                section=section,
                key=key,
                value=_told(section, key, self._value(self._settings, section, key)),
                origin=origin,
                secret=is_secret(section, key),
                variable=variable(section, key),
                awaited=origin is not Origin.OVERRIDE
                and next_time is not None
                and self._value(next_time, section, key) != self._value(self._settings, section, key),
            )
            for (section, key), origin in self._origins.items()
        ]

    @staticmethod
    def _value(settings: Settings, section: str, key: str) -> object:
        return getattr(getattr(settings, section), key)


def _origins(settings: Settings) -> Mapping[tuple[str, str], Origin]:
    """What is not as the file and the environment say was said when the server was started."""
    said, found = load_settings(home=settings.home), origins(home=settings.home)
    return {
        (section, key): found[section, key]
        if getattr(getattr(said, section), key) == getattr(getattr(settings, section), key)
        else Origin.OVERRIDE
        for section, table in SECTIONS.items()
        for key in table.model_fields
    }


def _told(section: str, key: str, value: object) -> str | None:
    if value is None or value == "":
        return None
    if is_secret(section, key):
        return _THERE
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "-".join(f"{each:%H:%M}" for each in value if isinstance(each, time))
    return f"{value:.15g}" if isinstance(value, float) else str(value)
