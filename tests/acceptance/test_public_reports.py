"""What everybody may read: the page, the accountability report, the sign, the form of an assessment."""

from __future__ import annotations

import http.client
import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pango
import pytest
from cli_home import Person, person
from live_server import Live, without_models
from measured import MEASURED

from regard.accountability.permissions import PERMISSIONS
from regard.domain.authority import Channel
from regard.domain.people import Role
from regard.store.evaluation_rows import EvaluationRows

SAID = {
    "agency": "Seed County <Sheriff>",
    "contact": "board@seed.example",
    "purpose": "Violent crime",
    "decision": "Whom to look into",
}


def page(live: Live, path: str = "/transparency") -> tuple[int, str, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=30)
    with closing(connection):
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode(), {name.lower(): value for name, value in response.getheaders()}


@pytest.mark.control(45)
def test_the_public_page_needs_no_sign_in_and_names_the_policy_the_systems_and_the_databases(tmp_path: Path) -> None:
    with without_models(tmp_path, accountability={"public_page": True, "profile": "recorded"} | SAID) as live:
        live.client().create_collection(CollectionId="watch-list")
        EvaluationRows(live.engine.stores.database).add(MEASURED)
        status, text, headers = page(live)
    assert status == 200
    assert headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    for said in ("watch-list", "board@seed.example", "Violent crime", "sface-", "every act is an entry in a ledger"):
        assert said in text
    assert "Seed County &lt;Sheriff&gt;" in text
    assert "33.3 % (10 % to 70 %)" in text
    assert "compliant" not in text


@pytest.mark.control(45)
def test_the_public_page_names_the_rules_that_hold_in_single_collections_only(tmp_path: Path) -> None:
    with without_models(tmp_path, accountability={"public_page": True, "profile": "recorded"} | SAID) as live:
        for name in ("wanted", "missing"):
            live.client().create_collection(CollectionId=name, Tags={"regard:profile": "public-safety"})
        live.client().create_collection(CollectionId="staff")
        _, text, _ = page(live)
    (caption,) = re.findall(r"In [^<]* these hold instead: [^<]*", text)
    assert caption == "In missing and wanted these hold instead: Public safety"
    ours, theirs = text.split(caption)
    assert "2 people agree, each without knowing of others" in theirs
    assert "2 people agree" not in ours
    assert "every act is an entry in a ledger" in ours


@pytest.mark.control(45)
@pytest.mark.parametrize("accountability", [{}, {"profile": "closed", "public_page": True}])
def test_there_is_no_public_page_unless_the_operator_wants_one(tmp_path: Path, accountability: dict[str, str]) -> None:
    with without_models(tmp_path, accountability=accountability) as live:
        assert page(live)[0] == 404


@pytest.fixture
def agency(models: Path, tmp_path: Path) -> Person:
    user = person(tmp_path / "home", tmp_path / "pictures", models)
    said = "".join(f'{name} = "{value}"\n' for name, value in SAID.items())
    with (user.home / "regard.toml").open("a") as file:
        file.write(f'[accountability]\nprofile = "recorded"\n{said}')
    return user


@pytest.mark.control(13, 24)
def test_an_accountability_report_says_what_it_is_and_is_for_and_how_often_it_errs(
    agency: Person, tmp_path: Path
) -> None:
    made = agency.run("report", "accountability", "--output", tmp_path / "report.json")
    assert made.code == 0, made.err
    said = json.loads((tmp_path / "report.json").read_text())
    assert said["vendor"] == "The Regard project"
    assert re.fullmatch(r"[\d.]+", said["version"])
    assert {each["task"] for each in said["models"]} == {"face-detector", "face-embedder"}
    assert said["purpose"] == SAID["purpose"]
    assert said["contact"] == SAID["contact"]
    assert agency.run("report", "accountability", "--output", tmp_path / "report.html").code == 0
    text = (tmp_path / "report.html").read_text()
    assert "No error rates were measured here" in text
    for heading in ("What it can do, and what it cannot", "Data", "How long what is kept", "Whom to look into"):
        assert heading in text


@pytest.mark.control(6)
def test_a_sign_says_who_where_and_when_and_the_ledger_hears_that_it_is_displayed(
    agency: Person, tmp_path: Path
) -> None:
    times = ("--from", "2026-12-01T10:00", "--to", "2026-12-01T16:00")
    made = agency.run("report", "notice", "--place", "Market Square", *times, "-o", tmp_path / "sign.html")
    assert made.code == 0, made.err
    text = (tmp_path / "sign.html").read_text()
    for said in ("Facial recognition is in use here", "Market Square", "01 December 2026, 10:00 UTC", SAID["contact"]):
        assert said in text
    with closing(sqlite3.connect(agency.home / "regard.db")) as connection:
        bodies = [json.loads(body) for (body,) in connection.execute("SELECT body FROM ledger_entries")]
    (heard,) = (each["facts"] for each in bodies if each["operation"] == "report notice")
    assert (heard["place"], heard["since"]) == ("Market Square", "2026-12-01T10:00:00+00:00")


@pytest.mark.control(6)
def test_a_sign_is_left_out_for_a_reason_which_the_ledger_hears_and_the_public_reads(
    agency: Person, tmp_path: Path
) -> None:
    times = ("--from", "2026-12-01T10:00", "--to", "2026-12-01T16:00")
    words = ("report", "override", "--place", "Market Square", *times, "-o", tmp_path / "override.html")
    assert "Say why no sign is displayed" in " ".join(agency.run(*words, "--reason", " ").err.split())
    made = agency.run(*words, "--reason", "A critical <threat>")
    assert made.code == 0, made.err
    text = (tmp_path / "override.html").read_text()
    assert "Facial recognition without a sign" in text
    assert "A critical &lt;threat&gt;" in text
    with closing(sqlite3.connect(agency.home / "regard.db")) as connection:
        bodies = [json.loads(body) for (body,) in connection.execute("SELECT body FROM ledger_entries")]
    decided = [each for each in bodies if each["operation"] == "report override" and each["outcome"] == "allowed"]
    assert [each["facts"]["override"] for each in decided] == ["A critical <threat>"]
    assert PERMISSIONS.roles(Channel.CLI, "report override") == {Role.OVERSEER}


@pytest.mark.control(26)
def test_an_assessment_is_tied_to_the_configuration_and_leaves_the_judgement_to_people(
    agency: Person, tmp_path: Path
) -> None:
    assert agency.run("report", "assessment", "-o", tmp_path / "form.html").code == 0
    before = (tmp_path / "form.html").read_text()
    assert "Which law allows it? Cite it, and say who read it." in before
    assert "no assessment: that is theirs" in before.replace("\n", " ")
    settings = agency.home / "regard.toml"
    settings.write_text(settings.read_text() + 'overlays = "texas"\n')
    assert agency.run("report", "assessment", "-o", tmp_path / "form.html").code == 0
    after = (tmp_path / "form.html").read_text()
    assert "faces go 365 days after they were last used" in after or "365 days" in after
    assert "365 days" not in before


def test_a_report_is_written_in_every_form_and_into_a_folder(agency: Person, tmp_path: Path) -> None:
    pango.needed()
    assert agency.run("report", "notice", "--place", "A", "--from", "2026-12-01T10:00", "--to", "2026-12-01T11:00",
                      "-o", tmp_path / "all").code == 0  # fmt: skip
    assert {each.suffix for each in (tmp_path / "all").iterdir()} == {".html", ".pdf", ".json", ".csv"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [("a,b\n", "the first line must name the column case"), ("case,sex\nc1,f\nc1,m\n", "each case one line")],
)
def test_a_fault_in_the_operators_records_is_told(agency: Person, tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "records.csv").write_text(text)
    said = agency.run("report", "transparency", "--from", "2025-01-01", "--to", "2025-12-31", "--demographics",
                      tmp_path / "records.csv", "-o", tmp_path / "out.json")  # fmt: skip
    assert said.code == 1
    assert fault in " ".join(said.err.split())
