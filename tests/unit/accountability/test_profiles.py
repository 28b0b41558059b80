from __future__ import annotations

import typing

import pytest

from regard.accountability.gate import Gate
from regard.accountability.profiles.catalogue import PROFILES
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
    with Gate(PROFILES["open"]).open(CALLER, act) as grant:
        grant.require(action)
    refused = pytest.raises(AccessDenied, match=r"SearchFaces is refused: .* accountability\.profile")
    with refused, Gate(PROFILES["closed"]).open(CALLER, act):
        pass


def test_only_the_open_and_the_recorded_profile_let_untold_attributes_be_answered() -> None:
    assert {name for name, profile in PROFILES.items() if profile.untold_attributes} == {"open", "recorded"}
