"""The table of permissions over every operation, command and route; every role, act and profile through the gate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from roster import DAY, NOW, Clock, Staff, allowed, caller, comparing, names

from regard.accountability.permissions import PERMISSIONS
from regard.accountability.profiles.catalogue import PROFILES
from regard.accountability.profiles.rules import Rules
from regard.commands import acts as command_acts
from regard.domain.authority import Act, Action, Channel
from regard.domain.people import Role
from regard.errors import AccessDenied
from regard.operations.acts import ACTS
from regard.store import database
from regard.wire.schema import load

ALL = frozenset(Role)
STRICT = [rules for rules in PROFILES.values() if rules.people]
#: What tells who somebody is, by the names that Rekognition gives it; not yet built ones as well.
IDENTIFYING = {
    *("CompareFaces", "SearchFaces", "SearchFacesByImage", "SearchUsers", "SearchUsersByImage"),
    *("RecognizeCelebrities", "StartCelebrityRecognition", "GetCelebrityRecognition"),
    *("StartFaceSearch", "GetFaceSearch", "StartPersonTracking", "GetPersonTracking"),
    *("CreateStreamProcessor", "UpdateStreamProcessor", "StartStreamProcessor"),
}


def every_act() -> Iterator[tuple[Channel, str, Action, frozenset[Role]]]:
    """Each act by its door, with what it is to the gate and who may."""
    for name, roles in PERMISSIONS.operations.items():
        yield Channel.AWS, name, ACTS[name].action if name in ACTS else Action.READ, roles
    for name, roles in PERMISSIONS.commands.items():
        yield Channel.CLI, name, command_acts.ACTS[name], roles
    for name, roles in PERMISSIONS.routes.items():
        yield Channel.API, name, Action.READ, roles


@pytest.fixture
def staff(tmp_path: Path) -> Iterator[Staff]:
    opened = database.open(f"sqlite:///{tmp_path / 'regard.db'}")
    yield Staff(opened, Clock())
    opened.close()


@pytest.mark.control(56)
def test_every_operation_of_rekognition_has_its_roles_those_not_built_too() -> None:
    assert set(PERMISSIONS.operations) == set(load().operations)
    assert len(PERMISSIONS.operations) == 75
    assert all(PERMISSIONS.operations.values())


@pytest.mark.control(56)
def test_every_command_that_is_an_act_has_its_roles() -> None:
    assert set(PERMISSIONS.commands) == set(command_acts.ACTS)
    assert all(PERMISSIONS.commands.values())


@pytest.mark.control(56)
@pytest.mark.parametrize("operation", sorted(IDENTIFYING))
def test_whatever_tells_who_somebody_is_takes_a_searcher_and_nobody_else(operation: str) -> None:
    assert PERMISSIONS.operations[operation] == {Role.SEARCHER}


def test_the_list_of_what_tells_who_somebody_is_lacks_nothing() -> None:
    words = ("Search", "Compare", "Celebrity", "Celebrities", "PersonTracking")
    named = {name for name in load().operations if any(word in name for word in words)}
    assert named - IDENTIFYING == {"GetCelebrityInfo"}  # by the id of a celebrity, and without a picture
    searching = {name for name, rule in ACTS.items() if rule.action in (Action.SEARCH, Action.COMPARE)}
    assert searching <= IDENTIFYING


@pytest.mark.control(17, 56)
def test_an_administrator_searches_and_reviews_nothing_by_being_one() -> None:
    theirs = {name for _, name, action, roles in every_act() if comparing(action, name) and "administrator" in roles}
    assert theirs == set()
    assert {
        name for name in PERMISSIONS.routes if "review" in name and Role.ADMINISTRATOR in PERMISSIONS.routes[name]
    } == set()


@pytest.mark.control(43)
def test_an_auditor_changes_nothing() -> None:
    # An evaluation adds what was measured, and changes nothing that is there.
    harmless = {Action.READ, Action.EXPORT, Action.SIGN_IN, Action.EVALUATE}
    found = {name for _, name, action, roles in every_act() if Role.AUDITOR in roles and action not in harmless}
    assert found == set()
    exported = {name for _, name, action, roles in every_act() if Role.AUDITOR in roles and action is Action.EXPORT}
    assert "ledger export" in exported
    assert [name for name in exported if name.startswith(("collections", "faces", "users"))] == []
    written = (
        "Create",
        "Update",
        "Delete",
        "Put",
        "Start",
        "Stop",
        "Copy",
        "Index",
        "Associate",
        "Disassociate",
        "Tag",
    )
    assert [
        name for name, roles in PERMISSIONS.operations.items() if Role.AUDITOR in roles and name.startswith(written)
    ] == []


@pytest.mark.control(56)
def test_who_enrols_does_not_search_by_it_and_who_searches_does_not_enrol() -> None:
    for name, rule in ACTS.items():
        if rule.action is Action.ENROL:
            assert PERMISSIONS.operations[name] == {Role.ENROLLER}, name
    for name, action in command_acts.ACTS.items():
        if action is Action.ENROL:
            assert Role.SEARCHER not in PERMISSIONS.commands[name], name


@pytest.mark.control(27, 56)
@pytest.mark.parametrize("rules", STRICT, ids=lambda rules: rules.name)
def test_each_role_may_do_what_the_table_says_and_nothing_else(staff: Staff, rules: Rules) -> None:
    """All roles by all acts by the real gate: everybody is trained, and names an authorisation of their own."""
    gate, people = staff.gate(rules), {role: staff.add(str(role), role) for role in Role}
    authorisations = {role: staff.authorise(person, rules) for role, person in people.items()}
    media = rules.media[0]
    wrong = []
    for channel, name, action, roles in every_act():
        threshold = own(rules) if comparing(action, name) else None
        act = Act(action=action, operation=name, threshold=threshold, medium=media)
        for role in Role:
            naming = authorisations[role] if threshold else ""
            refusal = allowed(gate, caller(str(role), channel, naming), act)
            if (role in roles) != (refusal == ""):
                wrong.append((name, str(role), refusal))
    assert wrong == []


@pytest.mark.parametrize("rules", STRICT, ids=lambda rules: rules.name)
def test_a_stranger_and_whoever_has_no_role_may_do_nothing(staff: Staff, rules: Rules) -> None:
    staff.add("idle")
    gate = staff.gate(rules)
    for channel, name, action, _ in every_act():
        act = Act(
            action=action,
            operation=name,
            threshold=own(rules) if comparing(action, name) else None,
        )
        for login in ("idle", "nobody"):
            assert "is refused" in allowed(gate, caller(login, channel), act), (name, login)


@pytest.mark.parametrize("name", ["open", "recorded", "closed"])
def test_where_nobody_is_known_everybody_may_everything_or_nothing(staff: Staff, name: str) -> None:
    gate = staff.gate(PROFILES[name])
    for channel, operation, action, _ in every_act():
        refusal = allowed(gate, caller("nobody", channel), Act(action=action, operation=operation))
        assert (refusal == "") == (name != "closed"), operation


def test_an_act_that_stands_nowhere_is_nobodys(staff: Staff) -> None:
    for role in Role:
        staff.add(str(role), role)
    gate = staff.gate(PROFILES["public-safety"])
    for channel in Channel:
        for role in Role:
            act = Act(action=Action.READ, operation="ReadMinds")
            assert "it takes the role that nobody can have" in allowed(gate, caller(str(role), channel), act)
            act = Act(action=Action.READ, operation="collections list")
            if channel is not Channel.CLI:
                assert "is refused" in allowed(gate, caller(str(role), channel), act)


@pytest.mark.control(17, 40)
@pytest.mark.parametrize(
    "rules", [each for each in STRICT if Role.SEARCHER in each.trained], ids=lambda each: each.name
)
def test_a_searcher_whose_training_has_expired_searches_no_more(staff: Staff, rules: Rules) -> None:
    ada, eve = staff.add("ada", Role.SEARCHER), staff.add("eve", Role.SEARCHER, trained=False)
    search = Act(action=Action.SEARCH, operation="SearchFaces", threshold=own(rules), medium=rules.media[0])
    gate = staff.gate(rules)
    ada_may, eve_may = staff.authorise(ada, rules), staff.authorise(eve, rules)
    assert allowed(gate, caller("ada", Channel.AWS, ada_may), search) == ""
    assert "there is no record of one" in allowed(gate, caller("eve", Channel.AWS, eve_may), search)
    staff.clock.now = NOW + 300 * DAY
    assert "the last one expired on 2027-09-24" in allowed(
        staff.gate(rules), caller("ada", Channel.AWS, ada_may), search
    )


# -- row 56: each way to search without searching ---------------------------------------------------------------------

SIDE_DOORS = [
    ("CompareFaces", Action.COMPARE),
    ("SearchFaces", Action.SEARCH),
    ("SearchUsers", Action.SEARCH),
    ("AssociateFaces", Action.ENROL),
]


@pytest.mark.control(56)
@pytest.mark.parametrize("rules", STRICT, ids=lambda rules: rules.name)
@pytest.mark.parametrize(("operation", "action"), SIDE_DOORS)
def test_a_comparison_by_another_name_takes_an_authorisation_and_one_of_its_searches(
    staff: Staff, rules: Rules, operation: str, action: Action
) -> None:
    ada = staff.add("ada", Role.SEARCHER, Role.ENROLLER)
    gate, act = (
        staff.gate(rules),
        Act(action=action, operation=operation, threshold=own(rules), medium=rules.media[0]),
    )
    assert "it takes an authorisation" in allowed(gate, caller("ada", Channel.AWS), act)
    named = staff.authorise(ada, rules, searches=2)
    answers = [allowed(gate, caller("ada", Channel.AWS, named), act) for _ in range(3)]
    assert answers[:2] == ["", ""]
    assert "all 2 searches of the authorisation" in answers[2]


def test_an_act_that_is_continued_was_counted_when_it_began_and_is_judged_again(staff: Staff) -> None:
    rules = STRICT[0]
    ada = staff.add("ada", Role.SEARCHER)
    gate, act = staff.gate(rules), Act(action=Action.SEARCH, operation="SearchFaces", threshold=100.0)
    act = replace(act, medium=rules.media[0])
    named = caller("ada", Channel.AWS, staff.authorise(ada, rules, searches=1))
    with gate.open(named, act):
        pass
    for _ in range(3):
        with gate.open(named, act, continued=True) as grant:
            grant.require(Action.SEARCH)
    assert "all 1 searches" in allowed(gate, named, act)
    with pytest.raises(AccessDenied), gate.open(caller("bob", Channel.AWS), act, continued=True):
        pass


@pytest.mark.control(23, 56)
@pytest.mark.parametrize("rules", [each for each in STRICT if each.least_threshold], ids=lambda rules: rules.name)
def test_faces_given_to_a_user_are_compared_no_lower_than_the_profile_searches(staff: Staff, rules: Rules) -> None:
    ada = staff.add("ada", Role.ENROLLER)
    gate, named = staff.gate(rules), staff.authorise(ada, rules)
    for threshold, operation in ((75.0, "AssociateFaces"), (0.1, "AssociateFaces")):
        act = Act(action=Action.ENROL, operation=operation, threshold=threshold, medium=rules.media[0])
        assert "searches at 99 or more" in allowed(gate, caller("ada", Channel.AWS, named), act)


@pytest.mark.control(41)
def test_faces_are_given_to_a_user_without_comparing_them_only_where_nobody_reviews(staff: Staff) -> None:
    staff.add("ada", Role.ENROLLER)
    act = Act(action=Action.ENROL, operation="AssociateFaces", threshold=0.0)
    assert allowed(staff.gate(PROFILES["consented"]), caller("ada", Channel.AWS), act) == ""
    for name, rules in PROFILES.items():
        if rules.review.agreements:
            refused = allowed(staff.gate(rules), caller("ada", Channel.AWS), act)
            assert f"must be like the user's others at {max(rules.least_threshold, 75):g} or more" in refused, name


def own(rules: Rules) -> float:
    """The threshold that a profile hiding scores is searched at; the highest one where it has none."""
    return rules.least_threshold or 100.0


def test_roles_are_names_that_files_and_reports_can_hold() -> None:
    assert names(ALL) == {"administrator", "enroller", "searcher", "reviewer", "auditor", "overseer"}
