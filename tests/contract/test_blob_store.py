"""What every BlobStore does. An implementation joins by a builder in `STORES` that fills it with one bucket."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from regard.errors import ImageTooLarge, InvalidS3Object
from regard.media.blobs import Buckets, FolderStore, ObjectReplaced
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
_MOMENTS = itertools.count(1_700_000_000 * 10**9, 10**9)


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


def folder_store(request: pytest.FixtureRequest, objects: Mapping[str, bytes]) -> Buckets:
    folder: Path = request.getfixturevalue("tmp_path")
    for name, data in objects.items():
        path = folder / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, ns=(next(_MOMENTS),) * 2)  # a file system's clock may tick more slowly than a test writes
    (folder / "secret.jpg").write_bytes(b"outside of every bucket")
    (folder / "other").mkdir(exist_ok=True)
    (folder / "other" / "face.jpg").write_bytes(b"another bucket's")
    return FolderStore(folder)


def s3_blobs(request: pytest.FixtureRequest, objects: Mapping[str, bytes]) -> Buckets:
    server: S3Server = request.getfixturevalue("filled")
    for name in objects.keys() - OBJECTS.keys():
        server.put("photos", name, objects[name])
    store: S3Store = request.getfixturevalue("s3_store")
    return store


def routes_to_a_folder(request: pytest.FixtureRequest, objects: Mapping[str, bytes]) -> Buckets:
    folder_store(request, objects)
    return BucketRoutes(FolderStore(request.getfixturevalue("tmp_path")), request.getfixturevalue("s3_store"))


def routes_to_s3(request: pytest.FixtureRequest, objects: Mapping[str, bytes]) -> Buckets:
    return BucketRoutes(FolderStore(request.getfixturevalue("tmp_path")), s3_blobs(request, objects))


STORES: dict[str, Callable[[pytest.FixtureRequest, Mapping[str, bytes]], Buckets]] = {
    "folder": folder_store,
    "s3": s3_blobs,
    "routes to a folder": routes_to_a_folder,
    "routes to s3": routes_to_s3,
}


@pytest.fixture(params=STORES.values(), ids=STORES.keys())
def build(request: pytest.FixtureRequest) -> Callable[..., Buckets]:
    return lambda objects=OBJECTS: request.param(request, objects)


@pytest.mark.parametrize(("name", "data"), OBJECTS.items())
def test_an_object_is_read_by_bucket_and_name(build: Callable[..., Buckets], name: str, data: bytes) -> None:
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
def test_what_is_not_an_object_is_an_invalid_s3_object(build: Callable[..., Buckets], bucket: str, name: str) -> None:
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
def test_no_name_leaves_its_bucket(build: Callable[..., Buckets], tmp_path: Path, bucket: str, name: str) -> None:
    with pytest.raises(InvalidS3Object):
        build().read(bucket.format(root=tmp_path), name.format(root=tmp_path), None, limit=LIMIT)


def test_a_version_that_does_not_exist_is_an_invalid_s3_object(build: Callable[..., Buckets]) -> None:
    with pytest.raises(InvalidS3Object):
        build().read("photos", "face.jpg", "3sL4kqtJlcpXroDTDmJ", limit=LIMIT)


def test_an_object_of_exactly_the_limit_is_read(build: Callable[..., Buckets]) -> None:
    assert len(build({"full.jpg": bytes(LIMIT)}).read("photos", "full.jpg", None, limit=LIMIT)) == LIMIT


def test_a_larger_object_is_refused_naming_both_sizes(build: Callable[..., Buckets]) -> None:
    with pytest.raises(ImageTooLarge, match=r"1001 bytes.*1000"):
        build({"over.jpg": bytes(LIMIT + 1)}).read("photos", "over.jpg", None, limit=LIMIT)


BIG = bytes(range(256)) * (3 * 4096)  # 3 MiB: more than one piece


def test_the_head_of_an_object_tells_its_size_and_changes_with_its_content(build: Callable[..., Buckets]) -> None:
    first = build({"clip": b"first"}).head("photos", "clip", None)
    second = build({"clip": b"other"}).head("photos", "clip", None)
    assert (first.size, second.size) == (5, 5)
    assert first.etag != second.etag


@pytest.mark.parametrize("name", ["absent.jpg", "2024", "", "nul\0face.jpg", "../secret.jpg", "2024//spring/face.jpg"])
def test_what_is_not_an_object_has_no_head(build: Callable[..., Buckets], name: str) -> None:
    with pytest.raises(InvalidS3Object):
        build().head("photos", name, None)


def test_an_open_object_is_a_file_that_can_be_sought_in(build: Callable[..., Buckets]) -> None:
    store = build({"clip": BIG})
    with store.open(store.head("photos", "clip", None)) as clip:
        assert clip.read(5) == BIG[:5]
        assert clip.seek(-7, 2) == len(BIG) - 7
        assert clip.read() == BIG[-7:]
        assert clip.read() == b""
        assert clip.seek((1 << 20) - 3) == (1 << 20) - 3
        assert clip.read(10) == BIG[(1 << 20) - 3 :][:10]
        assert clip.seek(0) == 0
        assert clip.read() == BIG


def test_an_empty_object_can_be_opened(build: Callable[..., Buckets]) -> None:
    store = build()
    with store.open(store.head("photos", "empty", None)) as clip:
        assert clip.read() == b""


def test_an_object_that_was_replaced_is_not_opened(build: Callable[..., Buckets]) -> None:
    before = build({"clip": BIG}).head("photos", "clip", None)
    store = build({"clip": BIG[::-1]})
    with pytest.raises(ObjectReplaced, match="replaced or deleted"):
        store.open(before)


def test_an_object_that_is_replaced_while_it_is_read_is_not_mixed_with_the_other(
    build: Callable[..., Buckets],
) -> None:
    store = build({"clip": BIG})
    with store.open(store.head("photos", "clip", None)) as clip:
        assert clip.read(5) == BIG[:5]
        build({"clip": BIG[::-1]})
        clip.seek(2 << 20)
        with pytest.raises(ObjectReplaced):
            clip.read(5)


@pytest.mark.parametrize("name", ["new.json", "made/for/it.json", "Ünïcode 名前.json"])
def test_what_is_written_is_read_again_and_written_over(build: Callable[..., Buckets], name: str) -> None:
    buckets = build()
    for content in (b"first", b""):
        buckets.write("photos", name, content)
        assert buckets.read("photos", name, None, limit=LIMIT) == content


@pytest.mark.parametrize(
    ("bucket", "name"), [("nowhere-at-all", "a"), ("photos", "../other/a"), ("photos", "a/../../b"), ("..", "a")]
)
def test_nothing_is_written_outside_of_a_bucket_that_is_there(
    build: Callable[..., Buckets], bucket: str, name: str
) -> None:
    with pytest.raises(InvalidS3Object):
        build().write(bucket, name, b"x")


def test_objects_are_listed_by_folder_and_page(build: Callable[..., Buckets]) -> None:
    store = build()
    assert {"photos", "other"} <= set(store.buckets())
    names, folders, after = [], [], ""
    for _ in range(20):
        page = store.page("photos", "", after, 2)
        assert len(page.objects) + len(page.folders) <= 2
        names += [each.name for each in page.objects]
        folders += page.folders
        if page.next is None:
            break
        after = page.next
    assert names == sorted(set(names))
    assert {name for name in OBJECTS if "/" not in name} <= set(names)
    assert "2024/" in folders
    assert folders == sorted(set(folders))
    [face] = store.page("photos", "2024/spring/", "", 10).objects
    assert (face.name, face.size) == ("2024/spring/face.jpg", 3)
    assert [each.name for each in store.page("photos", "Ünïcode 名前.p", "", 10).objects] == ["Ünïcode 名前.png"]
    assert not store.page("photos", "nothing/", "", 10).objects


@pytest.mark.parametrize("bucket", ["", ".", "..", "nowhere", "photos/2024", "secret.txt\0"])
def test_what_is_no_bucket_is_not_listed(build: Callable[..., Buckets], bucket: str) -> None:
    with pytest.raises(InvalidS3Object):
        build().page(bucket, "", "", 10)
