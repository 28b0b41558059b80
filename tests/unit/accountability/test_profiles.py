from __future__ import annotations

import typing

import pytest

from regard.accountability.profiles import PROFILES
from regard.config.sections import AccountabilitySettings
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.callers import Principal
from regard.errors import AccessDenied

CALLER = Caller(principal=Principal(access_key_id="k", name="ada"), channel=Channel.AWS)


def test_the_setting_knows_every_profile_and_no_other() -> None:
    choices = AccountabilitySettings.model_fields["profile"].annotation
    assert set(typing.get_args(choices)) == set(PROFILES)
    assert all(profile.name == name for name, profile in PROFILES.items())


@pytest.mark.parametrize("action", Action)
def test_open_allows_every_action_and_closed_none(action: Action) -> None:
    act = Act(action=action, operation="SearchFaces")
    PROFILES["open"].check(CALLER, act)
    with pytest.raises(AccessDenied, match=r"SearchFaces is refused: .* accountability\.profile"):
        PROFILES["closed"].check(CALLER, act)


def test_a_profile_says_whether_untold_attributes_may_be_answered() -> None:
    assert {name: profile.untold_attributes for name, profile in PROFILES.items()} == {
        "open": True,
        "closed": False,
        "recorded": True,
    }
