"""A video's timeline: what is found, joined to stretches, and the page that shows them."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from regard.commands.video_page import Page, clock, html, length, places
from regard.domain.images import Box
from regard.engine.video import lanes as video_lanes
from regard.engine.video.lanes import Lane, Lanes, Place, Stretch

BOX = {"Left": 0.1, "Top": 0.2, "Width": 0.3, "Height": 0.4}


def person(at: int, index: int = 0, *, face: bool = True, **more: Any) -> dict[str, Any]:
    shape: dict[str, Any] = {"Index": index, "BoundingBox": {**BOX, "Width": 0.9}}
    return {"Timestamp": at, "Person": shape | ({"Face": {"BoundingBox": BOX}} if face else {}), **more}


def label(at: int, name: str, confidence: float = 90.0) -> dict[str, Any]:
    return {"Timestamp": at, "Label": {"Name": name, "Confidence": confidence}}


def line(at: int, text: str, kind: str = "LINE") -> dict[str, Any]:
    geometry = {"BoundingBox": BOX}
    return {
        "Timestamp": at,
        "TextDetection": {"DetectedText": text, "Type": kind, "Confidence": 90.0, "Geometry": geometry},
    }


def segment(kind: str, start: int, end: int, index: int = 0) -> dict[str, Any]:
    times = {"Type": kind, "StartTimestampMillis": start, "EndTimestampMillis": end}
    of_shot, of_cue = {"ShotSegment": {"Index": index}}, {"TechnicalCueSegment": {"Type": "BlackFrames"}}
    return times | (of_shot if kind == "SHOT" else of_cue)


def bars(lane: Lane) -> list[tuple[int, int]]:
    return [(each.from_ms, each.to_ms) for each in lane.stretches]


# -- lanes -----------------------------------------------------------------------------------------------------------


def test_looks_that_follow_each_other_are_one_stretch_and_a_long_absence_ends_it() -> None:
    [lane] = video_lanes.people([person(at) for at in (400, 0, 200, 2_400, 9_000)], 200).lanes
    assert bars(lane) == [(0, 2_600), (9_000, 9_200)]
    assert lane.seen_ms == 2_800


def test_each_person_has_a_lane_and_the_picture_of_a_face_where_there_is_one() -> None:
    looks = [person(0, 7), person(0, 3, face=False), person(200, 3, face=False), person(400, 3)]
    lanes = video_lanes.people(looks, 200).lanes
    assert [each.title for each in lanes] == ["Person 1", "Person 2"]
    assert lanes[1].place == Place(at=400, box=Box(left=0.1, top=0.2, width=0.3, height=0.4))


def test_a_match_goes_by_its_external_id_and_at_its_best() -> None:
    ada = {"Similarity": 91.0, "Face": {"FaceId": "f1", "ExternalImageId": "ada"}}
    bob = {"Similarity": 99.0, "Face": {"FaceId": "f2"}}
    looks = [person(0, FaceMatches=[ada]), person(200, FaceMatches=[{**ada, "Similarity": 95.0}, bob]), person(400)]
    found = video_lanes.matches(looks, 200)
    assert [(each.title, each.sure, each.measure) for each in found.lanes] == [
        ("f2", 99.0, "Similarity"),
        ("ada", 95.0, "Similarity"),
    ]


def test_labels_come_by_how_long_they_are_seen_and_the_rest_is_counted() -> None:
    looks = [label(at, "Car") for at in range(0, 3_000, 500)] + [label(0, "Dog", 99.0)]
    assert [each.title for each in video_lanes.labels(looks, 500).lanes] == ["Car", "Dog"]
    many = video_lanes.labels([label(0, f"L{number}") for number in range(50)], 500)
    assert (len(many.lanes), many.left_out) == (40, 10)


def test_a_line_is_the_same_in_capitals_and_words_have_no_lane_of_their_own() -> None:
    found = video_lanes.texts([line(0, "Exit"), line(500, "EXIT"), line(500, "EXIT", "WORD")], 500)
    assert [(each.title, bars(each)) for each in found.lanes] == [("EXIT", [(0, 1_000)])]


def test_shots_share_a_lane_and_each_kind_of_cue_has_one() -> None:
    found = [segment("SHOT", 0, 1_000), segment("SHOT", 1_000, 5_000, 1), segment("TECHNICAL_CUE", 0, 40)]
    [shots] = video_lanes.shots(found).lanes
    assert (shots.title, bars(shots)) == ("2 shots", [(0, 1_000), (1_000, 5_000)])
    assert [each.place for each in shots.stretches] == [Place(at=500), Place(at=3_000)]
    assert [each.title for each in video_lanes.cues(found).lanes] == ["Black frames"]


def test_every_kind_of_job_on_a_film_has_lanes_and_one_on_pictures_has_none() -> None:
    box = {"BoundingBox": {"Left": 0.1, "Top": 0.1, "Width": 0.2, "Height": 0.2}}
    found: dict[str, list[dict[str, Any]]] = {
        "CELEBRITY_RECOGNITION": [
            {"Timestamp": 0, "Celebrity": {"Name": "Ada", "Confidence": 97.0, "Face": box}},
            {"Timestamp": 500, "Celebrity": {"Face": box}},
        ],
        "CONTENT_MODERATION": [{"Timestamp": 0, "ModerationLabel": {"Name": "Explicit", "Confidence": 80.0}}],
        "FACE_DETECTION": [{"Timestamp": at, "Face": box} for at in (0, 500, 9_000)],
        "FACE_SEARCH": [],
        "LABEL_DETECTION": [label(0, "Car"), label(500, "Car")],
        "PERSON_TRACKING": [person(0), person(200)],
        "SEGMENT_DETECTION": [segment("SHOT", 0, 900)],
        "TEXT_DETECTION": [line(0, "Exit")],
    }
    told = {
        kind: [(each.title, [lane.title for lane in each.lanes]) for each in video_lanes.of_kind(kind, items)]
        for kind, items in found.items()
    }
    assert told == {
        "CELEBRITY_RECOGNITION": [("Celebrities", ["Ada"])],
        "CONTENT_MODERATION": [("Moderation", ["Explicit"])],
        "FACE_DETECTION": [("Faces", ["Faces"])],
        "FACE_SEARCH": [("Possible matches", [])],
        "LABEL_DETECTION": [("Labels", ["Car"])],
        "PERSON_TRACKING": [("People", ["Person 1"])],
        "SEGMENT_DETECTION": [("Shots", ["1 shot"]), ("Technical cues", [])],
        "TEXT_DETECTION": [("Text", ["Exit"])],
    }
    assert len(video_lanes.of_kind("FACE_DETECTION", found["FACE_DETECTION"])[0].lanes[0].stretches) == 2
    assert video_lanes.of_kind("MEDIA_ANALYSIS", [{"Name": "a.jpg"}]) == []


def test_what_was_not_found_has_no_lane() -> None:
    empty = [video_lanes.shots([]), video_lanes.cues([]), video_lanes.people([], 200), video_lanes.matches([], 200)]
    assert [each.lanes for each in (*empty, video_lanes.labels([], 200), video_lanes.texts([], 200))] == [[]] * 6


# -- the page --------------------------------------------------------------------------------------------------------


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def page(*kinds: Lanes, pictures: dict[Place, bytes] | None = None, duration_ms: int = 10_000) -> str:
    return html(Page(name="a.mp4", about="x", duration_ms=duration_ms, kinds=kinds, pictures=pictures or {}))


def test_bars_stand_where_their_time_is() -> None:
    lane = Lane(title="Car", stretches=[Stretch(from_ms=2_500, to_ms=5_000)], sure=90.0)
    assert 'style="left:25.000%;width:25.000%"' in page(Lanes(title="Labels", lanes=[lane]))


def test_what_is_nearly_certain_is_not_rounded_up() -> None:
    lane = Lane(title="Car", stretches=[Stretch(from_ms=0, to_ms=1)], sure=99.997)
    assert "Confidence 99.99<" in page(Lanes(title="Labels", lanes=[lane]))


def test_everything_in_a_page_is_escaped_and_nothing_is_fetched() -> None:
    place = Place(at=0)
    lane = Lane(title="<script>alert(1)</script>", stretches=[Stretch(from_ms=0, to_ms=1, place=place)], place=place)
    text = page(Lanes(title="Text", lanes=[lane]), pictures={place: b"JPEG"})
    parser = Tags()
    parser.feed(text)
    assert "script" not in {tag for tag, _ in parser.found}
    sources = {str(attributes["src"]) for _, attributes in parser.found if "src" in attributes}
    assert sources == {"data:image/jpeg;base64,SlBFRw=="}
    assert not re.search(r"https?:|url\(", text)
    assert "default-src &#39;none&#39;" in text or "default-src 'none'" in text


def test_a_lane_without_a_picture_and_a_video_without_a_duration_are_shown() -> None:
    lane = Lane(title="Car", stretches=[Stretch(from_ms=0, to_ms=0)], place=Place(at=0))
    text = page(Lanes(title="Labels", lanes=[lane]), Lanes(title="Text", lanes=[]), duration_ms=0)
    assert "Car" in text
    assert "None were found." in text
    assert "<img" not in text


def test_the_pictures_wanted_are_told_once_and_in_the_order_of_time() -> None:
    late, early = Place(at=9), Place(at=3)
    lanes = [Lane(title="a", stretches=[Stretch(from_ms=0, to_ms=1, place=late)], place=early)]
    assert places([Lanes(title="x", lanes=lanes), Lanes(title="y", lanes=lanes)]) == [early, late]


@pytest.mark.parametrize(
    ("at", "shown"), [(0, "0:00.0"), (59_999, "0:59.9"), (61_250, "1:01.2"), (3_600_000, "1:00:00.0")]
)
def test_times_are_read_as_on_a_clock(at: int, shown: str) -> None:
    assert clock(at) == shown


@pytest.mark.parametrize(
    ("duration", "words"), [(0, "0.0 s"), (3_450, "3.5 s"), (59_900, "59.9 s"), (125_000, "2 min 5 s")]
)
def test_durations_are_told_in_words(duration: int, words: str) -> None:
    assert length(duration) in (words, words.replace("3.5", "3.4"))


@pytest.mark.parametrize("duration", [1, 900, 12_345, 139_400, 3_599_000, 6 * 3_600_000])
def test_a_ruler_has_few_marks_that_rise_from_the_start_to_the_end(duration: int) -> None:
    lane = Lane(title="Car", stretches=[Stretch(from_ms=0, to_ms=1)])
    text = page(Lanes(title="Labels", lanes=[lane]), duration_ms=duration)
    marks = [float(each) for each in re.findall(r'<span(?: class="end")? style="left:([\d.]+)%"', text)]
    assert marks == sorted(marks)
    assert (marks[0], marks[-1]) == (0.0, 100.0)
    assert len(marks) <= 8
    assert min(np.diff(marks)) >= 15
    assert marks[-1] - marks[-2] >= 22
