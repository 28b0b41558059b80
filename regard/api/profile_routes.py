"""`/v1/profile` and `/v1/profiles`: the rules in force, in words, each with where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from regard.accountability.profiles.catalogue import OVERLAYS, PROFILES
from regard.accountability.profiles.rules import Rules
from regard.accountability.reports.system import demands
from regard.api.native_routes import Call, NativeRoute
from regard.api.shapes import Shown
from regard.domain.authority import Action


class SourceShown(Shown):
    """Where a rule comes from. `mark` says how it was read: V the text itself, V2 a report about it, M from memory."""

    text: str
    address: str
    applies_from: date | None
    mark: str


class RuleShown(Shown):
    """What a profile demands, by its name in the profile's file, and in words."""

    rule: str
    words: str
    source: SourceShown | None


class ProfileShown(Shown):
    """A profile, or an overlay that tightens one; `sha256` is of its text."""

    name: str
    title: str
    description: str
    overlay: bool
    sha256: str
    knows_people: bool
    reviews_needed: int
    least_threshold: float
    one_face: bool
    authorisation_for: list[str]
    purposes: list[str]
    kinds: list[str]
    demands: list[RuleShown]

    @classmethod
    def of(cls, rules: Rules) -> ProfileShown:
        return cls(
            name=rules.name,
            title=rules.title,
            description=rules.description,
            overlay=rules.overlay,
            sha256=rules.sha256,
            knows_people=rules.people,
            reviews_needed=rules.review.agreements,
            least_threshold=rules.least_threshold,
            one_face=rules.one_face,
            authorisation_for=list(rules.authorisation.actions),
            purposes=list(rules.authorisation.purposes),
            kinds=list(rules.authorisation.kinds),
            demands=[_rule(rules, name, words) for name, words in demands(rules)],
        )


class ProfilesShown(Shown):
    """The profiles that can be chosen, and the overlays that tighten one."""

    profiles: list[ProfileShown]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileRoutes:
    """It needs no door: the grant has the rules, and the profiles are Regard's own files."""

    def routes(self) -> tuple[NativeRoute, ...]:
        return (
            NativeRoute(
                "GET",
                "/profile",
                self.in_force,
                Action.READ,
                "The rules in force here, or in a collection",
                collection="collection",
            ),
            NativeRoute("GET", "/profiles", self.all, Action.READ, "The profiles that can be chosen"),
        )

    def in_force(self, call: Call, collection: str | None = None) -> ProfileShown:  # noqa: ARG002 - the gate reads it
        return ProfileShown.of(call.grant.rules)

    def all(self, _: Call) -> ProfilesShown:
        return ProfilesShown(profiles=[ProfileShown.of(each) for each in (*PROFILES.values(), *OVERLAYS.values())])


def _rule(rules: Rules, name: str, words: str) -> RuleShown:
    source = rules.sources.get(name)
    return RuleShown(rule=name, words=words, source=None if source is None else SourceShown.model_validate(source))
