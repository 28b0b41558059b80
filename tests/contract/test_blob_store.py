"""What every BlobStore does. An implementation joins by a builder in `STORES` that fills it with one bucket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from regard.errors import ImageTooLarge, InvalidS3Object
from regard.media.blobs import BlobStore, FolderStore
from regard.media.bucket_routes import BucketRoutes
from regard.media.s3_blobs import S3Options, S3Store

if TYPE_CHECKING:
    from s3_server import S3Server

pytest_plugins = ["s3_server"]

LIMIT = 1_000
OBJECTS = {
    "face.jpg": b"one",
    "2024/spring/face.jpg": b"two",
    "Ünïcode 名前.png": b"three",
    "100% +?&#=\\.jpg": b"four",
    "empty": b"",
}


@pytest.fixture(scope="module")
def filled(s3_process: S3Server) -> S3Server:
    """The S3 server with the OBJECTS of every test."""
    s3_process.empty()
    for name, data in OBJECTS.items():
        s3_process.put("photos", name, data)
    s3_process.put("secret.jpg", "secret.jpg", b"outside of every bucket")
    s3_process.put("other", "face.jpg", b"another bucket's")
    return s3_process


@pytest.fixture(scope="module")
def s3_store(filled: S3Server) -> S3Store:
    """One client for all, because making one takes a while; it remembers nothing of a bucket."""
    return S3Store(S3Options(**{name.removeprefix("s3_"): value for name, value in filled.settings.items()}))


def folder_store(request: pytest.FixtureRequest, objects: Mapping[str, bytes]) -> BlobStore:
    folder: Path = request.getfixturevalue("tmp_path")
    for name, data in objects.items():
        path = folder / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (folder / "secret.jpg").write_bytes(b"outside of every bucket")
    (folder / "other").mkdir()
    (folder / "other" / "face.jpg").write_bytes(b"another bucket's")
    return FolderStore(folder)


def s3_blobs(request: pytest.FixtureRequest, objects: Mapping[str, bytes]) -> BlobStore:
    server: S3Server = request.getfixturevalue("filled")
    for name in objects.keys() - OBJECTS.keys():
        server.put("photos", name, objects[name])
    store: S3Store = request.getfixturevalue("s3_store")
    return store


def routes_to_a_folder(request: pytest.FixtureRequest, objects: Mapping[str, bytes]) -> BlobStore:
    folder_store(request, objects)
    return BucketRoutes(FolderStore(request.getfixturevalue("tmp_path")), request.getfixturevalue("s3_store"))


def routes_to_s3(request: pytest.FixtureRequest, objects: Mapping[str, bytes]) -> BlobStore:
    return BucketRoutes(FolderStore(request.getfixturevalue("tmp_path")), s3_blobs(request, objects))


STORES: dict[str, Callable[[pytest.FixtureRequest, Mapping[str, bytes]], BlobStore]] = {
    "folder": folder_store,
    "s3": s3_blobs,
    "routes to a folder": routes_to_a_folder,
    "routes to s3": routes_to_s3,
}


@pytest.fixture(params=STORES.values(), ids=STORES.keys())
def build(request: pytest.FixtureRequest) -> Callable[..., BlobStore]:
    return lambda objects=OBJECTS: request.param(request, objects)


@pytest.mark.parametrize(("name", "data"), OBJECTS.items())
def test_an_object_is_read_by_bucket_and_name(build: Callable[..., BlobStore], name: str, data: bytes) -> None:
    assert build().read("photos", name, None, limit=LIMIT) == data


@pytest.mark.parametrize(
    ("bucket", "name"),
    [
        ("photos", "absent.jpg"),
        ("absent", "face.jpg"),
        ("photos", "2024"),
        ("photos", "2024/spring/"),
        ("photos", "face.jpg/face.jpg"),
        ("photos", ""),
        ("photos", "."),
        ("photos", "/"),
        ("photos", "nul\0face.jpg"),
        ("photos", "lone \ud800 surrogate"),
        ("photos", "x" * 1_025),
        ("", "face.jpg"),
        (".", "secret.jpg"),
        ("..", "secret.jpg"),
        ("photos\0", "face.jpg"),
    ],
)
def test_what_is_not_an_object_is_an_invalid_s3_object(build: Callable[..., BlobStore], bucket: str, name: str) -> None:
    with pytest.raises(InvalidS3Object) as caught:
        build().read(bucket, name, None, limit=LIMIT)
    assert caught.value.message.startswith("Unable to get object metadata from S3.")


@pytest.mark.parametrize(
    ("bucket", "name"),
    [
        ("photos", "../secret.jpg"),
        ("photos", "../other/face.jpg"),
        ("photos", "2024/../../secret.jpg"),
        ("photos", "2024/../face.jpg"),
        ("photos", "./face.jpg"),
        ("photos", "2024//spring/face.jpg"),
        ("photos", "{root}/secret.jpg"),
        ("photos", "{root}/photos/face.jpg"),
        ("photos/2024", "spring/face.jpg"),
        ("../{root.name}/photos", "face.jpg"),
        ("{root}/photos", "face.jpg"),
    ],
)
def test_no_name_leaves_its_bucket(build: Callable[..., BlobStore], tmp_path: Path, bucket: str, name: str) -> None:
    with pytest.raises(InvalidS3Object):
        build().read(bucket.format(root=tmp_path), name.format(root=tmp_path), None, limit=LIMIT)


def test_a_version_that_does_not_exist_is_an_invalid_s3_object(build: Callable[..., BlobStore]) -> None:
    with pytest.raises(InvalidS3Object):
        build().read("photos", "face.jpg", "3sL4kqtJlcpXroDTDmJ", limit=LIMIT)


def test_an_object_of_exactly_the_limit_is_read(build: Callable[..., BlobStore]) -> None:
    assert len(build({"full.jpg": bytes(LIMIT)}).read("photos", "full.jpg", None, limit=LIMIT)) == LIMIT


def test_a_larger_object_is_refused_naming_both_sizes(build: Callable[..., BlobStore]) -> None:
    with pytest.raises(ImageTooLarge, match=r"1001 bytes.*1000"):
        build({"over.jpg": bytes(LIMIT + 1)}).read("photos", "over.jpg", None, limit=LIMIT)
