"""Addresses whose connections break off: taken up again where they were, and given up with a reason that is true."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_sources import failure, fetch, fetcher
from toy_sources import CONTENT, ToyServer, running, url

from regard.vision.web_source import SourceFailed

#: So much of the file comes before the first break, and before the second.
FIRST, SECOND = 300_000, 200_000


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ToyServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with running() as server:
        yield server


@pytest.mark.parametrize(
    "kind",
    [{}, {"rudely": True}, {"chunked": True}],
    ids=["without a word", "with a reset", "between chunks"],
)
@pytest.mark.parametrize("ranges", [True, False], ids=["that knows ranges", "that knows none"])
@pytest.mark.slow
def test_a_file_is_taken_up_where_it_broke_off_by_a_server(
    server: ToyServer, tmp_path: Path, kind: dict[str, Any], ranges: bool
) -> None:
    server.page("/toy", ranges=ranges, breaks=[FIRST, SECOND if ranges else FIRST + SECOND], **kind)
    assert fetch(url(f"{server.base}/toy"), fetcher(tmp_path)) == CONTENT
    assert server.asked == ["/toy"] * 3


def test_only_what_is_missing_is_sent_again(server: ToyServer, tmp_path: Path) -> None:
    page = server.page("/toy", ranges=True, breaks=[FIRST])
    pieces = fetcher(tmp_path).chunks(url(f"{server.base}/toy"))
    came = 0
    while came < FIRST:
        came += len(next(pieces))
    page.body = bytes(FIRST) + CONTENT[FIRST:]  # the first part is not looked at any more
    assert b"".join(pieces) == CONTENT[came:]


def test_a_server_that_breaks_off_again_at_the_same_place_is_given_up(server: ToyServer, tmp_path: Path) -> None:
    server.page("/toy", breaks=[FIRST] * 9)
    left = len(CONTENT) - FIRST
    assert f"closed with {left} bytes still to come" in failure(url(f"{server.base}/toy"), fetcher(tmp_path))
    assert server.asked == ["/toy"] * 2


def test_of_a_host_that_broke_off_the_next_file_is_asked_for(server: ToyServer, tmp_path: Path) -> None:
    server.page("/toy", breaks=[FIRST] * 9, rudely=True)
    server.page("/other")
    by = fetcher(tmp_path)
    assert "broke off" in failure(url(f"{server.base}/toy"), by)
    assert fetch(url(f"{server.base}/other"), by) == CONTENT


def test_a_host_that_fell_silent_is_not_waited_for_again(server: ToyServer, tmp_path: Path) -> None:
    server.page("/toy", gated=True)
    server.page("/other")
    by = fetcher(tmp_path, silence_seconds=0.2)
    assert "timed out" in failure(url(f"{server.base}/toy"), by)
    assert "timed out" in failure(url(f"{server.base}/other"), by)
    assert "/other" not in server.asked


def test_the_host_that_is_down_is_named_not_the_one_that_points_to_it(server: ToyServer, tmp_path: Path) -> None:
    with running() as other:
        down = f"127.0.0.1:{other.server_port}"
    server.page("/toy", status=302, location=f"http://{down}/toy", body=b"")
    server.page("/here")
    by = fetcher(tmp_path)
    assert failure(url(f"{server.base}/toy"), by).startswith(f"no connection to {down} ")
    assert fetch(url(f"{server.base}/here"), by) == CONTENT


def test_a_redirect_in_a_circle_is_told_in_one_line(server: ToyServer, tmp_path: Path) -> None:
    server.page("/toy", status=302, location="/toy", body=b"")
    assert "infinite loop" in failure(url(f"{server.base}/toy"), fetcher(tmp_path))


def test_a_part_that_was_not_asked_for_is_not_taken(server: ToyServer, tmp_path: Path) -> None:
    page = server.page("/toy", ranges=True, breaks=[FIRST])
    pieces = fetcher(tmp_path).chunks(url(f"{server.base}/toy"))
    next(pieces)
    page.status, page.ranges = 206, False
    with pytest.raises(SourceFailed, match="another part of the file"):
        list(pieces)
