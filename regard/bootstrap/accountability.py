"""Who may do what: the gate, access keys, and the secrets they are kept with."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from contextlib import AbstractContextManager

from regard.accountability.access_keys import AccessKeys
from regard.accountability.gate import Gate
from regard.accountability.ledger.ledger import Ledger
from regard.accountability.profiles.catalogue import PROFILES
from regard.accountability.secret_box import SecretBox
from regard.accountability.standing import Standing
from regard.bootstrap.stores import Stores
from regard.config.settings import Settings
from regard.domain.authority import Caller, Channel
from regard.domain.callers import Principal
from regard.errors import SettingsError
from regard.store.database import Database


def gate(settings: Settings, ledger: Ledger, opening: Callable[[], AbstractContextManager[Database]]) -> Gate:
    """The gate under the profile of the settings, or of a collection where that is stricter. `opening` gives the
    database that it asks who somebody is."""
    return Gate(PROFILES[settings.accountability.profile], ledger, Standing(opening))


def answers_untold(settings: Settings) -> bool:
    """Whether attributes that no model can tell are answered. Raises SettingsError where the profile forbids it."""
    asked = settings.server.untold_attributes == "unknown"
    if asked and not PROFILES[settings.accountability.profile].untold_attributes:
        raise SettingsError(
            '[server] untold_attributes is "unknown", which the profile '
            f"{settings.accountability.profile!r} forbids: nothing may be answered that no model has told. Leave the "
            "setting out, and read the attributes of a face only where they are there."
        )
    return asked


def access_keys(settings: Settings, stores: Stores) -> AccessKeys:
    return AccessKeys(settings.home, stores.access_keys)


def signing_key(settings: Settings, purpose: str) -> bytes:
    """32 bytes to sign with, the same for every process of this home."""
    return SecretBox(settings.home / "seal.key").derive(purpose)


def local_operator() -> Caller:
    """The caller of a command: a user of the operating system. They can read the home, so they need no access key."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = f"user {os.getuid()}"
    return Caller(principal=Principal(access_key_id="", name=name), channel=Channel.CLI)
