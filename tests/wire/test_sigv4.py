from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Signer
from hypothesis import given
from hypothesis import strategies as st

from regard.domain.callers import Credential
from regard.errors import (
    IncompleteSignature,
    InvalidSignature,
    MissingAuthenticationToken,
    RegardError,
    UnrecognizedClient,
)
from regard.wire.canonical_request import SignedRequest, folded
from regard.wire.sigv4 import claim, verify

from .loopback import KEY, REGION, SECRET, Keys

Headers = dict[str, str]
Sign = Callable[[], SignedRequest]
"""Called in the test: a signature is good for five minutes."""


def signed(
    *,
    url: str = "http://example.com/",
    method: str = "POST",
    body: bytes = b"{}",
    headers: Mapping[str, str] | None = None,
    secret: str = SECRET,
    region: str = REGION,
    service: str = "rekognition",
    **parameters: Any,
) -> SignedRequest:
    """A request signed by botocore, as a server would see it."""
    request = AWSRequest(method, url, {"Host": "example.com"} | dict(headers or {}), body, **parameters)
    SigV4Auth(Signer(KEY, secret), service, region).add_auth(request)
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    return received(
        method=method, path=parts.path, query=parts.query, headers=dict(prepared.headers.items()), body=body
    )


def received(
    *, method: str = "POST", path: str = "/", query: str = "", headers: Mapping[str, str], body: bytes = b"{}"
) -> SignedRequest:
    raw = [(name.encode(), str(value).encode()) for name, value in headers.items()]
    return SignedRequest(method=method, path=path.encode(), query=query.encode(), headers=folded(raw), body=body)


def check(request: SignedRequest, now: datetime | None = None) -> str:
    made = claim(request.headers, regions=(REGION,), service="rekognition", now=now or datetime.now(UTC))
    credential = Keys().lookup(made.authorization.access_key_id, made.token)
    if credential is None:
        raise UnrecognizedClient
    return verify(request, made, credential).name


def changed(request: SignedRequest, **changes: Any) -> SignedRequest:
    fields = {name: getattr(request, name) for name in ("method", "path", "query", "headers", "body")}
    return SignedRequest(**(fields | changes))


def rewritten(request: SignedRequest, **headers: str | None) -> SignedRequest:
    names = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    kept = {name: value for name, value in request.headers.items() if name not in names}
    return changed(request, headers=kept | {name: v.encode() for name, v in names.items() if v is not None})


def resigned(request: SignedRequest, edit: Callable[[str], str]) -> SignedRequest:
    return rewritten(request, authorization=edit(request.headers[b"authorization"].decode()))


@pytest.mark.parametrize(
    "request_",
    [
        signed,
        lambda: signed(body=b""),
        lambda: signed(body=b"\x00\xff" * 1000),
        lambda: signed(method="GET"),
        lambda: signed(headers={"X-Odd": "  a   b  \t c  ", "X-Empty": "", "x-UPPER": "Ä ö"}),
        lambda: signed(
            headers={"X-Amz-Target": "RekognitionService.DetectFaces", "Content-Type": "application/x-amz-json-1.1"}
        ),
        lambda: signed(headers={"Date": "Mon, 01 Jan 2024 00:00:00 GMT"}),
        lambda: signed(headers={"X-Amz-Content-SHA256": hashlib.sha256(b"{}").hexdigest()}),
        lambda: signed(params={"b": "two words", "a": "/~é&=+", "A": "", "flag": "x"}),
        lambda: signed(url="http://example.com/?b=2&a=1&a=0&c"),
        lambda: signed(url="http://example.com/a//b/./c/../d%20e/~f/"),
    ],
    ids=range(11),
)
def test_what_botocore_signs_is_verified(request_: Sign) -> None:
    assert check(request_()) == "ada"


@given(
    st.dictionaries(
        st.from_regex(r"[a-z0-9_.~ /+&=é-]{1,8}", fullmatch=True),
        st.text(max_size=8).filter(str.isprintable),
        max_size=4,
    ),
    st.dictionaries(
        st.from_regex(r"x-[a-z]{1,8}", fullmatch=True), st.from_regex(r"[ -~]{0,20}", fullmatch=True), max_size=4
    ),
    st.binary(max_size=20),
)
def test_any_query_headers_and_body_signed_by_botocore_are_verified(
    query: dict[str, str], headers: Headers, body: bytes
) -> None:
    assert check(signed(params=query, headers=headers, body=body)) == "ada"


def test_a_repeated_header_is_signed_as_its_values_joined() -> None:
    request = signed(headers={"X-Twice": "one,two"})
    raw = [(name, value) for name, value in request.headers.items() if name != b"x-twice"]
    assert check(changed(request, headers=folded([*raw, (b"X-Twice", b" one"), (b"x-twice", b"two ")]))) == "ada"


def test_the_session_token_reaches_the_credentials() -> None:
    request = AWSRequest("POST", "http://example.com/", {"Host": "example.com"}, b"{}")
    SigV4Auth(Signer("ASIATEMPORARY", SECRET, "the-token"), "rekognition", REGION).add_auth(request)
    headers = dict(request.prepare().headers.items())
    assert check(received(headers=headers)) == "grace"
    with pytest.raises(UnrecognizedClient):
        check(received(headers=headers | {"X-Amz-Security-Token": "another"}))


@pytest.mark.parametrize(
    "forged",
    [
        lambda: changed(signed(), body=b'{"a":1}'),
        lambda: changed(signed(), method="PUT"),
        lambda: changed(signed(), path=b"/other"),
        lambda: changed(signed(), query=b"a=1"),
        lambda: rewritten(
            signed(headers={"X-Amz-Target": "RekognitionService.A"}), x_amz_target="RekognitionService.B"
        ),
        lambda: rewritten(signed(), host="elsewhere.example.com"),
        lambda: signed(secret="another"),
        lambda: signed(headers={"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}),
        lambda: resigned(signed(), lambda text: text[:-1] + ("0" if text[-1] != "0" else "1")),
        lambda: resigned(signed(), lambda text: re.sub("Signature=.*", "Signature=é", text)),
    ],
    ids=["body", "method", "path", "query", "target", "host", "secret", "unsigned payload", "signature", "not hex"],
)
def test_a_request_changed_on_its_way_is_refused(forged: Sign) -> None:
    with pytest.raises(InvalidSignature, match=r"^The request signature we calculated does not match"):
        check(forged())


def test_a_wrong_payload_hash_is_refused_even_if_signed() -> None:
    with pytest.raises(InvalidSignature, match="'x-amz-content-sha256' header does not match"):
        check(signed(headers={"X-Amz-Content-SHA256": hashlib.sha256(b"other").hexdigest()}))


def test_a_request_without_a_signature_is_told_so() -> None:
    for header in (None, ""):
        with pytest.raises(MissingAuthenticationToken):
            check(rewritten(signed(), authorization=header))


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(UnrecognizedClient):
        check(resigned(signed(), lambda text: text.replace(KEY, "AKIDOTHER")))


@pytest.mark.parametrize(
    ("edit", "wanted"),
    [
        (
            lambda _: "Bearer abc",
            "requires 'Credential' parameter. .*'Signature'.*'SignedHeaders'.*Hashed with SHA-256",
        ),
        (lambda _: "AWS4-HMAC-SHA256 abc", "'abc' not a valid key=value pair .missing equal-sign."),
        (lambda _: "AWS4-HMAC-SHA256", "'' not a valid key=value pair"),
        (
            lambda text: re.sub(", Signature=.*", "", text),
            "^Authorization header requires 'Signature' parameter. .Hashed",
        ),
        (lambda text: re.sub("SignedHeaders=[^,]*, ", "", text), "requires 'SignedHeaders' parameter"),
        (lambda text: re.sub("Credential=[^,]*", "Credential=", text), "requires 'Credential' parameter"),
        (lambda text: text.replace("/aws4_request", ""), "exactly 5 slash-delimited elements"),
        (lambda text: text.replace(KEY, KEY + "/x"), "exactly 5 slash-delimited elements"),
    ],
)
def test_a_malformed_authorization_says_what_it_lacks(edit: Callable[[str], str], wanted: str) -> None:
    with pytest.raises(IncompleteSignature, match=wanted):
        check(resigned(signed(), edit))


def test_the_authorization_header_is_never_quoted() -> None:
    with pytest.raises(IncompleteSignature) as caught:
        check(resigned(signed(), lambda _: "Basic c2VjcmV0"))
    assert "c2VjcmV0" not in caught.value.message


def test_a_request_without_a_date_is_incomplete() -> None:
    with pytest.raises(IncompleteSignature, match="either a 'X-Amz-Date' or a 'Date' header"):
        check(rewritten(signed(), x_amz_date=None))


@pytest.mark.parametrize("stamp", ["2024-01-01T00:00:00Z", "20241301T000000Z", "yesterday", "٢٠٢٤٠١٠١T٠٠٠٠٠٠Z"])
def test_a_date_that_is_none_is_incomplete(stamp: str) -> None:
    with pytest.raises(IncompleteSignature, match="ISO-8601 'basic format'"):
        check(rewritten(signed(), x_amz_date=stamp))


@pytest.mark.parametrize(
    ("request_", "wanted"),
    [
        (
            lambda: signed(region="us-west-2"),
            "Credential should be scoped to a valid region: 'eu-west-1', not 'us-west-2'",
        ),
        (lambda: signed(service="s3"), "Credential should be scoped to correct service: 'rekognition'"),
        (lambda: resigned(signed(), lambda text: text.replace("aws4_request", "aws5_request")), "valid terminator"),
        (lambda: resigned(signed(), lambda text: re.sub(r"/\d{8}/", "/20010101/", text)), "Date in Credential scope"),
    ],
)
def test_a_credential_of_another_scope_is_refused(request_: Sign, wanted: str) -> None:
    with pytest.raises(InvalidSignature, match=wanted):
        check(request_())


@pytest.mark.parametrize("name", ["host", "x-amz-date", "x-amz-target"])
def test_headers_that_give_the_request_its_meaning_must_be_signed(name: str) -> None:
    request = signed(headers={"X-Amz-Target": "RekognitionService.DetectFaces"})
    with pytest.raises(InvalidSignature, match=f"(?i)'{name}'.* must be a 'SignedHeader'"):
        check(resigned(request, lambda text: re.sub(rf"\b{name};?", "", text)))


def test_a_header_that_was_signed_must_arrive() -> None:
    with pytest.raises(InvalidSignature, match="signed header 'x-extra' was not sent"):
        check(rewritten(signed(headers={"X-Extra": "1"}), x_extra=None))


def test_the_clock_may_be_five_minutes_off_and_no_more() -> None:
    request = signed()
    at = datetime.strptime(request.headers[b"x-amz-date"].decode(), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    five, six = timedelta(minutes=5), timedelta(minutes=6)
    assert check(request, at + five) == check(request, at - five) == "ada"
    stamps = {
        name: moment.strftime("%Y%m%dT%H%M%SZ")
        for name, moment in {"at": at, "late": at + six, "early": at - six}.items()
    }
    with pytest.raises(InvalidSignature) as caught:
        check(request, at + six)
    earliest = (at + six - five).strftime("%Y%m%dT%H%M%SZ")
    assert caught.value.message == (
        f"Signature expired: {stamps['at']} is now earlier than {earliest} ({stamps['late']} - 5 min.)"
    )
    with pytest.raises(InvalidSignature) as caught:
        check(request, at - six)
    latest = (at - six + five).strftime("%Y%m%dT%H%M%SZ")
    assert caught.value.message == (
        f"Signature not yet current: {stamps['at']} is still later than {latest} ({stamps['early']} + 5 min.)"
    )


def test_a_date_header_stands_in_for_x_amz_date() -> None:
    old = format_datetime(datetime(2001, 1, 1, tzinfo=UTC), usegmt=True)
    request = signed(headers={"Date": "Mon, 01 Jan 2001 00:00:00 GMT"})
    assert b"x-amz-date" not in request.headers
    assert check(request) == "ada"
    with pytest.raises(InvalidSignature, match="Date in Credential scope"):
        check(rewritten(request, date=old))


@given(st.text(max_size=60), st.text(alphabet="=;/, \tAWS4", max_size=40))
def test_any_authorization_header_is_answered_with_a_regard_error(text: str, tail: str) -> None:
    request = signed()
    for header in (text, "AWS4-HMAC-SHA256 " + text, "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, " + tail):
        with pytest.raises(RegardError):
            check(changed(request, headers={**request.headers, b"authorization": header.encode(errors="replace")}))


def test_a_secret_is_not_in_what_a_log_would_print() -> None:
    credential = Keys().lookup(KEY, None)
    assert isinstance(credential, Credential)
    assert SECRET not in repr(credential)
