"""DetectText: print of all kinds through a real server, with a real client."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live_server import without_models
from people import encoded, nobody

from benchmarks.printed_pages import ENGLISH, SERIF, TIMES, TYPEFACES, PrintedPage, error_rate, printed, sign
from regard.domain.arrays import ByteArray

Refused = Callable[..., tuple[str, str]]
PAGE = printed(size=28)


def detect(client: Any, pixels: ByteArray, **filters: Any) -> list[dict[str, Any]]:
    answer = client.detect_text(Image={"Bytes": encoded(pixels, "PNG")}, **({"Filters": filters} if filters else {}))
    return answer["TextDetections"]


def of_kind(found: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [each for each in found if each["Type"] == kind]


def said(found: list[dict[str, Any]], kind: str = "LINE") -> str:
    return " ".join(each["DetectedText"] for each in of_kind(found, kind))


def overlap(found: dict[str, Any], corners: np.ndarray, pixels: ByteArray) -> float:
    """Intersection over union of a detection's box and the upright box about corners in pixels."""
    box, (height, width) = found["Geometry"]["BoundingBox"], pixels.shape[:2]
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    x, y = box["Left"] * width, box["Top"] * height
    across = min(right, x + box["Width"] * width) - max(left, x)
    down = min(bottom, y + box["Height"] * height) - max(top, y)
    both = max(0.0, across) * max(0.0, down)
    return both / (box["Width"] * width * box["Height"] * height + (right - left) * (bottom - top) - both)


@pytest.mark.slow
def test_lines_come_first_then_their_words_each_with_a_number_and_its_lines(client: Any) -> None:
    found = detect(client, PAGE.pixels)
    assert [each["Id"] for each in found] == list(range(len(found)))
    lines, words = of_kind(found, "LINE"), of_kind(found, "WORD")
    assert found == [*lines, *words]
    assert [line["DetectedText"] for line in lines] == [" ".join(w.text for w in line) for line in PAGE.lines]
    assert all("ParentId" not in line for line in lines)
    for line in lines:
        own = [word for word in words if word["ParentId"] == line["Id"]]
        assert " ".join(word["DetectedText"] for word in own) == line["DetectedText"]
        assert all(" " not in word["DetectedText"] for word in own)
        assert math.isclose(line["Confidence"], np.mean([word["Confidence"] for word in own]), abs_tol=1e-3)


def test_the_answer_names_the_model_that_read(client: Any) -> None:
    answer = client.detect_text(Image={"Bytes": encoded(PAGE.pixels)})
    assert answer["TextModelVersion"] == "text-963a21cf"


@pytest.mark.slow
def test_words_are_where_they_are_printed(client: Any) -> None:
    words = of_kind(detect(client, PAGE.pixels), "WORD")
    assert len(words) == len(PAGE.words)
    for found, printed_word in zip(words, PAGE.words, strict=True):
        assert found["DetectedText"] == printed_word.text
        assert overlap(found, printed_word.corners, PAGE.pixels) > 0.4
        box = found["Geometry"]["BoundingBox"]
        assert abs(box["Left"] * 1000 - printed_word.corners[0, 0]) <= 6
        assert abs((box["Left"] + box["Width"]) * 1000 - printed_word.corners[1, 0]) <= 6
        first = found["Geometry"]["Polygon"][0]
        assert (first["X"], first["Y"]) == pytest.approx((box["Left"], box["Top"]), abs=0.01)


@pytest.mark.parametrize(
    ("typeface", "size"),
    [
        pytest.param(typeface, size, marks=[] if (typeface, size) == (TIMES, 20) else pytest.mark.slow)
        for typeface in TYPEFACES
        for size in (20, 40)
    ],
)
def test_clean_print_is_read_almost_without_an_error(client: Any, typeface: str, size: int) -> None:
    page = printed(typeface=typeface, size=size, words=60)
    assert error_rate(page.text, said(detect(client, page.pixels))) <= 0.03


TURNS = [
    pytest.param(degrees, PAGE.turned(degrees), id=str(degrees), marks=[pytest.mark.slow] if slow else [])
    for degrees, slow in ((-90, False), (-45, True), (-10, True), (30, True), (60, True), (90, True), (180, True))
]


@pytest.mark.parametrize(("degrees", "page"), TURNS)
def test_text_is_read_however_it_is_turned(client: Any, degrees: int, page: PrintedPage) -> None:
    found = detect(client, page.pixels)
    assert error_rate(page.text, said(found)) <= 0.03
    for word, printed_word in zip(of_kind(found, "WORD"), page.words, strict=True):
        polygon = np.array([(p["X"], p["Y"]) for p in word["Geometry"]["Polygon"]]) * page.pixels.shape[1::-1]
        along, wanted = polygon[1] - polygon[0], printed_word.corners[1] - printed_word.corners[0]
        if len(printed_word.text) > 2:
            assert along @ wanted > 0.98 * np.linalg.norm(along) * np.linalg.norm(wanted)


@pytest.mark.parametrize(
    "page",
    [
        PAGE.noisy(40),
        pytest.param(PAGE.blurred(2), marks=pytest.mark.slow),
        pytest.param(PAGE.faint(0.15), marks=pytest.mark.slow),
        pytest.param(PAGE.negative(), marks=pytest.mark.slow),
        pytest.param(PAGE.as_jpeg(20), marks=pytest.mark.slow),
        PAGE.in_perspective(0.15),
        printed(size=12, width=420, height=300, words=30),
        pytest.param(printed(size=20, width=3000, height=2000), marks=pytest.mark.slow),
        pytest.param(printed(size=160, width=1600, height=1200, typeface=SERIF), marks=pytest.mark.slow),
    ],
    ids=["noise", "blur", "faint", "negative", "jpeg", "perspective", "tiny", "large-picture", "large-letters"],
)
def test_hard_pages_are_read(client: Any, page: PrintedPage) -> None:
    assert error_rate(page.text, said(detect(client, page.pixels))) <= 0.03


@pytest.mark.parametrize("text", ["STOP", "EXIT 24", "8", "A", "Köln", "Straße", "50 %"])
def test_a_sign_of_one_word_is_read(client: Any, text: str) -> None:
    assert said(detect(client, sign(text))) == text


@pytest.mark.slow
def test_eyes_beside_a_sign_are_no_letters_of_it(client: Any, shared_data: Path) -> None:
    """The detector takes them for the beginning of the word behind them."""
    content = (shared_data / "images" / "couple.jpg").read_bytes()
    found = of_kind(client.detect_text(Image={"Bytes": content})["TextDetections"], "WORD")
    assert [word["DetectedText"] for word in found] == ["NETJE"]
    box = found[0]["Geometry"]["BoundingBox"]
    assert box["Left"] > 0.84
    assert box["Width"] < 0.17


@pytest.mark.slow
@pytest.mark.parametrize("degrees", [0, 90, 180, -90, 3])
def test_no_more_than_a_hundred_words_are_told_of_thousands(client: Any, degrees: int) -> None:
    page = printed(size=22, width=2480, height=3508, words=5000, typeface=TIMES).turned(degrees)
    assert len(page.words) > 3000
    words = of_kind(detect(client, page.pixels), "WORD")
    assert len(words) == 100
    assert error_rate(" ".join(word.text for word in islice(page.words, 100)), said(words, "WORD")) <= 0.03


@pytest.mark.slow
def test_a_very_long_line_is_read_in_parts(client: Any) -> None:
    page = printed(" ".join(ENGLISH.split()[:60]), size=28, width=7000, height=120, words=60)
    assert len(page.lines) == 1
    assert error_rate(page.text, said(detect(client, page.pixels))) <= 0.03


# -- nothing to read


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((600, 800, 3), 255, np.uint8),
        np.zeros((80, 80, 3), np.uint8),
        nobody(),
        np.random.default_rng(0).integers(0, 256, (600, 900, 3), np.uint8),
        np.full((80, 10_000, 3), 200, np.uint8),
        np.full((10_000, 80, 3), 200, np.uint8),
    ],
    ids=["white", "least", "gradient", "noise", "wide", "high"],
)
def test_where_nothing_is_written_nothing_is_read(client: Any, pixels: ByteArray) -> None:
    answer = client.detect_text(Image={"Bytes": encoded(pixels, "PNG")})
    assert answer["TextDetections"] == []


# -- filters


@pytest.mark.slow
def test_words_below_the_least_confidence_are_left_out_and_lines_are_of_what_is_left(client: Any) -> None:
    page = printed(size=20, words=20, width=700, height=300).noisy(110)
    every = of_kind(detect(client, page.pixels, WordFilter={"MinConfidence": 0}), "WORD")
    confidences = sorted(word["Confidence"] for word in every)
    least = confidences[len(confidences) // 2]
    assert confidences[0] < least
    found = detect(client, page.pixels, WordFilter={"MinConfidence": least})
    words = of_kind(found, "WORD")
    assert 0 < len(words) < len(every)
    assert min(word["Confidence"] for word in words) >= least - 1e-3
    assert said(found, "LINE") == said(found, "WORD")
    assert detect(client, page.pixels) == detect(client, page.pixels, WordFilter={"MinConfidence": 80})


@pytest.mark.slow
def test_small_boxes_are_left_out(client: Any) -> None:
    both = np.concatenate(
        [
            printed("large", size=120, width=800, height=300, words=1).pixels,
            printed("small", size=30, width=800, height=300, words=1).pixels,
        ]
    )
    assert said(detect(client, both)) == "large small"
    assert said(detect(client, both, WordFilter={"MinBoundingBoxHeight": 0.1})) == "large"
    assert said(detect(client, both, WordFilter={"MinBoundingBoxWidth": 0.2})) == "large"
    assert detect(client, both, WordFilter={"MinBoundingBoxWidth": 1.0}) == []


@pytest.mark.slow
def test_only_words_within_a_region_are_told(client: Any) -> None:
    half = {"BoundingBox": {"Left": 0, "Top": 0, "Width": 1, "Height": 0.2}}
    corner = {"Polygon": [{"X": 0, "Y": 0}, {"X": 0.4, "Y": 0}, {"X": 0, "Y": 0.4}]}
    above = {word.text for word in PAGE.words if word.corners[:, 1].mean() < 0.2 * PAGE.pixels.shape[0]}
    found = of_kind(detect(client, PAGE.pixels, RegionsOfInterest=[half]), "WORD")
    assert {word["DetectedText"] for word in found} == above
    cut = of_kind(detect(client, PAGE.pixels, RegionsOfInterest=[corner]), "WORD")
    assert 0 < len(cut) < len(PAGE.words)
    for word in cut:
        box = word["Geometry"]["BoundingBox"]
        assert box["Left"] + box["Width"] / 2 + box["Top"] + box["Height"] / 2 < 0.42
    either = detect(client, PAGE.pixels, RegionsOfInterest=[half, corner])
    assert len(of_kind(either, "WORD")) >= max(len(found), len(cut))


@pytest.mark.parametrize(
    "region",
    [
        {},
        {"BoundingBox": {"Left": 0.1}},
        {"BoundingBox": {"Left": 0, "Top": 0, "Width": 0, "Height": 1}},
        {"BoundingBox": {"Left": 0.5, "Top": 0.5, "Width": -0.2, "Height": 0.2}},
        {"BoundingBox": {"Left": 0.5, "Top": 0.5, "Width": -0.2, "Height": -0.2}},
        {"Polygon": []},
        {"Polygon": [{"X": 0, "Y": 0}, {"X": 1, "Y": 1}]},
        {"Polygon": [{"X": 0, "Y": 0}, {"X": 0.5, "Y": 0.5}, {"X": 1, "Y": 1}]},
        {"Polygon": [{"X": 0.3, "Y": 0.3}] * 3},
        {"Polygon": [{"X": 0, "Y": 0}, {"X": 1, "Y": 0}, {"X": 0.5}]},
        {"BoundingBox": {"Left": 0, "Top": 0, "Width": 1e300, "Height": 1}},
        {"BoundingBox": {"Left": 0.5, "Top": 0, "Width": 0.6, "Height": 1}},
        {"Polygon": [{"X": 0, "Y": 0}, {"X": 1, "Y": -1e300}, {"X": 0.5, "Y": 1}]},
        {"BoundingBox": {"Left": 0, "Top": 0, "Width": 1, "Height": 1}, "Polygon": [{"X": 0, "Y": 0}] * 3},
    ],
    ids=str,
)
def test_a_region_that_is_none_is_refused_in_words(client: Any, refused: Refused, region: dict[str, Any]) -> None:
    code, message = refused(
        client.detect_text, Image={"Bytes": encoded(nobody())}, Filters={"RegionsOfInterest": [region]}
    )
    assert code == "InvalidParameterException"
    assert "a region of interest needs either a BoundingBox" in message


def test_a_server_without_the_pack_says_what_to_do_and_needs_no_restart(
    tmp_path: Path, models: Path, refused: Refused
) -> None:
    with without_models(tmp_path) as bare:
        code, message = refused(bare.client().detect_text, Image={"Bytes": encoded(PAGE.pixels)})
        assert code == "ResourceNotReadyException"
        assert "`regard models pull text`" in message
        for file in models.glob("PP-OCR*"):
            (tmp_path / "models").mkdir(exist_ok=True)
            (tmp_path / "models" / file.name).symlink_to(file)
        assert said(detect(bare.client(), sign("STOP"))) == "STOP"
