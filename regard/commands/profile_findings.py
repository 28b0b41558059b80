"""What `regard doctor` finds about the rules: which are in force, since when, and what they still want."""

from __future__ import annotations

from collections.abc import Iterator

from regard.accountability.gate import Grant
from regard.accountability.profiles.catalogue import named
from regard.commands.finding import Finding
from regard.config.settings import Settings
from regard.domain.installed_profile import InstalledProfile

#: What somebody is told who can request, approve and serve, and will find every search refused.
UNASSESSED = (
    "Every search is refused until the consequences have been assessed: set [accountability] assessment in regard.toml "
    "to the reference of your assessment (DPIA, FRIA). `regard report assessment` makes a form for it."
)


def unassessed(chosen: Settings, profile: str) -> bool:
    """Whether the rules of that name ask for an assessment that the settings do not name."""
    rules = named(profile)
    return rules is not None and rules.assessment and not chosen.accountability.assessment


def profile_findings(
    chosen: Settings, grant: Grant, there: InstalledProfile | None, demanded: bool
) -> Iterator[Finding]:
    """`there` is what the database says of the profile in force; `demanded` is whether a profile in use asks for an
    assessment."""
    since = "" if there is None else f", since {there.since:%Y-%m-%d %H:%M} UTC"
    yield Finding(about="profile", value=f"{grant.base.name}{since}", changed=grant.base.name != "open")
    if there is not None and there.before is not None:
        yield Finding(
            about="profile before",
            value=f"{there.before}, which demands more than {there.name}",
            remedy=(
                "If that was not meant, look for [accountability] profile in the settings of every server on this "
                "database. Under one that demands as much, this goes."
            ),
        )
    if demanded and not chosen.accountability.assessment:
        yield Finding(about="assessment", value="none", remedy=UNASSESSED)
