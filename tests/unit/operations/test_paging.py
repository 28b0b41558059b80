from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.errors import InvalidPaginationToken
from regard.operations.paging import MOST_RESULTS, after, page_size, token
from regard.wire.schema import load


@given(st.integers(0, 10**18 - 1))
def test_a_token_leads_back_to_its_key(key: int) -> None:
    assert after("faces 7", {"NextToken": token("faces 7", key)}) == key


def test_the_longest_token_is_one_that_a_client_may_send() -> None:
    assert len(token(f"faces {10**18}", 10**18)) <= load().shapes["PaginationToken"].max


def test_without_a_token_a_listing_starts_at_the_beginning() -> None:
    assert after("faces 1", {}) == 0


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
        base64.urlsafe_b64encode(b"faces 1 abc").decode(),
        base64.urlsafe_b64encode(b"faces 1 ").decode(),
        token("faces 1", 10**40),
        base64.urlsafe_b64encode(json.dumps(["faces 1", 5]).encode()).decode(),
    ],
)
def test_what_is_no_token_of_the_listing_is_refused(forged: str) -> None:
    with pytest.raises(InvalidPaginationToken, match="Invalid Pagination Token"):
        after("faces 1", {"NextToken": forged})


def test_the_page_size_is_what_is_asked_for_or_the_most() -> None:
    assert page_size({"MaxResults": 3}) == 3
    assert page_size({"MaxResults": 0}) == page_size({}) == MOST_RESULTS == 4096
