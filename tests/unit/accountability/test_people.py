"""People, services, roles, trainings and keys, in both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from people_office import Office
from roster import DAY, NOW

from regard.accountability.gate import Grant
from regard.accountability.profiles.catalogue import OPEN, PROFILES
from regard.domain.authority import Action
from regard.domain.people import Role, Training
from regard.errors import AccessDenied, InvalidParameter, ResourceAlreadyExists, ResourceNotFound

STRICT = PROFILES["public-safety"]
R = Role


# -- the first, and the others ------------------------------------------------------------------------------------


@pytest.mark.control(27)
@pytest.mark.parametrize("roles", [[], [R.SEARCHER], [R.ADMINISTRATOR, R.SEARCHER], [R.ADMINISTRATOR, R.OVERSEER]])
def test_the_first_person_is_an_administrator_and_nothing_that_searches(office: Office, roles: list[Role]) -> None:
    with pytest.raises(AccessDenied, match="The first person is an administrator"), office.asks("people add") as grant:
        office.people.add(grant, "Root", "root", roles)
    with office.asks("people add") as grant:
        office.people.add(grant, "Root", "root", [R.ADMINISTRATOR])
    assert office.roles("root") == {R.ADMINISTRATOR}


def test_of_two_first_persons_at_once_one_is_made(office: Office) -> None:
    with office.asks("people add") as one, office.asks("people add", who="mallory") as other:
        office.people.add(one, "Root", "root", [R.ADMINISTRATOR])
        with pytest.raises(AccessDenied, match="There is somebody now"):
            office.people.add(other, "Mallory", "mallory", [R.ADMINISTRATOR])


@pytest.mark.control(56)
def test_who_came_before_there_was_anybody_grants_nothing_once_there_is(office: Office) -> None:
    with office.asks("people grant") as early:
        with office.asks("people add") as grant:
            office.people.add(grant, "Root", "root", [R.ADMINISTRATOR])
        with pytest.raises(AccessDenied, match="The first person is added with their role"):
            office.people.grant(early, "root", [R.SEARCHER])


def test_once_there_is_somebody_only_an_administrator_adds_people(root: Office) -> None:
    root.add("ada", R.SEARCHER)
    for who in ("ada", "mallory"):
        with pytest.raises(AccessDenied, match="people add is refused"), root.asks("people add", who=who):
            pass


def test_a_login_is_never_given_again(root: Office) -> None:
    root.add("ada")
    with root.asks("people end") as grant:
        root.people.end(grant, "ada")
    with pytest.raises(ResourceAlreadyExists, match="Somebody has had the login ada"):
        root.add("ada")


@pytest.mark.parametrize("login", ["\N{CYRILLIC SMALL LETTER A}da", "Ada", "ad\N{GREEK SMALL LETTER ALPHA}", "ａｄａ"])
def test_no_login_reads_like_one_that_somebody_has_had(root: Office, login: str) -> None:
    with root.asks("people add") as grant:
        root.people.add(grant, "Ada", "ada", [])
        with pytest.raises(ResourceAlreadyExists, match="reads like ada"):
            root.people.add(grant, "Eve", login, [])
        root.people.add(grant, "Eve", "adah", [])


@pytest.mark.parametrize(
    ("name", "login"),
    [
        ("", "x"),
        ("a" * 256, "x"),
        ("a\nb", "x"),
        ("Ada", ""),
        ("Ada", "a b"),
        ("Ada", "a" * 129),
        ("Ada", "a\x00"),
        ("Ada", "11111111-1111-1111-1111-111111111111"),
    ],
)
def test_names_and_logins_are_what_can_be_read(root: Office, name: str, login: str) -> None:
    with pytest.raises(InvalidParameter), root.asks("people add") as grant:
        root.people.add(grant, name, login, [])


def test_a_person_is_known_by_id_login_or_a_name_that_one_has(root: Office) -> None:
    first = root.add("ada")
    with root.asks("people add") as grant:
        second = root.people.add(grant, "Ada", None, []).id
    with root.asks("people show", Action.READ) as grant:
        assert {root.people.show(grant, who).person.id for who in ("ada", first)} == {first}
        assert root.people.show(grant, second).person.login is None
        with pytest.raises(InvalidParameter, match="2 people are called Ada"):
            root.people.show(grant, "Ada")
        with pytest.raises(ResourceNotFound, match="There is nobody with"):
            root.people.show(grant, "grace")


# -- roles --------------------------------------------------------------------------------------------------------


@pytest.mark.control(56)
@pytest.mark.parametrize("role", [R.SEARCHER, R.REVIEWER, R.OVERSEER])
def test_nobody_makes_themself_what_searches_reviews_or_approves(root: Office, role: Role) -> None:
    with pytest.raises(AccessDenied, match=f"Nobody makes themself {role}"):
        root.grant("root", role)
    root.add("ada", R.ADMINISTRATOR)
    root.grant("root", role, by="ada")
    assert root.roles("root") == {R.ADMINISTRATOR, role}


@pytest.mark.control(56)
def test_nobody_gives_such_a_role_to_a_service_of_their_own(root: Office) -> None:
    with pytest.raises(AccessDenied, match="Nobody makes themself searcher"), root.asks("services add") as grant:
        root.services.add(grant, "door", "root", [R.SEARCHER])
    with root.asks("services add") as grant:
        root.services.add(grant, "door", "root", [R.ENROLLER])
    with pytest.raises(AccessDenied, match="Nobody makes themself searcher"), root.asks("services grant") as grant:
        root.services.grant(grant, "door", [R.SEARCHER])


@pytest.mark.control(43)
def test_an_auditor_is_nothing_else(root: Office) -> None:
    with pytest.raises(InvalidParameter, match="cannot be auditor and searcher"):
        root.add("ada", R.AUDITOR, R.SEARCHER)
    root.add("ada", R.AUDITOR)
    with pytest.raises(InvalidParameter, match="cannot be auditor and administrator"):
        root.grant("ada", R.ADMINISTRATOR)
    assert root.roles("ada") == {R.AUDITOR}


@pytest.mark.parametrize("role", [R.ADMINISTRATOR, R.OVERSEER])
def test_the_last_administrator_and_the_last_overseer_stay(root: Office, role: Role) -> None:
    root.add("ada", role)
    if role is R.ADMINISTRATOR:
        with root.asks("people end") as grant:
            root.people.end(grant, "ada")
    last = "root" if role is R.ADMINISTRATOR else "ada"
    with pytest.raises(AccessDenied, match=f"is the last {role}"), root.asks("people end") as grant:
        root.people.end(grant, last)
    with pytest.raises(AccessDenied, match=f"is the last {role}"), root.asks("people withdraw") as grant:
        root.people.withdraw(grant, last, [role])
    assert role in root.roles(last)


def test_a_role_that_is_taken_away_is_gone_and_may_be_granted_again(root: Office) -> None:
    root.add("ada", R.SEARCHER, R.ENROLLER)
    with root.asks("people withdraw") as grant:
        root.people.withdraw(grant, "ada", [R.SEARCHER])
    assert root.roles("ada") == {R.ENROLLER}
    with pytest.raises(InvalidParameter, match="Ada is not searcher"), root.asks("people withdraw") as grant:
        root.people.withdraw(grant, "ada", [R.SEARCHER])
    root.grant("ada", R.SEARCHER)
    assert root.roles("ada") == {R.ENROLLER, R.SEARCHER}


# -- ending -------------------------------------------------------------------------------------------------------


def test_who_has_ended_acts_no_more_by_any_key_or_service_of_theirs(root: Office) -> None:
    root.add("ada", R.ENROLLER)
    with root.asks("services add") as grant:
        root.services.add(grant, "door", "ada", [R.ENROLLER])
    with root.asks("services key") as grant:
        ids = [root.services.key_of_person(grant, "ada")[0], root.services.key(grant, "door")[0]]
    kept, _ = root.keys.create("somebody else's")
    assert all(root.keys.lookup(each) for each in ids)
    with root.asks("people end") as grant:
        person, ended = root.people.end(grant, "ada")
    assert (person.login, sorted(ended)) == ("ada", sorted(ids))
    root.staff.clock.now += timedelta(seconds=1.1)  # what was looked up is remembered for a second
    assert [root.keys.lookup(each) for each in ids] == [None, None]
    assert root.keys.lookup(kept) is not None
    with root.asks("services list", Action.READ) as grant:
        assert [each.service.ended_at for each in root.services.list(grant)] == [NOW]
    with pytest.raises(AccessDenied), root.asks("users list", Action.READ, who="ada"):
        pass
    with pytest.raises(InvalidParameter, match="Ada has ended already"), root.asks("people end") as grant:
        root.people.end(grant, "ada")
    for change in (
        lambda: root.grant("ada", R.SEARCHER),
        lambda: _key(root, root.services.key_of_person, "ada"),
        lambda: _key(root, root.services.key, "door"),
    ):
        with pytest.raises(InvalidParameter, match="ended on"):
            change()


def _key(office: Office, key: Callable[[Grant, str], object], who: str) -> None:
    with office.asks("services key") as grant:
        key(grant, who)


def test_a_service_that_has_ended_leaves_its_person(root: Office) -> None:
    root.add("ada", R.ENROLLER)
    with root.asks("services add") as grant:
        root.services.add(grant, "door", "ada", [R.ENROLLER])
    with root.asks("services key") as grant:
        of_door, of_ada = root.services.key(grant, "door")[0], root.services.key_of_person(grant, "ada")[0]
    with root.asks("services end") as grant:
        assert root.services.end(grant, "door")[1] == [of_door]
    assert root.keys.lookup(of_ada) is not None
    with root.asks("users list", Action.READ, who="ada"):
        pass


def test_a_key_is_its_holders(root: Office) -> None:
    ada = root.add("ada", R.ENROLLER)
    with root.asks("people key") as grant:
        key, secret, person = root.services.key_of_person(grant, "ada")
    found = root.keys.lookup(key)
    assert found is not None
    assert (found.secret, found.principal.holder_id, found.principal.name, person.id) == (secret, ada, "ada", ada)


# -- services -----------------------------------------------------------------------------------------------------


@pytest.mark.control(8)
@pytest.mark.parametrize("role", [R.REVIEWER, R.OVERSEER, R.ADMINISTRATOR])
def test_only_a_natural_person_reviews_approves_and_administers(root: Office, role: Role) -> None:
    root.add("ada")
    with pytest.raises(InvalidParameter, match=f"A service cannot be {role}"), root.asks("services add") as grant:
        root.services.add(grant, "door", "ada", [role])


def test_a_service_needs_a_person_who_is_there_and_a_name_of_its_own(root: Office) -> None:
    root.add("ada")
    with root.asks("services add") as grant:
        root.services.add(grant, "door", "ada", [])
        with pytest.raises(ResourceAlreadyExists):
            root.services.add(grant, "door", "ada", [])
        with pytest.raises(ResourceAlreadyExists):
            root.services.add(grant, "ada", "ada", [])
        with pytest.raises(ResourceNotFound):
            root.services.add(grant, "gate", "grace", [])


# -- training -----------------------------------------------------------------------------------------------------


def _training(who: str, **changes: object) -> Training:
    usual = {"subject": "face comparison", "reference": "C-17", "completed_at": NOW - DAY, "expires_at": NOW + DAY}
    return Training(**{"person_id": who, **usual, **changes})  # type: ignore[arg-type]


@pytest.mark.control(17, 40)
def test_a_training_is_kept_with_its_reference_and_its_end(root: Office) -> None:
    root.add("ada", R.SEARCHER)
    with root.asks("people train") as grant:
        root.people.train(grant, _training("ada"))
    with root.asks("people show", Action.READ) as grant:
        (found,) = root.people.show(grant, "ada").trainings
    assert (found.subject, found.reference, found.completed_at, found.expires_at) == (
        "face comparison",
        "C-17",
        NOW - DAY,
        NOW + DAY,
    )


@pytest.mark.control(17)
def test_nobody_records_their_own_training(root: Office) -> None:
    with pytest.raises(AccessDenied, match="Nobody records their own training"), root.asks("people train") as grant:
        root.people.train(grant, _training("root"))


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": " "},
        {"reference": ""},
        {"completed_at": NOW + DAY, "expires_at": NOW + 2 * DAY},
        {"expires_at": NOW - 2 * DAY},
    ],
)
def test_a_training_that_cannot_be_is_refused(root: Office, changes: dict[str, object]) -> None:
    root.add("ada")
    with pytest.raises(InvalidParameter), root.asks("people train") as grant:
        root.people.train(grant, _training("ada", **changes))


# -- the gate -----------------------------------------------------------------------------------------------------


def test_what_changes_people_opens_only_to_a_grant_to_administer(root: Office) -> None:
    calls: list[Callable[[Grant], object]] = [
        lambda grant: root.people.add(grant, "Ada", "ada", []),
        lambda grant: root.people.end(grant, "root"),
        lambda grant: root.people.grant(grant, "root", [R.ENROLLER]),
        lambda grant: root.people.withdraw(grant, "root", [R.ADMINISTRATOR]),
        lambda grant: root.people.train(grant, _training("root")),
        lambda grant: root.services.add(grant, "door", "root", []),
        lambda grant: root.services.end(grant, "door"),
        lambda grant: root.services.grant(grant, "door", []),
        lambda grant: root.services.withdraw(grant, "door", []),
        lambda grant: root.services.key(grant, "door"),
        lambda grant: root.services.key_of_person(grant, "root"),
    ]
    for call in calls:
        with (
            pytest.raises(RuntimeError, match="was used to administer"),
            root.asks("people list", Action.READ) as grant,
        ):
            call(grant)


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_under_a_profile_that_knows_nobody_people_can_be_made_ready(office: Office) -> None:
    with office.asks("people add", rules=OPEN) as grant:
        office.people.add(grant, "Ada", "ada", [R.SEARCHER, R.ENROLLER])
    with office.asks("people list", Action.READ, rules=OPEN) as grant:
        assert [set(each.roles) for each in office.people.list(grant)] == [{R.SEARCHER, R.ENROLLER}]
