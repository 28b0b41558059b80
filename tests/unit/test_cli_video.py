"""`regard video` on a film in a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cli_home import Person
from clips import clip
from people import head


@pytest.fixture(scope="module")
def content() -> bytes:
    """A second of a face, and half a second of black."""
    frame = np.full((320, 400, 3), 96, np.uint8)
    frame[60:260, 100:300] = head(200)
    return clip([frame] * 25 + [np.zeros_like(frame)] * 12)


@pytest.fixture
def film(user: Person, content: bytes) -> Path:
    file = user.pictures / "party.mp4"
    file.write_bytes(content)
    return file


@pytest.mark.slow
def test_who_and_what_is_in_a_film_is_told_in_a_table_and_shown_on_a_page(
    user: Person, film: Path, tmp_path: Path
) -> None:
    user.portrait("folder/ada.png")
    assert user.run("index", user.pictures / "folder", "--collection", "people").code == 0
    page = tmp_path / "party.html"
    said = user.run("video", film, "--html", page, "--only", "shots", "--collection", "people")
    assert said.code == 0, said.err
    assert "1.5 s, 400 × 320 pixels, 25 frames/s, h264" in said.out
    for word in ("shot", "Black frames", "Possible matches", "Person 1"):
        assert word in said.out
    assert "Labels" not in said.out
    text = page.read_text(encoding="utf-8")
    assert text.count("data:image/jpeg;base64,") >= 2  # the shot, and whom it shows
    assert "Possible matches" in text
    assert "https:" not in text


def test_what_was_found_is_printed_in_awss_spelling(user: Person, film: Path) -> None:
    found = user.run("video", film, "--json", "--only", "shots").json
    assert set(found) == {"VideoMetadata", "Segments"}
    assert {each["Type"] for each in found["Segments"]} == {"SHOT", "TECHNICAL_CUE"}
    assert "at" not in found["Segments"][0]


def test_what_cannot_be_watched_is_said_in_words(user: Person, film: Path) -> None:
    missing = user.run("video", user.pictures / "none.mp4", "--only", "shots")
    assert missing.code == 1
    assert "is not there, or cannot be read" in missing.err
    (user.pictures / "text.mp4").write_text("not a film")
    strange = user.run("video", user.pictures / "text.mp4", "--only", "shots")
    assert strange.code == 1
    assert "Unsupported codec/format. This is no video that Regard opens; it opens MP4" in strange.err
    wrong = user.run("video", film, "--only", "shots,cats")
    assert wrong.code == 1
    assert "shots, people, labels, text" in wrong.err
