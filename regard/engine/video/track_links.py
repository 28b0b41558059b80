"""Tracks of one chunk that go on in the next are one: each person keeps one index as long as a shot lasts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import numpy as np

from regard.engine.jobs.task import Item
from regard.engine.video.tracker import continued

#: How long before a chunk's end a track may be seen last, and how long after the next one's beginning first.
_NEAR_MS: Final = 1000


class TrackLinks:
    """Renumbers the indices of chunks, from 0 as people appear in the video."""

    def __init__(self, found: Iterable[Item]) -> None:
        """`found` are a job's items: those of each chunk begin with its marks, whose `cuts` say when shots begin; one
        that begins with the next chunk is among them. Marks that an older version left have none."""
        self._numbers: list[dict[int, int]] = []
        self._next = 0
        self._last_cut = 0
        before: list[Mapping[str, Any]] = []
        for marks in _by_chunk(found):
            before = self._link(before, marks)

    def renumbered(self, found: Iterable[Item]) -> Iterator[Item]:
        """The items without the marks, with the video's indices."""
        chunk = -1
        for item in found:
            if "mark" in item:
                chunk += item["mark"] == "chunk"
                continue
            number = self._numbers[chunk][item["index"]]
            yield {**item, "index": number, "Person": {**item["Person"], "Index": number}}

    def _link(self, before: list[Mapping[str, Any]], marks: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        chunk, tracks = marks[0], marks[1:]
        start, first_cut = chunk["at"], min(chunk.get("cuts", ()), default=math.inf)
        ended = [each for each in before if start - each["last_ms"] <= _NEAR_MS and each["last_ms"] >= self._last_cut]
        begun = [each for each in tracks if each["first_ms"] - start <= _NEAR_MS and each["first_ms"] < first_cut]
        pairs = continued(_boxes(ended, "last_box"), _boxes(begun, "first_box"))
        numbers = {begun[new]["index"]: ended[old]["number"] for old, new in pairs}
        for each in sorted(tracks, key=lambda track: int(track["first_ms"])):
            if each["index"] not in numbers:
                numbers[each["index"]] = self._next
                self._next += 1
        self._numbers.append(numbers)
        self._last_cut = max(chunk.get("cuts", ()), default=0)
        return [{**each, "number": numbers[each["index"]]} for each in tracks]


def _boxes(tracks: list[Mapping[str, Any]], name: str) -> Any:
    return np.array([each[name] for each in tracks], np.float32).reshape(-1, 4)


def _by_chunk(found: Iterable[Item]) -> Iterator[list[Mapping[str, Any]]]:
    """The marks of each chunk, that of the chunk itself first."""
    marks: list[Mapping[str, Any]] = []
    for item in found:
        if item.get("mark") == "chunk":
            if marks:
                yield marks
            marks = [item]
        elif item.get("mark") == "track":
            marks.append(item)
    if marks:
        yield marks
