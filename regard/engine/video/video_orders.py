"""The orders in which what was found in a video can be asked for, beside that by time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from regard.domain.jobs import Job
from regard.engine.jobs.sorting import ordered
from regard.engine.jobs.task import BY_TIME, Found, Item
from regard.engine.video.segments import segments
from regard.engine.video.stretches import stretches
from regard.engine.video.track_links import TrackLinks

Orders = Mapping[str, Iterable[Item]]

#: Looks of a label that are so far apart still make one stretch: one look may miss it.
_GAP_MS: Final = 1100


def no_others(_: Job, __: Found) -> Orders:
    return {}


def of_labels(member: str) -> Callable[[Job, Found], Orders]:
    """By name, and as stretches by time and by name; `member` is where the label is in an item."""

    def orders(_: Job, found: Found) -> Orders:
        return {
            "NAME": ordered(found, _by_name),
            "SEGMENTS": ordered(stretches(found, member, _GAP_MS), lambda item: item["at"]),
            "SEGMENTS NAME": ordered(stretches(found, member, _GAP_MS), _by_name),
        }

    return orders


def of_people(_: Job, found: Found) -> Orders:
    links = TrackLinks(found)
    by_index = ordered(links.renumbered(found), lambda item: (item["index"], -item["confidence"]))
    return {BY_TIME: links.renumbered(found), "INDEX": by_index}


def of_celebrities(_: Job, found: Found) -> Orders:
    def sightings() -> Iterable[Item]:
        return (item for item in found if "mark" not in item)

    return {BY_TIME: sightings(), "ID": ordered(sightings(), lambda item: (item["id"], -item["confidence"]))}


def of_segments(job: Job, found: Found) -> Orders:
    request, rate = job.request, float(job.metadata["VideoMetadata"]["FrameRate"])
    return {BY_TIME: segments(found, rate, request["Filters"], request["SegmentTypes"])}


def _by_name(item: Mapping[str, Any]) -> tuple[str, float]:
    return item["name"], -item["confidence"]
