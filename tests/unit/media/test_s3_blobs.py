"""Objects of a real S3 server, and of stores that misbehave."""

from __future__ import annotations

import logging
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from crooked_store import Answer, Asked, answer, crooked, error

from regard.errors import ImageTooLarge, InternalServerError, InvalidS3Object
from regard.media.s3_blobs import S3Options, S3Store

if TYPE_CHECKING:
    from s3_server import S3Server

pytest_plugins = ["s3_server"]

MIB = 1 << 20
LIMIT = 15 * MIB
#: How long a test lets a silent store be silent, in seconds.
SHORT = 0.5


def store(url: str, **options: Any) -> S3Store:
    usual = {"region": "us-east-1", "access_key_id": "AKIDEXAMPLE", "secret_access_key": "hush-hush"}
    return S3Store(S3Options(**({"endpoint": url, "read_seconds": 5} | usual | options)))


def read(where: S3Store, bucket: str = "photos", name: str = "a.jpg", version: str | None = None) -> bytes:
    return where.read(bucket, name, version, limit=LIMIT)


@pytest.fixture
def nobody_home() -> str:
    """The URL of a port at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing for botocore to find."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[str]]]:
    """What the operator is told, whoever says it."""
    caplog.set_level(logging.WARNING)
    return lambda: [record.getMessage() for record in caplog.records]


# -- a real server ---------------------------------------------------------------------------------------------------


def test_a_version_is_read_by_its_id_and_the_newest_without_one(s3: S3Server) -> None:
    s3.keep_versions("photos")
    first = s3.put("photos", "a.jpg", b"first")
    second = s3.put("photos", "a.jpg", b"second")
    other = s3.put("photos", "b.jpg", b"other")
    here = store(s3.url)
    assert read(here) == b"second"
    assert [read(here, version=version) for version in (first, second)] == [b"first", b"second"]
    for wrong in (other, "null", "no such version", "ä&versionId=1", "\ud800"):
        with pytest.raises(InvalidS3Object):
            read(here, version=wrong)
    s3.s3.delete_object(Bucket="photos", Key="a.jpg")
    with pytest.raises(InvalidS3Object):
        read(here)
    assert read(here, version=first) == b"first"


def test_the_caller_hears_what_aws_says_and_the_operator_what_the_store_said(
    s3: S3Server, logged: Callable[[], list[str]]
) -> None:
    s3.put("photos", "a.jpg", b"picture")
    here = store(s3.url)
    for bucket, name in (("photos", "é.jpg"), ("elsewhere", "a.jpg")):
        with pytest.raises(InvalidS3Object) as caught:
            read(here, bucket, name)
        assert caught.value.message == InvalidS3Object.__doc__
    assert logged() == [
        f"S3 at {s3.url} refused photos/'é.jpg': 'NoSuchKey (404): The specified key does not exist.'",
        f"S3 at {s3.url} refused elsewhere/'a.jpg': 'NoSuchBucket (404): The specified bucket does not exist'",
    ]


def test_neither_a_name_nor_the_stores_words_can_forge_a_line_of_the_log(logged: Callable[[], list[str]]) -> None:
    with crooked(error(404, "NoSuchKey", "No.\nERROR: yes")) as asked, pytest.raises(InvalidS3Object):
        read(store(asked.url), name="a.jpg\nERROR: no\x1b[2J")
    (line,) = logged()
    assert line.isprintable()


def test_no_permission_and_wrong_credentials_are_the_same_to_the_caller(
    s3: S3Server, logged: Callable[[], list[str]]
) -> None:
    s3.put("photos", "a.jpg", b"picture")
    s3.put("private", "a.jpg", b"picture")
    key, secret = s3.user({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::photos/*"})
    with s3.guarded():
        guest = store(s3.url, access_key_id=key, secret_access_key=secret)
        assert read(guest) == b"picture"
        for where, bucket, code in (
            (guest, "private", "AccessDenied"),
            (store(s3.url, access_key_id=key), "photos", "SignatureDoesNotMatch"),
            (store(s3.url), "photos", "InvalidAccessKeyId"),
        ):
            with pytest.raises(InvalidS3Object) as caught:
                read(where, bucket)
            assert caught.value.message == InvalidS3Object.__doc__
            assert f"{code} (403)" in logged()[-1]
        assert guest.trouble() is None  # it may not list buckets, and need not
        assert "SignatureDoesNotMatch (403)" in str(store(s3.url, access_key_id=key).trouble())
    assert not re.search(f"hush-hush|{re.escape(secret)}|Signature=", "\n".join(logged()))


def test_a_store_is_asked_whether_all_is_well(s3: S3Server, nobody_home: str) -> None:
    assert store(s3.url).trouble() is None
    assert nobody_home in str(store(nobody_home).trouble())


def test_many_threads_share_one_client_from_the_first_call_on(s3: S3Server) -> None:
    for number in range(8):
        s3.put("photos", f"{number}.jpg", str(number).encode() * 10_000)
    here, together = store(s3.url, connections=8), threading.Barrier(8)

    def work(number: int) -> bool:
        together.wait()
        return all(read(here, name=f"{number}.jpg") == str(number).encode() * 10_000 for _ in range(4))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))


# -- how much is downloaded, over how many connections ---------------------------------------------------------------


def test_an_object_over_the_limit_is_refused_without_downloading_it() -> None:
    sent, closed = 0, threading.Event()

    def endless(handler: BaseHTTPRequestHandler, _: int) -> None:
        nonlocal sent
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MIB // 16)
        handler.send_response(200)
        handler.send_header("Content-Length", str(1 << 40))
        handler.end_headers()
        try:
            while True:
                sent += handler.connection.send(bytes(MIB // 16))
        finally:
            closed.set()

    with crooked(endless) as asked:
        with pytest.raises(ImageTooLarge) as caught:
            read(store(asked.url))
        # The connection is closed while the error still holds what it was raised from.
        assert closed.wait(timeout=5)
    assert re.search(rf"{1 << 40} bytes.*{LIMIT}", caught.value.message)
    # What the kernel buffers on the way.
    assert sent < LIMIT / 2


def test_an_object_of_unknown_length_is_read_up_to_the_limit() -> None:
    def chunks(handler: BaseHTTPRequestHandler, number: int) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for _ in range(15 + number):
            handler.wfile.write(b"100000\r\n" + bytes(MIB) + b"\r\n")
        handler.wfile.write(b"0\r\n\r\n")

    with crooked(chunks) as asked:
        here = store(asked.url)
        assert len(read(here)) == LIMIT
        with pytest.raises(ImageTooLarge):
            read(here)


def test_a_connection_is_used_again() -> None:
    with crooked(answer(200, b"picture")) as asked:
        here = store(asked.url)
        assert [read(here) for _ in range(5)] == [b"picture"] * 5
        assert asked.connections == 1


def test_nobody_is_asked_before_the_first_read() -> None:
    with crooked(answer(200, b"picture")) as asked:
        store(asked.url)
        assert asked.connections == 0


# -- a store at fault: not the caller's, and worth another try --------------------------------------------------------


def stalls_at_once(handler: BaseHTTPRequestHandler, _: int) -> None:
    time.sleep(3 * SHORT)


def stalls_midway(handler: BaseHTTPRequestHandler, number: int) -> None:
    answer(200, bytes(50), Content_Length="100")(handler, number)
    handler.wfile.flush()
    time.sleep(3 * SHORT)
    handler.close_connection = True


def breaks_off(handler: BaseHTTPRequestHandler, number: int) -> None:
    answer(200, bytes(50), Content_Length="100")(handler, number)
    handler.close_connection = True


@pytest.fixture(scope="module")
def moody() -> Iterator[tuple[Asked, S3Store]]:
    """A store that a test can put into any mood, and one client of it that lives through all of them."""
    with crooked(answer(200)) as asked:
        yield asked, store(asked.url, read_seconds=SHORT)


def speaks_no_http(handler: BaseHTTPRequestHandler, _: int) -> None:
    handler.wfile.write(b"220 mail.example.org ESMTP\r\n")
    handler.close_connection = True


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (stalls_at_once, "Read timeout"),
        (stalls_midway, "Read timeout"),
        (breaks_off, "50 more expected"),
        (speaks_no_http, "Connection was closed"),
        (answer(200, b"picture", x_amz_checksum_crc32="AAAAAA=="), "did not match calculated checksum"),
        (answer(500), "500 (500)"),
        (error(503, "SlowDown"), "SlowDown (503)"),
        (error(429, "TooManyRequests"), "TooManyRequests (429)"),
    ],
)
@pytest.mark.slow
def test_a_fault_of_the_store_is_an_internal_error_and_passes(
    moody: tuple[Asked, S3Store], fault: Answer, said: str, logged: Callable[[], list[str]]
) -> None:
    asked, here = moody
    asked.write, started = fault, time.monotonic()
    with pytest.raises(InternalServerError) as caught:
        read(here)
    assert time.monotonic() - started < 5
    asked.write = answer(200, b"picture")
    assert read(here) == b"picture"
    assert "Try your call again" in caught.value.message
    assert asked.url not in caught.value.message
    (line,) = logged()
    assert said in line
    assert line.startswith(f"S3 at {asked.url} ")
    assert "photos/'a.jpg'" in line


def test_a_store_that_is_down_is_an_internal_error(nobody_home: str, logged: Callable[[], list[str]]) -> None:
    with pytest.raises(InternalServerError):
        read(store(nobody_home))
    assert "Could not connect to the endpoint" in logged()[0]


@pytest.mark.usefixtures("no_credentials")
def test_no_credentials_at_all_is_an_internal_error(logged: Callable[[], list[str]]) -> None:
    with crooked(answer(200)) as asked, pytest.raises(InternalServerError):
        read(store(asked.url, access_key_id=None, secret_access_key=None))
    assert "Unable to locate credentials" in logged()[0]
    assert asked.requests == []


def test_what_may_pass_is_tried_once_more_and_what_will_not_is_not() -> None:
    def recovers(handler: BaseHTTPRequestHandler, number: int) -> None:
        (answer(200, b"picture") if number else error(503, "SlowDown"))(handler, number)

    with crooked(recovers) as asked:
        assert read(store(asked.url)) == b"picture"
        assert len(asked.requests) == 2
    with crooked(error(403, "AccessDenied")) as asked, pytest.raises(InvalidS3Object):
        read(store(asked.url))
    assert len(asked.requests) == 1


# -- who is asked, and as whom ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bucket",
    [
        *(
            "..",
            "...",
            ".photos",
            "photos.",
            "a/b",
            "photos@elsewhere",
            "photos:80",
            "photos?x",
            "photos%2f",
            "ph otos",
        ),
        *("photos--use1-az4--x-s3", "photos--xa-s3", "photos--op-s3", "photos\n", "p" * 256, "fotografías"),
        "arn:aws:s3:eu-west-1:123456789012:accesspoint/photos",
    ],
)
def test_a_name_that_is_no_buckets_asks_nobody(bucket: str, logged: Callable[[], list[str]]) -> None:
    with crooked(answer(200)) as asked, pytest.raises(InvalidS3Object):
        read(store(asked.url), bucket)
    assert (asked.requests, logged()) == ([], [])


@pytest.mark.parametrize("name", ["", "..", "../private/a.jpg", "2024/../../private/a.jpg", "./a.jpg", "2024/."])
def test_a_name_that_a_proxy_could_take_for_another_asks_nobody(name: str) -> None:
    with crooked(answer(200)) as asked, pytest.raises(InvalidS3Object):
        read(store(asked.url), name=name)
    assert asked.requests == []


def test_a_store_of_ones_own_has_every_bucket_as_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = tmp_path / "config"
    profile.write_text("[default]\ns3 =\n  addressing_style = virtual\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(profile))
    buckets = ("photos", "192.168.1.1", "example.com", "Photos_2024", "photos-s3alias", "p" * 255)
    with crooked(answer(200, b"picture")) as asked:
        by_name = asked.url.replace("127.0.0.1", "localhost")
        here = store(f"{by_name}/s3")
        for bucket in buckets:
            assert read(here, bucket, "2024/é?.jpg", "3/L4") == b"picture"
    assert asked.paths == [f"/s3/{bucket}/2024/%C3%A9%3F.jpg?versionId=3%2FL4" for bucket in buckets]
    assert {headers["Host"] for _, headers in asked.requests} == {by_name.removeprefix("http://")}


@pytest.mark.parametrize(
    ("bucket", "host"),
    [("photos", "photos.s3.eu-west-1.amazonaws.com:443"), ("my.photos", "s3.eu-west-1.amazonaws.com:443")],
)
def test_aws_has_the_bucket_as_a_host_where_its_certificate_allows(
    monkeypatch: pytest.MonkeyPatch, bucket: str, host: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    with crooked(answer(200)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises(InternalServerError):
            read(store("aws", region="eu-west-1"), bucket)
    assert set(proxy.paths) == {host}


@pytest.mark.parametrize("status", [301, 307])
def test_a_store_cannot_send_us_elsewhere(status: int) -> None:
    with crooked(answer(200, b"bait")) as elsewhere:
        away = answer(status, Location=f"{elsewhere.url}/photos/a.jpg", x_amz_bucket_region="eu-west-1")
        with crooked(away) as asked, pytest.raises(InvalidS3Object):
            read(store(asked.url))
    assert elsewhere.requests == []


@pytest.mark.usefixtures("no_credentials")
def test_without_a_key_of_its_own_botocore_finds_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDFOUND")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "found")
    with crooked(answer(200)) as asked:
        read(store(asked.url, access_key_id=None, secret_access_key=None))
        read(store(asked.url))
    found, given = (headers["Authorization"] for _, headers in asked.requests)
    assert "Credential=AKIDFOUND/" in found
    assert "Credential=AKIDEXAMPLE/" in given
