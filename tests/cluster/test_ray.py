"""Work over the machines of a Ray cluster: of any kind; and bulk enrolment, where a machine goes away in the middle."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from capitals import Capitals, prepare_broken
from people import head
from PIL import Image
from ray_nodes import RayNodes, ray_nodes

from regard.engine.work.ray_pool import ray_pool
from regard.engine.work.worker_pool import WorkerPool
from regard.errors import InternalServerError

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
PICTURES = 40


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Path:
    """The home of the workers' machines, which holds nothing but where the models are."""
    home = tmp_path_factory.mktemp("elsewhere")
    (home / "regard.toml").write_text(f'[models]\nfolder = "{models}"\n')
    return home


@pytest.fixture(scope="module")
def nodes(elsewhere: Path) -> Iterator[RayNodes]:
    """A head and two nodes of one core each, for the tests in their order: the last kills one."""
    modules = os.pathsep.join(map(str, [REPOSITORY, HERE]))
    with ray_nodes(2, {"REGARD_HOME": str(elsewhere), "PYTHONPATH": modules}) as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, models: Path) -> Path:
    (tmp_path / "pictures").mkdir()
    for number in range(PICTURES):
        Image.fromarray(head(110 + number)).save(tmp_path / "pictures" / f"{number:02}.png")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "regard.toml").write_text(f'[models]\nfolder = "{models}"\n')
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


@pytest.fixture
def driver(nodes: RayNodes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets this process join the cluster."""
    for name, value in nodes.environment.items():
        monkeypatch.setenv(name, value)


def cluster_pool(
    nodes: RayNodes, prepare: Callable[[], Capitals]
) -> AbstractContextManager[WorkerPool[str, tuple[str, int]]]:
    return ray_pool(
        nodes.address, prepare, cores=1, workers=None, pack=lambda word: f"{word}!", lost=lambda word, _: (word, 0)
    )


@pytest.mark.usefixtures("driver")
def test_any_work_is_done_by_workers_of_the_cluster_and_a_word_that_ends_two_of_them_is_lost_alone(
    nodes: RayNodes,
) -> None:
    with cluster_pool(nodes, Capitals) as pool:
        assert pool.name == "2 workers of the cluster"
        found = [list(batch) for batch in pool.run([["a", "kill", "b"], *[[str(number)] for number in range(9)]])]
    assert [[word for word, _ in batch] for batch in found] == [["A!", "kill", "B!"], *[[f"{n}!"] for n in range(9)]]
    assert os.getpid() not in {pid for batch in found for _, pid in batch}


@pytest.mark.usefixtures("driver")
def test_machines_that_cannot_do_the_work_are_an_error_that_says_why(nodes: RayNodes) -> None:
    with (
        pytest.raises(InternalServerError, match=r"before it could begin\. .*ValueError: a library is too old$"),
        cluster_pool(nodes, prepare_broken),
    ):
        pass


def test_a_node_that_dies_in_the_middle_costs_no_picture(nodes: RayNodes, home: Path, elsewhere: Path) -> None:
    with index(home, nodes.address, nodes.environment) as job:
        while job.poll() is None and done(home) < 6:
            time.sleep(0.02)
        assert job.poll() is None, job.communicate()
        nodes.kill(nodes.nodes[1])
        out, err = job.communicate(timeout=120)
    assert job.returncode == 0, err
    assert f"holds {PICTURES} faces" in out
    assert "cannot be analysed" not in out
    assert not (elsewhere / "regard.db").exists()
