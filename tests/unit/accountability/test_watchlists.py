"""A watch-list is of one deployment: reviewed before anybody searches in it, no larger than it may be, gone after."""

from __future__ import annotations

from datetime import timedelta

import pytest
from safekeeping import MakeSafe, Safe, at_the_command_line, by_key, ruled

from regard.accountability.gate import Gate
from regard.accountability.profiles.catalogue import PROFILES
from regard.domain.authorisations import AuthorisationKind, AuthorisationState
from regard.domain.authority import Action, Caller
from regard.domain.people import Role
from regard.errors import AccessDenied
from regard.store.authorisation_rows import AuthorisationRows
from regard.store.tables.retention import enrolment_terms

SQLITE = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
DEPLOYED = ruled(people=True, enrolment_basis=True, most_faces=2, retention={"watchlist_hours": 24})


def deployed(safe: Safe, name: str, **changes: object) -> None:
    """An officer with a deployment, who enrols a watch-list of their name."""

    safe.person(name, Role.ENROLLER)
    safe.authorise(name, AuthorisationKind.DEPLOYMENT, **changes)


@pytest.mark.control(3)
def test_a_watch_list_goes_24_hours_after_its_deployment(safe_under: MakeSafe) -> None:
    safe = safe_under(DEPLOYED)
    deployed(safe, "ann")
    wanted = safe.collection("wanted")
    with safe.may(Action.ENROL, "wanted", operation="IndexFaces", caller=by_key("ann", "A-ann")) as grant:
        safe.enrol(grant, wanted, "one", "two", basis=None)
    (term, _) = safe.rows(enrolment_terms)
    assert (term["authorisation_id"], term["basis"], term["source"]) == ("A-ann", "order 9", "file 3")
    assert term["enrolled_by"] == "ann"
    safe.later(days=7, hours=23)
    assert safe.sweep() == {}
    safe.later(hours=2)
    assert safe.sweep() == {"watch-lists": 2}
    assert safe.collections.find("wanted") is None
    assert safe.rows(enrolment_terms) == []
    assert safe.followed[-1] == "wanted"


@SQLITE
@pytest.mark.control(3)
def test_a_deployment_that_is_ended_early_takes_its_watch_list_with_it(safe_under: MakeSafe) -> None:
    safe = safe_under(DEPLOYED)
    deployed(safe, "ann")
    wanted = safe.collection("wanted")
    with safe.may(Action.ENROL, "wanted", operation="IndexFaces", caller=by_key("ann", "A-ann")) as grant:
        safe.enrol(grant, wanted, "one", basis=None)
    safe.later(hours=1)
    AuthorisationRows(safe.database).decide(
        "A-ann", [AuthorisationState.APPROVED], AuthorisationState.ENDED, "bob", safe.now
    )
    safe.later(hours=23)
    assert safe.sweep() == {}
    safe.later(hours=2)
    assert safe.sweep() == {"watch-lists": 1}


@SQLITE
@pytest.mark.control(4)
def test_a_watch_list_is_of_one_deployment_and_not_larger_than_it_may_be(safe_under: MakeSafe) -> None:
    safe = safe_under(DEPLOYED)
    deployed(safe, "ann")
    deployed(safe, "bob")
    wanted = safe.collection("wanted")
    with safe.may(Action.ENROL, "wanted", operation="IndexFaces", caller=by_key("ann", "A-ann")) as grant:
        safe.enrol(grant, wanted, "one", basis=None)
        with pytest.raises(AccessDenied, match="may hold 2 faces, and would hold more"):
            safe.enrol(grant, wanted, "two", "three", basis=None, seed=1)
    with (
        safe.may(Action.ENROL, "wanted", operation="IndexFaces", caller=by_key("bob", "A-bob")) as grant,
        pytest.raises(AccessDenied, match="wanted is the watch-list of the deployment A-ann"),
    ):
        safe.enrol(grant, wanted, "two", basis=None, seed=1)
    assert len(safe.held(wanted)) == 1


@SQLITE
@pytest.mark.control(4)
def test_nobody_searches_in_a_watch_list_that_nobody_reviewed_since_it_was_changed(safe_under: MakeSafe) -> None:
    safe = safe_under(DEPLOYED)
    deployed(safe, "ann")
    overseer = safe.person("olga", Role.OVERSEER)
    sam = safe.person("sam", Role.SEARCHER)
    wanted = safe.collection("wanted")

    def search() -> None:
        with safe.may(Action.SEARCH, "wanted", operation="search", caller=sam, threshold=99.0) as grant:
            safe.terms.check_reviewed(grant, wanted)

    def review(by: Caller) -> None:
        with safe.may(Action.ADMINISTER, "wanted", operation="watchlists review", caller=by) as grant:
            safe.watchlists.review(grant, "wanted")

    with safe.may(Action.ENROL, "wanted", operation="IndexFaces", caller=by_key("ann", "A-ann")) as grant:
        safe.enrol(grant, wanted, "one", basis=None)
        with pytest.raises(AccessDenied, match="nobody has reviewed the watch-list wanted"):
            search()
        safe.later(minutes=1)
        review(overseer)
        search()
        safe.later(minutes=1)
        safe.enrol(grant, wanted, "two", basis=None, seed=1)
        with pytest.raises(AccessDenied, match="since it was last changed"):
            search()
    safe.people.grant("ann", [Role.OVERSEER], None, safe.now)
    safe.later(seconds=2)
    with pytest.raises(AccessDenied, match="another person reviews its watch-list"):
        review(at_the_command_line("ann"))
    with safe.may(Action.READ, operation="watchlists list", caller=overseer) as grant:
        (listed,) = safe.watchlists.list(grant)
    assert (listed.collection, listed.faces, listed.authorisation_id) == ("wanted", 2, "A-ann")


@SQLITE
@pytest.mark.control(54)
def test_live_pictures_are_compared_with_a_watch_list_and_enrol_nobody(safe_under: MakeSafe) -> None:
    safe = safe_under(PROFILES["uk-lfr"])
    safe.gate = Gate(safe.rules, safe.ledger, safe.standing, assessment="DPIA-7")
    for name, role in (("ann", Role.ENROLLER), ("sam", Role.SEARCHER)):
        safe.person(name, role)
        safe.train(name)
        terms = {"purpose": "wanted-by-courts", "document_sha256": "ab" * 32, "ends_at": safe.now + timedelta(hours=12)}
        safe.authorise(name, AuthorisationKind.DEPLOYMENT, **terms)
    wanted, others = safe.collection("wanted"), safe.collection("others")
    enrolling = {"operation": "IndexFaces", "caller": by_key("ann", "A-ann")}
    with (
        pytest.raises(AccessDenied, match="nobody who passes by is enrolled"),
        safe.may(Action.ENROL, "wanted", medium="live", **enrolling),
    ):
        pass
    with safe.may(Action.ENROL, "wanted", **enrolling) as grant:
        safe.enrol(grant, wanted, "one", basis=None)
    safe.person("olga", Role.OVERSEER)
    with safe.may(
        Action.ADMINISTER, "wanted", operation="watchlists review", caller=at_the_command_line("olga")
    ) as grant:
        safe.watchlists.review(grant, "wanted")
    searching = {"operation": "SearchFacesByImage", "caller": by_key("sam", "A-sam"), "threshold": 99.0}
    with safe.may(Action.SEARCH, "wanted", medium="live", **searching) as grant:
        safe.terms.check_reviewed(grant, wanted)
    with (
        safe.may(Action.SEARCH, "others", medium="live", **searching) as grant,
        pytest.raises(AccessDenied, match="others is none"),
    ):
        safe.terms.check_reviewed(grant, others)
    for name, rules in PROFILES.items():
        assert not (rules.people and "live" in rules.media) or name in ("uk-lfr", "consented"), name
