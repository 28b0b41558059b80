"""Notices that the installation's profile demands less than the one that was last in force, in the same home or on the
same database, which servers with settings of their own may share."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path

from regard.accountability.ledger.entry import Record
from regard.accountability.ledger.ledger import Ledger
from regard.accountability.profiles.catalogue import named
from regard.accountability.profiles.rules import Rules
from regard.accountability.profiles.strictness import covers
from regard.bootstrap.accountability import local_operator
from regard.bootstrap.rules import rules_of
from regard.bootstrap.stores import Stores
from regard.config.settings import Settings
from regard.domain.authority import Act, Action
from regard.domain.installed_profile import InstalledProfile
from regard.errors import RegardError
from regard.files import make_folder, replace_file
from regard.store import database
from regard.store.profile_rows import ProfileRows

log = logging.getLogger(__name__)


def notice_profile(settings: Settings, ledger: Ledger, rows: ProfileRows | None = None) -> str | None:
    """What to warn of, if anything. A laxer profile is written into the ledger, whether or not it has one itself.

    `rows` are those of the database, where it is open: what they say counts as what the home says does.
    """
    rules, file = rules_of(settings), settings.home / "ledger" / "profile"
    try:
        kept = _kept(file)
        there = None if rows is None else rows.installed()
        stored = None if there is None else there.name
        laxer = next((each for each in (stored, kept) if each is not None and _is_laxer(rules, each)), None)
        if laxer is not None:
            _write(ledger, laxer, rules.name)
        if kept != rules.name and (rules.ledger or kept is not None) and settings.home.is_dir():
            _keep(file, rules.name)
        if rows is not None and stored != rules.name and (rules.ledger or stored is not None):
            with database.accompanied(None):
                rows.install(rules.name, rules.version, datetime.now(UTC), laxer)
    except (RegardError, OSError) as error:
        log.warning("It could not be recorded that the profile is %s now: %s", rules.name, error)
        return None
    if laxer is None:
        return None
    return (
        f"The profile was changed from {laxer} to {rules.name}, which demands less. The ledger says so. If that was "
        "not meant, look for [accountability] profile in the settings of every server on this database, and "
        "REGARD_ACCOUNTABILITY_PROFILE."
    )


def installed(stores: Stores) -> InstalledProfile | None:
    """What the database says of the profile in force."""
    return ProfileRows(stores.database).installed()


def _is_laxer(rules: Rules, before: str) -> bool:
    """Whether these rules demand less than those that go by that name; than one that is not known any more, too."""
    known = named(before)
    return before != rules.name and (known is None or not (rules.closed or covers(rules, known)))


def _write(ledger: Ledger, before: str, after: str) -> None:
    """An entry of its own. Raises InternalServerError."""
    record = Record(local_operator(), Act(action=Action.ADMINISTER, operation="profile changed"), after)
    record.note({"profile_before": before, "profile_after": after})
    ledger.append(record)


def _kept(file: Path) -> str | None:
    try:
        return file.read_text("utf-8").strip()
    except FileNotFoundError:
        return None


def _keep(file: Path, name: str) -> None:
    make_folder(file.parent)
    with replace_file(file) as stream:
        stream.write(name.encode())
