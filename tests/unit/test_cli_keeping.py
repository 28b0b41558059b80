"""Keeping the rules from the command line: terms, subject access, consents, sweeps, suspensions, incidents."""

from __future__ import annotations

import json
import os
import pwd
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest
from cli_home import Person

from regard.domain import people as domain
from regard.domain.people import Role
from regard.store import database
from regard.store.people_rows import PeopleRows


def under(user: Person, profile: str, *more: str) -> Person:
    """The same person's home, under a profile."""
    file = user.home / "regard.toml"
    file.write_text("\n".join([file.read_text(), "[accountability]", f'profile = "{profile}"', *more, ""]))
    return user


def account() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


def settle_people(user: Person, *roles: str) -> None:
    """Whoever runs the tests is somebody with these roles."""
    opened = database.open(f"sqlite:///{user.home / 'regard.db'}")
    now = datetime.now(UTC)
    people = PeopleRows(opened)
    people.add(domain.Person(id="tess", name="Tess", login=account(), created_at=now))
    people.grant("tess", map(Role, roles), None, now)
    opened.close()


def count(user: Person, table: str) -> int:
    with closing(sqlite3.connect(user.home / "regard.db")) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - a test's own


def indexed(user: Person, *more: str) -> None:
    user.portrait("people/ada.png")
    assert user.run("index", user.pictures / "people", "--collection", "staff", *more).code == 0


# -- subject access --------------------------------------------------------------------------------------------------


@pytest.mark.control(55)
def test_a_search_that_returned_two_of_somebodys_faces_is_shown_once(user: Person) -> None:
    under(user, "recorded")
    user.portrait("people/mirrored.png", mirrored=True)
    indexed(user)
    photo = user.portrait("again.png", side=220)
    assert user.run("search", photo, "--collection", "staff").code == 0
    shown = user.run("subject", "find", photo)
    assert "2 faces are like this one" in shown.out
    table = shown.out.partition("Searches that returned them")[2]
    assert sum(f"{datetime.now(UTC):%Y-%m-}" in line for line in table.splitlines()) == 1


@pytest.mark.control(28, 55)
def test_somebody_finds_out_what_is_kept_of_them_and_has_it_erased(user: Person) -> None:
    under(user, "recorded")
    indexed(user)
    photo = user.portrait("again.png", mirrored=True)
    assert user.run("search", photo, "--collection", "staff").code == 0
    found = user.run("subject", "find", photo, "--json").json
    assert found["Collections"] == 1
    assert [each["CollectionId"] for each in found["Faces"]] == ["staff"] * len(found["Faces"])
    assert {each["ExternalImageId"] for each in found["Faces"]} == {"ada.png"}
    (search,) = found["Searches"]
    assert (search["CollectionId"], search["Operation"]) == ("staff", "search")
    assert account() not in str(found), "who searched is not told"
    shown = user.run("subject", "find", photo)
    assert "1 collections were looked in; 1 faces are like this one." in shown.out
    kept = user.run("subject", "erase", photo, typed="n\n")
    assert (kept.code, count(user, "faces")) == (1, 1)
    said = user.run("subject", "erase", photo, "--yes")
    assert said.code == 0, said.err
    assert "Erased 1 faces.\nNo file in the home holds them any more." in said.out
    assert "Backups and exports that were made before still hold them" in " ".join(said.err.split())
    assert count(user, "faces") == 0
    assert "No candidates" in user.run("search", photo, "--collection", "staff").out
    again = user.run("index", user.pictures / "people", "--collection", "staff")
    assert "holds 0 faces" in again.out, "the next run over the folder does not enrol them again"
    (receipt,) = user.run("sweep", "--receipts", "5", "--json").json
    assert (receipt["Kind"], receipt["Facts"]["count"]) == ("subject", 1)


@pytest.mark.control(28)
def test_where_two_people_review_two_people_erase(user: Person) -> None:
    indexed(user)
    photo = user.portrait("again.png")
    under(user, "public-safety")
    settle_people(user, "overseer", "administrator")
    asked = user.run("subject", "erase", photo, "--yes")
    assert asked.code == 0, asked.err
    assert count(user, "faces") == 1
    request = re.search(r"as ([0-9a-f-]{36})\.", asked.out)
    assert request is not None
    own = user.run("subject", "confirm", request[1])
    assert own.code == 1
    assert "it takes another person to confirm it" in " ".join(own.err.split())
    with closing(sqlite3.connect(user.home / "regard.db")) as connection, connection:
        connection.execute("UPDATE erasure_receipts SET erased_by = 'somebody else'")
    assert "Erased 1 faces." in user.run("subject", "confirm", request[1]).out
    assert count(user, "faces") == 0
    assert user.run("subject", "confirm", request[1]).code == 1, "once"


def tagged(user: Person, tags: str) -> None:
    with closing(sqlite3.connect(user.home / "regard.db")) as connection, connection:
        connection.execute("UPDATE collections SET tags = ?", (tags,))


def entries(user: Person) -> int:
    return count(user, "ledger_entries")


@pytest.mark.control(28)
def test_a_collection_under_a_stricter_profile_has_its_rules_hold_for_subject_access_too(user: Person) -> None:
    indexed(user)
    photo = user.portrait("again.png")
    assert user.run("subject", "find", photo).code == 0, "open as long as every collection is"
    tagged(user, '{"regard:profile": "public-safety"}')
    before = entries(user)
    for words in (("find", photo), ("erase", photo, "--yes"), ("confirm", "1")):
        refused = user.run("subject", *words)
        assert refused.code == 1
        assert "The profile public-safety needs a person." in " ".join(refused.err.split())
        assert "ada" not in refused.out
    assert (count(user, "faces"), entries(user)) == (1, before + 3)
    settle_people(user, "overseer")
    low = user.run("subject", "find", photo, "--threshold", 98)
    assert (low.code, "searched at 99 or more, and 98 was asked for" in " ".join(low.err.split())) == (1, True)
    assert "1 faces are like this one" in user.run("subject", "find", photo).out
    assert "Asked for the erasure of 1 faces" in user.run("subject", "erase", photo, "--yes").out
    assert (count(user, "faces"), entries(user)) == (1, before + 7), "an erasure tells what it shows, too"


@pytest.mark.control(28, 55)
def test_a_closed_collection_is_named_and_the_others_are_looked_in(user: Person) -> None:
    indexed(user)
    photo = user.portrait("again.png")
    tagged(user, '{"regard:profile": "closed"}')
    asked = user.run("index", user.pictures / "people", "--collection", "open-one")
    assert asked.code == 0, asked.err
    found = user.run("subject", "find", photo, "--json")
    assert found.code == 0, found.err
    assert (found.json["Closed"], found.json["Collections"]) == (["staff"], 1)
    assert [each["CollectionId"] for each in found.json["Faces"]] == ["open-one"]
    erased = user.run("subject", "erase", photo, "--yes")
    assert "staff is closed and was left out" in " ".join(erased.out.split())
    assert "Erased 1 faces." in erased.out
    assert count(user, "faces") == 1, "the closed one's is still there"


@pytest.mark.control(46)
def test_nobody_is_looked_for_while_everything_is_suspended(user: Person) -> None:
    indexed(user)
    photo = user.portrait("again.png")
    assert user.run("suspend", "everything", "--reason", "a complaint").code == 0
    for words in (("find", photo), ("erase", photo, "--yes")):
        refused = user.run("subject", *words)
        assert (refused.code, "everything has been suspended" in " ".join(refused.err.split())) == (1, True)
    assert count(user, "faces") == 1
    assert user.run("suspensions", "lift", 1).code == 0
    assert user.run("subject", "find", photo).code == 0


def test_a_laxer_profile_than_the_last_is_told_and_written_into_the_ledger_once(
    user: Person, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    under(user, "recorded")
    indexed(user)
    before = entries(user)
    monkeypatch.setenv("REGARD_ACCOUNTABILITY_PROFILE", "open")
    photo = user.portrait("again.png")
    words = ("search", photo, "--collection", "staff")
    assert user.run(*words).code == 0
    assert "The profile was changed from recorded to open, which demands less." in caplog.text
    assert entries(user) == before + 1, "the change, and no search"
    with closing(sqlite3.connect(user.home / "regard.db")) as connection:
        (body,) = connection.execute("SELECT body FROM ledger_entries ORDER BY position DESC LIMIT 1").fetchone()
    said = json.loads(body)
    assert said["operation"] == "profile changed"
    assert said["facts"] == {"profile_before": "recorded", "profile_after": "open"}
    caplog.clear()
    assert user.run(*words).code == 0
    assert (entries(user), caplog.text) == (before + 1, "")
    monkeypatch.delenv("REGARD_ACCOUNTABILITY_PROFILE")
    assert user.run(*words).code == 0
    assert (entries(user), caplog.text) == (before + 2, ""), "back to the stricter one: nothing but the search"


# -- a basis and consents --------------------------------------------------------------------------------------------


@pytest.mark.control(4, 21)
def test_a_folder_is_enrolled_on_a_basis_or_not_at_all(user: Person) -> None:
    under(user, "public-safety")
    settle_people(user, "enroller")
    user.portrait("people/ada.png")
    words = ("index", user.pictures / "people", "--collection", "staff")
    refused = user.run(*words)
    assert refused.code == 1
    assert "every enrolled face needs a basis" in " ".join(refused.err.split())
    assert "Give both --basis" in " ".join(user.run(*words, "--basis", "custody record").err.split())
    assert user.run(*words, "--basis", "custody record", "--source", "unit 5").code == 0
    with closing(sqlite3.connect(user.home / "regard.db")) as connection:
        ((basis, source, by),) = connection.execute("SELECT basis, source, enrolled_by FROM enrolment_terms")
    assert (basis, source) == ("custody record", "unit 5")
    assert by is not None


@pytest.mark.control(21, 53)
def test_only_those_who_agreed_are_enrolled_from_a_folder_and_whoever_withdraws_is_erased(user: Person) -> None:
    under(user, "consented")
    settle_people(user, "enroller", "administrator", "overseer")
    text = user.pictures / "release.txt"
    text.write_text("We keep your face to open the door.")
    user.portrait("people/ada/1.png")
    user.portrait("people/eve/1.png", mirrored=True)
    words = ("index", user.pictures / "people", "--collection", "staff", "--external-id", "folder")
    basis = ("--basis", "their release", "--source", "reception")
    user.run(*words, *basis)
    release = ("--collection", "staff", "--purpose", "door", "--text", text, "--signed", "Ada King")
    recorded = user.run("consents", "record", "ada", *release)
    assert recorded.code == 0, recorded.err
    assert user.run(*words, *basis).code == 0
    assert count(user, "faces") == 1
    (consent,) = user.run("consents", "list", "--collection", "staff", "--json").json
    assert (consent["Subject"], consent["Valid"], consent["SignedName"]) == ("ada", True, "Ada King")
    said = user.run("consents", "withdraw", "ada", "--collection", "staff", "--yes")
    assert "Withdrew the consent of ada; 1 faces were erased." in said.out
    assert count(user, "faces") == 0
    assert "withdrawn" in user.run("consents", "list", "--collection", "staff").out


# -- sweeps, suspensions, incidents ----------------------------------------------------------------------------------


def test_a_sweep_shows_what_is_due_and_erases_it(user: Person) -> None:
    indexed(user)
    assert user.run("sweep").out == "Nothing is due.\n"
    with closing(sqlite3.connect(user.home / "regard.db")) as connection, connection:
        connection.execute(
            "INSERT INTO enrolment_terms (collection_key, face_id, enrolled_at, last_used_at, expires_at) "
            "SELECT collection_key, face_id, 0, 0, 1 FROM faces"
        )
    assert user.run("sweep", "--dry-run").out == "Due: faces, 1.\n"
    assert count(user, "faces") == 1
    assert user.run("sweep", "--json").json == {"faces": 1}
    assert count(user, "faces") == 0
    assert "their time is over" in user.run("sweep", "--receipts", "1").out


@pytest.mark.control(46)
def test_a_suspension_stops_commands_and_is_lifted(user: Person) -> None:
    indexed(user)
    photo = user.portrait("again.png")
    said = user.run("suspend", "collection", "staff", "--reason", "a complaint")
    assert "The collection staff is suspended, as number 1." in said.out
    refused = user.run("search", photo, "--collection", "staff")
    assert (refused.code, "the collection staff has been suspended" in " ".join(refused.err.split())) == (1, True)
    (listed,) = user.run("suspensions", "list", "--json").json
    assert (listed["Kind"], listed["Subject"], listed["Reason"]) == ("collection", "staff", "a complaint")
    assert user.run("suspensions", "lift", 1).code == 0
    assert user.run("search", photo, "--collection", "staff").code == 0
    assert "Nothing is suspended" in user.run("suspensions", "list").err


@pytest.mark.control(46)
def test_an_incident_is_opened_told_and_closed_and_doctor_shows_one_that_is_overdue(user: Person) -> None:
    under(user, "recorded", 'incident_recipients = ["the board"]')
    opened = user.run("incidents", "open", "misuse", "a search without a case", "--severity", "critical")
    name = re.search(r"I-[A-Z2-7]{16}", opened.out)
    assert name is not None, opened.err
    assert "overdue" in user.run("incidents", "list").out
    doctor = user.run("doctor")
    assert (doctor.code, f"overdue: {name[0]}" in doctor.out) == (1, True)
    early = user.run("incidents", "close", name[0], "--resolution", "none")
    assert "the board must be told" in " ".join(early.err.split())
    assert user.run("incidents", "notify", name[0], "the board", "--reference", "letter 4").code == 0
    assert user.run("incidents", "close", name[0], "--resolution", "retrained").code == 0
    shown = user.run("incidents", "show", name[0]).out
    assert "the board" in shown
    assert "retrained" in shown
    assert "no open incidents" in user.run("incidents", "list").err
    assert "No signs of abuse" in user.run("incidents", "signals").err
