"""A collection under a strict profile on an installation that is open otherwise: the profile holds for whatever is
decided about it, people, authorisations, reviews and the ledger, though none of that names it."""

from __future__ import annotations

import pwd
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from agency import ROLE, Agency, agency, portrait
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from live_server import without_models
from typer.testing import CliRunner

from regard.bootstrap.stores import open_stores
from regard.cli import app

WANTED = {"CollectionId": "wanted", "Image": {"Bytes": portrait(dark=0.9)}}
Typed = Callable[..., Any]


@pytest.fixture(scope="module")
def station(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agency]:
    home = tmp_path_factory.mktemp("mixed")
    (home / "regard.toml").write_text(f'[models]\nfolder = "{models}"\n[accountability]\nassessment = "DPIA-7"\n')
    with agency(models, home, profile="open") as made:
        made.live.client().create_collection(CollectionId="wanted", Tags={"regard:profile": "public-safety"})
        made.live.client().create_collection(CollectionId="gym", Tags={"regard:profile": "consented"})
        made.live.client().create_collection(CollectionId="archive", Tags={"regard:profile": "closed"})
        made.enrol("wanted", {"eileen": portrait()})
        yield made


@pytest.fixture
def typed(station: Agency, monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Runs a command as the account of that name."""
    home = station.live.engine.settings.home

    def run(login: str, *words: object) -> Any:
        monkeypatch.setattr(pwd, "getpwuid", lambda _: SimpleNamespace(pw_name=login))
        return CliRunner().invoke(app, [*map(str, words), "--home", str(home)])

    return run


def said(result: Any) -> str:
    return " ".join((result.stderr + result.stdout).split())


REQUEST = ("authorise", "request", "--purpose", "violent-crime", "--offence", "robbery", "--basis", "CCTV of the shop")
DECLARED = ("--declaration", "no protected activity", "--searches", "2")


@pytest.mark.control(9, 10)
def test_a_search_is_requested_approved_and_made_where_only_the_collection_asks_for_it(
    station: Agency, typed: Typed, tmp_path: Path
) -> None:
    unnamed = typed("sam", *REQUEST, *DECLARED)
    assert (unnamed.exit_code, "name those that it is for with --collection" in said(unnamed)) == (1, True)
    asked = typed("sam", *REQUEST, *DECLARED, "--collection", "wanted")
    assert asked.exit_code == 0, said(asked)
    name, token = asked.stdout.strip(), tmp_path / "token"
    assert "it takes" in said(typed("sam", "authorise", "approve", name))
    approved = typed("olga", "authorise", "approve", name, "--token", token)
    assert approved.exit_code == 0, said(approved)
    answer = station.session("sam", name).search_faces_by_image(**WANTED)
    assert answer["FaceMatches"][0]["Face"]["ExternalImageId"].startswith("review-pending:")
    sts = boto3.client(
        "sts", endpoint_url=station.live.url, region_name="us-east-1", config=Config(signature_version=UNSIGNED)
    )
    station.live.clients.callback(sts.close)
    given = sts.assume_role_with_web_identity(
        RoleArn=ROLE, RoleSessionName="anything", WebIdentityToken=token.read_text()
    )["Credentials"]
    client = station.live.client(
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    assert client.search_faces_by_image(**WANTED)["FaceMatches"]
    with pytest.raises(ClientError, match="all 2 searches"):
        client.search_faces_by_image(**WANTED)


def test_an_authorisation_for_one_collection_is_held_to_that_ones_profile_alone(typed: Typed) -> None:
    consent = ("authorise", "request", "--kind", "consent", "--purpose", "entrance", "--basis", "signed at the desk")
    assert typed("sam", *consent, "--collection", "gym").exit_code == 0
    assert "no authorisation of the kind consent" in said(typed("sam", *consent, "--collection", "wanted"))


@pytest.mark.control(9, 43, 46)
@pytest.mark.parametrize(
    "words",
    [
        ("ledger", "export", "exported"),
        ("ledger", "erase", "--before", "2026-01-01", "--reason", "tidying", "--yes"),
        ("report", "audit", "--from", "2026-01-01", "--to", "2026-02-01"),
        ("report", "accountability"),
        ("evaluations", "list"),
        ("suspend", "everything", "--reason", "none"),
        ("suspensions", "list"),
        ("incidents", "list"),
        ("people", "list"),
        ("review", "next"),
        ("cases", "list"),
        ("authorise", "list"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_what_collections_share_is_no_strangers_to_do(
    station: Agency, typed: Typed, words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert station
    monkeypatch.chdir(tmp_path)
    refused = typed("mallory", *words)
    assert (refused.exit_code, "nobody here has the login mallory" in said(refused)) == (1, True), said(refused)


def test_what_the_strict_profile_keeps_of_the_ledger_is_kept(station: Agency, typed: Typed) -> None:
    early = typed("olga", "ledger", "erase", "--before", "2026-11-27", "--reason", "tidying", "--yes")
    assert "keeps what entries say for 183 days at least" in said(early)


def test_whoever_has_nothing_to_do_with_it_goes_on_as_before(station: Agency, typed: Typed) -> None:
    client = station.live.client()
    picture = {"Bytes": portrait()}
    assert client.detect_faces(Image=picture)["FaceDetails"]
    assert client.compare_faces(SourceImage=picture, TargetImage=picture)["FaceMatches"]
    assert client.search_faces_by_image(CollectionId="suspects", Image=picture)["FaceMatches"] == []
    sts = boto3.client(
        "sts",
        endpoint_url=station.live.url,
        region_name="us-east-1",
        aws_access_key_id=station.live.key,
        aws_secret_access_key=station.live.secret,
    )
    station.live.clients.callback(sts.close)
    assert sts.assume_role(RoleArn=ROLE, RoleSessionName="A-7F3K9Q2M")["AssumedRoleUser"]
    assert typed("mallory", "collections", "list").exit_code == 0


@pytest.mark.control(56)
def test_whoever_is_somebody_where_scores_are_hidden_learns_none_by_comparing_pictures(
    station: Agency, typed: Typed, tmp_path: Path
) -> None:
    """A comparison names no collection: by somebody's own key, what any collection demands holds."""
    picture = {"Bytes": portrait()}
    for name in ("rita", "olga"):
        with pytest.raises(ClientError, match="it takes the role searcher"):
            station.client(name).compare_faces(SourceImage=picture, TargetImage=picture)
    with pytest.raises(ClientError, match="authorisation"):
        station.client("sam").compare_faces(SourceImage=picture, TargetImage=picture)
    anywhere = station.session("sam", station.authorise("sam"))
    with pytest.raises(ClientError, match="knows no authorisation of the kind"):
        anywhere.compare_faces(SourceImage=picture, TargetImage=picture)
    sam = station.session("sam", station.authorise("sam", collections=("wanted",)))
    (match,) = sam.compare_faces(SourceImage=picture, TargetImage=picture)["FaceMatches"]
    assert match["Similarity"] == 99
    (tmp_path / "a.jpg").write_bytes(portrait())
    refused = typed("sam", "compare", tmp_path / "a.jpg", tmp_path / "a.jpg")
    assert (refused.exit_code, "authorisation" in said(refused)) == (1, True), said(refused)
    assert typed("mallory", "compare", tmp_path / "a.jpg", tmp_path / "a.jpg").exit_code == 0, "nobody here is theirs"


def test_a_closed_collection_can_be_deleted_and_nothing_else(station: Agency, typed: Typed) -> None:
    stranger, adam = station.live.client(), station.client("adam")
    adam.create_collection(CollectionId="shelf", Tags={"regard:profile": "closed"})
    for client in (stranger, adam):
        for ask in (client.list_faces, client.describe_collection):
            with pytest.raises(ClientError, match="the collection archive is closed"):
                ask(CollectionId="archive")
    with pytest.raises(ClientError, match="belongs to nobody"):
        stranger.delete_collection(CollectionId="archive")
    with pytest.raises(ClientError, match="it takes the role administrator"):
        station.client("sam").delete_collection(CollectionId="archive")
    assert adam.delete_collection(CollectionId="archive")["StatusCode"] == 200
    assert "belongs to nobody" not in said(typed("mallory", "collections", "delete", "shelf", "--yes"))
    deleted = typed("adam", "collections", "delete", "shelf", "--yes")
    assert deleted.exit_code == 0, said(deleted)
    names = stranger.list_collections()["CollectionIds"]
    assert "wanted" in names
    assert not {"archive", "shelf"} & set(names)


def test_a_closed_collection_is_anybodys_to_delete_where_nobody_is_known(tmp_path: Path) -> None:
    with without_models(tmp_path) as live:
        client = live.client()
        client.create_collection(CollectionId="archive", Tags={"regard:profile": "closed"})
        with pytest.raises(ClientError, match="the collection archive is closed"):
            client.tag_resource(
                ResourceArn="arn:aws:rekognition:us-east-1:000000000000:collection/archive", Tags={"a": "b"}
            )
        client.delete_collection(CollectionId="archive")
        assert client.list_collections()["CollectionIds"] == []


# -- what is deleted ---------------------------------------------------------------------------------------------------


def on_disk(home: Path, content: bytes) -> bool:
    return any(content in (home / name).read_bytes() for name in ("regard.db", "regard.db-wal"))


def test_what_is_deleted_from_a_strict_collection_is_gone_before_the_answer_leaves(station: Agency) -> None:
    """The installation's own profile would take a minute."""
    home, rows = station.live.engine.settings.home, station.live.engine.stores
    found = station.enrol("wanted", {"gone": portrait(dark=0.7)})["gone"]
    wanted = rows.collections.find("wanted")
    assert wanted is not None
    embedding = rows.faces.embedding(wanted.key, found)
    assert embedding is not None
    content = embedding.astype("<f2").tobytes()
    assert on_disk(home, content)
    station.client("erin").delete_faces(CollectionId="wanted", FaceIds=[found])
    assert not on_disk(home, content)


@pytest.mark.parametrize(("profile", "left"), [("recorded", True), ("public-safety", False)])
def test_a_server_that_starts_erases_as_soon_as_any_of_its_collections_demands(
    tmp_path: Path, profile: str, left: bool
) -> None:
    with without_models(tmp_path) as live:
        live.client().create_collection(CollectionId="people", Tags={"regard:profile": profile})
        settings = live.engine.settings
    with ExitStack() as closing:
        stores = open_stores(settings, closing)
        stores.collections.create("another", "model", {}, datetime.now(UTC))
        assert bool((tmp_path / "regard.db-wal").stat().st_size) == left
