from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.errors import InvalidPaginationToken
from regard.operations.paging import LIFETIME, MOST_RESULTS, Pages
from regard.wire.schema import load

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
SIGNING_KEY = b"k" * 32
#: Beyond what any database numbers its rows with.
HIGHEST = 2**64 - 1


@dataclass(frozen=True)
class Item:
    key: int


@dataclass
class Shelf:
    """Something to list, and how it was asked."""

    keys: list[int]
    asked: list[tuple[int, int]] = field(default_factory=list)

    def fetch(self, after: int, limit: int) -> Sequence[Item]:
        self.asked.append((after, limit))
        return [Item(key) for key in self.keys if key > after][:limit]


def pages(now: datetime = NOW, signing_key: bytes = SIGNING_KEY) -> Pages:
    return Pages(signing_key, lambda: now)


def token(listing: tuple[str, int] = ("ListFaces", 1), *, last: int = 5, **filters: Any) -> str:
    """The token that follows a page of one item with the key `last`."""
    _, given = pages().page(listing, {"MaxResults": 1, **filters}, Shelf([last, HIGHEST + 1]).fetch)
    assert given is not None
    return given


def resumed(request: Mapping[str, Any], listing: tuple[str, int] = ("ListFaces", 1), by: Pages | None = None) -> int:
    """The key that the page asked for by `request` starts after."""
    shelf = Shelf([])
    (by or pages()).page(listing, request, shelf.fetch)
    return shelf.asked[0][0]


@given(st.integers(1, HIGHEST))
def test_a_token_leads_back_to_its_key(key: int) -> None:
    assert resumed({"NextToken": token(last=key)}) == key


def test_a_token_is_one_that_a_client_may_send_and_has_nothing_to_escape() -> None:
    model = load().shapes["PaginationToken"]
    assert model.pattern is None
    for last in (1, HIGHEST):
        assert len(token(last=last)) == 40 <= model.max
        assert token(last=last).replace("-", "").replace("_", "").isalnum()


def test_a_walk_meets_everything_once_whatever_comes_and_goes_meanwhile() -> None:
    shelf, seen, request = Shelf([1, 2, 4, 7, 8, 9]), [], {"MaxResults": 2}
    page, next_token = pages().page(("ListFaces", 1), request, shelf.fetch)
    seen += [item.key for item in page]
    shelf.keys = [1, 7, 8, 9, 12]
    while next_token:
        page, next_token = pages().page(("ListFaces", 1), {**request, "NextToken": next_token}, shelf.fetch)
        seen += [item.key for item in page]
    assert seen == [1, 2, 7, 8, 9, 12]
    assert all(limit == 3 for _, limit in shelf.asked)


def test_the_last_page_has_no_token_even_when_it_is_full() -> None:
    assert pages().page(("ListFaces", 1), {"MaxResults": 2}, Shelf([1, 2]).fetch) == ([Item(1), Item(2)], None)
    assert pages().page(("ListFaces", 1), {}, Shelf([]).fetch) == ([], None)


def test_a_page_holds_what_is_asked_for_or_the_most() -> None:
    shelf = Shelf([])
    for asked in ({"MaxResults": 3}, {"MaxResults": 0}, {}):
        pages().page(("ListFaces", 1), asked, shelf.fetch)
    pages().page(("ListUsers", 1), {}, shelf.fetch, most=500)
    assert [limit - 1 for _, limit in shelf.asked] == [3, MOST_RESULTS, MOST_RESULTS, 500]
    assert MOST_RESULTS == 4096


def test_another_page_size_goes_on_in_the_same_listing() -> None:
    assert resumed({"NextToken": token(), "MaxResults": 7}) == 5


@pytest.mark.parametrize(
    ("listing", "filters"),
    [
        (("ListFaces", 2), {}),
        (("ListUsers", 1), {}),
        (("ListFaces", 1), {"UserId": "ada"}),
        (("ListFaces", 1), {"FaceIds": ["a", "b"]}),
        (("ListFaces", 1), {"CollectionId": "renamed"}),
    ],
)
def test_a_token_of_another_listing_is_refused(listing: tuple[str, int], filters: dict[str, Any]) -> None:
    theirs = token(listing, **filters)
    assert resumed({"NextToken": theirs, **filters}, listing) == 5
    with pytest.raises(InvalidPaginationToken, match=r"^Invalid Pagination Token$"):
        resumed({"NextToken": theirs})


def test_a_token_is_good_for_a_day_and_no_longer() -> None:
    given = token()
    late = NOW + LIFETIME
    assert timedelta(hours=24) == LIFETIME
    assert resumed({"NextToken": given}, by=pages(late - timedelta(seconds=1))) == 5
    with pytest.raises(InvalidPaginationToken):
        resumed({"NextToken": given}, by=pages(late))


def test_another_servers_token_is_refused() -> None:
    with pytest.raises(InvalidPaginationToken):
        resumed({"NextToken": token()}, by=pages(signing_key=b"x" * 32))


@given(place=st.integers(0, 39), character=st.sampled_from("ABab09-_+/=\n "))
def test_a_token_changed_anywhere_is_refused(place: int, character: str) -> None:
    given = token()
    changed = given[:place] + character + given[place + 1 :]
    if changed == given:
        assert resumed({"NextToken": changed}) == 5
    else:
        with pytest.raises(InvalidPaginationToken):
            resumed({"NextToken": changed})


@given(st.text(min_size=1, max_size=255))
@pytest.mark.slow
def test_what_is_no_token_at_all_is_refused(text: str) -> None:
    with pytest.raises(InvalidPaginationToken):
        resumed({"NextToken": text})


@pytest.mark.parametrize("change", [lambda t: t[:-1], lambda t: t + "AAAA", lambda t: t + "=", lambda t: " " + t])
def test_a_shorter_or_a_longer_token_is_refused(change: Any) -> None:
    with pytest.raises(InvalidPaginationToken):
        resumed({"NextToken": change(token())})


def test_a_token_whose_bytes_are_spelt_otherwise_is_refused() -> None:
    spelt = next(given for key in range(1, 500) if "-" in (given := token(last=key)))
    otherwise = spelt.replace("-", "+")
    assert base64.b64decode(otherwise, altchars=b"-_") == base64.urlsafe_b64decode(spelt)
    with pytest.raises(InvalidPaginationToken):
        resumed({"NextToken": otherwise})
