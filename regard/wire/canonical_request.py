"""A request in the one spelling that its signer and its verifier agree on (AWS Signature Version 4, step 1).

Everything is bytes as they came over the wire, so that what is checked is what was signed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, unquote_to_bytes

from regard.errors import InvalidSignature


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """An HTTP request as it was sent: `path` and `query` still percent-encoded, `headers` folded.

    `other_paths` are those that it may have been signed with before a proxy took a prefix off.
    """

    method: str
    path: bytes
    query: bytes
    headers: Mapping[bytes, bytes]
    body: bytes = field(repr=False)
    other_paths: tuple[bytes, ...] = ()


def folded(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Headers by lower-case name: runs of blanks become one blank, values of a repeated name are joined by commas."""
    values: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        values.setdefault(name.lower(), []).append(b" ".join(value.split()))
    return {name: b",".join(joined) for name, joined in values.items()}


def canonical_request(request: SignedRequest, signed: Sequence[bytes], body_hash: str) -> bytes:
    """The text that is hashed and signed. Raises InvalidSignature if a signed header was not sent."""
    lines = []
    for name in sorted(signed):
        value = request.headers.get(name)
        if value is None:
            raise InvalidSignature(f"The signed header '{name.decode('latin-1')}' was not sent.")
        lines.append(name + b":" + value)
    parts = (
        request.method.encode(),
        canonical_path(request.path).encode(),
        canonical_query(request.query).encode(),
        b"\n".join(lines) + b"\n",
        b";".join(sorted(signed)),
        body_hash.encode(),
    )
    return b"\n".join(parts)


def canonical_path(path: bytes) -> str:
    """`path` without empty, `.` and `..` segments, percent-encoded once more, as in every service but S3."""
    kept: list[bytes] = []
    for segment in path.split(b"/"):
        if segment == b"..":
            del kept[-1:]
        elif segment not in (b"", b"."):
            kept.append(segment)
    last = b"/" if kept and path.endswith(b"/") else b""
    return quote(b"/" + b"/".join(kept) + last, safe="/-_.~")


def canonical_query(query: bytes) -> str:
    """The parameters percent-encoded in one way, sorted by name and then by value; `+` is a blank, as in forms."""
    pairs = []
    for part in query.replace(b"+", b"%20").split(b"&"):
        name, _, value = part.partition(b"=")
        if part:
            pairs.append(tuple(quote(unquote_to_bytes(text), safe="-_.~") for text in (name, value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))
