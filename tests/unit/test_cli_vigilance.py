"""What commands notice before anything is done: a ledger that was set back or edited, a laxer profile, an assessment or
a basis that is missing."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cli_home import Person, person
from test_cli_keeping import account, count, entries, indexed, under
from typer.testing import CliRunner

from regard.cli import app
from regard.domain import people as domain
from regard.domain.people import Role
from regard.store import database
from regard.store.people_rows import PeopleRows


def settle(user: Person) -> None:
    """A database in which whoever runs the tests may do all that people may, and is trained."""
    assert user.run("people", "add", "Tess", "--login", account(), "--role", "administrator").code == 0
    opened = database.open(f"sqlite:///{user.home / 'regard.db'}")
    people, now = PeopleRows(opened), datetime.now(UTC)
    tess = people.person(account())
    assert tess is not None
    people.grant(tess.id, Role, None, now)
    training = {"subject": "faces", "reference": "T", "completed_at": now, "expires_at": now + timedelta(days=9)}
    people.add_training(domain.Training(person_id=tess.id, **training), None, now)
    opened.close()


# -- the ledger, as commands open it ---------------------------------------------------------------------------------


@pytest.mark.control(36)
def test_a_command_notices_that_the_database_was_set_back_to_before_the_last_one(user: Person, tmp_path: Path) -> None:
    under(user, "recorded")
    indexed(user)
    yesterday = tmp_path / "yesterday"
    shutil.copytree(user.home, yesterday)
    photo = user.portrait("again.png")
    words = ("search", photo, "--collection", "staff")
    assert user.run(*words).code == 0
    for file in user.home.glob("regard.db*"):
        file.unlink()
    for file in yesterday.glob("regard.db*"):
        shutil.copy(file, user.home)
    before = entries(user)
    for again in (words, ("users", "create", "ada", "--collection", "staff"), ("keys", "create")):
        refused = user.run(*again)
        assert (refused.code, "set back to an earlier day" in " ".join(refused.err.split())) == (1, True), refused.err
        assert "ada" not in refused.out
    assert (entries(user), count(user, "users"), count(user, "access_keys")) == (before, 0, 0)


@pytest.mark.control(36)
def test_nothing_is_exported_that_was_edited(user: Person, tmp_path: Path) -> None:
    under(user, "recorded")
    indexed(user)
    with closing(sqlite3.connect(user.home / "regard.db")) as connection, connection:
        (body,) = connection.execute("SELECT body FROM ledger_entries WHERE position = 0").fetchone()
        edited = bytes(body).replace(b'"index"', b'"ledger keys"')
        assert edited != bytes(body)
        connection.execute("UPDATE ledger_entries SET body = ? WHERE position = 0", (edited,))
    exported = user.run("ledger", "export", tmp_path / "out")
    assert exported.code == 1
    assert "entry 0 does not say what it said when it was written" in " ".join(exported.err.split())
    assert not (tmp_path / "out" / "checkpoint").exists()
    proved = user.run("ledger", "prove", "0")
    assert (proved.code, "entry 0 does not say" in " ".join(proved.err.split())) == (1, True)


# -- the profile in force ---------------------------------------------------------------------------------------------


@pytest.mark.control(43)
def test_a_laxer_profile_is_noticed_on_the_database_whichever_home_it_comes_from(
    user: Person, tmp_path: Path, models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    under(user, "recorded")
    indexed(user)
    other = person(tmp_path / "elsewhere", tmp_path / "pictures-elsewhere", models)
    file = other.home / "regard.toml"
    file.write_text(file.read_text() + f'[store]\ndatabase = "sqlite:///{user.home / "regard.db"}"\n')
    before = entries(user)
    assert other.run("collections", "list").code == 0
    assert "The profile was changed from recorded to open, which demands less." in caplog.text
    assert entries(user) == before + 1
    told = other.run("doctor").out
    assert "recorded, which demands more than open" in " ".join(told.split())
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert user.run("report", "audit", "--from", today, "--to", today, "-o", tmp_path / "audit.json").code == 0
    said = json.loads((tmp_path / "audit.json").read_text())
    assert [(each["from"], each["to"]) for each in said["laxer_profiles"]] == [("recorded", "open")]
    assert "which demands more" not in " ".join(user.run("doctor").out.split()), "back under the stricter one"


def test_whoever_needs_an_assessment_is_told_before_they_search(user: Person) -> None:
    under(user, "public-safety")
    settle(user)
    told = "Every search is refused until the consequences have been assessed"
    assert told in " ".join(user.run("doctor").out.split())
    terms = ("--purpose", "violent-crime", "--offence", "x", "--basis", "y", "--declaration", "z")
    asked = user.run("authorise", "request", *terms)
    assert asked.code == 0, asked.err
    assert told in " ".join(asked.err.split())


def test_keys_are_told_apart_and_a_file_that_is_no_receipt_by_its_first_line(user: Person, tmp_path: Path) -> None:
    under(user, "recorded")
    indexed(user)
    keys = user.run("ledger", "keys")
    assert len(keys.out.split()) == 2
    assert "The first is the Ed25519 key" in " ".join(keys.err.split())
    (tmp_path / "note.tlog-proof").write_text("dear sir\n")
    wrong = CliRunner().invoke(app, ["ledger", "verify", str(tmp_path / "note.tlog-proof")])
    assert "a .tlog-proof begins with the line c2sp.org/tlog-proof@v1, not 'dear sir" in " ".join(wrong.stderr.split())


def test_a_period_that_is_not_over_is_told_with_today(user: Person) -> None:
    under(user, "recorded")
    indexed(user)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    refused = user.run("report", "transparency", "--from", "2026-01-01", "--to", "2999-12-31")
    assert (refused.code, "The period is not over: its last day is" in " ".join(refused.err.split())) == (1, True)
    assert today[:4] in refused.err


def test_an_estimate_needs_a_basis_as_the_enrolment_does(user: Person) -> None:
    under(user, "consented", 'assessment = "DPIA-7"')
    settle(user)
    user.portrait("people/ada.png")
    refused = user.run("index", user.pictures / "people", "--collection", "staff", "--estimate")
    assert (refused.code, "every enrolled face needs a basis" in " ".join(refused.err.split())) == (1, True)
