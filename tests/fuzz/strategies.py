"""Requests drawn from the service model: valid ones, and ones broken in one place or several.

A value that only the running server knows stands in a request as `Seen`, an image as `Picture`: both are filled in when
the request is sent, so that a failing story is short to read and means the same when it is told again.
"""

from __future__ import annotations

import math
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cache
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from regard.engine.galleries.celebrity_names import celebrity_id
from regard.wire.schema import Shape, load

from .breakage import Breakage, Site, sites

T = TypeVar("T")

SCHEMA = load()

#: Long enough to vary, short enough that a story fits what hypothesis draws for one example.
LONGEST_TEXT = 24
MOST_ENTRIES = 4
MOST_REQUESTS = 12


class Picture(Enum):
    """What a blob is drawn from."""

    PORTRAIT = auto()
    COUPLE = auto()
    NOBODY = auto()
    ONE_PIXEL = auto()
    TRUNCATED = auto()
    GARBAGE = auto()


@dataclass(frozen=True)
class Seen:
    """What a member of this name held in an answer of this story, `back` answers ago; a token is the story's own."""

    member: str
    back: int = 0


@dataclass(frozen=True)
class Headers:
    """What is wrong with a request's head: headers set before it is signed, and after; by whom it is signed."""

    before: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str | None] = field(default_factory=dict)
    signer: str = "tester"


@dataclass(frozen=True)
class Edit:
    """What is done to the body's bytes: `kind`, and where (a fraction of its length)."""

    kind: str
    at: float = 0.0


@dataclass(frozen=True)
class Request:
    """One request. `valid` ones must pass validation, `refused` ones must not be answered with 200."""

    operation: str
    values: Any
    broken: tuple[str, ...] = ()
    edit: Edit | None = None
    headers: Headers = Headers()
    refused: bool = False

    @property
    def valid(self) -> bool:
        return not self.broken and self.edit is None and self.headers == Headers()


def weighted(*choices: tuple[int, SearchStrategy[T]]) -> SearchStrategy[T]:
    """One of the strategies, as often as its weight says."""
    return st.sampled_from([each for weight, each in choices for _ in range(weight)]).flatmap(lambda each: each)


_COLLECTIONS = st.sampled_from(["a", "a", "a", "a", "b"])
_USERS = st.sampled_from(["ann", "ann", "bob"])
_FACES = st.builds(Seen, st.just("FaceId"), st.integers(0, 2))
_PICTURES = st.sampled_from([*Picture, *[Picture.PORTRAIT, Picture.COUPLE] * 3])
_STORED = st.fixed_dictionaries(
    {
        "Bucket": st.sampled_from(["photos", "photos", "photos", "nowhere"]),
        "Name": st.sampled_from([*(f"{each.name}.jpg" for each in Picture), "missing.jpg", "../photos/NOBODY.jpg"]),
    },
    optional={"Version": st.just("1")},
)

#: By shape: small pools, so that requests meet what other requests left behind.
POOLS: Mapping[str, SearchStrategy[Any]] = {
    "CollectionId": _COLLECTIONS,
    "UserId": _USERS,
    "FaceId": _FACES,
    "RekognitionUniqueId": st.sampled_from([celebrity_id("ann"), celebrity_id("ann"), celebrity_id("bob")]),
    "ClientRequestToken": st.builds(Seen, st.just("ClientRequestToken"), st.integers(0, 1)),
    "Image": weighted(
        (3, st.fixed_dictionaries({"Bytes": _PICTURES})), (1, st.fixed_dictionaries({"S3Object": _STORED}))
    ),
    "ImageBlob": _PICTURES,
    "ExtendedPaginationToken": st.just(Seen("NextToken")),
    "PaginationToken": st.just(Seen("NextToken")),
    "ResourceArn": st.sampled_from([Seen("CollectionArn"), Seen("CollectionARN")]),
    "S3Object": _STORED,
    "TagKey": st.sampled_from(["colour", "owner"]),
    # The model lets both be left out; the operation wants one of them.
    "SearchUsersRequest": st.one_of(
        st.fixed_dictionaries({"CollectionId": _COLLECTIONS, name: each}, optional={"MaxUsers": st.integers(1, 3)})
        for name, each in (("UserId", _USERS), ("FaceId", _FACES))
    ),
    "MaxFaces": st.integers(1, 3),
    "MaxResults": st.integers(1, 3),
    "PageSize": st.integers(0, 3),
}


@cache
def valid(shape: Shape) -> SearchStrategy[Any]:
    """A value of `shape`, as JSON spells it, that breaks no constraint; mostly from its pool where it has one."""
    drawn = _drawn(shape)
    return weighted((9, POOLS[shape.name]), (1, drawn)) if shape.name in POOLS else drawn


def _drawn(shape: Shape) -> SearchStrategy[Any]:
    least = int(shape.min or 0)
    most = least + MOST_ENTRIES if shape.max is None else min(int(shape.max), least + MOST_ENTRIES)
    if shape.type == "structure":
        return _structure(shape)
    if shape.key is not None and shape.element is not None:
        return st.dictionaries(valid(shape.key), valid(shape.element), min_size=least, max_size=most)
    if shape.element is not None:
        return st.lists(valid(shape.element), min_size=least, max_size=most)
    return _SCALARS[shape.type](shape)


def _structure(shape: Shape) -> SearchStrategy[dict[str, Any]]:
    if shape.union:
        return st.one_of([st.fixed_dictionaries({name: valid(each)}) for name, each in shape.members.items()])
    required = {name: valid(shape.members[name]) for name in shape.required}
    optional = {name: valid(each) for name, each in shape.members.items() if name not in required}
    return st.fixed_dictionaries(required, optional=optional)


def _string(shape: Shape) -> SearchStrategy[str]:
    least, most = int(shape.min or 0), math.inf if shape.max is None else shape.max
    if shape.enum:
        return st.sampled_from(shape.enum)
    if shape.pattern is None:
        return st.text(min_size=least, max_size=int(min(most, max(least, LONGEST_TEXT))))
    pattern = shape.pattern
    text = st.from_regex(pattern.expression, fullmatch=True)
    return text.filter(lambda each: least <= len(each) <= most and pattern.matches(each))


def _whole(shape: Shape) -> SearchStrategy[int]:
    limit = 1 << (31 if shape.type == "integer" else 63)
    least, most = -limit if shape.min is None else shape.min, limit - 1 if shape.max is None else shape.max
    return st.integers(int(least), int(most))


def _real(shape: Shape) -> SearchStrategy[float]:
    return st.floats(shape.min, shape.max, allow_nan=False, allow_infinity=False)


_SCALARS: Mapping[str, Callable[[Shape], SearchStrategy[Any]]] = {
    "string": _string,
    "blob": lambda _: st.sampled_from(["YQ==", "AAAA", "/9j/4AAQSkZJRg=="]),
    "boolean": lambda _: st.booleans(),
    "integer": _whole,
    "long": _whole,
    "float": _real,
    "double": _real,
    "timestamp": lambda _: st.floats(0, 4e9),
}


@st.composite
def broken(draw: st.DrawFn, operation: str) -> Request:
    """A request with one to three things wrong in its values."""
    shape = SCHEMA.operations[operation].input
    values: Any = draw(valid(shape))
    done: list[Breakage] = []
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        site = draw(st.sampled_from(list(sites(Site(shape, (), values)))))
        chosen = draw(st.sampled_from(draw(st.sampled_from(site.breakages()))))
        values = chosen.applied(values)
        done.append(chosen)
        if not isinstance(values, dict):
            break
    # A later breakage may undo an earlier one, by replacing the place that it stands in: only one alone is certain.
    refused = len(done) == 1 and done[0].refused
    return Request(operation, values, broken=tuple(map(str, done)), refused=refused)


#: What makes a body unreadable, and what does not.
EDITS = ("truncate", "truncate", "byte", "utf-16", "mark", "trailing", "deep", "digits", "exponent")
HARMLESS_EDITS = ("twice", "blanks", "nested")


@st.composite
def edited(draw: st.DrawFn, operation: str) -> Request:
    """A valid request whose bytes are spoilt, or spelt in an unusual way."""
    kind = draw(st.sampled_from(EDITS + HARMLESS_EDITS))
    edit = Edit(kind, draw(st.floats(0, 1, exclude_max=True)))
    values = draw(valid(SCHEMA.operations[operation].input))
    return Request(operation, values, edit=edit, refused=kind in EDITS)


ODD_TEXT = st.text(string.printable[:95] + "\xa0\xe9\xff", max_size=60)
DATES = st.sampled_from(["20000101T000000Z", "99991231T235959Z", "20240231T000000Z", "now", "", "\xb2\xb3T\xb9Z"])
TARGETS = ("", "RekognitionService", "RekognitionService.", "RekognitionService.Paint", "Other.ListFaces", "\xe9.\xe9")
TYPES = (
    "text/html",
    "application/x-www-form-urlencoded",
    "application/xml",
    "application/x-amz-json-9.9",
    "multipart/form-data; boundary=x",
    "\xe9",
)
HARMLESS_TYPES = ("application/x-amz-json-1.1; charset=utf-8", "application/json", "APPLICATION/X-AMZ-JSON-1.1", "")
PARTS = ("Credential=", "SignedHeaders=", "Signature=", "AWS4-HMAC-SHA256 ", ", ", "/", ";", "=")

#: A head that cannot be let in, and one that can.
WRONG_HEADS: SearchStrategy[Headers] = st.one_of(
    st.sampled_from(TARGETS).map(lambda text: Headers(before={"X-Amz-Target": text})),
    st.sampled_from(TYPES).map(lambda text: Headers(before={"Content-Type": text})),
    st.sampled_from(["wrong secret", "unknown key", "wrong region", "wrong service"]).map(
        lambda signer: Headers(signer=signer)
    ),
    st.just(Headers(after={"Authorization": None})),
    ODD_TEXT.map(lambda text: Headers(after={"Authorization": text})),
    st.lists(st.sampled_from(PARTS) | ODD_TEXT, max_size=9).map(
        lambda parts: Headers(after={"Authorization": "AWS4-HMAC-SHA256 " + "".join(parts)})
    ),
    DATES.map(lambda text: Headers(after={"X-Amz-Date": text})),
    DATES.map(lambda text: Headers(after={"X-Amz-Date": None, "Date": text})),
    ODD_TEXT.map(lambda text: Headers(before={"X-Amz-Security-Token": "x" + text})),
    ODD_TEXT.map(lambda text: Headers(before={"X-Amz-Content-Sha256": "x" + text})),
)
ODD_HEADS: SearchStrategy[Headers] = st.one_of(
    st.sampled_from(HARMLESS_TYPES).map(lambda text: Headers(before={"Content-Type": text})),
    ODD_TEXT.map(lambda text: Headers(before={"X-Odd": text})),
    ODD_TEXT.map(lambda text: Headers(after={"X-Odd": text})),
    st.sampled_from(["close", "keep-alive", "upgrade"]).map(lambda text: Headers(after={"Connection": text})),
    st.just(Headers(before={"Accept": "text/html", "Accept-Encoding": "gzip, br"})),
    st.just(Headers(after={"X-Forwarded-For": "'; DROP TABLE faces; --", "Origin": "null"})),
)


@st.composite
def headed(draw: st.DrawFn, operation: str) -> Request:
    """A valid request under a head that is wrong or odd."""
    refused = draw(st.integers(0, 2)) > 0
    headers = draw(WRONG_HEADS if refused else ODD_HEADS)
    return Request(operation, draw(valid(SCHEMA.operations[operation].input)), headers=headers, refused=refused)


def request(operation: str) -> SearchStrategy[Request]:
    """Any request for one operation: about half of them valid."""
    whole = valid(SCHEMA.operations[operation].input).map(lambda values: Request(operation, values))
    return weighted((10, whole), (7, broken(operation)), (2, edited(operation)), (2, headed(operation)))


#: How most stories begin: with somebody to find.
PRELUDE = (
    Request("CreateCollection", {"CollectionId": "a"}),
    Request("IndexFaces", {"CollectionId": "a", "Image": {"Bytes": Picture.COUPLE}}),
    Request("CreateUser", {"CollectionId": "a", "UserId": "ann"}),
    Request("AssociateFaces", {"CollectionId": "a", "UserId": "ann", "FaceIds": [Seen("FaceId")]}),
)


def stories(built: frozenset[str], subject: str) -> SearchStrategy[list[Request]]:
    """Requests that follow each other on one server, half of them for `subject`, nearly all for what is `built`."""
    names = weighted(
        (14, st.just(subject)), (14, st.sampled_from(sorted(built))), (1, st.sampled_from(sorted(SCHEMA.operations)))
    )
    rest = st.lists(names.flatmap(request), min_size=1, max_size=MOST_REQUESTS)
    prelude = [each for each in PRELUDE if each.operation in built]
    return weighted((7, rest.map(lambda each: prelude + each)), (1, rest))
