"""Roles that nobody holds together, neither themself nor by a service that they answer for; in both databases."""

from __future__ import annotations

import pytest
from people_office import STRICT, Office
from roster import NOW

from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.callers import Principal
from regard.domain.people import Role
from regard.errors import AccessDenied, InvalidParameter

R = Role


@pytest.mark.control(41)
def test_who_oversees_reads_what_reviewers_said_and_so_reviews_nothing(root: Office) -> None:
    with pytest.raises(InvalidParameter, match="cannot be reviewer and overseer: an overseer reads"):
        root.add("ada", R.OVERSEER, R.REVIEWER)
    root.add("ada", R.OVERSEER)
    with pytest.raises(InvalidParameter, match="cannot be reviewer and overseer"):
        root.grant("ada", R.REVIEWER)
    root.add("rita", R.REVIEWER, R.ENROLLER, R.ADMINISTRATOR)
    with pytest.raises(InvalidParameter, match="cannot be reviewer and overseer"):
        root.grant("rita", R.OVERSEER)


@pytest.mark.control(41)
def test_who_was_made_overseer_and_reviewer_before_oversees_and_does_not_review(root: Office) -> None:
    root.staff.add("ada", R.OVERSEER, R.REVIEWER)
    with root.asks("incidents signals", Action.READ, who="ada"):
        pass
    for operation in ("review next", "review decide"):
        with (
            pytest.raises(AccessDenied, match="Ada is reviewer and overseer, and an overseer reads"),
            root.asks(operation, Action.REVIEW, who="ada"),
        ):
            pass
    root.add("olga", R.OVERSEER)
    with root.asks("people withdraw") as grant:
        root.people.withdraw(grant, "ada", [R.OVERSEER])
    with root.asks("review next", Action.REVIEW, who="ada"):
        pass


@pytest.mark.control(43)
@pytest.mark.parametrize("role", [R.SEARCHER, R.REVIEWER, R.OVERSEER, R.ENROLLER, R.ADMINISTRATOR])
def test_nobody_is_auditor_of_their_own_acts_by_a_service(root: Office, role: Role) -> None:
    root.add("ada", role)
    refused = f"Ada, with the services they answer for, cannot be auditor and {role}"
    with pytest.raises(InvalidParameter, match=refused), root.asks("services add") as grant:
        root.services.add(grant, "reader", "ada", [R.AUDITOR])
    with root.asks("services add") as grant:
        root.services.add(grant, "reader", "ada", [])
    with pytest.raises(InvalidParameter, match=refused), root.asks("services grant") as grant:
        root.services.grant(grant, "reader", [R.AUDITOR])
    root.add("alice")
    with root.asks("services add") as grant:
        root.services.add(grant, "books", "alice", [R.AUDITOR])
    with pytest.raises(InvalidParameter, match=f"with the services they answer for, cannot be auditor and {role}"):
        root.grant("alice", role)
    root.grant("alice", R.AUDITOR)


@pytest.mark.control(43)
def test_a_second_service_makes_nobody_auditor_of_the_first(root: Office) -> None:
    root.add("ada")
    with root.asks("services add") as grant:
        root.services.add(grant, "door", "ada", [R.SEARCHER])
    with pytest.raises(InvalidParameter, match="cannot be auditor and searcher"), root.asks("services add") as grant:
        root.services.add(grant, "reader", "ada", [R.AUDITOR])
    with root.asks("services end") as grant:
        root.services.end(grant, "door")
    with root.asks("services add") as grant:
        root.services.add(grant, "reader", "ada", [R.AUDITOR])
    with pytest.raises(InvalidParameter, match="cannot be auditor and searcher"), root.asks("services add") as grant:
        root.services.add(grant, "gate", "ada", [R.SEARCHER])


@pytest.mark.control(43)
def test_a_service_that_was_made_auditor_before_reads_nothing_of_its_persons_acts(root: Office) -> None:
    ada = root.staff.add("ada", R.SEARCHER)
    with root.asks("services add") as grant:
        made = root.services.add(grant, "reader", "ada", [])
    root.staff.rows.grant(made.service.id, [R.AUDITOR], None, NOW)
    principal = Principal(access_key_id="RGRDX", name="reader", holder_id=made.service.id)
    caller = Caller(principal=principal, channel=Channel.API)
    act = Act(action=Action.READ, operation="GET /v1/ledger/export")
    with (
        pytest.raises(AccessDenied, match="reader is auditor and searcher, and an auditor changes nothing"),
        root.staff.gate(STRICT).open(caller, act),
    ):
        pass
    root.staff.rows.withdraw(ada.id, [R.SEARCHER], None, NOW)
    with root.staff.gate(STRICT).open(caller, act):
        pass
