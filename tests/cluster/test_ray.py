"""Bulk enrolment over the machines of a Ray cluster, one of which goes away in the middle."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from people import head
from PIL import Image
from ray_nodes import ray_nodes

REPOSITORY = Path(__file__).resolve().parents[2]
PICTURES = 40


@pytest.fixture
def home(tmp_path: Path, models: Path) -> Path:
    (tmp_path / "pictures").mkdir()
    for number in range(PICTURES):
        Image.fromarray(head(110 + number)).save(tmp_path / "pictures" / f"{number:02}.png")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "regard.toml").write_text(f'model_dir = "{models}"\n')
    return tmp_path / "home"


def index(home: Path, address: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "regard", "index", str(home.parent / "pictures"), "--collection", "people"]
    return subprocess.Popen(
        [*words, "--ray", address, "--batch", "2", "--report", str(home / "report.csv"), "--home", str(home)],
        env=environment,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def done(home: Path) -> int:
    report = home / "report.csv"
    return report.read_text().count("\n") - 1 if report.exists() else 0


def test_a_node_that_dies_in_the_middle_costs_no_picture(home: Path) -> None:
    # The workers' machines have homes of their own; here it is one that holds nothing but where the models are.
    elsewhere = home.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "regard.toml").write_text((home / "regard.toml").read_text())
    where = {"REGARD_HOME": str(elsewhere), "PYTHONPATH": str(REPOSITORY)}
    with ray_nodes(2, where) as nodes, index(home, nodes.address, nodes.environment) as job:
        while job.poll() is None and done(home) < 6:
            time.sleep(0.02)
        assert job.poll() is None, job.communicate()
        nodes.kill(nodes.nodes[1])
        out, err = job.communicate(timeout=120)
    assert job.returncode == 0, err
    assert f"holds {PICTURES} faces" in out
    assert "cannot be analysed" not in out
    assert not (elsewhere / "regard.db").exists()
