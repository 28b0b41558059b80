"""What the overseer and the public are told: every search checked again, and counts that give nobody away."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from agency import Agency, agency, portrait
from measured import MEASURED
from sqlalchemy import delete, update
from test_reviewed_search import SUSPECTS, case_of, decided

from regard.accountability.reports import rendering
from regard.bootstrap.reports import Reports, reports
from regard.domain.cases import Opinion
from regard.errors import InvalidParameter
from regard.store.tables.authorisations import authorisations, threshold_changes
from regard.store.tables.cases import case_candidates, cases, corroborations, reviews, searches
from regard.store.tables.people import trainings
from regard.store.tables.retention import erasure_receipts, incidents, suspensions

PROBE = {"Bytes": portrait(dark=0.9)}
DAY = timedelta(days=1)


@pytest.fixture
def station(models: Path, tmp_path: Path) -> Iterator[Agency]:
    with agency(models, tmp_path / "home", agency="Seed County") as made:
        made.enrol("suspects", {"eileen": portrait()})
        yield made


def doors(station: Agency) -> Reports:
    engine = station.live.engine
    return reports(engine.settings, engine.stores, engine.known_models)


def searched(station: Agency, name: str = "sam") -> tuple[str, str]:
    """A search: its authorisation, and its case."""
    authorisation = station.authorise(name)
    client = station.session(name, authorisation)
    return authorisation, case_of(client.search_faces_by_image(**SUSPECTS, Image=PROBE))


def audit(station: Agency) -> list[dict[str, Any]]:
    now = datetime.now(UTC)
    with station.acting("olga", "report audit") as grant:
        made = doors(station).audit.run(grant, now - DAY, now + DAY)
    found: list[dict[str, Any]] = json.loads(rendering.text_json(made))["exceptions"]
    return found


def change(station: Agency, statement: Any) -> None:
    with station.database.write() as connection:
        connection.execute(statement)


@pytest.mark.control(43)
def test_an_audit_of_what_was_done_by_the_rules_finds_no_exception_and_is_in_the_ledger(station: Agency) -> None:
    _, case = searched(station)
    decided(station, {"rita": Opinion.SAME, "ron": Opinion.SAME}, case)
    assert audit(station) == []
    size = station.live.engine.stores.ledger.head().size
    said = [json.loads(each.body or b"{}") for each in station.live.engine.stores.ledger.entries(size - 1, 1)]
    assert said[0]["operation"] == "report audit"
    assert said[0]["facts"]["searches"] == 1
    assert said[0]["facts"]["exceptions"] == 0
    assert len(said[0]["facts"]["report_sha256"]) == 64


@pytest.mark.control(43)
def test_an_audit_finds_what_went_round_the_gate(station: Agency) -> None:
    authorisation, case = searched(station)
    decided(station, {"rita": Opinion.SAME, "ron": Opinion.SAME}, case)
    mine, sam, now = authorisations.c.id == authorisation, station.people["sam"], datetime.now(UTC)
    broken = [
        (update(authorisations).where(mine).values(decided_by=sam), "Another person approved"),
        (update(authorisations).where(mine).values(purpose="immigration-status"), "For a purpose that is allowed"),
        (update(authorisations).where(mine).values(ends_at=now - DAY), "It was authorised"),
        (update(searches).values(threshold=80.0), "At a threshold that is allowed"),
        (update(cases).values(reviews_needed=1), "It opened a case"),
        (delete(trainings).where(trainings.c.person_id == sam), "They were trained"),
        (update(cases).values(state="actionable"), "Nothing is acted on without independent support"),
        (update(cases).values(purge_after=now - 30 * DAY), "Nothing is kept for too long"),
        (delete(reviews).where(reviews.c.reviewer_id == station.people["ron"]), "Enough people reviewed it, and the"),
    ]
    seen: set[str] = set()
    for statement, rule in broken:
        change(station, statement)
        rules = {each["rule"] for each in audit(station)}
        assert any(each.startswith(rule) for each in rules), (rule, rules)
        seen |= rules


@pytest.mark.control(43)
def test_an_audit_asks_no_more_of_an_authorisation_than_the_gate_did(station: Agency) -> None:
    """Of a missing person there is no offence; and who was sought in a bad picture, upon a second person's word."""
    authorisation, case = searched(station)
    decided(station, {"rita": Opinion.SAME, "ron": Opinion.SAME}, case)
    mine = update(authorisations).where(authorisations.c.id == authorisation)
    change(station, mine.values(kind="exigent", offence=None))
    assert audit(station) == []
    change(station, mine.values(kind="court-order-missing", state="emergency", confirm_by=datetime.now(UTC) + DAY))
    assert audit(station) == []
    change(station, mine.values(kind="investigation", state="approved"))
    assert [each["words"] for each in audit(station)] == ["no offence is named"]


@pytest.mark.control(10, 43)
def test_an_audit_misses_no_entry_that_was_purged_with_a_refused_emergency(station: Agency) -> None:
    authorisation, _ = searched(station)
    change(station, update(authorisations).where(authorisations.c.id == authorisation).values(state="refused"))
    station.live.engine.keeping.retention.sweep(lambda collection: station.acting("olga", "sweep", collection))
    assert [each["words"] for each in audit(station)] == [f"{authorisation} is refused"]


@pytest.mark.control(39, 43)
def test_an_audit_asks_of_a_poor_picture_whether_a_second_person_agreed(station: Agency) -> None:
    authorisation, case = searched(station)
    decided(station, {"rita": Opinion.SAME, "ron": Opinion.SAME}, case)
    change(station, update(searches).values(probe_edits={"utility": 12.3}))
    mine = update(authorisations).where(authorisations.c.id == authorisation)
    for agreed in ({}, {"poor_probes": station.people["sam"]}):
        change(station, mine.values(scope=agreed))
        (found,) = audit(station)
        assert found["words"] == "its picture has a utility of 12, below 40, and nobody else agreed"
    change(station, mine.values(scope={"poor_probes": station.people["olga"]}))
    assert audit(station) == []


@pytest.mark.control(43, 35)
def test_an_audit_finds_a_search_that_was_taken_out_of_the_records(station: Agency) -> None:
    searched(station)
    for table in (reviews, corroborations, case_candidates, searches):
        change(station, delete(table))
    (found,) = audit(station)
    assert found["words"] == "the ledger has it, and the records do not"


def publish(station: Agency, since: datetime, until: datetime, records: Any = None) -> Any:
    with station.acting("olga", "report transparency") as grant:
        made = doors(station).public.transparency(grant, since, until, records or {})
    return json.loads(rendering.text_json(made))


def series(said: Any, title: str) -> Any:
    return next(each for each in said["series"] if each["title"].startswith(title))


@pytest.fixture
def year(station: Agency) -> tuple[datetime, datetime]:
    """A year that is over, into which the searches of a test are moved."""
    first = datetime(2025, 1, 1, tzinfo=UTC)
    return first, first + 365 * DAY


def six_searches(station: Agency, when: datetime) -> list[str]:
    made = [searched(station)[1] for _ in range(6)]
    change(station, update(searches).values(searched_at=when))
    change(station, update(cases).values(opened_at=when))
    change(station, update(authorisations).values(requested_at=when))
    return made


@pytest.mark.control(14, 25, 44)
@pytest.mark.slow
def test_a_transparency_report_counts_by_purpose_offence_system_and_outcome(station: Agency, year: Any) -> None:
    six_searches(station, year[0] + DAY)
    said = publish(station, *year)
    found = series(said, "Searches")
    assert found["total"] == 6
    assert found["tables"]["By purpose"] == {"violent-crime": 6}
    assert found["tables"]["By offence"] == {"robbery": 6}
    assert found["tables"]["By collection"] == {"suspects": 6}
    assert list(found["tables"]["By system (face model)"].values()) == [6]
    assert series(said, "Cases")["tables"]["By outcome"] == {"open": 6}


@pytest.mark.control(14, 44)
@pytest.mark.slow
def test_demographics_come_from_the_operators_records_alone_and_small_ones_are_withheld(
    station: Agency, year: Any
) -> None:
    made = six_searches(station, year[0] + DAY)
    change(station, update(cases).values(state="actionable"))
    records = {case: {"sex": "f" if number < 5 else "m"} for number, case in enumerate(made)}
    found = series(publish(station, *year, records), "Matches")
    assert found == {
        "title": "Matches that may be acted on",
        "total": 6,
        "tables": {
            "By collection": {"suspects": 6},
            "By sex, after the operator's own records": {"f": None, "m": None},
        },
    }


@pytest.mark.control(14, 25)
@pytest.mark.slow
def test_two_reports_whose_difference_reveals_a_cell_are_not_both_published(station: Agency, year: Any) -> None:
    six_searches(station, year[0] + DAY)
    publish(station, year[0], year[0] + 180 * DAY)
    for since, until in (
        (year[0], year[0] + 181 * DAY),
        (year[0] + DAY, year[0] + 180 * DAY),
        (year[0] + 30 * DAY, year[0] + 60 * DAY),
        year,
        (year[0] - 30 * DAY, year[0] + DAY),
    ):
        with pytest.raises(InvalidParameter, match="could subtract them"):
            publish(station, since, until)
    assert series(publish(station, year[0] + 180 * DAY, year[1]), "Searches")["total"] == 0


@pytest.mark.control(14, 25)
@pytest.mark.slow
def test_a_period_that_was_published_is_the_same_for_ever(station: Agency, year: Any) -> None:
    six_searches(station, year[0] + DAY)
    before = publish(station, *year)
    change(station, update(cases).values(state="verified"))
    searched(station)
    change(station, update(searches).values(searched_at=year[0] + 2 * DAY))
    assert publish(station, *year) == before


def test_no_report_is_published_of_a_period_that_is_not_over(station: Agency) -> None:
    now = datetime.now(UTC)
    with pytest.raises(InvalidParameter, match="The period is not over"):
        publish(station, now - DAY, now + DAY)


@pytest.mark.control(47)
def test_a_lowered_threshold_is_in_the_public_report_with_its_reason_and_the_rates_of_each_group(
    station: Agency, year: Any
) -> None:
    group = MEASURED.rates.groups[0]
    at = [replace(group.thresholds[0], threshold=each) for each in (99.0, 90.0)]
    rates = replace(MEASURED.rates, groups=(replace(group, thresholds=tuple(at)),))
    doors(station).evaluation._evaluations.add(replace(MEASURED, rates=rates))
    values = {
        "collection_key": 1,
        "threshold_before": 99.0,
        "threshold": 90.0,
        "reason": "Too few <b>hits</b>",
        "evaluation_id": MEASURED.id,
        "requested_by": station.people["adam"],
        "requested_at": year[0],
        "approved_by": station.people["olga"],
        "approved_at": year[0] + DAY,
    }
    change(station, threshold_changes.insert().values(values))
    (told,) = publish(station, *year)["thresholds"]
    assert (told["before"], told["after"], told["reason"]) == (99.0, 90.0, "Too few <b>hits</b>")
    by_group = {each["group"]: each for each in told["rates"]}
    assert by_group["sex: f"]["before"] == by_group["sex: f"]["after"] == "33.3 % (10 % to 70 %)"
    assert by_group["Everybody"]["before"] == "not measured"


@pytest.mark.control(14, 44)
def test_small_numbers_of_erasures_suspensions_and_people_looked_for_are_withheld_like_any_other(
    station: Agency, year: Any
) -> None:
    when = year[0] + DAY
    for number, kind in enumerate(["subject"] * 4 + ["faces"] * 5):
        facts: dict[str, Any] = {"id": f"r-{number}", "kind": kind, "reason": "asked", "facts": {}, "erased_at": when}
        change(station, erasure_receipts.insert().values(facts))
    for _ in range(4):
        values = {"kind": "person", "subject": "x", "reason": "a complaint", "started_at": when}
        change(station, suspensions.insert().values(values))
    with station.acting("olga", "report transparency") as grant:
        made = doors(station).public.transparency(grant, *year, {})
    said = json.loads(rendering.text_json(made))
    assert said["erasures"] == {"subject": None, "faces": 5}
    assert (said["suspensions"], said["subject_looks"]) == (None, 0), "nothing is about nobody"
    page = " ".join(re.sub(r"<[^>]+>", " ", rendering.html(made)).split())
    assert "Erased: faces 5 Erased: subject * Suspensions *" in page
    assert "People looked for 0" in page


@pytest.mark.control(46)
def test_incidents_are_told_by_month_and_whether_recipients_were_told_late(station: Agency) -> None:
    with station.acting("olga", "incidents open") as grant:
        station.live.engine.keeping.incidents.open(grant, "misuse", "serious", "A search of an ex-wife", ["The board"])
    change(station, update(incidents).values(opened_at=datetime(2025, 3, 4, tzinfo=UTC)))
    said = publish(station, datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
    assert said["incidents"] == [
        {"kind": "misuse", "severity": "serious", "opened": "2025-03", "closed": False, "told": 1, "told_late": True}
    ]
    assert "ex-wife" not in json.dumps(said)
