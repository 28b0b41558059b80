from __future__ import annotations

from typing import Any

import pytest

from regard.engine.video.track_links import TrackLinks

LEFT, RIGHT = [0.1, 0.1, 0.2, 0.2], [0.7, 0.1, 0.8, 0.2]


def chunk(at: int, *cuts: int) -> dict[str, Any]:
    return {"at": at, "mark": "chunk", "cuts": list(cuts)}


def track(index: int, first: int, last: int, box: list[float]) -> dict[str, Any]:
    return {
        "at": 0,
        "mark": "track",
        "index": index,
        "first_ms": first,
        "last_ms": last,
        "first_box": box,
        "last_box": box,
    }


def seen(index: int, at: int) -> dict[str, Any]:
    return {"at": at, "index": index, "Timestamp": at, "Person": {"Index": index}}


def test_who_is_seen_across_the_end_of_a_chunk_keeps_one_index_and_who_was_gone_does_not() -> None:
    found = [
        *(chunk(0), track(0, 0, 59_800, LEFT), track(1, 5000, 30_000, RIGHT), seen(0, 0), seen(1, 5000)),
        *(chunk(60_000), track(0, 60_000, 70_000, RIGHT), track(1, 60_000, 119_800, LEFT), seen(0, 60_000)),
        *(seen(1, 60_000), chunk(120_000), track(0, 120_000, 130_000, LEFT), seen(0, 120_000)),
    ]
    links = TrackLinks(found)
    told = [(item["at"], item["index"]) for item in links.renumbered(found)]
    assert told == [(0, 0), (5000, 1), (60_000, 2), (60_000, 0), (120_000, 0)]
    assert all(item["Person"]["Index"] == item["index"] for item in links.renumbered(found))


def test_who_is_seen_elsewhere_or_later_in_the_next_chunk_is_another() -> None:
    found = [
        *(chunk(0), track(0, 0, 59_800, LEFT), track(1, 0, 50_000, RIGHT), seen(0, 0), seen(1, 0)),
        *(chunk(60_000), track(0, 60_000, 61_000, RIGHT), track(1, 65_000, 66_000, LEFT), seen(0, 60_000)),
        seen(1, 65_000),
    ]
    assert [item["index"] for item in TrackLinks(found).renumbered(found)] == [0, 1, 2, 3]


def test_chunks_in_which_nobody_is_seen_are_passed_over() -> None:
    found = [chunk(0), chunk(60_000), track(0, 60_500, 61_000, LEFT), seen(0, 60_500), chunk(120_000)]
    assert [item["index"] for item in TrackLinks(found).renumbered(found)] == [0]
    assert list(TrackLinks([]).renumbered([])) == []


@pytest.mark.parametrize(
    ("before", "after", "indices"),
    [
        ([60_000], [], [0, 1]),  # the chunk begins with the cut
        ([59_900], [], [0, 1]),  # after the last look of the one
        ([], [60_040], [0, 1]),  # before the first look of the other
        ([59_800], [], [0, 0]),  # the track began with it
        ([30_000], [60_200, 90_000], [0, 0]),
    ],
)
def test_a_track_is_not_joined_with_one_behind_a_cut(before: list[int], after: list[int], indices: list[int]) -> None:
    found = [
        *(chunk(0, *before), track(0, 0, 59_800, LEFT), seen(0, 0)),
        *(chunk(60_000, *after), track(0, 60_100, 70_000, LEFT), seen(0, 60_100)),
    ]
    assert [item["index"] for item in TrackLinks(found).renumbered(found)] == indices


def test_marks_that_do_not_say_where_shots_begin_are_joined_by_places() -> None:
    old = [{"at": at, "mark": "chunk"} for at in (0, 60_000)]
    found = [
        *(old[0], track(0, 0, 59_800, LEFT), seen(0, 0)),
        *(old[1], track(0, 60_100, 70_000, LEFT), track(1, 60_100, 70_000, RIGHT), seen(0, 60_100), seen(1, 60_100)),
    ]
    assert [item["index"] for item in TrackLinks(found).renumbered(found)] == [0, 0, 1]
