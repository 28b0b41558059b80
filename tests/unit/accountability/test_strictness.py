from __future__ import annotations

import itertools

import pytest

from regard.accountability.profiles.catalogue import (
    CLOSED,
    OPEN,
    OVERLAYS,
    PROFILES,
    in_force,
    named,
    of_tags,
    stricter,
)
from regard.accountability.profiles.rules import Rules, _names
from regard.accountability.profiles.strictness import STRICTER, at_threshold, covers, demands, strictest
from regard.config.sections import OVERLAYS as SETTABLE
from regard.config.toml_tables import parse, read
from regard.domain.authorisations import AuthorisationKind
from regard.domain.instants import EPOCH
from regard.domain.thresholds import ThresholdChange
from regard.errors import SettingsError

EVERY = {**PROFILES, **OVERLAYS}
PLAIN = Rules(name="plain", version=1, title="", description="")


def test_every_rule_has_a_stricter_side() -> None:
    words = {"name", "version", "title", "description", "stricter_than", "overlay", "sources"}
    assert set(STRICTER) == set(_names(Rules)) - words


@pytest.mark.control(52)
@pytest.mark.parametrize("name", EVERY)
def test_every_rule_away_from_its_default_names_its_source_date_and_mark(name: str) -> None:
    rules, plain = EVERY[name], demands(PLAIN)
    away = {rule for rule, value in demands(rules).items() if value != plain[rule]}
    assert away == set(rules.sources) - {""}
    for source in rules.sources.values():
        assert source.text
        assert source.mark in ("V", "V2", "M")
        assert source.read_on


@pytest.mark.control(52)
def test_the_european_rules_say_from_when_they_apply() -> None:
    sources = PROFILES["eu"].sources
    assert f"{sources['review.agreements'].applies_from}" == "2027-12-02"
    assert f"{sources['attributes'].applies_from}" == "2025-02-02"


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_is_stricter_than_just_those_that_demand_no_more(name: str) -> None:
    profile = PROFILES[name]
    if profile.closed:
        return
    computed = {each.name for each in PROFILES.values() if each is not profile and covers(profile, each)}
    assert computed == set(profile.stricter_than)


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(EVERY, 2)))
def test_two_together_demand_what_each_does(one: str, other: str) -> None:
    both = strictest(EVERY[one], EVERY[other])
    assert covers(both, EVERY[one])
    assert covers(both, EVERY[other])
    assert covers(strictest(EVERY[other], EVERY[one]), both)
    assert strictest(both, EVERY[one]) is both


def test_nothing_is_stricter_than_closed() -> None:
    assert all(stricter(each, CLOSED).closed and stricter(CLOSED, each).closed for each in PROFILES.values())


@pytest.mark.control(21, 22)
def test_an_overlay_tightens_any_profile() -> None:
    rules = in_force("consented", ("texas", "illinois"))
    assert rules.name == "consented+texas+illinois"
    assert rules.retention.faces_unused_days == 365
    assert not rules.export
    assert in_force("open", ("illinois",)).consent
    assert in_force("open", ("illinois",)).retention.faces_unused_days == 1095
    assert named(rules.name) == rules


def test_profiles_without_a_purpose_or_a_kind_in_common_allow_none() -> None:
    rules = strictest(PROFILES["detroit"], PROFILES["uk-lfr"])
    assert rules.authorisation.kinds == ()
    assert not set(rules.authorisation.purposes) & {"home-invasion", "serious-crime"}
    assert strictest(PROFILES["public-safety"], PROFILES["consented"]).authorisation.kinds == ()


def test_where_one_knows_no_emergencies_both_do_not() -> None:
    assert strictest(PROFILES["detroit"], PROFILES["eu"]).authorisation.emergency_hours is None
    assert strictest(PROFILES["recorded"], PROFILES["eu"]) is PROFILES["eu"]


def test_a_name_that_is_not_known_closes() -> None:
    assert of_tags({"regard:profile": "nope"}, OPEN).closed
    assert of_tags({"regard:overlays": "nope"}, OPEN).closed
    assert in_force("nope").closed
    assert in_force("open", ("nope",)).closed
    assert named("eu+nope") is None


def test_the_setting_knows_every_overlay_and_no_other() -> None:
    assert set(SETTABLE) == set(OVERLAYS)


def test_a_source_that_is_cited_must_be_there() -> None:
    text = 'name="x"\nversion=1\ntitle=""\ndescription=""\nledger=true\n[texts]\n[sources]\nledger="lost"\n'
    with pytest.raises(SettingsError, match="the text lost, which is not in texts"):
        read(Rules, parse(text, "x.toml"), "x.toml")


def test_a_changed_rule_changes_the_hash() -> None:
    rules = PROFILES["eu"]
    assert rules.changed(least_threshold=95.0).sha256 != rules.sha256
    assert rules.changed().sha256 == rules.sha256


def change(before: float, threshold: float) -> ThresholdChange:
    return ThresholdChange(
        key=1,
        collection_key=1,
        threshold_before=before,
        threshold=threshold,
        reason="",
        evaluation_id=None,
        requested_by="",
        requested_at=EPOCH,
    )


@pytest.mark.control(47)
def test_a_lowered_threshold_does_not_follow_to_a_stricter_profile() -> None:
    rules = PROFILES["public-safety"]
    assert at_threshold(rules, change(99, 95)).least_threshold == 95
    assert at_threshold(rules, change(90, 85)).least_threshold == 99
    assert at_threshold(rules, change(90, 99.5)).least_threshold == 99.5


@pytest.mark.control(12, 23)
def test_public_bodies_search_at_99_and_guess_nothing_of_anybody() -> None:
    for name in ("public-safety", "uk-lfr", "eu", "maryland", "detroit"):
        assert PROFILES[name].least_threshold == 99
    assert all(not each.attributes for each in PROFILES.values() if each.people)
    assert all(AuthorisationKind.CONSENT not in each.authorisation.kinds for each in PROFILES.values() if each.trained)
