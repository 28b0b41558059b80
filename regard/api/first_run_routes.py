"""`/v1/first-run`: the first administrator, made by whoever has the link that the server showed when it started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from regard.accountability.first_run import OPERATOR, FirstRun
from regard.api.native_routes import NativeRoute, StrangersCall
from regard.api.shapes import Given, Name, Shown
from regard.domain.authority import Action


class FirstPersonGiven(Given):
    """`token` is what stands at the end of the link."""

    token: Annotated[str, Field(min_length=1, max_length=128)]
    name: Name
    login: Annotated[str, Field(min_length=1, max_length=128)]
    password: Annotated[str, Field(min_length=1, max_length=1024, json_schema_extra={"format": "password"})]


class FirstPersonShown(Shown):
    """Sign in with the login and the password that were given."""

    id: str
    name: str
    profile: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstRunRoutes:
    first_run: FirstRun

    def routes(self) -> tuple[NativeRoute, ...]:
        return (
            NativeRoute(
                "POST",
                "/first-run",
                self.make,
                Action.ADMINISTER,
                "Become the first administrator",
                status=201,
                strangers=True,
            ),
        )

    def make(self, call: StrangersCall, given: FirstPersonGiven) -> FirstPersonShown:
        with self.first_run.taking(given.token), call.known(OPERATOR) as grant:
            made = self.first_run.make(grant, given.name, given.login, given.password)
            return FirstPersonShown(id=made.id, name=made.name, profile=grant.rules.name)
