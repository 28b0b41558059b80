from __future__ import annotations

import pytest

from regard.accountability.gate import Gate
from regard.accountability.profiles.catalogue import CLOSED, OPEN, PROFILES
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.callers import Principal
from regard.errors import AccessDenied

ADA = Caller(principal=Principal(access_key_id="A", name="ada"), channel=Channel.AWS, request_id="r1")
SEARCH = Act(action=Action.SEARCH, operation="SearchFaces", collection="staff", threshold=80, count=10)
LIST = Act(action=Action.READ, operation="ListCollections")


def test_a_grant_says_who_may_do_what_and_under_which_profile() -> None:
    with Gate(OPEN).open(ADA, SEARCH) as grant:
        assert (grant.caller, grant.act, grant.rules) == (ADA, SEARCH, OPEN)


def test_a_grant_is_good_for_its_act_and_for_no_other() -> None:
    with Gate(OPEN).open(ADA, SEARCH) as grant:
        grant.require(Action.SEARCH)
        grant.require(Action.SEARCH, "staff")
        for other in set(Action) - {Action.SEARCH}:
            with pytest.raises(RuntimeError, match=f"^a grant to search was used to {other}$"):
                grant.require(other, "staff")


def test_a_grant_for_one_collection_is_good_for_no_other_and_not_for_all() -> None:
    with Gate(OPEN).open(ADA, SEARCH) as grant:
        with pytest.raises(RuntimeError, match=r"^a grant for the collection staff was used for guests$"):
            grant.require(Action.SEARCH, "guests")
        with pytest.raises(RuntimeError, match=r"^a grant for the collection staff was used for all of them$"):
            grant.require_all(Action.SEARCH)


def test_a_grant_that_names_no_collection_is_good_for_each_and_for_all() -> None:
    with Gate(OPEN).open(ADA, LIST) as grant:
        grant.require(Action.READ, "staff")
        grant.require(Action.READ, "guests")
        grant.require_all(Action.READ)
        with pytest.raises(RuntimeError, match=r"^a grant to read was used to administer$"):
            grant.require_all(Action.ADMINISTER)


@pytest.mark.parametrize("action", [Action.SEARCH, Action.COMPARE])
def test_nothing_is_searched_in_a_collection_that_the_act_did_not_name(action: Action) -> None:
    with Gate(OPEN).open(ADA, Act(action=action, operation="any")) as grant:
        grant.require(action)
        with pytest.raises(RuntimeError, match=f"^a grant to {action} in no collection was used for staff$"):
            grant.require(action, "staff")


def test_a_grant_ends_with_its_block() -> None:
    with Gate(OPEN).open(ADA, SEARCH) as grant:
        pass
    with pytest.raises(RuntimeError, match=r"^the grant to search has ended with the request it was given for$"):
        grant.require(Action.SEARCH, "staff")
    with pytest.raises(RuntimeError, match="has ended"):
        grant.require_all(Action.SEARCH)


def test_a_grant_ends_also_when_what_was_done_with_it_fails() -> None:
    with pytest.raises(KeyError), Gate(OPEN).open(ADA, SEARCH) as grant:
        raise KeyError
    with pytest.raises(RuntimeError, match="has ended"):
        grant.require(Action.SEARCH)


def test_what_a_profile_refuses_is_not_begun() -> None:
    entered = []
    refused = pytest.raises(AccessDenied, match=r"^SearchFaces is refused: this installation is closed")
    with refused, Gate(CLOSED).open(ADA, SEARCH):
        entered.append(SEARCH)
    assert entered == []


def test_a_profile_that_knows_people_allows_nothing_where_nobody_can_be_looked_up() -> None:
    with pytest.raises(AccessDenied, match="nobody is known here"), Gate(PROFILES["public-safety"]).open(ADA, LIST):
        pass


def test_the_open_profile_allows_every_act_through_every_door() -> None:
    for channel in Channel:
        for action in Action:
            caller = Caller(principal=ADA.principal, channel=channel)
            with Gate(OPEN).open(caller, Act(action=action, operation="any")) as grant:
                grant.require(action)
