"""Labels of single looks as stretches of time: AWS's AggregateBy SEGMENTS."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from regard.engine.jobs.task import Item


def stretches(items: Iterable[Item], member: str, gap_ms: float) -> Iterator[Item]:
    """The items of each name, joined where they are no more than `gap_ms` apart: as certain as the most certain of
    them, and without boxes. `member` is where the label is in an item. They come by their ends."""
    going: dict[str, dict[str, Any]] = {}
    for item in items:
        over = [name for name, each in going.items() if item["at"] - each["EndTimestampMillis"] > gap_ms]
        for name in over:
            yield _ended(going.pop(name))
        begun = going.get(item["name"])
        if begun is None:
            label = {name: value for name, value in item[member].items() if name != "Instances"}
            going[item["name"]] = {**item, member: label, "StartTimestampMillis": item["at"]}
        elif item["confidence"] > begun["confidence"]:
            begun["confidence"] = item["confidence"]
            begun[member] = begun[member] | {"Confidence": item["confidence"]}
        going[item["name"]]["EndTimestampMillis"] = item["at"]
    yield from map(_ended, going.values())


def _ended(stretch: dict[str, Any]) -> Item:
    return {**stretch, "DurationMillis": stretch["EndTimestampMillis"] - stretch["StartTimestampMillis"]}
