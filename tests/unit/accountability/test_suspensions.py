"""Suspended is suspended: everything, a collection, a person, an authorisation; in one call, lifted by another."""

from __future__ import annotations

import pytest
from safekeeping import MakeSafe, Safe, by_key, ruled

from regard.accountability.judgement import STOPPED
from regard.accountability.profiles.catalogue import OPEN
from regard.domain.authority import Action
from regard.domain.people import Role, Service
from regard.errors import AccessDenied, InvalidParameter, ResourceNotFound
from regard.store.tables.retention import suspensions

pytestmark = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
PEOPLE = ruled(people=True)


def suspend(safe: Safe, kind: str, subject: str = "", caller: object = None) -> int:
    with safe.may(Action.ADMINISTER, operation="suspend", caller=caller) as grant:  # type: ignore[arg-type]
        return safe.suspensions.begin(grant, kind, subject, "a complaint").key


@pytest.mark.control(46)
def test_one_call_stops_everything_but_what_puts_things_right(safe_under: MakeSafe) -> None:
    safe = safe_under(OPEN)
    safe.collection()
    suspend(safe, "everything")
    safe.later(seconds=1)
    for action in Action:
        if action in STOPPED:
            with pytest.raises(AccessDenied, match="everything has been suspended since"), safe.may(action, "staff"):
                pass
        else:
            with safe.may(action, "staff"):
                pass


@pytest.mark.control(46)
def test_a_suspended_collection_is_stopped_within_a_second_and_no_other(safe_under: MakeSafe) -> None:
    safe = safe_under(OPEN)
    safe.collection("staff")
    safe.collection("guests")
    with safe.may(Action.SEARCH, "staff"):
        pass
    suspend(safe, "collection", "staff")
    safe.later(seconds=1)
    with safe.may(Action.SEARCH, "guests"):
        pass
    with pytest.raises(AccessDenied, match="the collection staff has been suspended"), safe.may(Action.SEARCH, "staff"):
        pass


@pytest.mark.control(46)
def test_an_act_that_goes_on_for_hours_is_stopped_too(safe_under: MakeSafe) -> None:
    safe = safe_under(OPEN)
    safe.collection()
    with safe.may(Action.ENROL, "staff") as grant:
        grant.require(Action.ENROL, "staff")
        suspend(safe, "collection", "staff")
        safe.later(seconds=1)
        with pytest.raises(AccessDenied, match="the collection staff has been suspended"):
            grant.require(Action.ENROL, "staff")


@pytest.mark.control(46)
def test_a_person_is_stopped_with_every_key_and_service_of_theirs(safe_under: MakeSafe) -> None:
    safe = safe_under(PEOPLE)
    safe.collection()
    overseer = safe.person("olga", Role.OVERSEER)
    safe.person("ann", Role.SEARCHER)
    safe.person("bob", Role.SEARCHER)
    safe.people.add_service(Service(id="robot", name="robot", person_id="ann", created_at=safe.now))
    safe.people.grant("robot", [Role.SEARCHER], None, safe.now)
    suspend(safe, "person", "ann", overseer)
    safe.later(seconds=1)
    for who in ("ann", "robot"):
        with (
            pytest.raises(AccessDenied, match="the person ann has been suspended"),
            safe.may(Action.SEARCH, "staff", operation="SearchFaces", caller=by_key(who)),
        ):
            pass
    with safe.may(Action.SEARCH, "staff", operation="SearchFaces", caller=by_key("bob")):
        pass


@pytest.mark.control(46)
def test_an_authorisation_is_stopped_and_the_same_person_may_go_on_under_another(safe_under: MakeSafe) -> None:
    safe = safe_under(PEOPLE)
    safe.collection()
    overseer = safe.person("olga", Role.OVERSEER)
    safe.person("ann", Role.SEARCHER)
    safe.authorise("ann")
    suspend(safe, "authorisation", "A-ann", overseer)
    safe.later(seconds=1)
    refused = pytest.raises(AccessDenied, match="the authorisation A-ann has been suspended")
    with refused, safe.may(Action.SEARCH, "staff", operation="SearchFaces", caller=by_key("ann", "A-ann")):
        pass
    with safe.may(Action.SEARCH, "staff", operation="SearchFaces", caller=by_key("ann")):
        pass


def test_where_people_are_known_another_lifts_it(safe_under: MakeSafe) -> None:
    safe = safe_under(PEOPLE)
    olga, otto = safe.person("olga", Role.OVERSEER), safe.person("otto", Role.OVERSEER)
    key = suspend(safe, "everything", caller=olga)
    with (
        safe.may(Action.ADMINISTER, operation="suspensions lift", caller=olga) as grant,
        pytest.raises(AccessDenied, match="It takes another person to lift it"),
    ):
        safe.suspensions.lift(grant, key)
    with safe.may(Action.ADMINISTER, operation="suspensions lift", caller=otto) as grant:
        safe.suspensions.lift(grant, key)
        with pytest.raises(ResourceNotFound, match=f"No suspension {key} lasts"):
            safe.suspensions.lift(grant, key)
    assert [(each["started_by"], each["ended_by"]) for each in safe.rows(suspensions)] == [("olga", "otto")]
    with safe.may(Action.READ, operation="suspensions list", caller=otto) as grant:
        assert list(safe.suspensions.list(grant)) == []
        assert [each.reason for each in safe.suspensions.list(grant, ended=True)] == ["a complaint"]


def test_a_name_that_nothing_has_is_no_suspension(safe_under: MakeSafe) -> None:
    safe = safe_under(OPEN)
    for kind in ("collection", "person", "service", "authorisation"):
        with pytest.raises(ResourceNotFound, match=f"There is no {kind} 'nobody', so nothing was suspended"):
            suspend(safe, kind, "nobody")
    with pytest.raises(InvalidParameter, match="'planet' cannot be suspended"):
        suspend(safe, "planet", "earth")
    with pytest.raises(InvalidParameter, match="has no subject"):
        suspend(safe, "everything", "staff")
    with safe.may(Action.ADMINISTER) as grant, pytest.raises(InvalidParameter, match="Say why"):
        safe.suspensions.begin(grant, "everything", "", "  ")
    assert safe.rows(suspensions) == []


def test_a_reason_that_would_steer_a_terminal_is_refused(safe_under: MakeSafe) -> None:
    safe = safe_under(OPEN)
    for act in (
        lambda grant: safe.suspensions.begin(grant, "everything", "", "a \x9b2J"),
        lambda grant: safe.incidents.open(grant, "breach", "low", "a \x1b[2J"),
        lambda grant: safe.incidents.open(grant, "breach", "low", "a disk", ["the \u202e board"]),
    ):
        with safe.may(Action.ADMINISTER) as grant, pytest.raises(InvalidParameter, match="control character"):
            act(grant)
