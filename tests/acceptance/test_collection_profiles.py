"""A collection's own profile: what holds in it, that it only grows stricter, and that no command takes it out."""

from __future__ import annotations

import os
import pwd
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from authorised import PHOTO, ROLE, Authorise, search
from botocore.exceptions import ClientError
from live_server import Live, with_models
from staff import Staff, client_of, staffed, taken
from typer.testing import CliRunner

from regard.accountability.profiles.catalogue import OVERLAYS, PROFILES
from regard.cli import app
from regard.domain.authorisations import AuthorisationKind
from regard.domain.people import Role

Refused = Callable[..., tuple[str, str]]
PEOPLED = sorted(name for name, each in PROFILES.items() if each.people)


@pytest.fixture(scope="module")
def open_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("profiles")


@pytest.fixture(scope="module")
def staff(open_home: Path) -> Iterator[Staff]:
    made = staffed(open_home)
    yield made
    made.database.close()


@pytest.fixture(scope="module")
def server(open_home: Path, staff: Staff, models: Path) -> Iterator[Live]:
    """Under `recorded`, so that each collection's own profile is what makes the difference."""
    (open_home / "regard.toml").write_text(
        f'[models]\nfolder = "{models}"\n[accountability]\nprofile = "recorded"\nassessment = "DPIA-7"\n'
    )
    settings = {"profile": "recorded", "assessment": "DPIA-7"}
    with with_models(models, open_home, accountability=settings) as live:
        for name in PEOPLED:
            live.client().create_collection(CollectionId=f"under-{name}", Tags={"regard:profile": name})
        yield live


def command(home: Path, *words: str) -> Any:
    return CliRunner().invoke(app, [*words, "--home", str(home)])


def session_of(server: Live, staff: Staff, name: str) -> Any:
    """A client of Sam's, in a session of that name."""
    answer = client_of(server, "sam", staff, "sts").assume_role(RoleArn=ROLE, RoleSessionName=name)
    return taken(server, answer["Credentials"])


def said(result: Any) -> str:
    return " ".join((result.stderr + result.stdout).split())


@pytest.mark.control(9, 10, 23)
@pytest.mark.parametrize("name", PEOPLED)
def test_a_search_is_refused_without_an_authorisation_and_made_with_one_under_every_profile(
    server: Live, staff: Staff, authorise: Authorise, refused: Refused, name: str
) -> None:
    rules, collection = PROFILES[name], f"under-{name}"
    kinds, purposes = rules.authorisation.kinds, rules.authorisation.purposes
    found = authorise(
        profile=name,
        kind=kinds[0],
        purpose=purposes[0] if purposes else "entrance",
        document_sha256="ab" * 32,
        searches_allowed=1,
        ends_at=datetime.now(UTC) + timedelta(hours=12),
    )
    code, message = refused(search, client=server.client(), CollectionId=collection)
    assert (code, f"The profile {name} needs a person" in message) == ("AccessDeniedException", True)
    own = client_of(server, "sam", staff)
    assert "it takes an authorisation" in refused(search, client=own, CollectionId=collection)[1]
    client = session_of(server, staff, found.id)
    assert search(client, CollectionId=collection)["FaceMatches"] == []
    assert "all 1 searches" in refused(search, client=client, CollectionId=collection)[1]
    if rules.least_threshold:
        low = refused(search, client=client, CollectionId=collection, FaceMatchThreshold=rules.least_threshold - 1)
        assert f"searches at {rules.least_threshold:g} or more" in low[1]


def test_every_other_profile_leaves_the_search_to_whoever_has_a_key(server: Live) -> None:
    client = server.client()
    client.create_collection(CollectionId="plain")
    assert search(client, CollectionId="plain")["FaceMatches"] == []


def test_an_unknown_profile_is_refused_with_those_that_there_are(server: Live, refused: Refused) -> None:
    client = server.client()
    for tags, words in (
        ({"regard:profile": "nope"}, "There is no profile 'nope'; regard:profile is closed or consented or"),
        ({"regard:overlays": "illinois nope"}, "There is no overlay 'nope'; regard:overlays is illinois or texas"),
        ({"regard:profile": "open"}, "The profile open demands less than recorded"),
    ):
        code, message = refused(client.create_collection, CollectionId="strange", Tags=tags)
        assert code == "InvalidParameterException"
        assert words in message


def arn(name: str) -> str:
    return f"arn:aws:rekognition:us-east-1:000000000000:collection/{name}"


def test_a_collection_moves_to_a_stricter_profile_and_never_back(server: Live, staff: Staff, refused: Refused) -> None:
    plain, ann = server.client(), client_of(server, "ann", staff)
    plain.create_collection(CollectionId="moving", Tags={"colour": "red"})
    plain.tag_resource(ResourceArn=arn("moving"), Tags={"regard:profile": "washington"})
    code, message = refused(plain.tag_resource, ResourceArn=arn("moving"), Tags={"colour": "blue"})
    assert (code, "needs a person" in message) == ("AccessDeniedException", True)
    ann.tag_resource(ResourceArn=arn("moving"), Tags={"colour": "blue"})
    for tags, words in (
        ({"regard:profile": "recorded"}, "does not demand all that washington does"),
        ({"regard:profile": "consented"}, "does not demand all that washington does"),
        ({"regard:profile": "nope"}, "There is no profile"),
    ):
        code, message = refused(ann.tag_resource, ResourceArn=arn("moving"), Tags=tags)
        assert code == "InvalidParameterException"
        assert words in message
    code, message = refused(ann.untag_resource, ResourceArn=arn("moving"), TagKeys=["regard:profile"])
    assert (code, "cannot be taken away" in message) == ("InvalidParameterException", True)
    ann.tag_resource(ResourceArn=arn("moving"), Tags={"regard:profile": "maryland", "regard:overlays": "texas"})
    code, message = refused(ann.untag_resource, ResourceArn=arn("moving"), TagKeys=["regard:overlays"])
    assert "texas has to stay" in message
    ann.tag_resource(ResourceArn=arn("moving"), Tags={"regard:overlays": "texas illinois"})
    ann.untag_resource(ResourceArn=arn("moving"), TagKeys=["colour"])
    tags = ann.list_tags_for_resource(ResourceArn=arn("moving"))["Tags"]
    assert tags == {"regard:profile": "maryland", "regard:overlays": "texas illinois"}


def test_a_new_profile_holds_at_once_also_for_a_name_that_was_just_looked_for(server: Live, refused: Refused) -> None:
    client = server.client()
    assert refused(search, client=client, CollectionId="soon")[0] == "ResourceNotFoundException"
    client.create_collection(CollectionId="soon", Tags={"regard:profile": "eu"})
    assert refused(search, client=client, CollectionId="soon")[0] == "AccessDeniedException"


def test_a_tag_that_names_nothing_known_closes_the_collection(server: Live, open_home: Path, refused: Refused) -> None:
    client = server.client()
    client.create_collection(CollectionId="broken")
    with closing(sqlite3.connect(open_home / "regard.db")) as connection, connection:
        connection.execute("""UPDATE collections SET tags = '{"regard:profile": "lost"}' WHERE id = 'broken'""")
    code, _ = refused(search, client=client, CollectionId="broken")
    assert code == "AccessDeniedException"


# -- the commands that could take it out -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def operator(staff: Staff) -> str:
    """Whoever runs these tests, who may do all that people may."""
    login = pwd.getpwuid(os.getuid()).pw_name
    staff.add(login, *Role)
    return login


@pytest.mark.control(21, 56)
@pytest.mark.slow
def test_no_command_takes_a_collection_out_of_its_profile(
    server: Live, operator: str, open_home: Path, tmp_path: Path
) -> None:
    assert operator
    refused = [name for name in PEOPLED if not PROFILES[name].export]
    assert set(PEOPLED) - set(refused) == {"consented"}
    for name in refused:
        file = tmp_path / f"{name}.parquet"
        result = command(open_home, "collections", "export", f"under-{name}", str(file))
        assert f"under the profile {name} no collection leaves as a file" in said(result)
        assert not file.exists()
    file = tmp_path / "consented.parquet"
    result = command(open_home, "collections", "export", "under-consented", str(file))
    assert result.exit_code == 0, said(result)
    assert command(open_home, "collections", "import", str(file), "--as", "renamed").exit_code == 0
    admin = server.client()
    with pytest.raises(ClientError, match="The profile consented needs a person"):
        search(admin, CollectionId="renamed")
    admin.create_collection(CollectionId="laxer")
    result = command(open_home, "collections", "import", str(file), "--as", "laxer", "--add")
    assert "is of a collection under the profile consented" in said(result)
    result = command(open_home, "collections", "move", "under-consented", "--to", "embedded")
    assert result.exit_code == 0, said(result)
    with pytest.raises(ClientError, match="The profile consented needs a person"):
        search(admin, CollectionId="under-consented")


@pytest.mark.control(21)
def test_an_overlay_holds_where_it_is_tagged(server: Live, staff: Staff, operator: str, open_home: Path) -> None:
    assert operator
    assert set(OVERLAYS) == {"illinois", "texas"}
    server.client().create_collection(CollectionId="chicago", Tags={"regard:overlays": "illinois"})
    result = command(open_home, "collections", "export", "chicago", str(open_home / "chicago.parquet"))
    assert "under the profile recorded+illinois no collection leaves as a file" in said(result)
    assert search(server.client(), CollectionId="chicago", Image=PHOTO)["FaceMatches"] == []


@pytest.mark.control(28)
def test_consent_is_for_no_police(server: Live, staff: Staff, authorise: Authorise, refused: Refused) -> None:
    """A collection of people who agreed, moved under police rules, can be searched by nobody."""
    server.client().create_collection(CollectionId="gym", Tags={"regard:profile": "consented"})
    ann = client_of(server, "ann", staff)
    code, message = refused(ann.tag_resource, ResourceArn=arn("gym"), Tags={"regard:profile": "public-safety"})
    assert (code, "does not demand all that consented does" in message) == ("InvalidParameterException", True)
    found = authorise(kind=AuthorisationKind.INVESTIGATION)
    code, message = refused(search, client=session_of(server, staff, found.id), CollectionId="gym")
    assert (code, "no authorisation of the kind investigation" in message) == ("AccessDeniedException", True)
