"""The README's first screen and its example, on a real server: what it shows is what happens."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from open_server import OpenServer, started

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
FIRST_SCREEN, PRINTED = re.findall(r"^```text\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
(SNIPPET,) = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)

_LAST_WORDS = "Try it in Python"
_VALUES = {
    "endpoint": re.compile(r"http://127\.0\.0\.1:\d+"),
    "key": re.compile(r"\bRGRD[A-Z2-7]{16}\b"),
    "secret": re.compile(r"\b[A-Za-z0-9]{40}\b"),
}
_NUMBER = re.compile(r"(?<![\w-])[+-]?\d+(?:\.\d+)?(?![\w-])")
_FACE_ID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


@pytest.fixture
def server(models: Path, tmp_path: Path) -> Iterator[OpenServer]:
    with started(tmp_path / "home", models) as running:
        yield running


def first_words(server: OpenServer) -> str:
    """What a server on its first start said up to its own example."""
    before, words, after = server.said.partition(_LAST_WORDS)
    return before + words + after[: after.index("\n") + 1]


def run_snippet(server: OpenServer, folder: Path) -> str:
    """The README's example with this server's values, beside a couple.jpg; what it prints."""
    code = SNIPPET
    for pattern in _VALUES.values():
        code = pattern.sub(pattern.findall(server.said)[0], code)
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def masked(text: str) -> str:
    for name, pattern in _VALUES.items():
        text = pattern.sub(name, text)
    return text


def test_the_first_screen_is_as_shown_and_the_example_works(
    server: OpenServer, portrait: bytes, tmp_path: Path
) -> None:
    assert masked(first_words(server)) == masked(FIRST_SCREEN)
    (tmp_path / "couple.jpg").write_bytes(portrait)
    face, enrolled, match = run_snippet(server, tmp_path).splitlines()
    assert face.startswith("face at 0.3")
    assert enrolled.startswith("1 enrolled by sface-")
    assert match.startswith("100.0 our-wedding ")


def test_the_example_prints_what_is_shown(server: OpenServer, shared_data: Path, tmp_path: Path) -> None:
    (tmp_path / "couple.jpg").write_bytes((shared_data / "images" / "couple.jpg").read_bytes())
    printed = run_snippet(server, tmp_path)
    # Another processor rounds otherwise: numbers may differ a little, and ids that are computed from boxes entirely.
    given, shown = (_FACE_ID.sub("ID", text) for text in (printed, PRINTED))
    assert _NUMBER.sub("#", given).split() == _NUMBER.sub("#", shown).split()
    assert [float(number) for number in _NUMBER.findall(given)] == pytest.approx(
        [float(number) for number in _NUMBER.findall(shown)], abs=1.0
    )
