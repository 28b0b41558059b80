"""`/v1/first-run`: the first administrator, made by whoever has the link that the server showed when it started; and
the profile that they choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from regard.accountability.first_run import OPERATOR, FirstRun
from regard.accountability.profile_choice import ProfileChoice
from regard.api.native_routes import Call, NativeRoute, StrangersCall
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


class ChoiceShown(Shown):
    """Whether the installation's profile can be chosen here, and if not, why; and which one is in force."""

    open: bool
    reason: str | None
    profile: str


class ProfileGiven(Given):
    """The profile to be the installation's; the reference of the assessment that some ask for; and whether you are to
    search and enrol as well, which profiles that know people forbid an administrator to give themself."""

    profile: Annotated[str, Field(min_length=1, max_length=64)]
    assessment: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    searches: bool = False


class ProfileChosen(Shown):
    """What was chosen; `begins_again` says that the server does so now, under it: ask `GET /v1/me` until it answers;
    `withdrawn` are roles that no administrator has under it, by the ids of those who had them."""

    profile: str
    begins_again: bool
    withdrawn: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstRunRoutes:
    first_run: FirstRun
    choice: ProfileChoice

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
            NativeRoute("GET", "/first-run/profile", self.show, Action.READ, "Whether the profile can be chosen"),
            NativeRoute("POST", "/first-run/profile", self.choose, Action.ADMINISTER, "Choose the profile"),
        )

    def make(self, call: StrangersCall, given: FirstPersonGiven) -> FirstPersonShown:
        with self.first_run.taking(given.token), call.known(OPERATOR) as grant:
            made = self.first_run.make(grant, given.name, given.login, given.password)
            return FirstPersonShown(id=made.id, name=made.name, profile=grant.rules.name)

    def show(self, call: Call) -> ChoiceShown:
        reason = self.choice.fixed(call.grant)
        return ChoiceShown(open=reason is None, reason=reason, profile=call.grant.base.name)

    def choose(self, call: Call, given: ProfileGiven) -> ProfileChosen:
        chosen = self.choice.choose(call.grant, given.profile, assessment=given.assessment, searches=given.searches)
        return ProfileChosen(profile=given.profile, begins_again=chosen.begins_again, withdrawn=chosen.withdrawn)
