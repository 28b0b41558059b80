"""The profile as a setting: whether it was set, and how the first administrator's choice is kept."""

from __future__ import annotations

from contextlib import nullcontext

from regard.accountability.enrolments_door import EnrolmentsDoor
from regard.accountability.ledger.ledger import Ledger
from regard.accountability.profile_choice import ProfileChoice
from regard.bootstrap.accountability import answers_untold, people
from regard.bootstrap.settings_file import set_values
from regard.bootstrap.stores import Stores
from regard.config.layers import Origin
from regard.config.sections import AccountabilitySettings
from regard.config.settings import Settings, origins
from regard.errors import InvalidParameter, SettingsError
from regard.store.profile_rows import ProfileRows

_SETTING = ("accountability", "profile")
_UNSET = AccountabilitySettings().profile


def profile_choice(settings: Settings, stores: Stores, enrolments: EnrolmentsDoor) -> ProfileChoice:
    """The choice, open as long as nobody has set a profile and there are no faces."""

    def fixed() -> str | None:
        if settings.store.database:
            return "Several servers may share this database: set [accountability] profile in the settings of each."
        chosen = settings.accountability.profile
        try:
            unset = chosen == _UNSET and origins(home=settings.home)[_SETTING] is Origin.DEFAULT
        except SettingsError as error:
            return error.message
        if not unset:
            return "The profile has been chosen. It stands in the settings: [accountability] profile."
        if any(faces for _, faces in stores.collections.with_sizes()):
            return "There are faces already: the profile is changed in the settings, [accountability] profile."
        return None

    def keep(profile: str, assessment: str | None) -> None:
        chosen = settings.accountability.model_copy(update={"profile": profile})
        values = {"profile": profile} | ({"assessment": assessment} if assessment else {})
        try:
            answers_untold(settings.model_copy(update={"accountability": chosen}))
            set_values(settings.home / "regard.toml", "accountability", values)
        except SettingsError as error:
            raise InvalidParameter(error.message) from error

    ledger = Ledger(lambda: nullcontext(stores.database))
    return ProfileChoice(people(stores), ProfileRows(stores.database), enrolments, ledger, fixed, keep)
