"""DetectLabels of pictures that have no edge: a classifier has a word for them, and it is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from people import encoded
from PIL import Image, ImageFilter

from regard.domain.arrays import ByteArray


def clothes(shared_data: Path) -> list[Path]:
    return sorted((shared_data / "clothing-dev").glob("*/*.jpg"))[::40]


def out_of_focus(picture: Image.Image, part: float = 1 / 30) -> ByteArray:
    """Blurred by that part of its longer side."""
    picture.thumbnail((800, 800))
    return np.asarray(picture.convert("RGB").filter(ImageFilter.GaussianBlur(part * max(picture.size))))


def clouds(number: int) -> ByteArray:
    spots = (np.random.default_rng(number).random((8, 10)) * 255).astype(np.uint8)
    soft = Image.fromarray(spots).resize((800, 600), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(20))
    grey = np.asarray(soft)[..., None] / 255 * 0.8
    return ((1 - grey) * np.array([120, 170, 230]) + 255 * grey).astype(np.uint8)


@pytest.mark.parametrize("kind", ["clothes", "clouds", "a fading sky"])
@pytest.mark.slow
def test_a_picture_without_an_edge_shows_nothing(client: Any, shared_data: Path, kind: str) -> None:
    pictures = {
        "clothes": [out_of_focus(Image.open(file)) for file in clothes(shared_data)],
        "clouds": [clouds(number) for number in range(4)],
        "a fading sky": [np.broadcast_to(np.linspace(90, 230, 600)[:, None, None], (600, 800, 3)).astype(np.uint8)],
    }
    for pixels in pictures[kind]:
        told = client.detect_labels(Image={"Bytes": encoded(pixels, quality=95)}, MinConfidence=50)["Labels"]
        assert [label["Name"] for label in told if not label["Instances"]] == []


@pytest.mark.slow
def test_what_is_a_little_out_of_focus_is_told(client: Any, shared_data: Path) -> None:
    told = [
        client.detect_labels(Image={"Bytes": encoded(out_of_focus(Image.open(file), 1 / 200))})["Labels"]
        for file in clothes(shared_data)
    ]
    assert sum(any(label["Name"] == "Clothing" for label in labels) for labels in told) >= len(told) / 2
