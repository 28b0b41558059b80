"""The rules that the settings choose: a profile, and what is laid over it."""

from __future__ import annotations

from regard.accountability.profiles.catalogue import in_force
from regard.accountability.profiles.rules import Rules
from regard.config.sections import split
from regard.config.settings import Settings


def rules_of(settings: Settings) -> Rules:
    """What holds for the whole installation."""
    chosen = settings.accountability
    return in_force(chosen.profile, split(chosen.overlays))
