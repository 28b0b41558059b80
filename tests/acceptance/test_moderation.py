"""DetectModerationLabels: one label of Rekognition's taxonomy, and what is refused in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from live_server import without_models
from people import astronaut, encoded, nobody

Refused = Callable[..., tuple[str, str]]
ADAPTER = "arn:aws:rekognition:us-east-1:000000000000:project/mine/version/1/1700000000000"


def test_a_portrait_has_no_label_and_the_answer_names_the_model(client: Any, portrait: bytes) -> None:
    answer = client.detect_moderation_labels(Image={"Bytes": portrait})
    assert answer["ModerationLabels"] == []
    assert answer["ModerationModelVersion"] == "open-nsfw-864bb37b"
    assert answer["ContentTypes"] == []
    assert "HumanLoopActivationOutput" not in answer


def test_at_no_least_confidence_the_score_is_told_as_a_label_of_the_first_level(client: Any, portrait: bytes) -> None:
    [label] = client.detect_moderation_labels(Image={"Bytes": portrait}, MinConfidence=0)["ModerationLabels"]
    assert (label["Name"], label["ParentName"], label["TaxonomyLevel"]) == ("Explicit", "", 1)
    assert 0 < label["Confidence"] < 20
    least = label["Confidence"] + 0.1
    assert client.detect_moderation_labels(Image={"Bytes": portrait}, MinConfidence=least)["ModerationLabels"] == []


def test_a_large_picture_is_scored_as_a_small_one_of_it(client: Any) -> None:
    small = PIL.Image.fromarray(astronaut())
    scores = [
        client.detect_moderation_labels(Image={"Bytes": encoded(each, quality=95)}, MinConfidence=0)[
            "ModerationLabels"
        ][0]["Confidence"]
        for each in (small, small.resize((4096, 4096)))
    ]
    assert abs(scores[0] - scores[1]) < 5


@pytest.mark.parametrize(
    "pixels",
    [nobody(), np.zeros((80, 80, 3), np.uint8), np.full((80, 10_000, 3), 120, np.uint8)],
    ids=["gradient", "least", "wide"],
)
def test_a_picture_of_nothing_has_no_label(client: Any, pixels: np.ndarray) -> None:
    assert client.detect_moderation_labels(Image={"Bytes": encoded(pixels, "PNG")})["ModerationLabels"] == []


def test_a_review_by_people_elsewhere_is_refused_in_words(client: Any, refused: Refused, portrait: bytes) -> None:
    loop = {"HumanLoopName": "review", "FlowDefinitionArn": "arn:aws:sagemaker:us-east-1:000000000000:flow/x"}
    code, message = refused(client.detect_moderation_labels, Image={"Bytes": portrait}, HumanLoopConfig=loop)
    assert code == "InvalidParameterException"
    assert "HumanLoopConfig asks for a review in Amazon Augmented AI" in message


def test_an_adapter_is_not_found(client: Any, refused: Refused, portrait: bytes) -> None:
    code, message = refused(client.detect_moderation_labels, Image={"Bytes": portrait}, ProjectVersion=ADAPTER)
    assert code == "ResourceNotFoundException"
    assert "this server has none" in message


def test_what_is_no_picture_is_refused(client: Any, refused: Refused, portrait: bytes) -> None:
    for content in (portrait[: len(portrait) // 2], b"no picture"):
        code, _ = refused(client.detect_moderation_labels, Image={"Bytes": content})
        assert code == "InvalidImageFormatException"


def test_a_server_without_the_pack_says_what_to_do(tmp_path: Path, refused: Refused, portrait: bytes) -> None:
    with without_models(tmp_path) as bare:
        code, message = refused(bare.client().detect_moderation_labels, Image={"Bytes": portrait})
    assert code == "ResourceNotReadyException"
    assert "`regard models pull moderation`" in message


@pytest.mark.slow
def test_hardly_a_photograph_of_clothes_or_of_faces_is_called_explicit(client: Any, shared_data: Path) -> None:
    files = [*sorted(shared_data.glob("clothing-dev/*/*.jpg"))[::4], *sorted(shared_data.glob("lfw-dev/*/*.jpg"))[::40]]
    assert len(files) > 100
    called = [
        file.name
        for file in files
        if client.detect_moderation_labels(Image={"Bytes": file.read_bytes()})["ModerationLabels"]
    ]
    assert len(called) <= len(files) / 100
