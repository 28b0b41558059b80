"""A real S3 server in a process of its own, for every test that wants one: moto's server mode.

A test module gets the fixture by `pytest_plugins = ["s3_server"]`, so that one server serves the whole run.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

KEY, SECRET, REGION = "AKIAS3EXAMPLE", "the-secret-of-the-store", "us-east-1"
_PATIENCE = 60.0
_LISTENS = re.compile(r"Running on (http://127\.0\.0\.1:\d+)")


@dataclass(frozen=True)
class S3Server:
    """A running server; `s3` is a boto3 client that fills it."""

    url: str
    s3: Any

    @property
    def settings(self) -> dict[str, str]:
        """What Regard must be told to use it, in the section of objects."""
        return {
            "s3_endpoint": self.url,
            "s3_region": REGION,
            "s3_access_key_id": KEY,
            "s3_secret_access_key": SECRET,
        }

    def put(self, bucket: str, name: str, content: bytes) -> str | None:
        """Make the bucket if need be and put an object into it. Its version, in a bucket that keeps them."""
        self.s3.create_bucket(Bucket=bucket)
        version: str | None = self.s3.put_object(Bucket=bucket, Key=name, Body=content).get("VersionId")
        return version

    def keep_versions(self, bucket: str) -> None:
        self.s3.create_bucket(Bucket=bucket)
        self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

    def empty(self) -> None:
        self._post("reset")

    def user(self, *statements: dict[str, Any]) -> tuple[str, str]:
        """The key and the secret of a new user who may do what the statements of a policy say."""
        iam = boto3.client("iam", **_access(self.url))
        try:
            iam.create_user(UserName="guest")
            if statements:
                policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
                iam.put_user_policy(UserName="guest", PolicyName="only", PolicyDocument=policy)
            made = iam.create_access_key(UserName="guest")["AccessKey"]
        finally:
            iam.close()
        return made["AccessKeyId"], made["SecretAccessKey"]

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Signatures and policies count; else the server lets everybody in."""
        self._post("reset-auth", b"0")
        try:
            yield
        finally:
            self._post("reset-auth", b"inf")

    def _post(self, command: str, content: bytes = b"") -> None:
        with closing(http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=10)) as connection:
            connection.request("POST", f"/moto-api/{command}", content, {"Content-Type": "text/plain"})
            assert connection.getresponse().status == HTTPStatus.OK


@pytest.fixture(scope="session")
def s3_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))}
    # A file, because a pipe that nobody reads fills up: it says every request.
    log = tmp_path_factory.mktemp("s3") / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=clean, stdout=output, stderr=output)
    try:
        url = _url(process, log)
        client = boto3.client("s3", **_access(url))
        yield S3Server(url, client)
        client.close()
    finally:
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture
def s3(s3_process: S3Server) -> S3Server:
    """The S3 server, empty."""
    s3_process.empty()
    return s3_process


def _access(url: str) -> dict[str, Any]:
    config = Config(retries={"total_max_attempts": 1})
    return {
        "endpoint_url": url,
        "region_name": REGION,
        "aws_access_key_id": KEY,
        "aws_secret_access_key": SECRET,
        "config": config,
    }


def _url(process: subprocess.Popen[bytes], log: Path) -> str:
    """Where the server listens, as it says when it does."""
    end = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < end:
        if found := _LISTENS.search(log.read_text()):
            return found[1]
        time.sleep(0.05)
    raise RuntimeError(f"moto's server did not start: {log.read_text()}")
