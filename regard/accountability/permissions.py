"""Which roles may do what: `permissions.toml`, read once."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Annotated

from pydantic import Field

from regard.config.toml_tables import Table, parse, read
from regard.domain.authority import Channel
from regard.domain.people import Role

_FILE = "permissions.toml"
_Roles = Annotated[frozenset[Annotated[Role, Field(strict=False)]], Field(strict=False)]


class Permissions(Table, frozen=True):
    """The roles for each act, by the door it comes in by: AWS's operations, commands, and routes of the native API.
    `sessions` are the operations of AWS's Security Token Service."""

    operations: dict[str, _Roles]
    sessions: dict[str, _Roles]
    commands: dict[str, _Roles]
    routes: dict[str, _Roles] = Field(default_factory=dict)

    def roles(self, channel: Channel, operation: str) -> frozenset[Role]:
        """Whoever holds one of these may; nobody may where there is none."""
        tables: Mapping[Channel, Mapping[str, frozenset[Role]]] = {
            Channel.AWS: self.operations if operation in self.operations else self.sessions,
            Channel.CLI: self.commands,
            Channel.API: self.routes,
        }
        return tables.get(channel, {}).get(operation, frozenset())


PERMISSIONS = read(Permissions, parse(resources.files(__package__).joinpath(_FILE).read_text("utf-8"), _FILE), _FILE)
