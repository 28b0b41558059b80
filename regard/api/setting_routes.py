"""`/v1/settings`: what the server runs with, and where each setting comes from. Nothing is changed here: whoever may
write `regard.toml` can have the server read and send what it likes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from regard.api.native_routes import Call, NativeRoute
from regard.api.shapes import Shown
from regard.config.overview import SettingsOverview
from regard.domain.authority import Action

#: What each wins over comes before it.
Source = Literal["default", "regard.toml", "environment", "command line"]


class SettingShown(Shown):
    """A setting, with its value as `regard.toml` would say it, null where there is none, "set" for a secret; where that
    comes from; its name in the environment; and whether the next start would find something else (`awaited`)."""

    section: str
    key: str
    value: str | None
    origin: Source
    secret: bool
    variable: str
    awaited: bool


class SettingsShown(Shown):
    """Every setting by section, the file that they may be changed in, and what would keep the server from starting
    again, if anything."""

    file: str
    fault: str | None
    settings: list[SettingShown]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingRoutes:
    overview: SettingsOverview

    def routes(self) -> tuple[NativeRoute, ...]:
        return (NativeRoute("GET", "/settings", self.all, Action.READ, "Show the server's settings"),)

    def all(self, call: Call) -> SettingsShown:
        call.grant.require(Action.READ)
        return SettingsShown(
            file=str(self.overview.file),
            fault=self.overview.fault(),
            settings=[
                SettingShown(
                    section=each.section,
                    key=each.key,
                    value=each.value,
                    origin=each.origin.value,
                    secret=each.secret,
                    variable=each.variable,
                    awaited=each.awaited,
                )
                for each in self.overview.all()
            ],
        )
