from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.errors import InvalidPaginationToken
from regard.operations.paging import MOST_RESULTS, after_id, after_key, page_size, token
from regard.wire.schema import load

IDS = st.text("abcxyzABCXYZ0189_.-", min_size=1, max_size=255)


@given(IDS)
def test_a_token_leads_back_to_its_id(name: str) -> None:
    assert after_id("collections", {"NextToken": token("collections", name)}) == name


@given(st.integers(0, 10**18 - 1))
def test_a_token_leads_back_to_its_key(key: int) -> None:
    assert after_key("faces 7", {"NextToken": token("faces 7", key)}) == key


@pytest.mark.parametrize("name", ["z" * 255, "-" * 255, "_.Az09-" * 36 + "zzz"])
def test_the_longest_id_has_a_token_that_a_client_may_send(name: str) -> None:
    assert len(name) == 255
    most = load().shapes["PaginationToken"].max
    assert len(token("collections", name)) <= most
    assert after_id("collections", {"NextToken": token("collections", name)}) == name


def test_without_a_token_a_listing_starts_at_the_beginning() -> None:
    assert after_id("collections", {}) is None
    assert after_key("faces 1", {}) == 0


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "a",
        "nonsense",
        "é",
        "~~~~~~",
        " ",
        "z" * 255,
        token("faces 2", 5),
        token("faces 1", 5)[:-1],
        token("faces 1", "abc"),
        token("faces 1", "-5"),
        token("faces 1", ""),
        token("faces 1", 10**40),
        base64.urlsafe_b64encode(json.dumps(["faces 1", 5]).encode()).decode(),
    ],
)
def test_what_is_no_token_of_the_listing_is_refused(forged: str) -> None:
    with pytest.raises(InvalidPaginationToken, match="Invalid Pagination Token"):
        after_key("faces 1", {"NextToken": forged})


def test_the_page_size_is_what_is_asked_for_or_the_most() -> None:
    assert page_size({"MaxResults": 3}) == 3
    assert page_size({"MaxResults": 0}) == page_size({}) == MOST_RESULTS == 4096
