"""People from the command line to the server: roles that unmodified clients meet, and an end within a second."""

from __future__ import annotations

import getpass
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cli_home import Person as CliHome
from cli_home import Said
from live_server import Live, without_models

PUBLIC_SAFETY = '[accountability]\nprofile = "public-safety"\n'
ME = getpass.getuser()
PASSWORD = "correct horse battery"
COMPLETED = ("--completed", "2026-01-02")


@pytest.fixture
def home(tmp_path: Path) -> CliHome:
    """A home under public-safety, whose administrator is whoever runs the tests."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "regard.toml").write_text(PUBLIC_SAFETY)
    made = CliHome(folder, tmp_path / "pictures")
    done(made.run("people", "add", "Root", "--login", ME, "--role", "administrator"))
    return made


@pytest.fixture
def live(home: CliHome) -> Iterator[Live]:
    with without_models(home.home, accountability={"profile": "public-safety"}) as server:
        yield server


def done(said: Said) -> str:
    assert said.code == 0, said.err
    return said.out


def key_of(home: CliHome, live: Live, *who: str) -> Any:
    """A client with a new key of theirs."""
    found = json.loads(done(home.run(*who, "--json")))
    return live.client(aws_access_key_id=found["AccessKeyId"], aws_secret_access_key=found["SecretAccessKey"])


def refusal(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Message"])


@pytest.mark.slow
def test_a_role_is_what_a_client_may_do(home: CliHome, live: Live) -> None:
    done(home.run("people", "add", "Grace", "--login", "grace", "--role", "administrator"))
    done(home.run("people", "add", "Ada", "--login", "ada"))
    grace, ada = (key_of(home, live, "people", "key", who) for who in ("grace", "ada"))
    refused = refusal(ada.list_collections)
    assert "it takes one of the roles administrator, auditor, enroller, overseer or searcher" in refused
    grace.create_collection(CollectionId="staff")
    done(home.run("people", "grant", "ada", "enroller"))
    time.sleep(1.1)
    assert ada.list_collections()["CollectionIds"] == ["staff"]
    assert "it takes the role administrator, and Ada has enroller" in refusal(
        ada.delete_collection, CollectionId="staff"
    )
    assert "it takes the role searcher" in refusal(
        grace.search_faces, CollectionId="staff", FaceId="11111111-1111-1111-1111-111111111111"
    )
    done(home.run("people", "withdraw", "ada", "enroller"))
    time.sleep(1.1)
    assert "Ada has none" in refusal(ada.list_collections)


def test_a_key_that_is_nobodys_opens_nothing(live: Live) -> None:
    assert "belongs to nobody; `regard people key`" in refusal(live.client().list_collections)


@pytest.mark.slow
def test_a_person_who_ends_is_refused_within_a_second_with_their_services(home: CliHome, live: Live) -> None:
    done(home.run("people", "add", "Ada", "--login", "ada", "--role", "enroller"))
    done(home.run("services", "add", "door", "--answers", "ada", "--role", "enroller"))
    ada, door = key_of(home, live, "people", "key", "ada"), key_of(home, live, "services", "key", "door")
    for client in (ada, door):
        client.list_collections()
    assert len(json.loads(done(home.run("people", "show", "ada", "--json")))["AccessKeyIds"]) == 1
    assert "2 access keys" in done(home.run("people", "end", "ada", "--yes"))
    time.sleep(1.1)
    for client in (ada, door):
        assert "security token" in refusal(client.list_collections)


def test_the_ledger_has_ids_and_roles_and_no_name_or_secret(home: CliHome) -> None:
    done(home.run("people", "add", "Ada Lovelace", "--login", "adalogin", "--role", "enroller"))
    done(home.run("people", "password", "adalogin", typed=PASSWORD + "\n"))
    address = done(home.run("people", "totp", "adalogin")).strip()
    done(
        home.run(
            "people",
            "train",
            "adalogin",
            "--subject",
            "faces in general",
            "--reference",
            "C-17",
            "--completed",
            "2026-01-02",
        )
    )
    done(home.run("services", "add", "front door", "--answers", "adalogin", "--role", "enroller"))
    with closing(sqlite3.connect(home.home / "regard.db")) as connection:
        bodies = [
            json.loads(body) for (body,) in connection.execute("SELECT body FROM ledger_entries ORDER BY position")
        ]
        (person,) = connection.execute("SELECT id FROM people WHERE login = 'adalogin'").fetchone()
    facts = {body["operation"]: body["facts"] for body in bodies if body["facts"]}
    assert facts["people password"] == {"password_set": person}
    assert facts["people totp"] == {"codes_set": person}
    assert facts["people train"]["trained"] == person
    assert facts["services add"]["answered_by"] == person
    text = json.dumps(bodies)
    for secret in (
        "Lovelace",
        "adalogin",
        PASSWORD,
        address.split("secret=")[1].split("&")[0],
        "front door",
        "in general",
    ):
        assert secret not in text


def test_a_password_is_never_an_argument(home: CliHome) -> None:
    done(home.run("people", "add", "Ada", "--login", "ada", "--role", "enroller"))
    refused = home.run("people", "password", "ada", PASSWORD)
    assert refused.code == 2
    assert "Give the password on the standard input" in home.run("people", "password", "ada", typed="").err
    assert "15 to 256" in home.run("people", "password", "ada", typed="short\n").err


def test_tables_of_people_fit_eighty_columns(home: CliHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    name = "Augusta Ada King, Countess of Lovelace, of the Analytical Engine"
    roles = [word for role in ("administrator", "enroller", "searcher", "overseer") for word in ("--role", role)]
    done(home.run("people", "add", name, "--login", "augusta.ada.king@analytical.example.org", *roles))
    done(
        home.run(
            "services", "add", "the door at the front of the analytical engine", "--answers", name, "--role", "enroller"
        )
    )
    done(
        home.run(
            "people",
            "train",
            name,
            "--subject",
            "face comparison " * 4,
            "--reference",
            "C-17/2026 " * 4,
            "--completed",
            "2026-01-02",
        )
    )
    for words in (("people", "list"), ("people", "show", name), ("services", "list")):
        said = done(home.run(*words))
        assert max(map(len, said.splitlines())) <= 80
        assert "overseer" in said or words[0] == "services"


def test_what_people_see_can_be_read_by_programs(home: CliHome) -> None:
    made = json.loads(done(home.run("people", "add", "Ada", "--login", "ada", "--role", "searcher", "--json")))
    assert (made["Name"], made["Roles"], made["EndedAt"]) == ("Ada", ["searcher"], None)
    assert [each["Login"] for each in json.loads(done(home.run("people", "list", "--json")))] == ["ada", ME]
    assert json.loads(done(home.run("people", "show", "ada", "--json")))["Id"] == made["Id"]
    assert json.loads(done(home.run("people", "passkeys", "ada", "--json"))) == []
    assert json.loads(done(home.run("services", "list", "--json"))) == []


def test_until_there_is_somebody_a_command_says_how_to_begin(tmp_path: Path) -> None:
    home = CliHome(tmp_path, tmp_path)
    assert "people add" in home.run("people", "list").err
    (tmp_path / "regard.toml").write_text(PUBLIC_SAFETY)
    assert f"`regard people add NAME --login {ME}`" in home.run("people", "list").err
