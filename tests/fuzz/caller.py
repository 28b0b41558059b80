"""Sends drawn requests over a real socket, signed with botocore's own signature, and remembers what came back."""

from __future__ import annotations

import base64
import http.client
import json
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .strategies import Edit, Headers, Picture, Request, Seen

JSON = "application/x-amz-json-1.1"
NOBODY = "00000000-0000-4000-8000-000000000000"
#: What stands for something that no answer of the story has held yet: nothing, or well-formed and of nothing.
UNSEEN = {"NextToken": None, "FaceId": NOBODY}
UNSEEN_ARN = "arn:aws:rekognition:us-east-1:000000000000:collection/nowhere"


@dataclass(frozen=True)
class Answer:
    """What came back, and after how long."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    seconds: float

    @property
    def code(self) -> str:
        """The error's code; "OK" where there is none."""
        return "OK" if self.status == 200 else str(json.loads(self.body).get("__type"))


class Caller:
    """One client on one connection that is kept open. `forget` before another story begins."""

    def __init__(self, port: int, key: str, secret: str, pictures: Mapping[Picture, bytes]) -> None:
        self._url = f"http://127.0.0.1:{port}/"
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._pictures = {name: base64.b64encode(content).decode() for name, content in pictures.items()}
        self._seen: dict[str, list[str]] = defaultdict(list)
        self._story = 0
        right = Credentials(key, secret)
        self._signers = {
            "tester": SigV4Auth(right, "rekognition", "us-east-1"),
            "sts": SigV4Auth(right, "sts", "us-east-1"),
            "wrong region": SigV4Auth(right, "rekognition", "eu-west-9"),
            "wrong service": SigV4Auth(right, "s3", "us-east-1"),
            "wrong secret": SigV4Auth(Credentials(key, "x" * 40), "rekognition", "us-east-1"),
            "unknown key": SigV4Auth(Credentials("AKIDNOBODY", secret), "rekognition", "us-east-1"),
        }

    def forget(self) -> None:
        self._seen.clear()
        self._story += 1

    def close(self) -> None:
        self._connection.close()

    def listed(self, operation: str, member: str) -> list[str]:
        """What a listing holds."""
        answer = self.send(Request(operation, {}))
        return list(json.loads(answer.body)[member])

    def send(self, request: Request) -> Answer:
        body = json.dumps(request.values, default=self._filled_in).encode()
        if request.edit:
            body = spoilt(body, request.edit)
        head = {"X-Amz-Target": f"RekognitionService.{request.operation}", "Content-Type": JSON}
        answer = self.post(body, replace(request.headers, before=head | request.headers.before))
        if answer.status == 200:
            self._remember(json.loads(answer.body))
        return answer

    def post(self, body: bytes, headers: Headers) -> Answer:
        signed = self._signed(body, headers)
        start = time.perf_counter()
        try:
            self._connection.request("POST", "/", body, signed)
            response = self._connection.getresponse()
            content = response.read()
        except BaseException:
            self._connection.close()  # what comes next deserves a fresh one
            raise
        received = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, received, content, time.perf_counter() - start)

    def _signed(self, body: bytes, headers: Headers) -> dict[str, str]:
        signing = AWSRequest("POST", self._url, dict(headers.before), body)
        self._signers[headers.signer].add_auth(signing)
        every: dict[str, str | None] = dict(signing.prepare().headers.items()) | headers.after
        return {name: value for name, value in every.items() if value is not None}

    def _filled_in(self, value: object) -> str | None:
        if isinstance(value, Picture):
            return self._pictures[value]
        assert isinstance(value, Seen)
        if value.member == "ClientRequestToken":
            return f"story-{self._story}-{value.back}"
        found = self._seen[value.member]
        return found[-1 - value.back % len(found)] if found else UNSEEN.get(value.member, UNSEEN_ARN)

    def _remember(self, value: Any) -> None:
        if isinstance(value, list):
            for each in value:
                self._remember(each)
        elif isinstance(value, dict):
            for name, each in value.items():
                if isinstance(each, str):
                    self._seen[name].append(each)
                self._remember(each)


def spoilt(body: bytes, edit: Edit) -> bytes:
    """`body`, a JSON object, after `edit`."""
    place = int(edit.at * len(body))
    if edit.kind in _FIRST_MEMBERS:
        return b"{" + _FIRST_MEMBERS[edit.kind] + _rest(body)
    spellings = {
        "truncate": body[:place],
        "byte": body[:place] + b"\xff" + body[place:],
        "utf-16": body.decode().encode("utf-16"),
        "mark": b"\xef\xbb\xbf" + body,
        "trailing": body + b"}",
        "twice": body[:-1] + _rest(body),
        "blanks": b"\r\n\t " * 50 + body + b"\n" * 50,
    }
    return spellings[edit.kind]


def _rest(body: bytes) -> bytes:
    """What follows a member that is put before those of `body`."""
    return b"}" if body == b"{}" else b", " + body[1:]


_FIRST_MEMBERS = {
    "deep": b'"Deep": ' + b"[" * 200_000 + b"]" * 200_000,
    "digits": b'"Number": ' + b"1" * 5000,
    "exponent": b'"Number": 1e999',
    "nested": b'"Deep": ' + b'{"a":[' * 200 + b"1" + b"]}" * 200,
}
