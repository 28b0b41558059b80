"""Who may do what: the gate, access keys, and the secrets they are kept with."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime

from regard.accountability.access_keys import AccessKeys
from regard.accountability.authorisations import Authorisations
from regard.accountability.authorised_credentials import AuthorisedCredentials
from regard.accountability.first_run import FirstRun
from regard.accountability.gate import Gate
from regard.accountability.ledger.ledger import Ledger
from regard.accountability.people import People
from regard.accountability.secret_box import SecretBox
from regard.accountability.services import Services
from regard.accountability.sign_in_means import SignInMeans
from regard.accountability.standing import Standing
from regard.accountability.temporary_credentials import TemporaryCredentials
from regard.accountability.waiting import Waiting
from regard.accountability.web_identity import WebIdentityTokens
from regard.bootstrap.rules import rules_of
from regard.bootstrap.stores import Stores
from regard.config.settings import Settings
from regard.domain.authority import Caller, Channel
from regard.domain.callers import Principal
from regard.errors import SettingsError
from regard.store.database import Database
from regard.store.incident_rows import IncidentRows
from regard.store.review_rows import ReviewRows
from regard.store.suspension_rows import SuspensionRows


def gate(settings: Settings, ledger: Ledger, opening: Callable[[], AbstractContextManager[Database]]) -> Gate:
    """The gate under the profile of the settings, or of a collection where that is stricter. `opening` gives the
    database that it asks who somebody is."""
    return Gate(rules_of(settings), ledger, Standing(opening), assessment=settings.accountability.assessment or "")


def answers_untold(settings: Settings) -> bool:
    """Whether attributes that no model can tell are answered. Raises SettingsError where the profile forbids it."""
    asked = settings.server.untold_attributes == "unknown"
    if asked and not rules_of(settings).untold_attributes:
        raise SettingsError(
            '[server] untold_attributes is "unknown", which the profile '
            f"{settings.accountability.profile!r} forbids: nothing may be answered that no model has told. Leave the "
            "setting out, and read the attributes of a face only where they are there."
        )
    return asked


def access_keys(settings: Settings, stores: Stores) -> AccessKeys:
    return AccessKeys(settings.home, stores.access_keys)


def people(stores: Stores) -> People:
    return People(stores.people, stores.access_keys, stores.sign_ins)


def first_run(stores: Stores) -> FirstRun:
    return FirstRun(people(stores), stores.sign_ins, stores.people.any)


def services(settings: Settings, stores: Stores) -> Services:
    return Services(stores.people, stores.access_keys, access_keys(settings, stores))


def sign_in_means(settings: Settings, stores: Stores) -> SignInMeans:
    return SignInMeans(stores.people, stores.sign_ins, SecretBox(settings.home / "seal.key"))


def waiting(stores: Stores) -> Waiting:
    """What tells people of what they may do something about."""
    database = stores.database
    return Waiting(
        authorisations=stores.authorisations,
        incidents=IncidentRows(database),
        suspensions=SuspensionRows(database),
        thresholds=stores.thresholds,
        reviews=ReviewRows(database),
        clock=lambda: datetime.now(UTC),
    )


def authorised_credentials(settings: Settings, stores: Stores) -> AuthorisedCredentials:
    secret_box = SecretBox(settings.home / "seal.key")
    authorisations = Authorisations(stores.authorisations, stores.people, stores.collections)
    return AuthorisedCredentials(authorisations, TemporaryCredentials(secret_box), WebIdentityTokens(secret_box))


def signing_key(settings: Settings, purpose: str) -> bytes:
    """32 bytes to sign with, the same for every process of this home."""
    return SecretBox(settings.home / "seal.key").derive(purpose)


def local_operator(authorisation: str = "") -> Caller:
    """The caller of a command: a user of the operating system. They can read the home, so they need no access key."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = f"user {os.getuid()}"
    principal = Principal(access_key_id="", name=name)
    return Caller(principal=principal, channel=Channel.CLI, authorisation=authorisation)
