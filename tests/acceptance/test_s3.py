"""Pictures that lie in a real S3 server, through the whole of ours and a real client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from live_server import Live, with_models, without_models
from people import crowd, encoded
from typer.testing import CliRunner

from regard.bootstrap.engine import open_engine
from regard.commands import doctor_command
from regard.config.settings import load_settings
from regard.engine.analysis.image_loader import MOST_BYTES
from regard.errors import InvalidS3Object, SettingsError

if TYPE_CHECKING:
    from s3_server import S3Server

pytest_plugins = ["s3_server"]

Refused = Callable[..., tuple[str, str]]
NOT_THERE = ("InvalidS3ObjectException", InvalidS3Object.__doc__)


@pytest.fixture(scope="module")
def beside_s3(models: Path, tmp_path_factory: pytest.TempPathFactory, s3_process: S3Server) -> Iterator[Live]:
    """A server that has folders, and the S3 server for the other buckets."""
    with with_models(models, tmp_path_factory.mktemp("home"), objects=s3_process.settings) as result:
        yield result


@pytest.fixture(scope="module")
def client(beside_s3: Live) -> Any:
    return beside_s3.client()


def stored(bucket: str, name: str, version: str | None = None) -> dict[str, Any]:
    return {"S3Object": {"Bucket": bucket, "Name": name} | ({"Version": version} if version else {})}


@pytest.mark.slow
def test_every_operation_on_an_image_takes_it_from_s3(client: Any, s3: S3Server, portrait: bytes) -> None:
    s3.put("archive", "2024/eileen é.jpg", portrait)
    s3.put("archive", "crew.jpg", encoded(crowd(1, 3, 120), quality=95))
    face, crew, sent = stored("archive", "2024/eileen é.jpg"), stored("archive", "crew.jpg"), {"Bytes": portrait}
    assert client.detect_faces(Image=face)["FaceDetails"] == client.detect_faces(Image=sent)["FaceDetails"]
    assert len(client.compare_faces(SourceImage=face, TargetImage=crew)["FaceMatches"]) == 3
    client.create_collection(CollectionId="from-s3")
    (record,) = client.index_faces(CollectionId="from-s3", Image=face, ExternalImageId="eileen")["FaceRecords"]
    (match,) = client.search_faces_by_image(CollectionId="from-s3", Image=face)["FaceMatches"]
    assert match["Face"]["FaceId"] == record["Face"]["FaceId"]
    # The same picture is the same picture wherever it comes from.
    again = client.index_faces(CollectionId="from-s3", Image=sent, ExternalImageId="eileen")["FaceRecords"]
    assert again[0]["Face"]["FaceId"] == record["Face"]["FaceId"]
    client.delete_collection(CollectionId="from-s3")


def test_a_version_names_an_older_picture(client: Any, refused: Refused, s3: S3Server, portrait: bytes) -> None:
    s3.keep_versions("archive")
    one = s3.put("archive", "a.jpg", portrait)
    s3.put("archive", "a.jpg", encoded(crowd(1, 3, 120)))
    assert len(client.detect_faces(Image=stored("archive", "a.jpg"))["FaceDetails"]) == 3
    assert len(client.detect_faces(Image=stored("archive", "a.jpg", one))["FaceDetails"]) == 1
    assert refused(client.detect_faces, Image=stored("archive", "a.jpg", "3sL4kqtJlcpXroDTDmJ")) == NOT_THERE


def test_what_is_not_there_or_not_ours_is_refused_as_aws_does(
    client: Any, refused: Refused, s3: S3Server, portrait: bytes
) -> None:
    s3.put("archive", "a.jpg", portrait)
    for bucket, name in (("archive", "b.jpg"), ("elsewhere", "a.jpg"), ("archive", "../archive/a.jpg")):
        assert refused(client.detect_faces, Image=stored(bucket, name)) == NOT_THERE
    with s3.guarded():
        assert refused(client.detect_faces, Image=stored("archive", "a.jpg")) == NOT_THERE


def test_an_object_may_have_15_mib_and_no_more(client: Any, refused: Refused, s3: S3Server, portrait: bytes) -> None:
    s3.put("archive", "full.jpg", portrait + bytes(MOST_BYTES - len(portrait)))
    s3.put("archive", "over.jpg", portrait + bytes(MOST_BYTES - len(portrait) + 1))
    assert client.detect_faces(Image=stored("archive", "full.jpg"))["FaceDetails"]
    code, message = refused(client.detect_faces, Image=stored("archive", "over.jpg"))
    assert code == "ImageTooLargeException"
    assert str(MOST_BYTES + 1) in message


def test_a_folder_hides_the_bucket_of_its_name(
    beside_s3: Live, client: Any, refused: Refused, s3: S3Server, portrait: bytes
) -> None:
    s3.put("photos", "a.jpg", encoded(crowd(1, 3, 120)))
    s3.put("photos", "b.jpg", portrait)
    in_a_folder = beside_s3.put("a.jpg", portrait)
    assert len(client.detect_faces(Image=in_a_folder)["FaceDetails"]) == 1
    assert refused(client.detect_faces, Image=stored("photos", "b.jpg")) == NOT_THERE


def test_a_store_that_is_down_is_our_fault_and_folders_still_work(
    tmp_path: Path, refused: Refused, portrait: bytes
) -> None:
    away = {"s3_endpoint": "http://127.0.0.1:9", "s3_access_key_id": "key", "s3_secret_access_key": "secret"}
    with without_models(tmp_path, objects=away) as live:
        client = live.client()
        code, message = refused(client.detect_faces, Image=stored("archive", "a.jpg"))
        assert code == "InternalServerError"
        assert "127.0.0.1:9" not in message
        # A folder's bucket is there, so that the next fault is the one about its content.
        assert refused(client.detect_faces, Image=live.put("a.jpg", b"text"))[0] == "InvalidImageFormatException"


def test_wrong_settings_stop_the_start(tmp_path: Path) -> None:
    settings = load_settings({}, home=tmp_path, objects={"s3_endpoint": "minio:9000"})
    with pytest.raises(SettingsError, match="s3_endpoint must be"), open_engine(settings):
        pass
    assert not (tmp_path / "regard.db").exists()


@pytest.mark.parametrize("down", [False, True])
def test_doctor_says_whether_the_store_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3: S3Server, down: bool
) -> None:
    for name, value in (s3.settings | ({"s3_endpoint": "http://127.0.0.1:9"} if down else {})).items():
        monkeypatch.setenv(f"REGARD_OBJECTS_{name.upper()}", value)
    said = CliRunner().invoke(doctor_command.app, ["--home", str(tmp_path)]).output
    assert ("Could not connect to the endpoint URL" in said) is down
    (line,) = [line for line in said.splitlines() if " S3 " in line]
    assert ("!!" if down else "ok") in line
