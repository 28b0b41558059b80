"""Models of one's own at the command line: a hostile one is named by doctor and at the start of a server."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import hostile_graphs
import pytest
from cli_home import Person
from toy_graphs import embedder

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
        (hostile_graphs.slow_to_load, "did not load and run once within 5 seconds"),
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
