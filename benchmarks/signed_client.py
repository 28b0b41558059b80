"""A client with a key: signs with botocore's SigV4, over a connection kept alive, and retries as an SDK does.

Lighter than boto3, so that what is measured is the server: a body is encoded and hashed once, however often it is sent.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import random
import select
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from benchmarks.served import Key

#: As boto3's default: five attempts, the pause before each at most 1, 2, 4 … seconds, and 60 s for an answer.
ATTEMPTS, LONGEST_PAUSE_SECONDS, READ_SECONDS = 5, 20.0, 60.0
_RETRIED_CODES = frozenset({"ThrottlingException", "ProvisionedThroughputExceededException", "ServiceUnavailable"})
_RETRIED_STATUS = frozenset({500, 502, 503, 504})


class CallFailed(Exception):
    """The last attempt's answer was an error nobody expected, or there was none; says its kind."""


@dataclass(frozen=True)
class Prepared:
    """One request, encoded once."""

    operation: str
    body: bytes

    @staticmethod
    def of(operation: str, **members: Any) -> Prepared:
        return Prepared(operation, json.dumps(members).encode())

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


@dataclass
class Tally:
    """What went wrong and was cured by a retry, by kind. Many clients may share one."""

    cured: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, kinds: list[str]) -> None:
        with self._lock:
            self.cured.update(kinds)


class SignedClient:
    """One connection of one key's; for one thread. `address` is the one it comes from."""

    def __init__(self, port: int, key: Key, tally: Tally, address: str = "127.0.0.1") -> None:
        self._host = f"127.0.0.1:{port}"
        self._url = f"http://{self._host}/"
        self._signer = SigV4Auth(Credentials(key.access_key_id, key.secret), "rekognition", "us-east-1")
        self._tally = tally
        self._connection = http.client.HTTPConnection(
            "127.0.0.1", port, timeout=READ_SECONDS, source_address=(address, 0)
        )

    def close(self) -> None:
        self._connection.close()

    def call(self, request: Prepared, expected: str = "OK") -> dict[str, Any]:
        """The answer's members. `expected` is an error's code where the request is wrong on purpose.

        Raises CallFailed if the last attempt, or one that an SDK would not repeat, brings something else.
        """
        failures: list[str] = []
        while True:
            kind, retried, members = self._attempt(request)
            if kind == expected:
                self._tally.add(failures)
                return members
            failures.append(kind)
            if not retried or len(failures) == ATTEMPTS:
                raise CallFailed(kind)
            time.sleep(min(LONGEST_PAUSE_SECONDS, random.random() * 2 ** (len(failures) - 1)))  # noqa: S311

    def _attempt(self, request: Prepared) -> tuple[str, bool, dict[str, Any]]:
        """Its kind, whether an SDK would try again, and the members."""
        try:
            status, content = self.send(request)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return type(error).__name__, True, {}
        try:
            members = json.loads(content)
        except ValueError:
            return f"HTTP {status}", status in _RETRIED_STATUS, {}
        if status == 200:
            return "OK", False, members
        code = str(members.get("__type") or members.get("Code") or f"HTTP {status}")
        return code, code in _RETRIED_CODES or status in _RETRIED_STATUS, members

    def send(self, request: Prepared) -> tuple[int, bytes]:
        """One attempt: status and content. Raises OSError and HTTPException."""
        if self._was_dropped():
            self.close()
        self._connection.request("POST", "/", request.body, self._signed_headers(request))
        response = self._connection.getresponse()
        return response.status, response.read()

    def _was_dropped(self) -> bool:
        """Whether the server hung up while nothing was asked; SDKs look before they ask again, too."""
        connection = self._connection.sock
        return connection is not None and bool(select.select([connection], [], [], 0)[0])

    def signed(self, request: Prepared) -> bytes:
        """The request as it goes over the wire, for minutes: until its signature is too old."""
        headers = self._signed_headers(request) | {"Host": self._host, "Content-Length": str(len(request.body))}
        lines = ["POST / HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + request.body

    def _signed_headers(self, request: Prepared) -> dict[str, str]:
        signing = AWSRequest("POST", self._url, self._headers(request), request.body)
        self._signer.add_auth(signing)
        return dict(signing.headers.items())

    def _headers(self, request: Prepared) -> dict[str, str]:
        return {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"RekognitionService.{request.operation}",
            "X-Amz-Content-SHA256": request.digest,  # botocore then does not hash the body again
        }
