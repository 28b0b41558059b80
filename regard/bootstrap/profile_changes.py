"""Notices that the installation's profile demands less than the one that was last in force on the same home."""

from __future__ import annotations

import logging

from regard.accountability.ledger.entry import Record
from regard.accountability.ledger.ledger import Ledger
from regard.accountability.profiles.catalogue import named
from regard.accountability.profiles.strictness import covers
from regard.bootstrap.accountability import local_operator
from regard.bootstrap.rules import rules_of
from regard.config.settings import Settings
from regard.domain.authority import Act, Action
from regard.errors import InternalServerError
from regard.files import make_folder, replace_file

log = logging.getLogger(__name__)


def notice_profile(settings: Settings, ledger: Ledger) -> str | None:
    """What to warn of, if anything. A laxer profile is written into the ledger, whether or not it has one itself."""
    rules, file = rules_of(settings), settings.home / "ledger" / "profile"
    try:
        before = file.read_text("utf-8").strip()
        if before == rules.name:
            return None
        known = named(before)
        laxer = known is None or not (rules.closed or covers(rules, known))
        if laxer:
            _write(ledger, before, rules.name)
        _keep(settings, rules.name)
    except FileNotFoundError:
        if rules.ledger and settings.home.is_dir():
            _keep(settings, rules.name)
        return None
    except (InternalServerError, OSError) as error:
        log.warning("It could not be recorded that the profile is %s now: %s", rules.name, error)
        return None
    if not laxer:
        return None
    return (
        f"The profile was changed from {before} to {rules.name}, which demands less. The ledger says so. If that was "
        "not meant, look for [accountability] profile in the settings and REGARD_ACCOUNTABILITY_PROFILE."
    )


def _write(ledger: Ledger, before: str, after: str) -> None:
    """An entry of its own. Raises InternalServerError."""
    record = Record(local_operator(), Act(action=Action.ADMINISTER, operation="profile changed"), after)
    record.note({"profile_before": before, "profile_after": after})
    ledger.append(record)


def _keep(settings: Settings, name: str) -> None:
    make_folder(settings.home / "ledger")
    with replace_file(settings.home / "ledger" / "profile") as stream:
        stream.write(name.encode())
