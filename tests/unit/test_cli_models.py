"""Models of one's own at the command line: a hostile one is named by doctor and at the start of a server."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import hostile_graphs
import pytest
from cli_home import Person
from toy_graphs import embedder

from regard.config.sections import PACKS

Graph = Callable[[Path], Path]


@pytest.fixture
def brings(user: Person, models: Path, tmp_path: Path) -> Callable[[Graph], Path]:
    """The user's own embedder, chosen in the settings, its file in the models' folder."""

    def bring(graph: Graph) -> Path:
        folder = tmp_path / "own-models"
        folder.mkdir()
        for file in models.glob("[!.]*.*"):
            (folder / file.name).symlink_to(file)
        file = graph(folder / "mine.onnx")
        content = file.read_bytes()
        (user.home / "regard.toml").write_text(f'[models]\nfolder = "{folder}"\nembedder = "mine"\n')
        (user.home / "models.toml").write_text(f"""
[mine]
task = "face-embedder"
family = "arcface"
file = "mine.onnx"
sha256 = "{hashlib.sha256(content).hexdigest()}"
size = {len(content)}
licence = "MIT"
provenance = "Made for this test."
input = {{ width = 112, height = 112, channels = "RGB", mean = [0, 0, 0], std = [1, 1, 1] }}
dimension = 4
calibration = [[-0.5, 1.0], [0.3, 1e-3], [0.6, 1e-6]]
sources = [{{ file = "{file}" }}]
""")
        return file

    return bring


@pytest.mark.parametrize(
    ("graph", "fault"),
    [
        (hostile_graphs.never_ending_loop, "has control flow (Loop)"),
        pytest.param(hostile_graphs.slow_to_load, "did not load and run once within 5 seconds", marks=pytest.mark.slow),
        (hostile_graphs.too_large_to_load, "4 GiB of memory"),
    ],
)
def test_a_model_that_would_not_end_is_told_of_by_doctor_and_at_the_start_of_a_server(
    user: Person,
    brings: Callable[[Graph], Path],
    monkeypatch: pytest.MonkeyPatch,
    graph: Graph,
    fault: str,
) -> None:
    monkeypatch.setattr("regard.vision.graph_trial.TRIAL_SECONDS", 5)
    file = brings(graph)
    for command in ("doctor",), ("serve", "--port", "0"):
        said = user.run(*command)
        assert said.code == 1
        assert "the model 'mine': " in said.out + said.err
        assert file.name in said.out + said.err
        assert fault in said.out + said.err
        assert "Traceback" not in said.err


def test_the_doctor_passes_a_sound_model_of_ones_own(user: Person, brings: Callable[[Graph], Path]) -> None:
    brings(embedder)
    said = user.run("doctor")
    assert said.code == 0, said.out
    assert "No problems found." in said.out


@pytest.mark.parametrize("name", ["regard.toml", "models.toml"])
@pytest.mark.parametrize("text", ["x = " + "[" * 3_000 + "]" * 3_000, "x = " + "[\n" * 30_000, "#" * 2_000_000])
def test_a_deep_or_a_huge_file_is_refused_by_its_name(user: Person, name: str, text: str) -> None:
    (user.home / name).write_text(text)
    said = user.run("models", "list")
    assert said.code == 1
    assert said.err.startswith("Error: ")
    assert name in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("text", ["x = " + "[\n" * 30_000, "#" * 2_000_000])
def test_a_deep_or_a_huge_file_of_rates_is_refused_by_its_name(
    user: Person, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (user.home / "many.toml").write_text(text)
    monkeypatch.setenv("REGARD_SERVER_RATES", str(user.home / "many.toml"))
    said = user.run("serve", "--port", "0")
    assert said.code == 1
    assert "many.toml" in said.err
    assert "Traceback" not in said.err


def test_the_pack_of_stored_video_is_those_that_look_at_it_and_what_decodes_it_is_said(user: Person) -> None:
    said = user.run("models", "pull", "video")
    assert said.code == 0, said.err
    pulled = [line.partition(":")[0] for line in said.out.splitlines() if ": was here (" in line]
    named = user.run("models", "pull", "faces", "images", "text").out.splitlines()
    assert pulled == [line.partition(":")[0] for line in named]
    assert {"centerface", "centernet", "ppocr-rec"} <= set(pulled)
    assert "Stored video is looked at with these models, and decoded by PyAV" in said.out
    (user.home / "regard.toml").write_text((user.home / "regard.toml").read_text() + '[video]\ndecoder = "opencv"\n')
    other = user.run("models", "pull", "video")
    assert other.code == 0
    assert "decoded by OpenCV" in other.out
    assert "pip install 'regard[video]'" in " ".join(other.err.split())


def test_every_pack_that_the_settings_know_can_be_pulled_by_its_name(user: Person) -> None:
    for pack in set(PACKS) - {"glasses"}:  # whose file is not at hand
        said = user.run("models", "pull", pack)
        assert (said.code, "was here" in said.out) == (0, True), said.err
    (user.home / "regard.toml").write_text((user.home / "regard.toml").read_text() + 'packs = "video"\n')
    said = user.run("models", "pull")
    assert said.code == 0
    assert "ppocr-rec: was here" in said.out
    assert "moderation" not in said.out
